"""Single mutations of a database: what somebody who owns it could do to one table.

Which tables and columns there are is asked of the catalogue, so that one added later is mutated
too. A mutation is drawn from its seed and number alone and can be drawn again.
"""

# ruff: noqa: S608 - harm is put together as text; names come from the catalogue
from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import psycopg

Connection = psycopg.Connection[tuple[object, ...]]
_COLUMNS: Final = """
SELECT n.nspname || '.' || c.relname, a.attname,
  CASE WHEN y.typcategory = 'A' THEN 'array' ELSE y.typname END,
  EXISTS (
    SELECT FROM pg_index i
    WHERE i.indrelid = c.oid AND i.indisunique AND a.attnum = ANY (i.indkey))
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type y ON y.oid = a.atttypid
WHERE n.nspname = ANY (%s) AND c.relkind IN ('r', 'p') ORDER BY 1, a.attnum
"""
_INTEGERS: Final = {
    "up": "{c} + 1", "down": "{c} - 1", "zero": "0", "negative": "-{c} - 1", "far": "30000",
}  # fmt: skip
#: What one value becomes, by type.
EDITS: Final[Mapping[str, Mapping[str, str]]] = {
    "bytea": {
        "bit": "set_byte({c}, {n} % octet_length({c}), get_byte({c}, {n} % octet_length({c})) # 4)",
        "cut": "substring({c} FROM 1 FOR octet_length({c}) - 1)",
        "longer": "{c} || '\\x00'",
        "empty": "''",
    },
    "text": {
        "letter": "left({c}, -1) || CASE right({c}, 1) WHEN 'a' THEN 'b' ELSE 'a' END",
        "longer": "{c} || 'x'",
        "empty": "''",
    },
    "int2": _INTEGERS,
    "int4": _INTEGERS,
    "int8": {**_INTEGERS, "far": "4000000000000"},
    "bool": {"flip": "NOT {c}"},
    "uuid": {"random": "md5('{n}')::uuid", "nil": "'00000000-0000-0000-0000-000000000000'"},
    "timestamptz": {
        "microsecond": "{c} + interval '1 microsecond'",
        "millisecond later": "{c} + interval '1 millisecond'",
        "millisecond earlier": "{c} - interval '1 millisecond'",
        "hour later": "{c} + interval '1 hour'",
        "hour earlier": "{c} - interval '1 hour'",
        "never": "'infinity'",
    },
    "date": {"next day": "{c} + 1"},
    "array": {"empty": "'{{}}'", "longer": "{c} || {c}", "other": "'{{x}}'"},
    "json": {"empty": "'{{}}'", "blank": "({c}::text || ' ')::json"},
    "tsvector": {"empty": "''"},
}
#: A value out of nothing, for a table without rows.
_MADE: Final[Mapping[str, str]] = {
    "bytea": "decode(repeat('ab', 32), 'hex')", "text": "'x'", "int2": "1", "int4": "1",
    "int8": "1", "bool": "true", "uuid": "md5('{n}')::uuid", "timestamptz": "now()",
    "date": "now()::date", "array": "'{{}}'", "json": "'{{}}'", "tsvector": "''",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its type, and whether rows are told apart by it."""

    name: str
    type: str
    key: bool


@dataclass(frozen=True, slots=True)
class Spec:
    """A kind of mutation.

    Attributes:
        table: With its schema; of several tables the one that the harm is about.
        kind: `delete`, `edit`, …
        column: The column, where there is one.
        how: Which edit.
        sql: What is done, with `{row}` and `{other}` for two rows of the table, `{n}` for a number.
    """

    table: str
    kind: str
    column: str
    how: str
    sql: str

    def __str__(self) -> str:
        return " ".join(x for x in (self.table, self.kind, self.column, self.how) if x)


def tables(connection: Connection, schemas: Sequence[str]) -> dict[str, list[Column]]:
    """Every table and its columns."""
    found: dict[str, list[Column]] = {}
    for table, name, kind, key in connection.execute(_COLUMNS, [list(schemas)]).fetchall():
        found.setdefault(str(table), []).append(Column(str(name), str(kind), bool(key)))
    return found


def specs(table: str, columns: Sequence[Column]) -> Iterator[Spec]:
    """Every kind of mutation of a table."""
    names = ", ".join(f'"{c.name}"' for c in columns)
    row, other = "ctid = {row}", "ctid = {other}"

    def spec(kind: str, sql: str, column: str = "", how: str = "") -> Spec:
        return Spec(table, kind, column, how, sql)

    yield spec("delete", f"DELETE FROM {table} WHERE {row}")
    yield spec("delete two", f"DELETE FROM {table} WHERE {row} OR {other}")
    yield spec("truncate", f"DELETE FROM {table}")
    yield spec("duplicate", f"INSERT INTO {table} SELECT * FROM {table} WHERE {row}")
    made = ", ".join(_MADE.get(c.type, "NULL") for c in columns)
    yield spec("make", f"INSERT INTO {table} ({names}) SELECT {made}")
    same = " AND ".join(f't."{c.name}" = o."{c.name}"' for c in columns if c.key) or "true"
    old = f'old."{table}"'
    yield spec(
        "restore row",
        f"DELETE FROM {table} t USING {old} o WHERE o.ctid = {{old}} AND {same};"
        f" INSERT INTO {table} SELECT * FROM {old} o WHERE o.ctid = {{old}}",
    )
    yield spec("restore table", f"DELETE FROM {table}; INSERT INTO {table} SELECT * FROM {old}")
    for c in columns:
        for how, value in {**EDITS.get(c.type, {}), "null": "NULL"}.items():
            new = value.replace("{c}", f'"{c.name}"')
            yield spec("edit", f'UPDATE {table} SET "{c.name}" = {new} WHERE {row}', c.name, how)
            if c.key and how not in {"null", "empty", "cut"}:
                rest = ", ".join(new if d is c else f'"{d.name}"' for d in columns)
                yield spec(
                    "insert",
                    f"INSERT INTO {table} ({names}) SELECT {rest} FROM {table} WHERE {row}",
                    c.name,
                    how,
                )
        of_other = f'(SELECT "{c.name}" FROM {table} WHERE {other})'
        yield spec(
            "edit", f'UPDATE {table} SET "{c.name}" = {of_other} WHERE {row}', c.name, "of another"
        )
        yield spec(
            "swap",
            f'UPDATE {table} t SET "{c.name}" = o."{c.name}" FROM {table} o'
            f" WHERE (t.ctid = {{row}} AND o.ctid = {{other}})"
            f" OR (t.ctid = {{other}} AND o.ctid = {{row}})",
            c.name,
        )
        if c.type in {"int2", "int4", "int8"} and c.key:
            newest = f'(SELECT max("{c.name}") FROM {table})'
            for how, value in (("next", f"{newest} + 1"), ("far on", f"{newest} + 1000")):
                rest = ", ".join(value if d is c else f'"{d.name}"' for d in columns)
                yield spec(
                    "insert",
                    f"INSERT INTO {table} ({names}) SELECT {rest} FROM {table} WHERE {row}",
                    c.name,
                    how,
                )
    if len(columns) > 1:
        rest_set = ", ".join(f'"{c.name}" = o."{c.name}"' for c in columns[1:])
        yield spec(
            "swap",
            f"UPDATE {table} t SET {rest_set} FROM {table} o WHERE (t.ctid = {{row}} AND"
            " o.ctid = {other}) OR (t.ctid = {other} AND o.ctid = {row})",
            how="all but the first column",
        )


def draw(connection: Connection, spec: Spec, rng: random.Random) -> list[str]:
    """The statements of one mutation; empty where the table has no row for it."""
    places = {"n": str(rng.randrange(1, 1 << 20))}
    for name, table in (("row", spec.table), ("other", spec.table), ("old", f'old."{spec.table}"')):
        if "{" + name + "}" not in spec.sql:
            continue
        rows = connection.execute(f"SELECT ctid::text FROM {table} ORDER BY ctid").fetchall()
        left = [str(row[0]) for row in rows if f"'{row[0]}'" not in places.values()]
        if not left:
            return []
        places[name] = f"'{rng.choice(left)}'"
    return [part.format(**places) for part in spec.sql.split("; ")]
