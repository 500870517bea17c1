"""The migrator's login in other hands: it becomes the owner, and the owner sets traps.

Whoever owns the database may do to it what `log audit` names; what is tried here is what such a
thief leaves behind for a login that is none of the owner's: the administrator who puts things right
again, and the processes that serve.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, LiteralString

import psycopg
import pytest
from psycopg import sql

from api.ops.embedded_postgres import SUPERUSER, Embedded
from ledger.errors import Fatal
from ledger.postgres import definitions, migrate
from ledger.postgres.checkpoints import discard
from ledger.postgres.keeping.sweep import sweep
from tests.attacks import attack
from tests.examples import share
from tests.fixtures.postgres import Database, install_database

pytestmark = pytest.mark.postgres

#: As whoever looks a name up: an administrator makes the thief one as well.
_TRAP: Final[LiteralString] = """
CREATE FUNCTION {place}.sprung() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  ALTER ROLE {thief} SUPERUSER;
  RETURN false;
EXCEPTION WHEN insufficient_privilege THEN
  RETURN false;
END $$;
CREATE FUNCTION {place}.same(oid, regnamespace) RETURNS boolean LANGUAGE sql AS 'SELECT {place}.sprung()';
CREATE OPERATOR {place}.= (LEFTARG = oid, RIGHTARG = regnamespace, FUNCTION = {place}.same);
CREATE FUNCTION {place}.to_regclass(text) RETURNS regclass LANGUAGE sql AS
  'SELECT CASE WHEN {place}.sprung() THEN NULL ELSE pg_catalog.to_regclass($1) END';
CREATE FUNCTION {place}.pg_current_xact_id() RETURNS xid8 LANGUAGE sql AS
  'SELECT CASE WHEN {place}.sprung() THEN NULL ELSE pg_catalog.pg_current_xact_id() END';
GRANT USAGE ON SCHEMA {place} TO PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA {place} TO PUBLIC;
"""  # noqa: E501 - SQL
TRAPS: Final[dict[str, tuple[str, tuple[LiteralString, ...]]]] = {
    "a setting of the database": (
        "traps",
        (
            "CREATE SCHEMA traps",
            _TRAP,
            "ALTER DATABASE {database} SET search_path = traps, pg_catalog",
        ),
    ),
    "a schema of the administrator's name": (SUPERUSER, ("CREATE SCHEMA {place}", _TRAP)),
    "the schema public": ("public", (_TRAP,)),
}


@pytest.fixture
def installed(postgres_server: Embedded) -> Iterator[Database]:
    """An enclave's own roles: what is done to them is met by no other test."""
    made = install_database(postgres_server)
    yield made
    with psycopg.connect(made.server.dsn(), autocommit=True) as admin:
        thief = sql.Identifier(f"{made.slug}_migrator")
        admin.execute(sql.SQL("ALTER ROLE {} NOSUPERUSER").format(thief))
    made.close()


def _as_owner(database: Database, *statements: LiteralString, place: str = "traps") -> None:
    """What whoever has the migrator's login says as the owner."""
    names = {
        "place": sql.Identifier(place),
        "thief": sql.Identifier(f"{database.slug}_migrator"),
        "reader": sql.Identifier(f"{database.slug}_reader"),
        "archiver": sql.Identifier(f"{database.slug}_archiver"),
        "database": sql.Identifier(database.name),
    }
    with psycopg.connect(database.dsn("migrator"), autocommit=True) as thief:
        thief.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(f"{database.slug}_owner")))
        for statement in statements:
            thief.execute(sql.SQL(statement).format(**names))


def _is_superuser(database: Database) -> bool:
    with psycopg.connect(database.server.dsn()) as admin:
        asked = "SELECT rolsuper FROM pg_roles WHERE rolname = %s"
        row = admin.execute(asked, [f"{database.slug}_migrator"]).fetchone()
    return row == (True,)


def _altered(database: Database) -> list[str]:
    with psycopg.connect(database.dsn("auditor")) as auditor:
        return [one.line for one in definitions.altered(auditor, database.slug)]


def _migrate(database: Database) -> None:
    """What `socai migrate` does in the database."""
    migrate.ahead(database.server.dsn(), database.name, database.slug)
    migrate.install(database.server.dsn(), database.slug, database.passwords, rehearsal=True)


@attack(
    "a thief of the migrator's login makes himself a superuser by the next `socai migrate`",
    stopped_by="a name means what the server means by it, in every session of the administrator",
    noticed_by="log audit: definitions as shipped",
)
@pytest.mark.parametrize("trap", share(list(TRAPS), 3, "traps"))
def test_the_administrator_runs_nothing_of_the_owners(installed: Database, trap: str) -> None:
    """Nor by the sweep behind a turn; and the audit names where names would be looked up."""
    place, harms = TRAPS[trap]
    _as_owner(installed, *harms, place=place)
    assert [line for line in _altered(installed) if place in line]
    sweep(installed.server.dsn(), installed.name)
    _migrate(installed)
    assert not _is_superuser(installed)


@attack(
    "a thief of the migrator's login puts a view where the administrator reads a table",
    stopped_by="what an administrator reads is a table, and is held as one while he does",
    noticed_by="the command; log audit: definitions as shipped",
)
def test_no_view_is_read_as_a_table(installed: Database) -> None:
    """A view's functions run as whoever reads it."""
    _as_owner(
        installed,
        "CREATE SCHEMA traps",
        _TRAP,
        "ALTER TABLE log.migrations RENAME TO noted",
        "CREATE VIEW log.migrations AS SELECT number, name, sha256 FROM log.noted"
        " WHERE NOT traps.sprung()",
    )
    with pytest.raises(Fatal, match=r"log\.migrations is no table"):
        _migrate(installed)
    assert not _is_superuser(installed)


@attack(
    "a thief of the migrator's login has a trigger run as the superuser who takes checkpoints away",
    stopped_by="`log discard` touches nothing where the log's definitions are not as shipped",
    noticed_by="the command; log audit: definitions as shipped",
)
def test_nothing_is_taken_away_past_a_trap(installed: Database) -> None:
    """One that is always enabled fires past `session_replication_role` too."""
    _as_owner(
        installed,
        "CREATE SCHEMA traps",
        _TRAP,
        "CREATE FUNCTION traps.fired() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN PERFORM traps.sprung(); RETURN NULL; END'",
        "CREATE TRIGGER trap BEFORE DELETE ON log.checkpoints EXECUTE FUNCTION traps.fired()",
        "ALTER TABLE log.checkpoints ENABLE ALWAYS TRIGGER trap",
    )
    with pytest.raises(Fatal, match="definitions are not as shipped"):
        discard(installed.admin, installed.slug, lambda *_: True, lambda *_: None, bare=True)
    assert not _is_superuser(installed)


@attack(
    "a thief of the migrator's login has every process run his code: a setting of the database",
    stopped_by="a login begins with the server's names alone, which is the administrator's to say",
    noticed_by="log audit: definitions as shipped",
)
def test_no_login_looks_names_up_where_the_owner_says(installed: Database) -> None:
    """Neither by a setting of the database nor by a schema of the login's name."""
    _as_owner(installed, "ALTER DATABASE {database} SET search_path = traps, pg_catalog")
    for login in migrate.LOGINS:
        with psycopg.connect(installed.dsn(login)) as connection:
            row = connection.execute("SHOW search_path").fetchone()
        assert row == ("pg_catalog, pg_temp",), login


LEFT: Final[dict[str, tuple[LiteralString, LiteralString, bool]]] = {
    "sessions that may not write": (
        "ALTER DATABASE {database} SET default_transaction_read_only = on",
        "database set default_transaction_read_only",
        True,
    ),
    "a login that may make schemas": (
        "GRANT CREATE, TEMPORARY ON DATABASE {database} TO {reader}",
        "grant CREATE on the database",
        True,
    ),
    "rights that one login gave another": (
        (
            "GRANT CREATE ON DATABASE {database} TO {thief} WITH GRANT OPTION; SET ROLE {thief};"
            "GRANT CREATE ON DATABASE {database} TO {reader}"
        ),
        "grant CREATE on the database",
        True,
    ),
    "everybody may enter": (
        "GRANT CONNECT ON DATABASE {database} TO PUBLIC",
        "grant CONNECT on the database to PUBLIC",
        True,
    ),
    "somebody who is none of the enclave's may enter": (
        "GRANT CONNECT ON DATABASE {database} TO pg_signal_backend",
        "grant CONNECT on the database to pg_signal_backend",
        True,
    ),
    "who takes base copies may enter": (
        "GRANT CONNECT ON DATABASE {database} TO {archiver}",
        "grant CONNECT on the database to ",
        True,
    ),
    "a publication, which rows without a key cannot be changed under": (
        "CREATE PUBLICATION heard FOR TABLE log.log_head",
        "publication relation log.log_head",
        False,
    ),
    "an operator": (
        "CREATE OPERATOR log.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = texteq)",
        "operator log.===",
        False,
    ),
    "a cast": ("CREATE CAST (log.records AS text) WITH INOUT", "cast (log.records AS", False),
    "a schema": ("CREATE SCHEMA {place}", "schema traps owner", False),
    "a table beside": (
        "CREATE TABLE public.copied AS TABLE log.records",
        "relation public.",
        False,
    ),
}


@attack(
    "a thief of the migrator's login leaves behind what is in none of the log's schemas",
    stopped_by="-",
    noticed_by="log audit: definitions as shipped; `socai migrate` puts back the database's own",
)
@pytest.mark.parametrize("name", share(list(LEFT), 3, "left"))
def test_what_the_owner_leaves_behind_is_named(installed: Database, name: str) -> None:
    """What hangs on the database itself is put back by an installation, which gets in as well."""
    harm, line, put_back = LEFT[name]
    assert not _altered(installed)
    _as_owner(installed, harm)
    assert [one for one in _altered(installed) if one.startswith(line)], _altered(installed)
    _migrate(installed)
    assert not put_back or not _altered(installed)


@attack(
    "a thief of the migrator's login lets nobody enter the database, nor finish a statement",
    stopped_by="-",
    noticed_by="readiness; `socai migrate` puts both back",
)
def test_an_installation_opens_a_database_that_was_closed(installed: Database) -> None:
    """What stands in the way of every login would stand in the installer's own way too."""
    _as_owner(
        installed,
        "ALTER DATABASE {database} SET statement_timeout = 1",
        "ALTER DATABASE {database} SET default_transaction_read_only = on",
        "ALTER DATABASE {database} CONNECTION LIMIT 0",
    )
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(installed.dsn("auditor"))
    _migrate(installed)
    assert not _altered(installed)
