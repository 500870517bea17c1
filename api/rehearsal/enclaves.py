"""An enclave to play in: one that is served already, or a fresh rehearsal made for one play.

Fresh enclaves of one command and level share one embedded server, a database each, so that playing
many files does not start many servers. No two levels ever share one (access.md §1).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import mkdtemp
from typing import Final
from urllib.parse import urlencode

from api.home import Home
from api.ops import database
from api.ops.child_processes import undisturbed
from api.ops.embedded_postgres import Embedded
from api.ops.init_enclave import REHEARSAL_OPENS, Plan, found
from api.ops.machine import RealEntropy
from api.ops.service.roles import served as processes_of
from api.ops.service.supervisor import Supervisor
from api.rehearsal.cast import Cast, EditionDirectory, KeyStore
from api.rehearsal.http_ledger import HttpLedger
from api.rehearsal.player import Player, Registrar, Watching
from api.rehearsal.scenario import Play
from api.settings import LEVELS, ORDINARY, Settings, SettingsError
from api.texts.labels import name
from api.texts.lang import Lang
from keys.custody.file import read_key
from ledger.message import Message
from ledger.regulation.edition import load_edition

_THREADS: Final = 12
_BEFORE: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class ServedEnclave:
    """A served enclave that plays can be sent to.

    Attributes:
        url: Base of its API.
        registrar_file: Key of the registrar who enrols the cast.
        passphrase: Opens that file.
        safe: Where the cast's keys are kept; None keeps them in memory.
        log: Origin of its log; None: as the server says, which it does at the ordinary level only.
    """

    url: str
    registrar_file: Path
    passphrase: bytes
    safe: KeyStore | None
    log: str | None = None


@contextmanager
def player_at(
    venue: ServedEnclave, lang: Lang, watch: Watching = lambda _result, _threads: None
) -> Iterator[Player]:
    """A player with its sessions at a venue.

    Raises:
        SettingsError: The log there is no rehearsal.
    """
    signer = read_key(venue.registrar_file, venue.passphrase)
    with HttpLedger(venue.url, lang, log=venue.log, signer=signer) as desk:
        if not desk.origin.startswith("rehearsal."):
            raise SettingsError(
                Message(
                    "{origin} is no rehearsal: scenarios are played in rehearsals only",
                    origin=desk.origin,
                ),
            )
        registrar = desk.client(signer)
        registrar.login()
        yield Player(
            desk,
            Registrar(str(registrar.officer), signer),
            Cast(desk.origin, venue.safe),
            EditionDirectory(load_edition()),
            new_uuid=RealEntropy().uuid,
            watch=watch,
            name=lambda member: name(member, lang),
        )


def venue_of(settings: Settings, url: str, registrar_file: Path | None) -> ServedEnclave:
    """The venue of a running enclave, with the home's registrar unless a file is given."""
    home = Home(settings)
    return ServedEnclave(
        url=url,
        registrar_file=registrar_file or home.key_path("registrar"),
        passphrase=home.passphrase(),
        safe=KeyStore.of(home),
        log=_closed_log(home),
    )


def _closed_log(home: Home) -> str | None:
    """The home's log where it tells what it is to nobody who is not signed in."""
    facts = home.facts() if home.facts_path.exists() else None
    return None if facts is None or facts.level == ORDINARY else facts.origin


class PlayEnclaves:
    """Makes fresh rehearsal enclaves, each served until its play is over.

    Args:
        keep: Folder whose enclaves stay; None throws them away.
    """

    def __init__(self, keep: Path | None = None) -> None:
        self._keep = keep
        self._folder = Path(mkdtemp(prefix="socai-play-"))
        self._servers: dict[str, Embedded] = {}

    def close(self) -> None:
        """Ends the shared servers and removes them; what is kept has a server of its own."""
        with undisturbed():
            for server in self._servers.values():
                server.abandon()
            shutil.rmtree(self._folder, ignore_errors=True)

    @contextmanager
    def fresh(
        self, play: Play, level: str = ORDINARY, *, alone: bool = True
    ) -> Iterator[ServedEnclave]:
        """A fresh rehearsal enclave of a level, served.

        Args:
            play: What will be played: it names the deployment; the log is opened before it.
            level: Level of the enclave.
            alone: Whether it is the only one, so that a kept enclave is `keep` itself.
        """
        settings = self._settings(play, level, alone=alone)
        try:
            found(settings, Plan(play.deployment, level, rehearsal=True, at=opening(play)))
            with served(settings) as url:
                yield replace(venue_of(settings, url, None), safe=self._safe(settings))
        finally:
            if self._keep is None:
                shutil.rmtree(settings.home, ignore_errors=True)

    def _safe(self, settings: Settings) -> KeyStore | None:
        if self._keep is None:
            return None
        return KeyStore.of(Home(settings))

    def _settings(self, play: Play, level: str, *, alone: bool) -> Settings:
        if self._keep is not None:
            return _modest(Settings.at(self._keep if alone else self._keep / name_of(play, level)))
        home = self._folder / name_of(play, level)
        settings = _modest(Settings.at(home, database_url=self._shared(level)))
        password = self._folder / f"server-{level}" / "secrets" / "postgres.password"
        settings.secrets_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        shutil.copy(password, settings.secrets_dir / "postgres.password")
        return settings

    def _shared(self, level: str) -> str:
        """The server of a level's enclaves."""
        if level not in self._servers:
            self._servers[level] = Embedded(self._folder / f"server-{level}")
            self._servers[level].start()
        server = self._servers[level]
        place = urlencode({"host": server.host, "port": server.port})
        return f"postgresql://postgres@/postgres?{place}"


def levels_of(play: Play) -> list[str]:
    """The levels that a play has steps of, the lowest first."""
    named = {step.level for step in play.steps}
    return [level for level in LEVELS if level in named]


def name_of(play: Play, level: str) -> str:
    """What the kept enclave of a play is called."""
    return play.id if level == ORDINARY else f"{play.id}-{level}"


@contextmanager
def served(settings: Settings, *, keep_database: bool = False) -> Iterator[str]:
    """The enclave of a home, served by processes of its own until the block ends; its URL."""
    supervisor = Supervisor(replace(settings, port=0), output=settings.home / "serve.log")
    roles = processes_of(settings)
    supervisor.claim(roles)
    try:
        database.running_facts(settings)
        supervisor.start(roles)
        supervisor.wait_ready()
        yield supervisor.url
    finally:
        supervisor.stop()
        if not keep_database:
            database.stop_database(settings, supervisor.left_s)


def opening(play: Play) -> datetime:
    """When a log for this play is opened: the edition's first day, or before an earlier step."""
    first = datetime.fromisoformat(REHEARSAL_OPENS)
    earliest = min(step.signed for step in play.steps)
    return min(first, earliest - _BEFORE)


def _modest(settings: Settings) -> Settings:
    return replace(settings, workers=1, threads=_THREADS)
