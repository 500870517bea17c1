"""An enclave to play in: one that is served already, or a fresh rehearsal made for one play.

Fresh enclaves of one command share one embedded server, a database each, so that playing many
files does not start many servers.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import mkdtemp
from typing import Final
from urllib.parse import urlencode

from api.ops import database
from api.ops.embedded_postgres import Embedded
from api.ops.init_enclave import REHEARSAL_OPENS, Plan, found
from api.ops.machine import RealEntropy
from api.ops.supervisor import Supervisor
from api.rehearsal.cast import Cast, EditionDirectory, KeyStore
from api.rehearsal.http_ledger import HttpLedger
from api.rehearsal.player import Player, Registrar, StepResult
from api.rehearsal.scenario import Play
from api.settings import Home, Settings, SettingsError
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
    """

    url: str
    registrar_file: Path
    passphrase: bytes
    safe: KeyStore | None


@contextmanager
def player_at(
    venue: ServedEnclave, lang: Lang, watch: Callable[[StepResult], None] = lambda _result: None
) -> Iterator[Player]:
    """A player with its sessions at a venue.

    Raises:
        SettingsError: The log there is no rehearsal.
    """
    with HttpLedger(venue.url, lang) as desk:
        if not desk.origin.startswith("rehearsal."):
            raise SettingsError(
                Message(
                    "{origin} is no rehearsal: scenarios are played in rehearsals only",
                    origin=desk.origin,
                ),
            )
        signer = read_key(venue.registrar_file, venue.passphrase)
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
        safe=KeyStore(settings.home / "cast", home.passphrase()),
    )


class PlayEnclaves:
    """Makes fresh rehearsal enclaves, each served until its play is over.

    Args:
        keep: Folder whose enclaves stay; None throws them away.
        level: Level of each.
    """

    def __init__(self, keep: Path | None = None, level: str = "ordinary") -> None:
        self._keep = keep
        self._level = level
        self._folder = Path(mkdtemp(prefix="socai-play-"))
        self._server: Embedded | None = None

    def close(self) -> None:
        """Stops the shared server and removes what is not kept."""
        if self._server is not None:
            self._server.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    @contextmanager
    def fresh(self, play: Play, *, alone: bool) -> Iterator[ServedEnclave]:
        """A fresh rehearsal enclave, served.

        Args:
            play: What will be played: it names the deployment; the log is opened before it.
            alone: Whether it is the only play, so that a kept enclave is `keep` itself.
        """
        settings = self._settings(play, alone=alone)
        try:
            found(settings, Plan(play.deployment, self._level, rehearsal=True, at=opening(play)))
            with served(settings) as url:
                yield replace(venue_of(settings, url, None), safe=self._safe(settings))
        finally:
            if self._keep is None:
                shutil.rmtree(settings.home, ignore_errors=True)

    def _safe(self, settings: Settings) -> KeyStore | None:
        if self._keep is None:
            return None
        return KeyStore(settings.home / "cast", Home(settings).passphrase())

    def _settings(self, play: Play, *, alone: bool) -> Settings:
        if self._keep is not None:
            home = self._keep if alone else self._keep / play.id
            return _modest(Settings.at(home))
        home = self._folder / play.id
        settings = _modest(Settings.at(home, database_url=self._shared()))
        password = self._folder / "secrets" / "postgres.password"
        settings.secrets_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        shutil.copy(password, settings.secrets_dir / "postgres.password")
        return settings

    def _shared(self) -> str:
        if self._server is None:
            self._server = Embedded(self._folder)
            self._server.start()
        place = urlencode({"host": self._server.host, "port": self._server.port})
        return f"postgresql://postgres@/postgres?{place}"


@contextmanager
def served(settings: Settings, *, keep_database: bool = False) -> Iterator[str]:
    """The enclave of a home, served by processes of its own until the block ends; its URL."""
    supervisor = Supervisor(replace(settings, port=0), output=settings.home / "serve.log")
    supervisor.claim()
    try:
        database.running_facts(settings)
        supervisor.start()
        supervisor.wait_ready()
        yield supervisor.url
    finally:
        supervisor.stop()
        if not keep_database:
            database.stop_database(settings)


def opening(play: Play) -> datetime:
    """When a log for this play is opened: the edition's first day, or before an earlier step."""
    first = datetime.fromisoformat(REHEARSAL_OPENS)
    earliest = min(step.signed for step in play.steps)
    return min(first, earliest - _BEFORE)


def _modest(settings: Settings) -> Settings:
    return replace(settings, workers=1, threads=_THREADS)
