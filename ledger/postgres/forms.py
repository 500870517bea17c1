"""Rows that the shipped schema would never have let in.

A constraint that is there today says nothing about the rows that came while it was not. So every
NOT NULL, CHECK, key and unique index of the shipped definitions is asked of the rows themselves, of
each table and column that the login may read. A table that a later migration brings is asked too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, LiteralString

import psycopg
from psycopg import sql

from ledger.checks.tables import Misfit
from ledger.postgres import definitions

_MOST: Final = 100
_READABLE: Final[LiteralString] = """
SELECT n.nspname || '.' || c.relname, a.attname
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE n.nspname IN ('log', 'sec') AND c.relkind = 'r'
  AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
  AND pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT')
"""
_COLUMN: Final = re.compile(r"column (\w+\.\w+)\.(\w+) .*? not null(?: .*)?")
_CHECK: Final = re.compile(r"constraint (\w+\.\w+) (\w+) CHECK \((.*)\)")
_UNIQUE: Final = re.compile(
    r"index CREATE UNIQUE INDEX (\w+) ON (\w+\.\w+) USING \w+ \(([\w, ]+)\)(?: WHERE (.*))?"
)
_WORD: Final = re.compile(r"\w+")
_PLACE: Final = "index"


@dataclass(slots=True)
class _Table:
    """What is asked of the rows of one table."""

    name: str
    readable: frozenset[str]
    rules: list[tuple[str, str]] = field(default_factory=list)  # name, what a bad row fulfils
    keys: list[tuple[str, str, str]] = field(default_factory=list)  # name, columns, which rows

    def questions(self) -> Iterator[sql.Composed]:
        """Bad rows, as (table, index, rules broken)."""
        place = f'"{_PLACE}"' if _PLACE in self.readable else "NULL"
        parts = {"name": sql.Literal(self.name), "table": sql.Identifier(*self.name.split("."))}
        if self.rules:
            yield sql.SQL(
                "(SELECT {name}, {place}::bigint, array_remove(ARRAY[{named}], NULL)"
                " FROM {table} WHERE {bad} LIMIT {most})"
            ).format(
                **parts,
                place=_trusted(place),
                named=sql.SQL(", ").join(
                    sql.SQL("CASE WHEN {} THEN {} END").format(_trusted(bad), sql.Literal(name))
                    for name, bad in self.rules
                ),
                bad=sql.SQL(" OR ").join(_trusted(bad) for _, bad in self.rules),
                most=sql.Literal(_MOST),
            )
        for name, columns, which in self.keys:
            yield sql.SQL(
                "(SELECT {name}, min({place})::bigint, ARRAY[{key}] FROM {table} WHERE {which}"
                " GROUP BY {columns} HAVING count(*) > 1 LIMIT {most})"
            ).format(
                **parts,
                place=_trusted(place),
                key=sql.Literal(name),
                which=_trusted(which),
                columns=_trusted(columns),
                most=sql.Literal(_MOST),
            )


def _trusted(text: str) -> sql.SQL:
    """Text of the file that this program ships, made by a server from this program's schema."""
    return sql.SQL(text)  # pyright: ignore[reportArgumentType]


def misfits(connection: psycopg.Connection[tuple[Any, ...]]) -> list[Misfit]:
    """Rows of `log` and `sec` that break a rule of the shipped schema, some of each table.

    Args:
        connection: In a transaction; its `search_path` is pinned.
    """
    readable: dict[str, set[str]] = {}
    for table, column in connection.execute(_READABLE).fetchall():
        readable.setdefault(table, set()).add(column)
    tables = {name: _Table(name, frozenset(columns)) for name, columns in readable.items()}
    _gather(tables, definitions.own("shipped"))
    asked = [question for table in tables.values() for question in table.questions()]
    if not asked:
        return []
    connection.execute(definitions.PINNED)
    rows = connection.execute(sql.SQL(" UNION ALL ").join(asked)).fetchall()
    return [Misfit(table, at, tuple(broken)) for table, at, broken in rows]


def _gather(tables: dict[str, _Table], lines: Iterable[str]) -> None:
    for line in lines:
        if found := _COLUMN.fullmatch(line):
            table = _asked(tables, found[1], [found[2]])
            if table is not None:
                table.rules.append((f"{found[2]} not null", f'"{found[2]}" IS NULL'))
        elif found := _CHECK.fullmatch(line):
            table = tables.get(found[1])
            if table is not None and not _hidden(table, found[3], lines):
                table.rules.append((found[2], f"NOT ({found[3]})"))
        elif found := _UNIQUE.fullmatch(line):
            columns = _WORD.findall(found[3])
            table = _asked(tables, found[2], columns)
            if table is not None and not _hidden(table, found[4] or "", lines):
                quoted = ", ".join(f'"{column}"' for column in columns)
                table.keys.append((found[1], quoted, found[4] or "true"))


def _asked(tables: dict[str, _Table], name: str, columns: Sequence[str]) -> _Table | None:
    table = tables.get(name)
    return table if table is not None and table.readable.issuperset(columns) else None


def _hidden(table: _Table, expression: str, lines: Iterable[str]) -> bool:
    """Whether an expression speaks of a column that this login does not read."""
    prefix = f"column {table.name}."
    columns = {line[len(prefix) :].split(" ")[0] for line in lines if line.startswith(prefix)}
    return not table.readable.issuperset(columns & set(_WORD.findall(expression)))
