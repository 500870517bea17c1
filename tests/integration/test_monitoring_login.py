"""A login that is in pg_monitor and nothing else: it watches the server and sees no act."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from ledger.asker import asking
from projections.views.base import Connection
from tests.a_ledger import a_report
from tests.attacks import attack
from tests.builders import key, officer
from tests.fixtures.app import Service
from tests.fixtures.postgres import Database

pytestmark = pytest.mark.postgres
PASSWORD: Final = "of the watcher"  # noqa: S105 - of a test
#: What an exporter asks a server for.
ASKED: Final = (
    "SELECT datname, pg_database_size(oid), age(datfrozenxid) FROM pg_database",
    "SELECT state, count(*), max(now() - xact_start) FROM pg_stat_activity GROUP BY state",
    "SELECT xact_commit, deadlocks, blks_hit FROM pg_stat_database",
    "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), flush_lsn) FROM pg_stat_replication",
    "SELECT slot_name, active, restart_lsn FROM pg_replication_slots",
    "SELECT mode, count(*) FROM pg_locks GROUP BY mode",
    "SELECT buffers_clean FROM pg_stat_bgwriter",
    "SELECT wal_bytes FROM pg_stat_wal",
    "SELECT relname, n_dead_tup, last_autovacuum FROM pg_stat_user_tables",
    "SELECT relname, heap_blks_hit FROM pg_statio_user_tables",
    "SELECT archived_count FROM pg_stat_archiver",
    "SELECT name, setting FROM pg_settings WHERE name = 'max_connections'",
    "SELECT count(*), sum(size) FROM pg_ls_waldir()",
    "SELECT pg_blocking_pids(pid) FROM pg_stat_activity",
)
#: Of this enclave: others of the same server are other tests'.
_TEXTS: Final = """
SELECT coalesce(query, '') FROM pg_stat_activity WHERE datname = current_database()
"""
#: Also of who made its logins, in whatever database that was.
_EVERY_TEXT: Final = "SELECT coalesce(query, '') FROM pg_stat_activity"
_VERIFIERS: Final = "SELECT rolpassword FROM pg_authid WHERE starts_with(rolname, %s)"
_TABLES: Final = """
SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname IN ('log', 'sec', 'access', 'proj', 'r', 'mirror') AND c.relkind IN ('r', 'v')
"""  # noqa: E501 - SQL


_PAGE: Final = Path(__file__).parents[2] / "docs" / "operate" / "monitoring.md"
_MADE: Final = re.compile(r'--command="((?:CREATE|ALTER) ROLE watcher [^"]+)"')
"""How the operator's page makes it, word for word."""


def watching(database: Database) -> Iterator[Connection]:
    """A connection of that login, to the enclave's database."""
    name = f"watcher_{conninfo_to_dict(database.admin)['dbname']}"  # roles are of a whole server
    role = sql.Identifier(name)
    with closing(psycopg.connect(database.server.dsn(), autocommit=True)) as admin:
        admin.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(role))
        for text in _MADE.findall(_PAGE.read_text("utf-8")):
            statement = text.replace("watcher", "{0}").replace("'…'", "{1}")
            admin.execute(sql.SQL(statement).format(role, sql.Literal(PASSWORD)))
        dsn = make_conninfo(database.admin, user=name, password=PASSWORD)
        with closing(psycopg.connect(dsn, autocommit=True)) as connection:
            yield connection
        admin.execute(sql.SQL("DROP ROLE {}").format(role))


@pytest.fixture
def watcher(service: Service) -> Iterator[Connection]:
    """Of an enclave that is served."""
    yield from watching(service.database)


@attack(
    "a login that watches the server reads in statements who asks for which case, by what ticket",
    stopped_by="who asks, and of which cases, goes beside a statement and not in it (G13)",
    noticed_by="-",
)
def test_no_statement_says_who_asks_and_of_which_case(
    service: Service, watcher: Connection
) -> None:
    """While a question is asked, and after it: what a session said last stands there until more."""
    service.hire("hotline")
    act = a_report(1, service.clock.now())
    at_least = service.say(act, "hotline")["index"]
    told: list[str] = []

    def watch() -> None:
        seen = watcher.execute(_TEXTS).fetchall()
        told.extend(str(text) for (text,) in seen)

    case = act.stream.removeprefix("case/")
    for path in ("/v1/cases", "/v1/worklist", f"/v1/cases/{case}/acts"):
        answer = service.get(path, "hotline", at_least=at_least, headers={"Prefer": "wait=20"})
        assert answer.status_code == 200, answer.text
        watch()
    enclave, kid = service.enclave, key("hotline").kid
    who = enclave.connections.tickets.of(officer("hotline"), kid, of_cases=True, at=None)
    with asking(who), enclave.connections.asked.connection() as connection:
        watch()
        shown = connection.execute("SELECT comp FROM sec.shown").fetchall()
    watch()
    texts = " ".join(told)
    assert "sec.answers" in texts, "it sees what runs"
    assert shown
    for word in (officer("hotline"), kid, "v1|", case, *(str(comp) for (comp,) in shown)):
        assert word not in texts, word


def test_it_sees_what_monitoring_needs_and_nothing_of_acts(
    service: Service, watcher: Connection
) -> None:
    """Every question of an exporter is answered; no table is, and no query text says a word."""
    service.hire("hotline")
    act = a_report(1, service.clock.now())
    service.say(act, "hotline")
    for question in ASKED:
        watcher.execute(question.encode()).fetchall()
    with closing(psycopg.connect(service.database.admin)) as admin:
        tables = [str(name) for (name,) in admin.execute(_TABLES).fetchall()]
        verifiers = admin.execute(_VERIFIERS, [f"{service.database.slug}_"]).fetchall()
    assert len(tables) > 50
    for table in tables:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            watcher.execute(f"SELECT FROM {table} LIMIT 1".encode())
    for function in ("log.entries(0, 1)", "sec.asked()", "proj.totals()"):
        with pytest.raises(psycopg.Error):
            watcher.execute(f"SELECT {function}".encode())
    texts, every = (
        " ".join(str(text) for (text,) in watcher.execute(asked).fetchall())
        for asked in (_TEXTS, _EVERY_TEXT)
    )
    assert "log.append" in texts, "it sees what runs"
    for word in (act.stream.removeprefix("case/"), act.signed["act_id"], "SCRAM-SHA-256$"):
        assert str(word) not in texts
    for verifier in {str(one) for (one,) in verifiers if one}:
        assert verifier.startswith("SCRAM-SHA-256$")
        assert verifier not in every

    # the most common values of a column are values
    for relation in ("pg_stats", "pg_statistic", "pg_authid"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            watcher.execute(f"SELECT FROM {relation} LIMIT 1".encode())


@attack(
    "a stolen login of `pg_monitor` takes every connection of the server, or fills its disk with a"
    " sort",
    stopped_by="limits that the operator's page makes it with",
    noticed_by="the refusal",
)
def test_it_is_made_with_limits(service: Service, watcher: Connection) -> None:
    """As monitoring.md has it: `socai migrate` knows nothing of it."""
    assert watcher.execute("SHOW temp_file_limit").fetchone() == ("256MB",)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        watcher.execute("SET temp_file_limit = -1")
    dsn = make_conninfo(
        service.database.admin, user=watcher.info.user, password=watcher.info.password
    )
    with ExitStack() as held:
        for _ in range(3):  # one is there already
            held.enter_context(closing(psycopg.connect(dsn)))
        with pytest.raises(psycopg.OperationalError, match="too many connections"):
            psycopg.connect(dsn)
