"""As of when the audience is folded: what the database asks before it shows a case (access.md G18).

A beat says that whatever was taken by then is folded into the generation that is read. It is said
after every batch, and once a second where nothing comes, so that the first record after a rest
makes nobody wait. With it goes what was in force at once, until it was folded.
"""

from __future__ import annotations

from datetime import datetime
from time import monotonic
from typing import Final, LiteralString, NamedTuple

from projections.engine.lease import HeldLease
from projections.views.audience import AT_ONCE, NAME
from projections.views.base import Connection

EVERY_S: Final = 1.0

_TELL: Final[LiteralString] = """
WITH told AS (
  UPDATE sec.beat SET at = %(at)s WHERE EXISTS (SELECT FROM proj.views v
    WHERE v.view = %(view)s AND v.state = 'live' AND v.error IS NULL AND v.position >= %(last)s)
  RETURNING true
), ended AS (
  DELETE FROM sec.ended WHERE index <= %(last)s AND EXISTS (SELECT FROM told)
), excluded AS (
  DELETE FROM sec.excluded WHERE gen = %(at_once)s AND index <= %(last)s
    AND EXISTS (SELECT FROM told)
)
SELECT EXISTS (SELECT FROM told)
"""


class _Promise(NamedTuple):
    """Last record that was taken by an instant."""

    at: datetime
    last: int


class Beat:
    """What one loop says of the audience."""

    def __init__(self) -> None:
        self._promise: _Promise | None = None
        self._told_at = -EVERY_S
        self._told: int | None = None

    def look(self, found: HeldLease) -> None:
        """Notes the instant, and how long the log was then at least, before it is folded so far."""
        if self._promise is not None:
            return
        last = found.size - 1
        if last != self._told or monotonic() - self._told_at >= EVERY_S:
            self._promise = _Promise(found.at, last)

    def tell(self, connection: Connection) -> None:
        """Says so if it is folded by now, and clears what was in force until it was."""
        promise = self._promise
        if promise is None:
            return
        said = {"at": promise.at, "view": NAME, "last": promise.last, "at_once": AT_ONCE}
        if connection.execute(_TELL, said).fetchone() == (True,):
            self._promise, self._told, self._told_at = None, promise.last, monotonic()
