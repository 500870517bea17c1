"""Whoever has the projector's login writes rows of the views, and makes nothing that others run."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from api.ops.embedded_postgres import Embedded
from ledger.postgres.migrate import check
from projections.engine.generations import altered, require_installed
from tests.attacks import attack
from tests.fixtures.postgres import Database, make_database

pytestmark = pytest.mark.postgres
SWAPS = {
    "a view in a table's place": (
        "ALTER TABLE proj.acts RENAME TO rest;"
        " CREATE VIEW proj.acts WITH (security_invoker) AS SELECT * FROM proj.rest"
    ),
    "a view beside": "CREATE VIEW proj.acts2 AS SELECT 1",
    "a function": "CREATE FUNCTION proj.lower(text) RETURNS text LANGUAGE sql AS 'SELECT $1'",
    "an operator": "CREATE OPERATOR proj.= (FUNCTION = int4eq, LEFTARG = int, RIGHTARG = int)",
    "a table": "CREATE TABLE proj.mine (a int)",
    "a temporary table": "CREATE TEMP TABLE acts (a int)",
    "a child": "CREATE TABLE proj.mine () INHERITS (proj.acts)",
    "a column with a default that runs": (
        "ALTER TABLE proj.acts ADD COLUMN more int DEFAULT pg_backend_pid()"
    ),
    "a check that runs": "ALTER TABLE proj.acts ADD CHECK (pg_backend_pid() > 0)",
    "a trigger": (
        "CREATE TRIGGER t BEFORE INSERT ON proj.acts FOR EACH ROW"
        " EXECUTE FUNCTION suppress_redundant_updates_trigger()"
    ),
    "a rule": "CREATE RULE r AS ON INSERT TO proj.acts DO ALSO SELECT 1",
    "a policy": "CREATE POLICY p ON proj.acts USING (pg_backend_pid() > 0)",
    "no row security": "ALTER TABLE proj.acts DISABLE ROW LEVEL SECURITY",
    "a policy gone": "DROP POLICY ntk ON proj.acts",
    "an index of what runs": "CREATE INDEX i ON proj.acts ((md5(stream)))",
    "the table gone": "DROP TABLE proj.acts",
    "all rows at once": "TRUNCATE proj.acts",
    "another owner": "ALTER TABLE proj.acts OWNER TO CURRENT_USER",
    "the schema renamed": "ALTER SCHEMA proj RENAME TO other",
    "a schema": "CREATE SCHEMA other",
    "the owner of the views": "SET ROLE {slug}_views",
    "the owner of the log": "SET ROLE {slug}_owner",
}


@pytest.fixture(scope="module")
def taken(postgres_server: Embedded) -> Iterator[Database]:
    """A database as installed; no attempt leaves a mark."""
    made = make_database(postgres_server)
    yield made
    made.close()


@attack(
    "a taken projector login puts a function where the API reads a table",
    stopped_by="the tables are a role's that cannot log in",
    noticed_by="readiness, log audit",
)
@pytest.mark.parametrize("swap", SWAPS.values(), ids=SWAPS)
def test_nothing_is_put_where_a_table_is(taken: Database, swap: str) -> None:
    """The right is not there; what the API reads as reader stays a plain table."""
    query = swap.replace("{slug}", taken.slug).encode()
    with (
        psycopg.connect(taken.dsn("projector")) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(query)
    with psycopg.connect(taken.dsn("reader")) as connection:
        assert altered(connection) == []


def test_no_right_is_handed_on(taken: Database) -> None:
    """Of a grant without the right to grant the server only warns."""
    with psycopg.connect(taken.dsn("projector"), autocommit=True) as connection:
        connection.execute("GRANT ALL ON proj.acts TO PUBLIC")
    with psycopg.connect(taken.admin) as connection:
        asked = connection.execute("SELECT has_table_privilege('public', 'proj.acts', 'SELECT')")
        assert asked.fetchone() == (False,)


@pytest.mark.parametrize(
    "harm",
    [
        "CREATE FUNCTION proj.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "ALTER TABLE proj.acts DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE proj.acts FORCE ROW LEVEL SECURITY",
        "DROP POLICY ntk ON proj.acts",
        "ALTER POLICY ntk ON proj.acts USING (true)",
        "ALTER POLICY guards ON proj.acts TO PUBLIC",
        "CREATE POLICY more ON proj.acts FOR SELECT USING (true)",
        "CREATE POLICY less ON proj.acts AS RESTRICTIVE USING (false)",
        "ALTER TABLE proj.views ENABLE ROW LEVEL SECURITY",
        "ALTER FUNCTION proj.figures(date, date, timestamptz, date) SECURITY DEFINER",
        "ALTER FUNCTION proj.totals(int) RESET search_path",
        "CREATE FUNCTION proj.totals(text) RETURNS int LANGUAGE sql AS 'SELECT 1'",
    ],
)
def test_what_the_owner_of_the_views_does_is_named(postgres_server: Embedded, harm: str) -> None:
    """No login is the owner; whoever becomes it all the same is seen by readiness and audit."""
    database = make_database(postgres_server)
    with psycopg.connect(database.dsn("migrator"), autocommit=True) as connection:
        connection.execute(f"SET ROLE {database.slug}_views".encode())
        connection.execute(harm.encode())
    with psycopg.connect(database.dsn("reader")) as connection:
        assert altered(connection) in (["f"], ["acts"], ["views"], ["figures"], ["totals"])
    database.close()


def test_views_of_another_program_are_not_written(postgres_server: Embedded) -> None:
    """The projector says which, and makes no table itself; `migrate` does."""
    database = make_database(postgres_server)
    with psycopg.connect(database.admin, autocommit=True) as connection:
        connection.execute("UPDATE proj.views SET shape = 'x' WHERE view = 'acts'")
    with psycopg.connect(database.dsn("projector"), autocommit=True) as connection:
        check(connection)
        with pytest.raises(Exception, match="not this program's views: acts; run: socai migrate"):
            require_installed(connection)
        database.install()
        require_installed(connection)
    database.close()
