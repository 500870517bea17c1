"""The stored bytes of one log as an auditor takes them.

Raw rows in one snapshot, nothing opened (`ledger.audit.Evidence`).

One connection, one REPEATABLE READ transaction: what is appended meanwhile is not half in the
audit. Read as reader (with states and wraps), as auditor (without), or on a dump restored
elsewhere.
"""

# ruff: noqa: S608 - pieces of SQL are constants of this file (LiteralString)
from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, LiteralString, Self, cast

from ledger.checks.content import RawRecord
from ledger.checks.tree import RawCheckpoint, RawTile
from ledger.ports import LogHead
from ledger.postgres.connect import Connection, connect

_BEGIN: Final[LiteralString] = "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"
_MAY_OPEN: Final[LiteralString] = """
SELECT has_column_privilege('log.records', 'state', 'SELECT')
  AND has_column_privilege('log.wraps', 'wrap', 'SELECT')
"""
_HEAD: Final[LiteralString] = "SELECT size, recorded_at, registry_index FROM log.log_head"
_COUNT: Final[LiteralString] = "SELECT count(*) FROM log.records"
_MILLIS: Final[LiteralString] = "(extract(epoch FROM r.recorded_at) * 1000)::bigint"
# Rows of one index are never split over two reads: a doubled index must be seen.
_SEALED: Final[LiteralString] = (
    "SELECT r.index, uuid_send(r.stream_id), r.seq, uuid_send(r.act_id), r.author, r.topic, "
    + _MILLIS
    + """, r.entry, r.state,
  ARRAY(SELECT w.wrap FROM log.wraps w WHERE w.index = r.index ORDER BY w.kek_id), s.name,
  r.registry
FROM log.records r LEFT JOIN log.streams s ON s.stream_id = r.stream_id
WHERE r.index >= %b ORDER BY r.index FETCH FIRST %b ROWS WITH TIES
"""
)
_PLAIN: Final[LiteralString] = (
    "SELECT r.index, uuid_send(r.stream_id), r.seq, uuid_send(r.act_id), r.author, r.topic, "
    + _MILLIS
    + """, r.entry, NULL::bytea, NULL::bytea[], s.name, r.registry
FROM log.records r LEFT JOIN log.streams s ON s.stream_id = r.stream_id
WHERE r.index >= %b ORDER BY r.index FETCH FIRST %b ROWS WITH TIES
"""
)
_TILES: Final[LiteralString] = (
    "SELECT level, n, width, data FROM log.tiles ORDER BY level, n, width"
)
_CHECKPOINTS: Final[LiteralString] = "SELECT size, root, note FROM log.checkpoints ORDER BY size"


class PostgresEvidence:
    """Evidence of one log, read in one snapshot; use it as a context manager.

    Args:
        dsn: Of a login that may read the log.
    """

    def __init__(self, dsn: str) -> None:
        self._connection: Connection = connect(dsn)
        self._connection.execute(_BEGIN)
        row = self._connection.execute(_MAY_OPEN).fetchone()
        self.sealed = bool(row is not None and row[0])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the snapshot."""
        self._connection.close()

    def head(self) -> LogHead:
        """The one row of the head; where it is gone, a log without records."""
        row = cast("tuple[int, datetime | None, int] | None", self._one(_HEAD))
        if row is None:
            return LogHead(0, None, -1)
        size, at, registry = row
        return LogHead(size, None if at is None else at.astimezone(UTC), registry)

    def count(self) -> int:
        """Rows in `records`, whatever their index."""
        row = cast("tuple[int]", self._one(_COUNT))
        return row[0]

    def records(self, start: int, limit: int) -> Sequence[RawRecord]:
        """Rows of index `start` and above in index order, about `limit`."""
        query = _SEALED if self.sealed else _PLAIN
        rows = self._connection.execute(query, [start, limit], binary=True).fetchall()
        return [_raw(row) for row in cast("list[tuple[Any, ...]]", rows)]

    def tiles(self) -> Iterator[RawTile]:
        """Every stored tile."""
        for row in self._connection.execute(_TILES, binary=True):
            yield RawTile(*cast("tuple[int, int, int, bytes]", row))

    def checkpoints(self) -> Iterator[RawCheckpoint]:
        """Every stored checkpoint by size."""
        for row in self._connection.execute(_CHECKPOINTS, binary=True):
            yield RawCheckpoint(*cast("tuple[int, bytes, bytes]", row))

    def _one(self, query: LiteralString) -> tuple[object, ...] | None:
        return self._connection.execute(query).fetchone()


def _raw(row: tuple[Any, ...]) -> RawRecord:
    *columns, wraps, name, registry = row
    return RawRecord._make((*columns, tuple(wraps or ()), name, registry))
