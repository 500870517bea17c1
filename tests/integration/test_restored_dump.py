"""A dump of the log is audited where it is restored, and the log goes on from it in its place."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from api.settings import child_environment
from ledger.audit.audit import audit
from ledger.audit.report import Report
from ledger.ports import NIL_UNIT
from ledger.postgres import definitions
from ledger.postgres.evidence import PostgresEvidence
from tests.fixtures.app import Service
from tests.fixtures.postgres import Database
from tests.integration.test_audit_postgres import fill
from tests.memory_log import MemoryLog, a_log
from tests.other_servers import programs_of

pytestmark = pytest.mark.postgres
ROOT: Final = Path(__file__).parents[2]


def _dumped(database: Database) -> bytes:
    """Both logs, by the login that is there for it."""
    dump = subprocess.run(
        [
            programs_of(database.server) / "pg_dump",
            "--format=custom",
            "--schema=log",
            "--schema=access",
            database.dsn("backup"),
        ],
        check=True,
        capture_output=True,
    )
    return dump.stdout


def _restore(dump: bytes, database: Database) -> None:
    subprocess.run(
        [programs_of(database.server) / "pg_restore", f"--dbname={database.admin}"],
        input=dump,
        check=True,
        capture_output=True,
    )


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


def _on_the_page(heading: str) -> str:
    """The commands under a heading of docs/operate/backup.md."""
    text = (ROOT / "docs" / "operate" / "backup.md").read_text("utf-8")
    found = re.search(rf"^##+ {heading}\n.*?^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


def test_a_backup_is_tried_and_reads_are_remembered_as_the_page_says(
    service: Service, tmp_path: Path
) -> None:
    """Word for word: a court gets a dump and the KEK, years later, and the audit is sound there.

    The login that dumps is one, and the administrator who restores is another.
    """
    database = service.database
    service.hire("hotline")
    (tmp_path / "checkpoint-yesterday.txt").write_bytes(
        service.client.get("/logs/acts/checkpoint").data
    )
    programs = programs_of(service.database.server)
    given = {
        **child_environment(service.settings),
        "PATH": f"{programs}:{Path(sys.executable).parent}:/usr/bin:/bin",
    }

    def typed(commands: str, dsn: str) -> subprocess.CompletedProcess[str]:
        by = conninfo_to_dict(dsn)
        names = {"PGHOST": "host", "PGPORT": "port", "PGUSER": "user", "PGPASSWORD": "password"}
        who = {variable: str(by[name]) for variable, name in names.items()}
        meant = {"HOST": who["PGHOST"], "PORT": who["PGPORT"], "=postgres": f"={who['PGUSER']}"}
        for word, value in meant.items():
            commands = re.sub(rf"(?<!\w){word}\b", value, commands)
        return subprocess.run(
            ["/bin/bash", "-e", "-o", "pipefail", "-c", commands],
            env={**given, **who, "SOCAI_LANG": "en"},
            cwd=tmp_path,
            check=False,
            capture_output=True,
            text=True,
        )

    dump = _on_the_page("A dump").replace("SLUG", database.slug).replace("DATABASE", database.name)
    done = typed(dump, database.dsn("backup"))
    assert done.returncode == 0, done.stderr
    copy = f"{database.name}_restored"
    tried = re.sub(r"\brestored\b", copy, _on_the_page("Try the backup"))
    done = typed(tried, database.admin)
    assert done.returncode == 0, done.stderr + done.stdout
    assert done.stderr == ""
    assert "views (there are none here)" in " ".join(done.stdout.split())
    block = _on_the_page("Nobody kept a checkpoint of the log of reads")
    done = typed(block.replace("DATABASE", database.name), database.admin)
    assert done.returncode == 0, done.stderr
    assert "is remembered" in done.stdout + done.stderr


def test_a_log_goes_on_from_a_dump_in_its_place(database: Database) -> None:
    """Into the empty schemas that `migrate` makes: nothing is missing, and nobody sees more."""
    log = a_log()
    fill(database, log)
    dump = _dumped(database)
    with psycopg.connect(database.admin) as connection:
        connection.execute("DROP SCHEMA log, access CASCADE")
    _restore(dump, database)
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
        [programs_of(database.server) / "pg_dump", f"--schema={schema}", database.dsn("backup")],
        check=False,
        capture_output=True,
    )
    assert (tried.returncode, b"permission denied" in tried.stderr) == (1, True), tried.stderr
