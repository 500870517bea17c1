"""Rows that the shipped schema would never have let in.

A constraint that is there today says nothing about the rows that came while it was not. So every
NOT NULL, CHECK, key and unique index of the shipped definitions is asked of the rows themselves, of
each table and column that the login may read. A table that a later migration brings is asked too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, Final, LiteralString, NamedTuple

import psycopg
from psycopg import sql

from ledger.audit.tables import Misfit
from ledger.postgres import definitions

_MOST: Final = 100
_READABLE: Final[LiteralString] = """
SELECT n.nspname || '.' || c.relname, a.attname
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE n.nspname IN ('log', 'sec', 'access') AND c.relkind = 'r'
  AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
  AND pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT')
"""
_COLUMN: Final = re.compile(r"column (\w+\.\w+)\.(\w+) [^\n]*?( not null)?(?: default .*)?")
_CHECK: Final = re.compile(r"constraint (\w+\.\w+) (\w+) CHECK \((.*)\)")
_UNIQUE: Final = re.compile(
    r"index CREATE UNIQUE INDEX (\w+) ON (\w+\.\w+) USING \w+ \(([\w, ]+)\)(?: WHERE (.*))?"
)
_WORD: Final = re.compile(r"\w+")
_PLACE: Final = "index"


class _Rule(NamedTuple):
    """A rule of a shipped table.

    Attributes:
        table: With its schema.
        name: How it is named.
        columns: What it speaks of.
        broken: What a row fulfils that breaks it; of a key, which rows it is asked of.
        key: Columns that tell the rows apart; empty for a rule about one row.
    """

    table: str
    name: str
    columns: frozenset[str]
    broken: str
    key: tuple[str, ...] = ()


def misfits(connection: psycopg.Connection[tuple[Any, ...]]) -> list[Misfit]:
    """Rows of every schema but the views' that break one of its rules, some of each table.

    Args:
        connection: In a transaction; its `search_path` is pinned.
    """
    readable: dict[str, set[str]] = {}
    for table, column in connection.execute(_READABLE).fetchall():
        readable.setdefault(table, set()).add(column)
    asked: dict[str, list[_Rule]] = {}
    for rule in _rules():
        if rule.columns <= readable.get(rule.table, set()):
            asked.setdefault(rule.table, []).append(rule)
    questions = [
        question
        for table, rules in asked.items()
        for question in _questions(table, rules, placed=_PLACE in readable[table])
    ]
    if not questions:
        return []
    connection.execute(definitions.PINNED)
    rows = connection.execute(sql.SQL(" UNION ALL ").join(questions)).fetchall()
    return [Misfit(table, at, tuple(broken)) for table, at, broken in rows]


@cache
def _rules() -> tuple[_Rule, ...]:
    """The rules of the shipped definitions."""
    lines = definitions.own("shipped")
    columns: dict[str, set[str]] = {}
    for found in filter(None, map(_COLUMN.fullmatch, lines)):
        columns.setdefault(found[1], set()).add(found[2])

    def named(table: str, expression: str | None) -> frozenset[str]:
        return frozenset(columns.get(table, set()) & set(_WORD.findall(expression or "")))

    rules: list[_Rule] = []
    for line in lines:
        if (column := _COLUMN.fullmatch(line)) and column[3]:
            table, name = column[1], column[2]
            broken = f'"{name}" IS NULL'
            rules.append(_Rule(table, f"{name} not null", frozenset({name}), broken))
        elif check := _CHECK.fullmatch(line):
            table, name, asked = check[1], check[2], check[3]
            rules.append(_Rule(table, name, named(table, asked), f"NOT ({asked})"))
        elif unique := _UNIQUE.fullmatch(line):
            table, which, key = unique[2], unique[4], tuple(_WORD.findall(unique[3]))
            spoken = named(table, which) | set(key)
            rules.append(_Rule(table, unique[1], spoken, which or "true", key))
    return tuple(rules)


def _questions(table: str, rules: Iterable[_Rule], *, placed: bool) -> Iterator[sql.Composed]:
    """Bad rows of a table, as (table, index, rules broken).

    Keys are asked for in order: for some groups in any order the server would go through an index,
    fetching every row of the table at random.
    """
    parts = {
        "name": sql.Literal(table),
        "table": sql.Identifier(*table.split(".")),
        "place": _trusted(f'"{_PLACE}"' if placed else "NULL"),
        "most": sql.Literal(_MOST),
    }
    single = [rule for rule in rules if not rule.key]
    if single:
        yield sql.SQL(
            "(SELECT {name}, {place}::bigint, array_remove(ARRAY[{named}], NULL)"
            " FROM {table} WHERE {bad} LIMIT {most})"
        ).format(
            **parts,
            named=sql.SQL(", ").join(
                sql.SQL("CASE WHEN {} THEN {} END").format(
                    _trusted(rule.broken), sql.Literal(rule.name)
                )
                for rule in single
            ),
            bad=sql.SQL(" OR ").join(_trusted(rule.broken) for rule in single),
        )
    for rule in rules:
        if rule.key:
            yield sql.SQL(
                "(SELECT {name}, min({place})::bigint, ARRAY[{rule}] FROM {table} WHERE {which}"
                " GROUP BY {columns} HAVING count(*) > 1 ORDER BY 2 LIMIT {most})"
            ).format(
                **parts,
                rule=sql.Literal(rule.name),
                which=_trusted(rule.broken),
                columns=sql.SQL(", ").join(map(sql.Identifier, rule.key)),
            )


def _trusted(text: str) -> sql.SQL:
    """Text of the file that this program ships, made by a server from this program's schema."""
    return sql.SQL(text)  # pyright: ignore[reportArgumentType]
