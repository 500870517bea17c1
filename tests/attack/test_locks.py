"""A login that may only read takes every lock it can and holds it: nobody waits for one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, LiteralString

import psycopg
import pytest
from psycopg import sql

from api.ops.embedded_postgres import Embedded
from ledger.postgres import migrate
from ledger.write.registry_follower import RegistryFollower
from projections.engine.batch_transaction import BatchTransaction
from projections.engine.generations import ConcurrentUpdate, states
from projections.engine.projector import Projector
from projections.views.all_views import VIEWS
from tests.attacks import attack
from tests.builders import an_act, an_id
from tests.examples import share
from tests.fixtures.app import Service
from tests.fixtures.postgres import Database, install_database
from tests.fixtures.projected import Case
from tests.memory_log import ORIGIN

pytestmark = pytest.mark.postgres

KEYS = (1936024940, 0x736F6361, 0x70726F6A, 0x70726F6B)
"""Those that a checkpointer, a migrator and a projector once waited for."""
MODES = (
    "ACCESS EXCLUSIVE", "EXCLUSIVE", "SHARE ROW EXCLUSIVE", "SHARE", "SHARE UPDATE EXCLUSIVE",
    "ROW EXCLUSIVE", "ROW SHARE", "ACCESS SHARE",
)  # fmt: skip
READERS = ("reader", "auditor")
_LONG_S: Final = 600.0
"""A lease that runs out when a test says so."""
_TABLES = (
    "SELECT schemaname, tablename FROM pg_tables"
    " WHERE schemaname IN ('log', 'sec', 'access', 'proj', 'r')"
)


def _tables(database: Database) -> list[sql.Identifier]:
    with psycopg.connect(database.admin) as connection:
        return [sql.Identifier(*row) for row in connection.execute(_TABLES).fetchall()]


def hold(connection: psycopg.Connection, database: Database) -> set[str]:
    """Takes what it gets of every kind of lock, in one transaction that stays open."""
    got = set()
    connection.execute("SET idle_in_transaction_session_timeout = 0; SET statement_timeout = 0")
    connection.execute("SET default_transaction_isolation = 'repeatable read'")
    connection.commit()
    connection.execute("SELECT count(*) FROM log.log_head")
    for table in _tables(database):
        for mode in MODES:
            with suppress(psycopg.errors.InsufficientPrivilege), connection.transaction():
                connection.execute(
                    sql.SQL("LOCK TABLE {} IN {} MODE NOWAIT").format(table, sql.SQL(mode))
                )
                got.add(mode)
        for row in ("UPDATE", "NO KEY UPDATE", "SHARE", "KEY SHARE"):
            with suppress(psycopg.errors.InsufficientPrivilege), connection.transaction():
                connection.execute(
                    sql.SQL("SELECT 1 FROM {} FOR {} NOWAIT").format(table, sql.SQL(row))
                )
                got.add(row)
    for key in KEYS:
        for shared in ("", "_shared"):
            with suppress(psycopg.errors.InsufficientPrivilege), connection.transaction():
                connection.execute(f"SELECT pg_try_advisory_lock{shared}({key})")
                got.add("advisory")
    return got


@dataclass
class Held:
    """An enclave of which two readers hold every lock that they get.

    Attributes:
        service: The enclave.
        got: Kinds of lock that they hold.
    """

    service: Service
    got: set[str]


@pytest.fixture(params=share(["belt", "no belt"], 2, "belts"))
def held(service: Service, request: pytest.FixtureRequest) -> Iterator[Held]:
    """With the belt of access.md §3, and on a server that does not let anybody fasten it."""
    database = service.database
    if request.param == "no belt":
        with psycopg.connect(database.admin) as admin:
            admin.execute(
                "GRANT EXECUTE ON FUNCTION pg_advisory_lock(bigint), pg_try_advisory_lock(bigint),"
                " pg_try_advisory_lock_shared(bigint) TO PUBLIC"
            )
    with ExitStack() as stack:
        got = set()
        for login in READERS:
            connection = stack.enter_context(psycopg.connect(database.dsn(login)))
            got |= hold(connection, database)
        with psycopg.connect(database.dsn("reader"), autocommit=True) as asked:
            assert migrate.belt_is_loose(asked) == (request.param == "no belt")
        yield Held(service, got)


@attack(
    "a session that was opened with a stolen password goes on when there is another password",
    stopped_by="-; the operator's page says how it is ended",
    noticed_by="-",
)
def test_a_new_password_ends_nothing_that_was_opened(postgres_server: Embedded) -> None:
    """By the statement that docs/operate/keys.md has for it, word for word."""
    database = install_database(postgres_server)
    page = (Path(__file__).parents[2] / "docs/operate/keys.md").read_text("utf-8")
    ended = next(line for line in page.splitlines() if line.startswith("SELECT pg_terminate_"))
    with psycopg.connect(database.dsn("writer"), autocommit=True) as taken:
        other = {**database.passwords, "writer": "another"}
        migrate.install(database.server.dsn(), database.slug, other, rehearsal=True)
        assert taken.execute("SELECT 1").fetchone() == (1,)
        with psycopg.connect(database.admin, autocommit=True) as admin:
            admin.execute(ended.replace("SLUG", database.slug).encode())
        with pytest.raises(psycopg.OperationalError):
            taken.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError, match="authentication"):
        psycopg.connect(database.dsn("writer"))


@attack(
    "a login locks itself out: another password, sessions that begin with a time-out of nothing",
    stopped_by="-",
    noticed_by="readiness; `socai migrate` puts both back",
)
@pytest.mark.parametrize(
    "login",
    share(["reader", "auditor", "writer", "projector", "checkpointer"], 4, "locked out"),
)
def test_an_installation_opens_a_login_that_was_locked_out(
    postgres_server: Embedded, login: str
) -> None:
    """PostgreSQL lets nobody take this from a role; so the operator's command mends it."""
    database = install_database(postgres_server)
    role = sql.Identifier(f"{database.slug}_{login}")
    with psycopg.connect(database.dsn(login), autocommit=True) as taken:
        for harm in (
            "ALTER ROLE {} SET statement_timeout = 1",
            "ALTER ROLE {} SET search_path = nowhere",
            "ALTER ROLE {} SET default_transaction_read_only = on",
            "ALTER ROLE {} PASSWORD 'another'",
        ):
            taken.execute(sql.SQL(harm).format(role))
        within = sql.SQL("ALTER ROLE {} IN DATABASE {} SET TimeZone = 'Asia/Tokyo'")
        taken.execute(within.format(role, sql.Identifier(database.slug)))
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(database.dsn(login))
    server = database.server.dsn()
    migrate.install(server, database.slug, database.passwords, rehearsal=True)
    with psycopg.connect(database.dsn(login)) as mended:
        asked = "current_setting('statement_timeout'), current_setting('search_path')"
        asked += ", current_setting('default_transaction_read_only'), current_setting('TimeZone')"
        row = mended.execute(f"SELECT {asked}").fetchone()
    assert row is not None
    assert (row[0] != "1ms", row[1], row[2], row[3] != "Asia/Tokyo") == (
        True,
        "pg_catalog, pg_temp",
        "off",
        True,
    )


def test_a_process_that_stands_still_in_a_transaction_holds_nothing_for_long(
    database: Database,
) -> None:
    """The server ends its session: an API that was stopped while it noted a read stops no other."""
    for login, most in {
        "writer": "30s", "reader": "1min", "public": "30s", "keeper": "1min",
        "publisher": "1min", "importer": "1min",
    }.items():  # fmt: skip
        with psycopg.connect(database.dsn(login)) as own:
            row = own.execute("SHOW idle_in_transaction_session_timeout").fetchone()
        assert row == (most,), login


@attack(
    "a read-only login takes every lock it gets and keeps it",
    stopped_by="rows that only functions lock; the belt",
    noticed_by="readiness, if anything stood still",
)
def test_a_reader_stops_nobody(held: Held) -> None:
    """Acts are taken, proven and projected, readiness is 200, and a migration goes through."""
    service = held.service
    assert held.got <= {"ACCESS SHARE", "advisory"}
    service.hire("hotline", "cv")
    case = an_id("case")
    act = an_act("ReportReceived", by="hotline", when=service.clock.now(), stream=f"case/{case}")
    receipt = service.say(act, "hotline")
    wait = {"Prefer": "wait=20"}
    assert service.enclave.proofs.wait(receipt["index"], 120.0) is not None
    seen = service.get(f"/v1/cases/{case}/acts", headers=wait, at_least=receipt["index"])
    assert seen.status_code == 200, seen.text
    service.require_ready()
    done = threading.Event()

    def again() -> None:
        database = service.database
        migrate.migrate(database.dsn("migrator"), database.slug, rehearsal=True)
        database.install()
        done.set()

    migrating = threading.Thread(target=again, daemon=True)
    migrating.start()
    migrating.join(120)
    assert done.is_set()


@attack(
    "a read-only login takes an advisory lock",
    stopped_by="the belt: nobody may, but who owns the server",
    noticed_by="-",
)
@pytest.mark.parametrize("login", migrate.LOGINS)
def test_no_login_takes_an_advisory_lock(database: Database, login: str) -> None:
    """Of any form: by one key or two, shared, tried, of the session or of the transaction."""
    with psycopg.connect(database.admin) as admin:
        names = admin.execute(
            "SELECT DISTINCT proname FROM pg_proc WHERE proname ~ 'advisory.*lock'"
        ).fetchall()
    assert len(names) >= 11
    with psycopg.connect(database.dsn(login), autocommit=True) as connection:
        refused = set()
        for (name,) in names:
            for keys in ("1", "1, 2"):
                with suppress(psycopg.errors.UndefinedFunction):
                    with pytest.raises(psycopg.errors.InsufficientPrivilege):
                        connection.execute(f"SELECT {name}({keys})")
                    refused.add(name)
    assert refused == {name for (name,) in names if name != "pg_advisory_unlock_all"}


# -- the lease -------------------------------------------------------------------------------------


def _projector(case: Case, **more: float) -> Projector:
    return Projector(case.writing, *case.reading_log(), origin=ORIGIN, **more)  # type: ignore[arg-type]


def _leased(case: Case, until: LiteralString) -> None:
    """The lease of whoever has it ends then, and at no other time: no step here is to be quick."""
    with psycopg.connect(case.database.admin) as admin:
        admin.execute(sql.SQL("UPDATE proj.lease SET until = {}").format(sql.SQL(until)))


def _emptied(case: Case) -> int:
    """The views as before the first record; the last index of the log."""
    with psycopg.connect(case.database.admin) as connection:
        connection.execute("UPDATE proj.views SET position = -1, recorded_at = NULL")
        for view in VIEWS:
            for table in view.tables:
                name = sql.Identifier(view.schema, table)
                connection.execute(sql.SQL("TRUNCATE {}").format(name))
    return len(case.played.log.rows) - 1


@attack(
    "the loop of the views is killed while it holds the lease",
    stopped_by="the lease runs out",
    noticed_by="readiness, while the views stand",
)
def test_a_killed_loop_is_followed(sc1: Case) -> None:
    """Its connection is gone, as under a pooler at once; the next one waits for the row alone."""
    last = _emptied(sc1)
    killed = _projector(sc1, batch=10, lease_s=_LONG_S)
    assert killed.advance()
    assert killed._connection is not None
    killed._connection.close()
    with closing(_projector(sc1)) as heir:
        assert not heir.advance()
        _leased(sc1, "clock_timestamp() + interval '1 second'")
        ticks = threading.Event()
        for _ in range(2_400):
            if heir.advance():
                break
            ticks.wait(0.05)
        assert heir.catch_up() == last


@attack(
    "a loop that was thought dead goes on beside the one that followed it",
    stopped_by="a generation moves on from where it stood, or not at all",
    noticed_by="-",
)
def test_two_loops_write_no_row_twice(sc1: Case) -> None:
    """Each batch is one's alone: what the slow one was about to write is not written."""
    last = _emptied(sc1)
    with (
        closing(_projector(sc1, batch=10)) as slow,
        closing(_projector(sc1, batch=10, lease_s=_LONG_S)) as heir,
        closing(sc1.writing()) as connection,
    ):
        assert slow.advance()
        stale = [state for state in states(connection) if state.state == "live"]
        _leased(sc1, "'-infinity'")
        assert heir.advance()
        group = BatchTransaction(
            {view.name: view for view in VIEWS}, *sc1.reading_log(), origin=ORIGIN,
            level="ordinary", most=10, follower=RegistryFollower(*sc1.reading_log()),
        )  # fmt: skip
        with pytest.raises(ConcurrentUpdate):
            group.advance(connection, stale, last + 1)
        assert not slow.advance()
        assert heir.catch_up() == last
        assert connection.execute("SELECT count(*) FROM proj.acts").fetchone() == (last + 1,)


@attack(
    "one login takes every connection that the server has: the auditor's, that of the keeper, the"
    " vault, the mirror, the backup, or of whoever serves what everybody may read",
    stopped_by="a limit of connections for each login but those that serve officers",
    noticed_by="the refusal",
)
def test_a_login_leaves_connections_to_the_others(database: Database) -> None:
    """It is refused long before the server is full."""
    with psycopg.connect(database.admin) as admin:
        free = admin.execute(
            "SELECT rolname FROM pg_roles WHERE rolname LIKE %s AND rolcanlogin"
            " AND rolconnlimit NOT BETWEEN 1 AND 64",
            [f"{database.slug}\\_%"],
        ).fetchall()
    serving = {f"{database.slug}_{login}" for login in ("reader", "writer", "projector")}
    assert {name for (name,) in free} == serving
    with ExitStack() as held:
        for _ in range(64):
            held.enter_context(psycopg.connect(database.dsn("public")))
        with pytest.raises(psycopg.OperationalError, match="too many connections for role"):
            psycopg.connect(database.dsn("public"))
        for login in ("writer", "checkpointer", "reader", "projector"):
            psycopg.connect(database.dsn(login)).close()


@attack(
    "a login that makes nothing fills the disk of the database with what a sort or a cursor puts"
    " aside, without a time-out, so that no act is taken",
    stopped_by="four gigabytes in a session, which it cannot lift",
    noticed_by="the refusal; readiness (`disk`), where many sessions do it",
)
def test_what_a_session_puts_aside_is_bounded(postgres_server: Embedded) -> None:
    """Also by what its next sessions begin with; the projector and the migrator build."""
    database = install_database(postgres_server)
    for login in sorted(set(migrate.LOGINS) - {"migrator", "projector"}):
        role = sql.Identifier(f"{database.slug}_{login}")
        with psycopg.connect(database.dsn(login), autocommit=True) as taken:
            for lift in ("SET temp_file_limit = -1", "ALTER ROLE {} SET temp_file_limit = -1"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    taken.execute(sql.SQL(lift).format(role))
            taken.execute(sql.SQL("ALTER ROLE {} RESET ALL").format(role))
        with psycopg.connect(database.dsn(login)) as again:
            assert again.execute("SHOW temp_file_limit").fetchone() == ("4GB",), login


@attack(
    "a taken projector login writes of the views what no loop comes past: a lease without end, a"
    " time that no process can read, the last number that a generation can have",
    stopped_by="a lease is ten minutes at most; such a time is none; the number after another one",
    noticed_by="readiness, while the views stand",
)
@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE proj.lease SET holder = gen_random_uuid(), until = 'infinity'",
        "UPDATE proj.views SET recorded_at = 'infinity'",
        "UPDATE proj.views SET recorded_at = '4000-01-01 BC'",
        "UPDATE proj.views SET gen = 32767",
        "UPDATE proj.views SET gen = -32768",
    ],
    ids=["lease", "end of time", "before time", "last generation", "first generation"],
)
def test_nothing_written_of_the_views_stands_in_the_way_of_the_next_loop(
    sc1: Case, harm: LiteralString
) -> None:
    """When the login is taken back they are folded on and built anew, as if nothing had been."""
    with closing(_projector(sc1)) as before:
        before.catch_up()  # which has the lease once
    with psycopg.connect(sc1.database.dsn("projector")) as taken:
        taken.execute("UPDATE proj.views SET position = -1")
        for view in VIEWS:
            for table in view.tables:
                taken.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(view.schema, table)))
        taken.execute(harm)
    last = len(sc1.played.log.rows) - 1
    with closing(_projector(sc1)) as heir, closing(sc1.writing()) as connection:
        assert heir.catch_up() == last
        for view in VIEWS:
            heir.rebuild(view.name)
        heir.catch_up()
        live = [state for state in states(connection) if state.state == "live"]
        assert {(state.view, state.position) for state in live} == {(v.name, last) for v in VIEWS}
        assert all(1 <= state.gen <= 32766 and state.recorded_at for state in live)


@attack(
    "a taken projector login puts a row among those of each generation that is yet to be built, at"
    " which every rebuild stops",
    stopped_by="a generation begins empty",
    noticed_by="the command that builds it",
)
def test_no_row_waits_for_the_next_generation(sc1: Case) -> None:
    """Its first row is in nobody's way."""
    last = len(sc1.played.log.rows) - 1
    with closing(_projector(sc1)) as projector, closing(sc1.writing()) as connection:
        projector.catch_up()
        with psycopg.connect(sc1.database.dsn("projector")) as taken:
            taken.execute(
                "INSERT INTO proj.acts"
                " SELECT (jsonb_populate_record(a, jsonb_build_object('gen', n))).*"
                " FROM proj.acts a, generate_series(2, 9) n"
            )
        projector.rebuild("acts")
        found = [(one.gen, one.position) for one in states(connection) if one.view == "acts"]
        assert (2, last) in found
