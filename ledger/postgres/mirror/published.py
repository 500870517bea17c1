"""The own log as its publisher reads it (access.md G11): implements `Published`.

The login reads every record and its key, and writes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, LiteralString, cast
from uuid import UUID

from ledger.ports import StoredRecord
from ledger.postgres.connect import Pool, reading
from ledger.postgres.records import PostgresRecords

_NEWEST: Final[LiteralString] = "SELECT coalesce(max(size), 0) FROM log.checkpoints"
_COVERING: Final[LiteralString] = (
    "SELECT size, note FROM log.checkpoints WHERE size >= %b ORDER BY size LIMIT 1"
)
_ERASED: Final[LiteralString] = """
SELECT s.index, s.act_id, d.index FROM log.shredded s JOIN log.shreds d ON d.act_id = s.act_id
WHERE s.index >= %b AND s.index < %b
"""


class PublishedLog:
    """Records, checkpoints and erasures of one log.

    Args:
        pool: Of the publisher's login.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._records = PostgresRecords(pool)

    def read(self, start: int, limit: int) -> Sequence[StoredRecord]:
        """See `Published`."""
        return self._records.read(start, limit)

    def newest(self) -> int:
        """See `Published`."""
        row = reading(self._pool, lambda connection: connection.execute(_NEWEST).fetchone())
        return 0 if row is None else cast("int", row[0])

    def covering(self, size: int) -> tuple[int, bytes] | None:
        """See `Published`."""
        row = reading(
            self._pool, lambda connection: connection.execute(_COVERING, [size]).fetchone()
        )
        return None if row is None else cast("tuple[int, bytes]", row)

    def erased(self, start: int, end: int) -> Mapping[int, tuple[UUID, int]]:
        """See `Published`."""
        rows = reading(
            self._pool, lambda connection: connection.execute(_ERASED, [start, end]).fetchall()
        )
        found = cast("list[tuple[int, UUID, int]]", rows)
        return {index: (act, last) for index, act, last in found}
