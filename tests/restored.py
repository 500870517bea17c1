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
from api.home import Home
from api.ops.embedded_postgres import Embedded
from api.ops.wiring.key_files import log_signers
from api.settings import Settings
from keys.custody.file import write_key
from tests import builders
from tests.a_ledger import a_report
from tests.fixtures.app import PASSPHRASE, T0, Service, found, open_service
from tests.fixtures.clock import StepClock
from tests.fixtures.postgres import Database, file_copy, make_database

REGISTRARS = ("founder", "keeper")
AFTER = T0 + timedelta(hours=1)


@dataclass(frozen=True)
class Restored:
    """A home over a database that lost its tail, and what is known from before.

    Attributes:
        server: The cluster.
        settings: The home.
        database: Its roles.
        before: A checkpoint of what is left.
        lost: The newest checkpoint of what is lost.
        vkeys: The log's keys before the loss.
        receipts: Of acts that are lost.
        size: Records that are left.
    """

    server: Embedded
    settings: Settings
    database: Database
    before: bytes
    lost: bytes
    vkeys: list[str]
    receipts: tuple[dict[str, Any], ...]
    size: int

    @property
    def origin(self) -> str:
        """The log."""
        return Home(self.settings).facts().origin

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
            write_key(path, builders.key(alias), PASSPHRASE, t=1, p=1, m_kib=64)
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

    def audit(self, *kept: bytes) -> dict[str, Any]:
        """What `log audit` reports, with checkpoints kept elsewhere."""
        options = []
        for n, note in enumerate(kept):
            path = self.settings.home / f"{n}.checkpoint"
            path.write_bytes(note)
            options += ["--checkpoint", str(path)]
        told = self.socai("log", "audit", "--no-views", "--workers", "0", *options)
        found: dict[str, Any] = orjson.loads(told.stdout)
        assert told.exit_code == (0 if found["ok"] else 1), told.output
        return found

    @contextmanager
    def unsealed(self) -> Iterator[Service]:
        """The API alone over what is there now."""
        service = open_service(self.settings, self.database, StepClock(AFTER))
        try:
            yield service
        finally:
            service.stop()

    @contextmanager
    def served(self) -> Iterator[Service]:
        """The service over what is there now."""
        with _running(self.settings, self.database, AFTER) as service:
            yield service


def lose(server: Embedded, home: Path) -> Restored:
    """Founds a log with two registrars, backs it up, goes on, and restores the backup."""
    database = make_database(server)
    settings = found(database, home)
    with _running(settings, database, T0 + timedelta(minutes=1)) as service:
        # record 0 has a checkpoint of its own, and shares none with what comes next
        assert service.enclave.proofs.wait(0, 120.0) is not None
        service.hire("hotline", "cv", "gd", "keeper")
    return _lost(server, settings, database, T0 + timedelta(minutes=2))


def lose_again(made: Restored) -> Restored:
    """Another loss, over a log that was recovered."""
    return _lost(made.server, made.settings, made.database, AFTER)


def _lost(server: Embedded, settings: Settings, database: Database, at: datetime) -> Restored:
    dbname = str(Home(settings).facts().database["dbname"])
    with _running(settings, database, at) as service:
        vkeys = [str(signer.vkey) for signer in log_signers(settings)]
        first = service.size()
        for number in range(first, first + 3):
            service.say(a_report(number, service.clock.now()), "hotline")
        before, size = service.newest(), service.size()
    _copy(server, dbname, f"{dbname}_old")
    with _running(settings, database, at + timedelta(minutes=10)) as service:
        receipts = tuple(
            service.say(a_report(number, service.clock.now()), "hotline")
            for number in range(size, size + 5)
        )
        lost = service.newest()
    _drop(server, dbname)
    with _admin(server) as admin:
        names = map(sql.Identifier, (f"{dbname}_old", dbname))
        admin.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(*names))
    return Restored(server, settings, database, before, lost, vkeys, receipts, size)


@contextmanager
def again(made: Restored, home: Path) -> Iterator[Restored]:
    """The same loss once more, for a test that goes on from it."""
    slug = f"{made.database.name}_{token_hex(3)}"
    _copy(made.server, made.dbname, slug)
    shutil.copytree(made.settings.home, home)
    settings = Settings.at(home, min_free_mib=0, attempts=10_000, threads=8, proof_wait_s=60)
    files = Home(settings)
    facts = files.facts()
    files.write_facts(replace(facts, database={**facts.database, "dbname": slug}))
    try:
        yield replace(made, settings=settings)
    finally:
        _drop(made.server, slug)


def replace_database(made: Restored, *, by: Restored) -> None:
    """Puts a copy of another database in the place of this one."""
    _drop(made.server, made.dbname)
    _copy(made.server, by.dbname, made.dbname)


@contextmanager
def _running(settings: Settings, database: Database, at: datetime) -> Iterator[Service]:
    service = open_service(settings, database, StepClock(at))
    service.start()
    try:
        yield service
    finally:
        service.stop()
        database.disconnect()


def _copy(server: Embedded, dbname: str, copy: str) -> None:
    with _admin(server) as admin:
        file_copy(admin, dbname, copy)


def _drop(server: Embedded, dbname: str) -> None:
    with _admin(server) as admin:
        name = sql.Identifier(dbname)
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


def _admin(server: Embedded) -> psycopg.Connection[tuple[Any, ...]]:
    return psycopg.connect(server.dsn(), autocommit=True)
