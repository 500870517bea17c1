"""A dishonest owner changes no row: a function, a trigger, a policy or a grant does it for him."""

# ruff: noqa: ISC004 - long lines of SQL
from __future__ import annotations

from collections.abc import Iterator
from typing import LiteralString

import orjson
import psycopg
import pytest
from click.testing import CliRunner, Result

from api.cli.main import main
from api.ops.embedded_postgres import Embedded
from ledger.postgres import definitions
from projections.checks.rebuild_comparison import altered_definitions
from tests.attacks import attack
from tests.definitions import told
from tests.examples import share
from tests.fixtures.app import Service
from tests.fixtures.postgres import Database, install_database, make_database

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def installed(postgres_server: Embedded) -> Iterator[Database]:
    """A database whose definitions every test here leaves as they were."""
    made = install_database(postgres_server)
    yield made
    made.close()


def test_the_shipped_lists_are_what_a_fresh_database_tells(installed: Database) -> None:
    """After a change of the schema: `python -m tests.definitions` writes them anew."""
    for path, text in told(installed).items():
        assert path.read_text(encoding="utf-8") == text, path.name


_ON_ITSELF = (
    "SELECT datdba::regrole::text, d.encoding, d.datcollate, d.datctype,"
    " (SELECT array_agg(a::text ORDER BY a::text) FROM unnest(d.datacl) a),"
    " (SELECT array_agg((s.setrole::regrole::text, s.setconfig)::text ORDER BY s.setrole)"
    " FROM pg_db_role_setting s WHERE s.setdatabase = d.oid)"
    " FROM pg_database d WHERE datname = current_database()"
)


@pytest.mark.parametrize("rehearsal", [True, False])
def test_what_tests_copy_is_what_an_installation_makes(
    postgres_server: Embedded, *, rehearsal: bool
) -> None:
    """Else every test of a right would be one of a database that nobody runs."""
    found = []
    for made in (install_database, make_database, make_database):
        database = made(postgres_server, rehearsal=rehearsal)
        with psycopg.connect(database.admin) as connection:
            row = connection.execute(_ON_ITSELF).fetchone()
            kind = connection.execute("SELECT rehearsal FROM log.enclave").fetchall()
        found.append((str(row).replace(database.slug, "{slug}"), kind, told(database)))
        database.close()
    assert found[1:] == found[:1] * 2


HARMS: dict[str, tuple[LiteralString, LiteralString]] = {
    "append takes anything": (
        "CREATE OR REPLACE FUNCTION log.checkpoint(_old bigint, _size bigint, _root bytea,"
        " _note bytea,"
        " _levels smallint[], _ns bigint[], _widths smallint[], _data bytea[]) RETURNS boolean"
        " LANGUAGE sql AS 'SELECT true'",
        "function log.checkpoint(",
    ),
    "a helper that nobody shipped": (
        "CREATE FUNCTION log.shrink() RETURNS void LANGUAGE sql SECURITY DEFINER"
        " AS 'DELETE FROM log.wraps'",
        "function log.shrink(",
    ),
    "search path of a function": (
        "ALTER FUNCTION sec.attempt(text, int, int) SET search_path = public",
        "function sec.attempt(",
    ),
    "trigger off": (
        "ALTER TABLE log.records DISABLE TRIGGER append_only",
        "trigger CREATE TRIGGER append_only",
    ),
    "trigger gone": (
        "DROP TRIGGER append_only ON log.enclave",
        "trigger CREATE TRIGGER append_only",
    ),
    "trigger added": (
        "CREATE TRIGGER more BEFORE INSERT ON log.records EXECUTE FUNCTION log.refuse()",
        "trigger CREATE TRIGGER more",
    ),
    "rows hidden from one login": (
        "CREATE POLICY less ON log.records AS RESTRICTIVE FOR SELECT USING (index < 10)",
        "policy less on log.records",
    ),
    "another's rows shown before it is asked whose they are": (
        "ALTER VIEW sec.shown RESET (security_barrier)",
        "relation sec.shown",
    ),
    "the whole audience shown": (
        "CREATE OR REPLACE VIEW sec.shown AS SELECT comp, act, true AS whole FROM sec.audience",
        "rule _RETURN on sec.shown",
    ),
    "row security off": (
        "ALTER TABLE log.wraps NO FORCE ROW LEVEL SECURITY",
        "relation log.wraps",
    ),
    "a check dropped": (
        "ALTER TABLE log.log_head DROP CONSTRAINT log_head_time",
        "constraint log.log_head log_head_time",
    ),
    "a check that asks no old row": (
        "ALTER TABLE log.tiles DROP CONSTRAINT tiles_check;"
        " ALTER TABLE log.tiles ADD CONSTRAINT tiles_check CHECK (octet_length(data) = 32 * width)"
        " NOT VALID",
        "constraint log.tiles tiles_check",
    ),
    "null allowed": (
        "ALTER TABLE log.records ALTER registry DROP NOT NULL",
        "column log.records.registry",
    ),
    "a default": (
        "ALTER TABLE log.custody ALTER seq SET DEFAULT 1",
        "column log.custody.seq",
    ),
    "an index dropped": (
        "DROP INDEX log.records_act",
        "index CREATE UNIQUE INDEX records_act",
    ),
    "a table added": ("CREATE TABLE log.shadow (index bigint)", "relation log.shadow"),
    "a table dropped": ("DROP TABLE log.cosignatures", "relation log.cosignatures"),
    "a rule": (
        "CREATE RULE quiet AS ON INSERT TO log.custody DO INSTEAD NOTHING",
        "rule quiet on log.custody",
    ),
    "a right given": ("GRANT DELETE ON log.wraps TO {reader}", "grant DELETE on log.wraps"),
    "a right to everybody": (
        "GRANT EXECUTE ON FUNCTION log.refuse() TO PUBLIC",
        "grant EXECUTE on function log.refuse",
    ),
    "a right taken": (
        "REVOKE SELECT (entry) ON log.records FROM {auditor}",
        "grant SELECT (",
    ),
    "a login above the policies": ("ALTER ROLE {reader} BYPASSRLS", "role {reader} login"),
    "a login that becomes the owner": ("GRANT {owner} TO {writer}", "role {writer} is in {owner}"),
    "a login that may make itself the owner": (
        "GRANT {owner} TO {writer} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE",
        "role {writer} is in {owner}",
    ),
    "a stranger who may make himself the owner": (
        "CREATE ROLE stranger LOGIN;"
        " GRANT {owner} TO stranger WITH ADMIN TRUE, INHERIT FALSE, SET FALSE",
        "role stranger is in {owner}",
    ),
    "a login that may copy the cluster": ("ALTER ROLE {reader} REPLICATION", "role {reader} login"),
    "where a login's names are looked up": (
        "ALTER ROLE {writer} SET search_path = public",
        "role {writer} set search_path",
    ),
    "code that runs by itself": (
        "CREATE FUNCTION public.listen() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';"
        " CREATE EVENT TRIGGER ear ON ddl_command_end EXECUTE FUNCTION public.listen()",
        "event trigger ear",
    ),
    "a migration edited": (
        "UPDATE log.migrations SET sha256 = sha256('edited') WHERE number = 1",
        "migration 1 ",
    ),
    "a migration that never was": (
        "INSERT INTO log.migrations VALUES (99, '0099_later.sql', sha256('x'))",
        "migration 99 ",
    ),
}


@attack(
    "the owner of the database gives a function, trigger, policy or grant another meaning",
    stopped_by="-",
    noticed_by="log audit: definitions as shipped",
)
@pytest.mark.parametrize("name", share(list(HARMS), 2, "definitions"))
def test_definitions_that_are_not_as_shipped_are_named(installed: Database, name: str) -> None:
    """No row is touched, so nothing in the tree tells; any login that reads can ask."""
    harm, line = (_filled(text, installed.slug) for text in HARMS[name])
    with psycopg.connect(installed.admin) as connection:
        connection.execute("SET session_replication_role = replica")
        assert definitions.altered(connection, installed.slug) == []
        connection.execute(harm.encode())
        named = definitions.altered(connection, installed.slug)
        connection.rollback()
    assert any(a.line.startswith(line) for a in named), named


@attack(
    "the owner of the database notes a migration with no name, so that who asks is told nothing",
    stopped_by="-",
    noticed_by="log audit: definitions as shipped, and which migrations the database names",
)
@pytest.mark.parametrize(("number", "name"), [("99", "99"), ("NULL", None)])
def test_a_planted_migration_ends_no_question(
    installed: Database, number: str, name: str | None
) -> None:
    """Neither its name nor its number is read out of a line."""
    with psycopg.connect(installed.admin) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("ALTER TABLE log.migrations DROP CONSTRAINT migrations_pkey")
        connection.execute("ALTER TABLE log.migrations DROP CONSTRAINT migrations_sha256_check")
        connection.execute("ALTER TABLE log.migrations ALTER COLUMN number DROP NOT NULL")
        plant = f"INSERT INTO log.migrations VALUES ({number}, '', '')"  # noqa: S608 - of this file
        connection.execute(plant.encode())
        found = definitions.altered(connection, installed.slug)
        connection.rollback()
    assert any(one.line.startswith("migration ") for one in found), found
    assert definitions.of_a_newer_program(found) == ([] if name is None else [name])


def _filled(text: str, slug: str) -> str:
    for role in ("owner", "reader", "writer", "auditor"):
        text = text.replace(f"{{{role}}}", f"{slug}_{role}")
    return text


@attack(
    "whoever owns the views puts a function, a view or a trigger among them",
    stopped_by="-",
    noticed_by="log audit: definitions as shipped",
)
@pytest.mark.parametrize(
    "harm",
    [
        "CREATE FUNCTION proj.acts() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "ALTER TABLE proj.acts RENAME TO rest; CREATE VIEW proj.acts AS TABLE proj.rest",
        "ALTER TABLE proj.tasks ALTER n TYPE bigint",
        "GRANT INSERT ON proj.views TO PUBLIC",
    ],
    ids=["function", "view", "column", "grant"],
)
def test_what_is_among_the_views_is_named(installed: Database, harm: LiteralString) -> None:
    """The API reads from there as reader: what it runs must be what this program made."""
    told(installed)
    with psycopg.connect(installed.admin) as connection:
        assert altered_definitions(connection, installed.slug) == []
        connection.execute(harm)
        assert altered_definitions(connection, installed.slug)
        connection.rollback()


def _audited(service: Service, *options: str) -> Result:
    env = {"SOCAI_HOME": str(service.settings.home)}
    return CliRunner().invoke(main, ["--lang", "en", "log", "audit", *options], env=env)


@attack(
    "the owner replaces log.append and the audit is asked by command",
    stopped_by="-",
    noticed_by="log audit: exit 1 and the definition",
)
def test_the_command_names_what_is_not_as_shipped(service: Service) -> None:
    """By a sentence and exit 1, never a trace; also where a table is gone."""
    keys = [word for vkey in service.enclave.vkeys for word in ("--vkey", vkey)]
    alone = ("--no-views", "--workers", "0", *keys)
    before = _audited(service, *alone)
    assert before.exit_code == 0, before.output
    with psycopg.connect(service.database.admin) as connection:
        connection.execute("ALTER TABLE log.records DISABLE TRIGGER append_only")
    told = _audited(service, *alone)
    assert (told.exit_code, "is not as shipped" in told.output) == (1, True), told.output
    assert "append_only" in told.output
    found = orjson.loads(_audited(service, *alone, "--json").stdout)
    assert (found["ok"], found["findings"]) == (False, [])
    assert {one["where"] for one in found["definitions"]} == {"missing", "extra"}
    assert _audited(service, *alone, "--no-definitions").exit_code == 0
    with psycopg.connect(service.database.admin) as connection:
        connection.execute("DROP TABLE log.cosignatures")
    gone = _audited(service, *alone)
    assert (gone.exit_code, "relation log.cosignatures" in gone.output) == (1, True), gone.output
    assert isinstance(gone.exception, SystemExit)
