"""Expand, then contract: what a migration may do that older programs go on serving."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from ledger.postgres import migrate
from tests.rows import each, of

_FIRST: Final = 9
"""Before it no program served a newer schema."""
#: Migrations after the first that no older program may serve, each with the reason: the service is
#: stopped for them (docs/operate/upgrade.md).
STOPS: Final[Mapping[int, str]] = {
    10: "functions that an older program calls are replaced; 0009 of the same release stops it too",
    11: "a function that an older program calls is altered; 0009 of the same release stops it too",
    12: "a view is made anew that asks what it adds; 0009 of the same release stops it too",
    13: "a function that an older program calls is replaced; 0009 of the same release stops it too",
    14: "a function that an older program calls is replaced; 0009 of the same release stops it too",
    15: "functions that an older program calls are replaced; 0009 of the same release stops it too",
    16: "a column is added to tables that are there; 0009 of the same release stops it too",
    17: "a function that an older program calls is replaced; 0009 of the same release stops it too",
    18: "a function that an older program calls is replaced; 0009 of the same release stops it too",
    19: "functions that an older program calls are replaced; 0009 of the same release stops it too",
    20: "a function that an older program calls is replaced; 0009 of the same release stops it too",
    21: "a function that an older program calls is replaced; 0009 of the same release stops it too",
    22: "a function that an older program calls is replaced; 0009 of the same release stops it too",
}
_SPLIT: Final = re.compile(
    r"(--[^\n]*)|(\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)|('(?:[^']|'')*')|(;)|([^-$';]+|.)", re.DOTALL
)
_NAME: Final = r"(?P<name>[a-z_]+\.[a-z_]+)"
#: What adds, and stands in the way of nothing that an older program does.
_ADDS: Final = tuple(
    re.compile(pattern, re.DOTALL)
    for pattern in (
        rf"CREATE TABLE {_NAME}\b.*",
        rf"CREATE FUNCTION {_NAME}\b.*",
        r"GRANT .*",
        r"COMMENT ON .*",
    )
)
#: What adds where it is of a table that the same file makes.
_OF_OWN: Final = tuple(
    re.compile(pattern, re.DOTALL)
    for pattern in (
        rf"CREATE (UNIQUE )?INDEX [a-z_]+ ON {_NAME}\b.*",
        rf"CREATE TRIGGER [a-z_]+ .* ON {_NAME}\b.*",
        rf"CREATE POLICY [a-z_]+ ON {_NAME}\b.*",
        rf"ALTER TABLE {_NAME}\b.*",
        rf"INSERT INTO {_NAME}\b.*",
    )
)


def _statements(text: str) -> Iterator[str]:
    said = ""
    for match in _SPLIT.finditer(text):
        if match[5]:
            yield " ".join(said.split())
            said = ""
        elif not match[1]:
            said += match[0]
    yield " ".join(said.split())


def refused(text: str) -> list[str]:
    """The statements of a migration that do more than add."""
    own: set[str] = set()
    found = []
    for statement in filter(None, _statements(text)):
        adds = next(filter(None, (one.fullmatch(statement) for one in _ADDS)), None)
        if adds is not None and statement.startswith("CREATE TABLE"):
            own.add(adds["name"])
        inside = next(filter(None, (one.fullmatch(statement) for one in _OF_OWN)), None)
        if adds is None and (inside is None or inside["name"] not in own):
            found.append(statement)
    return found


def test_a_migration_that_older_programs_go_on_serving_only_adds() -> None:
    """Its name says which programs those are; every other one is listed, with the reason."""
    for one in migrate.shipped():
        if one.served_from is not None:
            assert one.served_from >= _FIRST, one.name
            assert one.served_from < one.number, one.name
            assert refused(one.text.decode()) == [], one.name
        elif one.number > _FIRST:
            assert one.number in STOPS, f"{one.name}: end it in .from_NNNN, or list why it stops"


def test_what_adds_is_told_from_what_does_not() -> None:
    """Whatever takes away, narrows, or writes where an older program does is refused."""
    taken = (
        "CREATE TABLE log.a (one int); INSERT INTO log.a VALUES (1);",
        "CREATE TABLE log.a (one int); CREATE UNIQUE INDEX x ON log.a (one);",
        "CREATE TABLE log.a (b int); CREATE TRIGGER t BEFORE UPDATE ON log.a EXECUTE FUNCTION f();",
        "CREATE TABLE log.a (one int); ALTER TABLE log.a ENABLE ROW LEVEL SECURITY;",
        "CREATE FUNCTION log.b() RETURNS int LANGUAGE sql AS $$ SELECT 1; SELECT 2 $$;",
        "-- DROP TABLE log.records;\nGRANT SELECT ON log.records TO {slug}_auditor;",
    )
    not_taken = (
        # rights are granted by column, and an older program that asks for all of them is refused
        "ALTER TABLE log.records ADD COLUMN more text;",
        "DROP TABLE log.records;",
        "DROP TRIGGER append_only ON log.tiles;",
        "CREATE OR REPLACE FUNCTION log.append() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$;",
        "ALTER TABLE log.records ADD COLUMN more text NOT NULL;",
        "ALTER TABLE log.records ADD COLUMN more text CHECK (more > 'a');",
        "ALTER TABLE log.records ADD CONSTRAINT c CHECK (index > 5);",
        "ALTER TABLE log.records RENAME COLUMN index TO place;",
        "ALTER TABLE log.records DROP COLUMN unit;",
        "CREATE UNIQUE INDEX x ON log.records (act_id);",
        "CREATE INDEX x ON log.records (act_id);",
        "CREATE TRIGGER t BEFORE INSERT ON log.records EXECUTE FUNCTION log.refuse();",
        "CREATE POLICY p ON log.records FOR SELECT USING (false);",
        "REVOKE SELECT ON log.records FROM {slug}_reader;",
        "UPDATE log.log_head SET size = 0;",
        "DELETE FROM log.tiles;",
        "INSERT INTO log.enclave VALUES (true, true, 'ordinary');",
        "DO $$ BEGIN NULL; END $$;",
        "SELECT 1;",
        "CREATE TABLE log.a (one int); DROP TABLE log.b;",
    )
    for text in each(taken):
        with of(text):
            assert refused(text) == []
    for text in each(not_taken):
        with of(text):
            assert len(refused(text)) == 1
