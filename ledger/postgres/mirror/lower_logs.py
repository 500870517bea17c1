"""Which lower logs are mirrored here and how far, by the reader's login: `LowerLogs`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final, LiteralString, cast

from ledger.ports import LowerLogState
from ledger.postgres.connect import Lending, reading

_STATES: Final[LiteralString] = """
SELECT l.origin, l.level, s.size, s.root, s.at, s.taken_at FROM mirror.logs l,
  LATERAL (SELECT * FROM mirror.segments s WHERE s.origin = l.origin ORDER BY s.at DESC LIMIT 1) s
WHERE s.size > 0 ORDER BY l.origin
"""
_TRUSTED: Final[LiteralString] = "SELECT FROM mirror.logs WHERE origin = %b"
_SHOWN: Final[LiteralString] = """
SELECT FROM mirror.segments WHERE origin = %b AND size = %b AND root = %b LIMIT 1
"""


class PostgresLowerLogs:
    """Everybody of the enclave may be told of them.

    Args:
        pool: Of the reader's login.
    """

    def __init__(self, pool: Lending) -> None:
        self._pool = pool

    def states(self) -> Sequence[LowerLogState]:
        """See `LowerLogs`."""
        return [
            LowerLogState(log, level, size, root, datetime.fromtimestamp(at, UTC), taken_at)
            for log, level, size, root, at, taken_at in cast("Any", self._rows(_STATES))
        ]

    def trusts(self, log: str) -> bool:
        """See `LowerLogs`."""
        return bool(self._rows(_TRUSTED, log))

    def was_shown(self, log: str, size: int, root: bytes) -> bool:
        """See `LowerLogs`."""
        return bool(self._rows(_SHOWN, log, size, root))

    def _rows(self, query: LiteralString, *asked: object) -> list[tuple[object, ...]]:
        return reading(
            self._pool, lambda connection: connection.execute(query, asked, binary=True).fetchall()
        )
