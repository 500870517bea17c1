"""Rows of a table replaced by others, writing nothing where they are the same.

For tables that are asked at every row another one has: what stands is not written again, so that a
case that grows by an act costs the rows of that act. Where a policy stands, COPY may not write.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final, LiteralString
from uuid import UUID

from psycopg import sql

from projections.views.base import Cursor

#: What None stands for in a column of this name.
_OPEN: Final = {"since": "-infinity", "until": "infinity"}


@dataclass(frozen=True, slots=True)
class ChangedRows:
    """A table of schema `sec`.

    Attributes:
        table: Its name.
        columns: Name and type of each column but `gen`; the first is the case or officer of whom
            all rows are replaced. An open end of time is None here, and infinity there.
        key: How many of them make the key of the table, from the first on.
    """

    table: LiteralString
    columns: tuple[tuple[LiteralString, LiteralString], ...]
    key: int

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
        stored, rows = self._stored(cursor, gen, owners), set(wanted)
        gone, new = stored - rows, rows - stored
        if gone:
            cursor.execute(self._delete(), [*_columns([row[: self.key] for row in gone]), gen])
        if new:
            cursor.execute(self._insert(), [gen, *_columns(list(new))])

    def _stored(
        self, cursor: Cursor, gen: int, owners: Collection[UUID] | None
    ) -> set[tuple[Any, ...]]:
        query = sql.SQL("SELECT {columns} FROM sec.{table} WHERE gen = %s").format(
            columns=sql.SQL(", ").join(self._read(name) for name, _ in self.columns),
            table=sql.Identifier(self.table),
        )
        if owners is None:
            return set(cursor.execute(query, [gen]).fetchall())
        query += sql.SQL(" AND {of} = ANY (%s)").format(of=sql.Identifier(self.columns[0][0]))
        return set(cursor.execute(query, [gen, list(owners)]).fetchall())

    def _read(self, name: str) -> sql.Composable:
        column = sql.Identifier(name)
        if name not in _OPEN:
            return column
        return sql.SQL("nullif({column}, {open})").format(column=column, open=_OPEN[name])

    def _delete(self) -> sql.Composed:
        key = self.columns[: self.key]
        same = [sql.SQL("t.{0} = g.{0}").format(sql.Identifier(name)) for name, _ in key]
        return sql.SQL(
            "DELETE FROM sec.{table} t USING {gone} WHERE t.gen = %s::smallint AND {same}"
        ).format(
            table=sql.Identifier(self.table), gone=_unnested(key), same=sql.SQL(" AND ").join(same)
        )

    def _insert(self) -> sql.Composed:
        written = [
            sql.SQL("coalesce(g.{0}, {1})").format(sql.Identifier(name), _OPEN[name])
            if name in _OPEN
            else sql.SQL("g.{0}").format(sql.Identifier(name))
            for name, _ in self.columns
        ]
        return sql.SQL(
            "INSERT INTO sec.{table} (gen, {columns}) SELECT %s::smallint, {written} FROM {new}"
        ).format(
            table=sql.Identifier(self.table),
            columns=sql.SQL(", ").join(sql.Identifier(name) for name, _ in self.columns),
            written=sql.SQL(", ").join(written),
            new=_unnested(self.columns),
        )


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _unnested(columns: Sequence[tuple[LiteralString, LiteralString]]) -> sql.Composed:
    """Rows given as one array a column, as table `g`."""
    return sql.SQL("unnest({arrays}) AS g ({names})").format(
        arrays=sql.SQL(", ").join(sql.SQL("%s::" + kind + "[]") for _, kind in columns),
        names=sql.SQL(", ").join(sql.Identifier(name) for name, _ in columns),
    )
