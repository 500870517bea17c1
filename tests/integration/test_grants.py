"""Append-only by grant and by trigger: tried as every login and as owner, on every table."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product

import psycopg
import pytest
from psycopg import sql

from api.ops.embedded_postgres import Embedded
from ledger.postgres.migrate import LOGINS, shipped
from tests.contract.append import a_draft
from tests.fixtures.postgres import Database, install_database

pytestmark = pytest.mark.postgres

_CREATED = re.compile(rb"CREATE TABLE ((?:log|sec|access)\.[a-z_]+)")
TABLES = sorted(
    {"log.migrations"}
    | {name.decode() for migration in shipped() for name in _CREATED.findall(migration.text)}
)
HARMS = ("UPDATE", "DELETE", "TRUNCATE", "INSERT")
HEADS = ("log.log_head", "log.custody_head", "access.log_head")
PRUNED = ("log.pruned", "access.pruned")
#: What is folded and not recorded: all that rests on it is held against records (access.md G17).
FOLDED = (
    {
        *(
            (table, harm)
            for table in ("sec.audience", "sec.members", "sec.excluded")
            for harm in HARMS
        ),
        *(("sec.beat", harm) for harm in HARMS),
        ("sec.ended", "DELETE"),
    }
    - {(table, "TRUNCATE") for table in TABLES}
    - {("sec.beat", "DELETE")}
)


@pytest.fixture(scope="module")
def filled(postgres_server: Embedded) -> Iterator[Database]:
    """One record in a log that no test here can change."""
    made = install_database(postgres_server)
    made.appender().append(a_draft())
    with psycopg.connect(made.admin) as admin:  # a row of what only rows are refused in
        admin.execute("SET session_replication_role = replica")
        admin.execute(
            "INSERT INTO log.epochs (kek_id, before, begun_at, wraps_before)"
            " VALUES (%s, %s, now(), 0)",
            [b"n" * 16, b"o" * 16],
        )
        wrap = b"\1" + b"k" * 16 + bytes(60)
        admin.execute(
            "INSERT INTO log.file_wraps VALUES (gen_random_uuid(), 0, %s, %s)", [wrap[1:17], wrap]
        )
        admin.execute("INSERT INTO log.file_key VALUES (true, %s)", [wrap])
        admin.execute("INSERT INTO log.wraps_aside (of, wrap) VALUES ('record', %s)", [wrap])
        admin.execute(
            "INSERT INTO access.wraps (index, kek_id, stream_id, unit, wrap)"
            " VALUES (0, %s, gen_random_uuid(), gen_random_uuid(), %s)",
            [wrap[1:17], wrap],
        )
        for into in (
            "log.tiles (n, level, width, data) VALUES (0, 0, 1, %s)",
            "access.tiles (n, level, width, data) VALUES (0, 0, 1, %s)",
            "log.checkpoints (size, root, note) VALUES (1, %s, 'x')",
            "access.checkpoints (size, root, note) VALUES (1, %s, 'x')",
        ):
            admin.execute(f"INSERT INTO {into}".encode(), [bytes(32)])
    yield made
    made.close()


def _harm(harm: str, table: str, column: str) -> sql.Composed:
    name = sql.Identifier(*table.split("."))
    forms = {
        "UPDATE": "UPDATE {t} SET {c} = {c}",
        "DELETE": "DELETE FROM {t}",
        "TRUNCATE": "TRUNCATE {t}",
        "INSERT": "INSERT INTO {t} DEFAULT VALUES",
    }
    return sql.SQL(forms[harm]).format(t=name, c=sql.Identifier(column))


@pytest.fixture(scope="module")
def columns(filled: Database) -> dict[str, str]:
    """The first column of each table."""
    with psycopg.connect(filled.admin) as connection:
        rows = connection.execute(
            "SELECT t::text, attname FROM unnest(%s::regclass[]) t"
            " JOIN pg_attribute ON attrelid = t AND attnum = 1",
            [TABLES],
        ).fetchall()
    return dict(rows)


def test_every_table_is_in_the_list(filled: Database) -> None:
    """A table nobody tries is a table somebody may change."""
    with psycopg.connect(filled.admin) as connection:
        rows = connection.execute(
            "SELECT schemaname || '.' || tablename FROM pg_tables"
            " WHERE schemaname IN ('log', 'sec', 'access')"
        ).fetchall()
    assert {row[0] for row in rows} == set(TABLES)


def _refusal(connection: psycopg.Connection, statement: sql.Composed | sql.SQL) -> str:
    """With what words a right is missing; "" where it is not. Nothing of it stays."""
    try:
        connection.execute(statement)
    except psycopg.errors.InsufficientPrivilege as refused:
        return str(refused)
    finally:
        connection.rollback()
    return ""


@pytest.mark.parametrize("login", LOGINS)
def test_no_login_can_change_the_log(filled: Database, columns: dict[str, str], login: str) -> None:
    """Neither by design nor by injection: the right is not there, for any harm to any table."""
    with psycopg.connect(filled.dsn(login)) as connection:
        taken = [
            (table, harm)
            for table, harm in product(TABLES, HARMS)
            if (login != "projector" or (table, harm) not in FOLDED)
            and "permission denied" not in _refusal(connection, _harm(harm, table, columns[table]))
        ]
    assert taken == []


@pytest.mark.parametrize("table", [t for t in TABLES if t.startswith(("log.", "access."))])
def test_the_owner_meets_the_trigger(filled: Database, columns: dict[str, str], table: str) -> None:
    """The migrator becomes the owner: what owns the tables is still refused."""
    with psycopg.connect(filled.dsn("migrator")) as owner:
        role = sql.Identifier(f"{filled.slug}_owner")
        owner.execute(sql.SQL("SET ROLE {}").format(role))
        owner.commit()
        for harm in ("UPDATE", "DELETE", "TRUNCATE"):
            said = _refusal(owner, _of_owner(harm, table, columns[table]))
            assert "append-only" in said, (harm, said)


def _of_owner(harm: str, table: str, column: str) -> sql.Composed:
    """A harm that is one: some rows may be made what they are."""
    name = sql.Identifier(*table.split("."))
    if harm == "UPDATE" and table in HEADS:
        return sql.SQL("UPDATE {} SET size = size - 1").format(name)
    if harm == "UPDATE" and table in PRUNED:
        return sql.SQL("UPDATE {} SET upto = upto - 256").format(name)
    if (harm, table) == ("UPDATE", "log.epochs"):
        return sql.SQL("UPDATE {} SET moved = moved - 1").format(name)
    return _harm(harm, table, column)


@pytest.mark.parametrize("login", [login for login in LOGINS if login != "writer"])
def test_only_the_writer_appends(filled: Database, login: str) -> None:
    """The function is the one way in, and one login's."""
    appender = filled.appender(filled.dsn(login))
    with pytest.raises(Exception, match="refuses what this program asks"):
        appender.append(a_draft("case/other"))


@pytest.mark.parametrize(
    ("login", "query"),
    [
        ("checkpointer", "SELECT state FROM log.records"),
        ("checkpointer", "SELECT wrap FROM log.wraps"),
        ("auditor", "SELECT state FROM log.records"),
        ("auditor", "SELECT wrap FROM log.wraps"),
        ("writer", "SELECT data FROM log.tiles"),
        ("migrator", "SELECT index FROM log.records"),
        ("reader", "SELECT stream_id FROM log.tokens"),
        ("checkpointer", "SELECT name FROM log.files"),
        ("projector", "SELECT log.keep_file_key('')"),
        ("auditor", "SELECT state FROM log.custody"),
        ("auditor", "SELECT wrap FROM log.file_wraps"),
        ("auditor", "SELECT wrap FROM log.file_key"),
        ("auditor", "SELECT tag FROM log.files"),
        ("reader", "SELECT log.keep_file_key('')"),
        ("reader", "SELECT log.keep_file(gen_random_uuid(), '', '', '', '', '')"),
        ("reader", "SELECT log.note_custody(gen_random_uuid(), 2, '', '', '')"),
        ("checkpointer", "SELECT log.note_custody(gen_random_uuid(), 2, '', '', '')"),
        ("reader", "SELECT challenge FROM sec.challenges"),
        ("reader", "CREATE TABLE proj.mine (a int)"),
        ("writer", "CREATE TABLE public.mine (a int)"),
        ("reader", "SELECT xmin FROM log.records"),
        ("reader", "SELECT lo_create(0)"),
        ("reader", "SELECT lo_from_bytea(0, 'x')"),
        ("auditor", "SELECT pg_stat_get_activity(NULL)"),
        ("projector", "SELECT pg_stat_get_db_xact_commit(oid) FROM pg_database"),
        ("projector", "SELECT log.checkpoint(NULL, 1, '', '', '{}', '{}', '{}', '{}')"),
    ],
)  # fmt: skip
def test_a_login_sees_no_more_than_its_part(filled: Database, login: str, query: str) -> None:
    """The column "may not" of access.md §3, as far as the tables of this log go."""
    with (
        psycopg.connect(filled.dsn(login)) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(query.encode())


WRAP, STATE = b"\x01" + bytes(76), b"\x01" + bytes(600)


@pytest.mark.parametrize("length", [0, 76, 78, 1_000_000])
def test_only_a_wrap_fits_where_a_file_key_is_kept(filled: Database, length: int) -> None:
    """Junk kept there would be a file that nobody can open (formats.md §5)."""
    junk = bytes(length)
    keep = "SELECT log.keep_file(gen_random_uuid(), %s, %s, %s, %s, %s)"
    with psycopg.connect(filled.dsn("writer")) as connection:
        for wraps in ((junk, WRAP), (WRAP, junk)):
            with pytest.raises(psycopg.errors.CheckViolation), connection.transaction():
                connection.execute(keep, [bytes(32), wraps[0], bytes(32), STATE, wraps[1]])
        with pytest.raises(psycopg.errors.CheckViolation), connection.transaction():
            connection.execute("SELECT log.keep_file_key(%s)", [junk])


@pytest.mark.parametrize(
    ("entry", "state", "wrap"),
    [
        (bytes(31), STATE, WRAP),
        (bytes(32), b"", WRAP),
        (bytes(32), b"\x01" + bytes(1_000_000), WRAP),
        (bytes(32), b"\x02" + bytes(28 + 2048), WRAP),
        (bytes(32), b"\x07" + bytes(600), WRAP),
        (bytes(32), STATE, WRAP + b"\0"),
        (bytes(32), STATE, bytes(77)),
    ],
    ids=range(7),  # a million bytes are no name of a test
)
def test_only_the_form_of_an_event_is_noted_of_a_file(
    filled: Database, entry: bytes, state: bytes, wrap: bytes
) -> None:
    """What is kept there stays for ever, and every reader of the file passes over it."""
    name = "00000000-0000-4000-8000-000000000000"
    keep = "SELECT log.keep_file(%s, %s, %s, %s, %s, %s)"
    note = "SELECT log.note_custody(%s, 2, %s, %s, %s)"
    with psycopg.connect(filled.dsn("writer")) as connection:
        with pytest.raises(psycopg.errors.CheckViolation), connection.transaction():
            connection.execute(keep, [name, bytes(32), WRAP, entry, state, wrap])
        connection.execute(keep, [name, bytes(32), WRAP, bytes(32), STATE, WRAP])
        with pytest.raises(psycopg.errors.CheckViolation), connection.transaction():
            connection.execute(note, [name, entry, state, wrap])
        assert connection.execute(note, [name, bytes(32), STATE, WRAP]).fetchone() == (True,)
        connection.rollback()


def test_rows_of_views_are_the_projectors_and_tables_nobodys_who_logs_in(filled: Database) -> None:
    """It writes, the reader reads; what owns the tables cannot log in."""
    with psycopg.connect(filled.dsn("projector"), autocommit=True) as connection:
        connection.execute(
            "INSERT INTO proj.counted (gen, stream, comp, acts)"
            " VALUES (9, 'programme/x', gen_random_uuid(), 1)"
        )
        connection.execute("UPDATE proj.counted SET acts = 2 WHERE gen = 9")
    with psycopg.connect(filled.dsn("reader")) as connection:
        seen = connection.execute("SELECT acts FROM proj.counted WHERE gen = 9").fetchall()
        assert seen == [(2,)]
    with psycopg.connect(filled.admin) as connection:
        owners = connection.execute(
            "SELECT DISTINCT tableowner, rolcanlogin FROM pg_tables"
            " JOIN pg_roles ON rolname = tableowner WHERE schemaname = 'proj'"
        ).fetchall()
        assert owners == [(f"{filled.slug}_views", False)]
    with psycopg.connect(filled.dsn("projector"), autocommit=True) as connection:
        connection.execute("DELETE FROM proj.counted WHERE gen = 9")


def test_one_enclaves_logins_do_not_enter_anothers_database(
    filled: Database, database: Database
) -> None:
    """In one cluster a database each, and no way across (access.md P0)."""
    for login in LOGINS:
        foreign = psycopg.conninfo.make_conninfo(filled.dsn(login), dbname=database.slug)
        with pytest.raises(psycopg.OperationalError, match="permission denied"):
            psycopg.connect(foreign)


@pytest.mark.parametrize("common", ["postgres", "template1"])
def test_no_login_enters_the_databases_a_cluster_begins_with(filled: Database, common: str) -> None:
    """What belongs to nobody is where the logins of two enclaves could meet."""
    for login in LOGINS:
        there = psycopg.conninfo.make_conninfo(filled.dsn(login), dbname=common)
        with pytest.raises(psycopg.OperationalError, match="permission denied"):
            psycopg.connect(there)


def test_a_wrong_password_opens_nothing(filled: Database) -> None:
    """Nobody is trusted for being local."""
    wrong = psycopg.conninfo.make_conninfo(filled.dsn("writer"), password="wrong")  # noqa: S106 - no password of anything
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(wrong)
