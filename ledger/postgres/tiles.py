"""Stored tiles of one log (formats.md §7): `TileStore`. Widths and paths are others' sums."""

from __future__ import annotations

from typing import Final, LiteralString, cast

from ledger.errors import NotFound
from ledger.postgres.connect import Pool, reading
from ledger.postgres.records import LogSchema, inside

_TILE: Final[LiteralString] = (
    "SELECT data FROM log.tiles WHERE level = %b AND n = %b AND width = %b"
)
# A narrower tile is the beginning of a wider one: what was not stored at this width is cut out.
_WIDER: Final[LiteralString] = (
    "SELECT substring(data FROM 1 FOR 32 * %b::int) FROM log.tiles"
    " WHERE level = %b AND n = %b AND width > %b ORDER BY width LIMIT 1"
)


class PostgresTiles:
    """The tiles as the checkpointer's, reader's or auditor's login reads them."""

    def __init__(self, pool: Pool, schema: LogSchema = "log") -> None:
        self._pool = pool
        self._schema: LogSchema = schema

    def tile(self, level: int, n: int, width: int) -> bytes:
        """`width` * 32 bytes. Raises: NotFound."""

        def read(query: LiteralString, *arguments: int) -> bytes | None:
            asked = inside(query, self._schema)
            row = reading(
                self._pool,
                lambda connection: connection.execute(asked, arguments, binary=True).fetchone(),
            )
            return None if row is None else cast("bytes", row[0])

        data = read(_TILE, level, n, width)
        if data is None:
            data = read(_WIDER, width, level, n, width)
        if data is None:
            raise NotFound(f"no tile {level}/{n} of width {width}")
        return data
