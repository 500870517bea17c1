"""Rows, wraps and reckonings as the keeper's login sees them (`KeeperStore`, 0007_keeper.sql)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, LiteralString, cast
from uuid import UUID

from ledger.keeper.ports import StoredWrap
from ledger.ports import NIL_UNIT, StoredRecord
from ledger.postgres.connect import Pool, calling, reading
from ledger.postgres.records import stored

_COLUMNS: Final[LiteralString] = """
SELECT r.index, r.stream_id, r.seq, r.act_id, r.author, r.topic, r.state, r.entry, r.recorded_at,
  (SELECT w.wrap FROM access.wraps w WHERE w.index = r.index LIMIT 1), coalesce(s.name, ''),
  r.unit, r.registry
FROM access.records r LEFT JOIN access.streams s ON s.stream_id = r.stream_id
"""
_ROW: Final[LiteralString] = _COLUMNS + "WHERE r.stream_id = %b::uuid AND r.seq = %b::bigint"
_ROWS: Final[LiteralString] = (
    _COLUMNS + "WHERE r.index >= %b::bigint AND r.index < %b::bigint ORDER BY r.index"
)
_SIZE: Final[LiteralString] = "SELECT size FROM access.log_head"
_TAKE: Final[LiteralString] = "SELECT access.take_row(%b::bigint, %b::int)"
_TAKEN: Final[LiteralString] = (
    "SELECT row, opened FROM access.opens WHERE row >= %b::bigint AND row < %b::bigint"
)
_RECKONED: Final[LiteralString] = "SELECT coalesce(max(upto), 0) FROM access.reckonings"
_RECKON: Final[LiteralString] = (
    "SELECT access.reckon(%b::bigint, %b::bigint, %b::bigint, %b::boolean)"
)
_WRAPS: Final[LiteralString] = """
SELECT r.index, r.entry, r.unit, w.wrap
FROM log.records r JOIN log.wraps w ON w.index = r.index WHERE r.index = ANY (%b::bigint[])
"""
_LOWER: Final[LiteralString] = """
SELECT r.index, r.entry, r.unit, w.wrap
FROM mirror.records r JOIN mirror.wraps w ON w.origin = r.origin AND w.index = r.index
WHERE r.origin = %b AND r.index = ANY (%b::bigint[])
"""
_OF_CASES: Final[LiteralString] = """
SELECT r.index, r.entry, r.unit FROM log.records r WHERE r.index >= %b::bigint
ORDER BY r.index LIMIT 20000
"""
_EVENT: Final[LiteralString] = """
SELECT c.entry, w.wrap FROM log.custody c JOIN log.file_wraps w ON w.name = c.name AND w.seq = c.seq
WHERE c.name = %b::uuid AND c.seq = %b::bigint
"""
_FILE: Final[LiteralString] = "SELECT wrap FROM log.file_wraps WHERE name = %b::uuid AND seq = 0"


class PostgresOpens:
    """Implements `KeeperStore`.

    Args:
        pool: Of the keeper's login.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def row(self, stream_id: UUID, seq: int) -> StoredRecord | None:
        """See `KeeperStore.row`."""
        found = self._rows(_ROW, stream_id, seq)
        return stored(found[0]) if found else None

    def rows(self, start: int, end: int) -> Sequence[StoredRecord]:
        """See `KeeperStore.rows`."""
        return [stored(row) for row in self._rows(_ROWS, start, end)]

    def size(self) -> int:
        """See `KeeperStore.size`."""
        return cast("int", self._rows(_SIZE)[0][0])

    def take(self, row: int, opened: int) -> bool:
        """See `KeeperStore.take`."""
        return bool(calling(self._pool, _TAKE, [row, opened]))

    def taken(self, start: int, end: int) -> Mapping[int, int]:
        """See `KeeperStore.taken`."""
        return dict(cast("list[tuple[int, int]]", self._rows(_TAKEN, start, end)))

    def reckoned(self) -> int:
        """See `KeeperStore.reckoned`."""
        return cast("int", self._rows(_RECKONED)[0][0])

    def reckon(self, upto: int, opened: int, lapsed: int, *, differed: bool) -> bool:
        """See `KeeperStore.reckon`."""
        return bool(calling(self._pool, _RECKON, [upto, opened, lapsed, differed]))

    def wraps(self, indices: Collection[int], log: str | None) -> Mapping[int, StoredWrap]:
        """See `KeeperStore.wraps`."""
        named = list(indices)
        found = self._rows(_WRAPS, named) if log is None else self._rows(_LOWER, log, named)
        return {index: StoredWrap(entry, unit, wrap) for index, entry, unit, wrap in found}

    def of_cases(self, start: int) -> tuple[int, Sequence[tuple[int, bytes]]]:
        """See `KeeperStore.of_cases`."""
        found = self._rows(_OF_CASES, start)
        end = found[-1][0] + 1 if found else start
        return end, [(index, entry) for index, entry, unit in found if unit != NIL_UNIT]

    def event(self, name: UUID, seq: int) -> tuple[bytes, bytes] | None:
        """See `KeeperStore.event`."""
        found = self._rows(_EVENT, name, seq)
        return (found[0][0], found[0][1]) if found else None

    def file(self, name: UUID) -> bytes | None:
        """See `KeeperStore.file`."""
        found = self._rows(_FILE, name)
        return cast("bytes", found[0][0]) if found else None

    def _rows(self, query: LiteralString, *arguments: object) -> list[tuple[Any, ...]]:
        return reading(
            self._pool,
            lambda connection: cast(
                "list[tuple[Any, ...]]",
                connection.execute(query, list(arguments), binary=True).fetchall(),
            ),
        )
