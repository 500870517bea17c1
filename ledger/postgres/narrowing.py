"""Takes sight away by the writer's login, in the request that records why (access.md G18)."""

from __future__ import annotations

from typing import Final, LiteralString
from uuid import UUID

from ledger.postgres.connect import Pool, calling
from ledger.regulation.participation.narrowing import Narrowing, ShutOut
from ledger.streams.names import stream_id

_END: Final[LiteralString] = "SELECT sec.end(%s::uuid, %s, %s)"
_EXCLUDE: Final[LiteralString] = (
    "SELECT sec.exclude(%s, %s::uuid, %s::uuid, coalesce(%s, 'infinity'::timestamptz), %s)"
)


class PostgresNarrowing:
    """Through functions only; said twice it says the same.

    Args:
        pool: Of the writer's login.
        origin: Origin of the log.
    """

    def __init__(self, pool: Pool, origin: str) -> None:
        self._pool = pool
        self._origin = origin

    def __call__(self, one: Narrowing, index: int) -> None:
        """In force when this returns.

        Args:
            one: What is taken away.
            index: Of the record by which it is.

        Raises:
            Unavailable: It may not be in force; the same bytes sent again bring it about.
        """
        if isinstance(one, ShutOut):
            comp: UUID = stream_id(self._origin, one.stream)
            calling(self._pool, _EXCLUDE, [comp, one.officer, one.via, one.until, index])
        else:
            calling(self._pool, _END, [one.officer, one.what, index])
