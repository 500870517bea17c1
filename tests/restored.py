"""A log whose database was replaced by an older copy: what is left, and what people kept of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any

import orjson
import psycopg
from click.testing import CliRunner, Result
from psycopg import sql

from api.cli.main import main
from api.embedded import Embedded
from api.settings import Home, Settings
from keys.custody.file import write_key
from tests import builders
from tests.a_ledger import a_report
from tests.fixtures.app import PASSPHRASE, T0, Service, found, open_service
from tests.fixtures.clock import StepClock
from tests.fixtures.postgres import Database, make_database

REGISTRARS = ("founder", "keeper")
AFTER = T0 + timedelta(hours=1)
_CHEAP = {"t": 1, "p": 1, "m_kib": 64}


@dataclass(frozen=True)
class Restored:
    """A home over a database that lost its tail, and what is known from before.

    Attributes:
        server: The cluster.
        settings: The home.
        database: Its roles.
        before: A checkpoint of what is left.
        lost: The newest checkpoint of what is lost.
        receipts: Of acts that are lost.
        size: Records that are left.
    """

    server: Embedded
    settings: Settings
    database: Database
    before: bytes
    lost: bytes
    receipts: tuple[dict[str, Any], ...]
    size: int

    @property
    def dbname(self) -> str:
        """The database that the home is over."""
        return str(Home(self.settings).facts().database["dbname"])

    @property
    def admin(self) -> str:
        """Connection string of the superuser."""
        return self.server.dsn(dbname=self.dbname)

    def keep(self) -> list[str]:
        """Options that give the command what was kept."""
        folder = self.settings.home / "kept"
        folder.mkdir(exist_ok=True)
        note = folder / "lost.checkpoint"
        note.write_bytes(self.lost)
        options = ["--checkpoint", str(note)]
        for n, receipt in enumerate(self.receipts):
            path = folder / f"{n}.receipt"
            path.write_bytes(orjson.dumps(receipt))
            options += ["--receipt", str(path)]
        return options

    def key(self, alias: str) -> list[str]:
        """Options that give the command an officer's key file."""
        path = self.settings.home / f"{alias}.socaikey"
        if not path.exists():
            write_key(path, builders.key(alias), PASSPHRASE, **_CHEAP)
        return ["--key", str(path)]

    def socai(self, *words: str) -> Result:
        """One call of the command line in this home, with JSON as its answer."""
        env = {"SOCAI_HOME": str(self.settings.home), "SOCAI_MIN_FREE_MIB": "0"}
        return CliRunner().invoke(main, ["--lang", "en", *words, "--json"], env=env)

    def recover(self, *registrars: str, reason: str = "The disk broke.") -> Result:
        """`log recover` by these registrars, with everything that was kept."""
        signed = [word for alias in registrars for word in self.key(alias)]
        because = ["--reason", reason] if registrars else []
        return self.socai("log", "recover", *self.keep(), *signed, *because)

    @contextmanager
    def served(self) -> Iterator[Service]:
        """The service over what is there now."""
        with _running(self.settings, self.database, AFTER) as service:
            yield service


def lose(server: Embedded, home: Path) -> Restored:
    """Founds a log with two registrars, backs it up, goes on, and restores the backup."""
    database = make_database(server)
    settings = found(database, home)
    old = f"{database.slug}_old"
    with _running(settings, database, T0 + timedelta(minutes=1)) as service:
        service.hire("hotline", "cv", "gd", "keeper")
        for number in range(3):
            service.say(a_report(number, service.clock.now()), "hotline")
        before, size = service.newest(), service.size()
    _copy(server, database.slug, old)
    with _running(settings, database, T0 + timedelta(minutes=30)) as service:
        receipts = tuple(
            service.say(a_report(number, service.clock.now()), "hotline") for number in range(3, 8)
        )
        lost = service.newest()
    _drop(server, database.slug)
    with _admin(server) as admin:
        admin.execute(
            sql.SQL("ALTER DATABASE {} RENAME TO {}").format(
                *map(sql.Identifier, (old, database.slug))
            )
        )
    return Restored(server, settings, database, before, lost, receipts, size)


@contextmanager
def again(made: Restored, home: Path) -> Iterator[Restored]:
    """The same loss once more, for a test that goes on from it."""
    slug = f"{made.database.slug}_{token_hex(3)}"
    _copy(made.server, made.dbname, slug)
    shutil.copytree(made.settings.home, home)
    settings = Settings.at(home, min_free_mib=0, attempts=10_000, threads=8, proof_wait_s=20)
    files = Home(settings)
    facts = files.facts()
    files.write_facts(replace(facts, database={**facts.database, "dbname": slug}))
    try:
        yield replace(made, settings=settings)
    finally:
        _drop(made.server, slug)


@contextmanager
def _running(settings: Settings, database: Database, at: datetime) -> Iterator[Service]:
    service = open_service(settings, database, StepClock(at))
    service.start()
    try:
        yield service
    finally:
        service.stop()
        database.close()


def _copy(server: Embedded, dbname: str, copy: str) -> None:
    with _admin(server) as admin:
        names = map(sql.Identifier, (copy, dbname))
        admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*names))


def _drop(server: Embedded, dbname: str) -> None:
    with _admin(server) as admin:
        name = sql.Identifier(dbname)
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


def _admin(server: Embedded) -> psycopg.Connection[tuple[Any, ...]]:
    return psycopg.connect(server.dsn(), autocommit=True)
