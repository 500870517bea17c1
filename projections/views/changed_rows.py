"""Rows of a table replaced by others, writing nothing where they are the same.

For tables that are asked at every row another one has: what stands is not written again, so that a
case that grows by an act costs the rows of that act. Where a policy stands, COPY may not write.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final, LiteralString
from uuid import UUID

from psycopg import sql

from projections.views.base import Cursor
from projections.views.column import ColumnArray, column

#: What None stands for in a column of this name.
_OPEN: Final = {"since": "-infinity", "until": "infinity"}
_Columns = tuple[tuple[LiteralString, LiteralString], ...]


class ChangedRows:
    """A table of schema `sec`.

    Args:
        table: Its name.
        columns: Name and type of each column but `gen`; the first is the case or officer of whom
            all rows are replaced. An open end of time is None here, and infinity there.
        key: How many of them make the key of the table, from the first on.
    """

    def __init__(self, table: LiteralString, columns: _Columns, key: int) -> None:
        self._columns = columns
        self._key = columns[:key]
        of, known = sql.Identifier(columns[0][0]), sql.Identifier("sec", table)
        stored = sql.SQL("SELECT {columns} FROM {table} WHERE gen = %b").format(
            columns=sql.SQL(", ").join(_read(name) for name, _ in columns), table=known
        )
        self._stored = stored.as_bytes()
        self._stored_of = (stored + sql.SQL(" AND {} = ANY (%b::uuid[])").format(of)).as_bytes()
        same = [sql.SQL("t.{0} = g.{0}").format(sql.Identifier(name)) for name, _ in self._key]
        self._delete = (
            sql.SQL("DELETE FROM {table} t USING {gone} WHERE t.gen = %b::smallint AND {same}")
            .format(table=known, gone=_unnested(self._key), same=sql.SQL(" AND ").join(same))
            .as_bytes()
        )
        self._insert = (
            sql.SQL("INSERT INTO {table} (gen, {names}) SELECT %b::smallint, {written} FROM {new}")
            .format(
                table=known,
                names=sql.SQL(", ").join(sql.Identifier(name) for name, _ in columns),
                written=sql.SQL(", ").join(_written(name) for name, _ in columns),
                new=_unnested(columns),
            )
            .as_bytes()
        )

    def replace(
        self,
        cursor: Cursor,
        gen: int,
        owners: Collection[UUID] | None,
        wanted: Collection[tuple[Any, ...]],
    ) -> None:
        """Makes the rows of these owners the wanted ones.

        Args:
            cursor: Of the transaction.
            gen: The generation.
            owners: Values of the first column; None: every one.
            wanted: Rows in the order of the columns, without two of one key.
        """
        if owners is None:
            found = cursor.execute(self._stored, [gen])
        else:
            found = cursor.execute(self._stored_of, [gen, column("uuid", owners)])
        stored, rows = set(found.fetchall()), set(wanted)
        gone, new = stored - rows, rows - stored
        if gone:
            keys = [row[: len(self._key)] for row in gone]
            cursor.execute(self._delete, [*_arrays(self._key, keys), gen])
        if new:
            cursor.execute(self._insert, [gen, *_arrays(self._columns, list(new))])


def _read(name: str) -> sql.Composable:
    known = sql.Identifier(name)
    if name not in _OPEN:
        return known
    return sql.SQL("nullif({}, {})").format(known, _OPEN[name])


def _written(name: str) -> sql.Composable:
    given = sql.SQL("g.{}").format(sql.Identifier(name))
    return sql.SQL("coalesce({}, {})").format(given, _OPEN[name]) if name in _OPEN else given


def _arrays(columns: _Columns, rows: Sequence[tuple[Any, ...]]) -> list[ColumnArray]:
    values = zip(*rows, strict=True)
    return [column(kind, one) for (_, kind), one in zip(columns, values, strict=True)]


def _unnested(columns: _Columns) -> sql.Composed:
    """Rows given as one array a column, as table `g`."""
    return sql.SQL("unnest({arrays}) AS g ({names})").format(
        arrays=sql.SQL(", ").join(sql.SQL("%b::" + kind + "[]") for _, kind in columns),
        names=sql.SQL(", ").join(sql.Identifier(name) for name, _ in columns),
    )
