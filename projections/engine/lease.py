"""Which loop keeps the views now: a row with an end, renewed before every batch.

A row, since whoever may read a database may hold any advisory lock in it, and since under a pooler
a lock of the session is nobody's. A holder that is killed is followed when its lease has run out,
or at once by the next loop of its home (`last_holder`); one that is only slow may find itself
followed meanwhile, and then loses nothing but its batch: a generation moves on from where it stood
or not at all (`generations.ConcurrentUpdate`).
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final, LiteralString
from uuid import UUID

import psycopg

from projections.engine.generations import COLUMNS, ViewState
from projections.engine.last_holder import LastHolder
from projections.views.base import Connection

LEASE_S: Final = 5.0
"""By the database's clock; views stand still so long when their loop is killed, unless the next one
is of the same home."""
_LONGEST_S: Final = 600
"""Whoever claims more holds nothing: with the projector's login they would do so for good."""

_NAME: Final[LiteralString] = "SELECT gen_random_uuid()"
_HOLD: Final[LiteralString] = (
    """
WITH held AS (
  INSERT INTO proj.lease AS l (holder, until)
  VALUES (%s, clock_timestamp() + make_interval(secs => %s))
  ON CONFLICT (one) DO UPDATE SET holder = excluded.holder, until = excluded.until
  WHERE l.holder = excluded.holder OR l.holder = %s::uuid
    OR l.until NOT BETWEEN clock_timestamp() AND clock_timestamp() + make_interval(secs => %s)
  RETURNING true
)
SELECT now(), coalesce(h.size, 0), """  # noqa: S608  a constant
    + COLUMNS
    + """
FROM held LEFT JOIN log.log_head h ON true LEFT JOIN proj.views v ON true ORDER BY v.view, v.gen
"""
)
_RELEASE: Final[LiteralString] = """
UPDATE proj.lease SET until = '-infinity' WHERE holder = %s
"""


@dataclass(frozen=True, slots=True)
class HeldLease:
    """What whoever holds the lease finds, all of it at once.

    Attributes:
        at: An instant by the database's clock; what was taken by then is counted in `size`.
        size: Records of the log.
        views: Every generation of every view.
    """

    at: datetime
    size: int
    views: list[ViewState]


class Lease:
    """One loop's claim.

    Args:
        seconds: How long it outlives its last renewal.
        last: By which name a loop held it that has ended, and whose place this one takes, once.
    """

    def __init__(self, seconds: float = LEASE_S, last: LastHolder | None = None) -> None:
        self._seconds = seconds
        self._last = last
        self._holder: UUID | None = None

    def hold(self, connection: Connection) -> HeldLease | None:
        """Takes or renews it, and looks how all stands; None while another loop holds it.

        Its instant is that of the transaction, which comes before what it sees.
        """
        if self._holder is None:
            row = connection.execute(_NAME).fetchone()
            self._holder = None if row is None else row[0]
        before = None if self._last is None else self._last.name()
        said = [self._holder, self._seconds, before, _LONGEST_S]
        rows = connection.execute(_HOLD, said).fetchall()
        if not rows:
            return None
        if self._last is not None and self._holder is not None:
            self._last.keep(self._holder)
            self._last = None
        at, size = rows[0][:2]
        return HeldLease(at, size, [ViewState(*row[2:]) for row in rows if row[2] is not None])

    def release(self, connection: Connection) -> None:
        """Gives it up where it is held, so that the next loop need not wait."""
        if self._holder is not None:
            with suppress(psycopg.Error):
                connection.execute(_RELEASE, [self._holder])
