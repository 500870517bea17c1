"""As of when the audience is folded: what the database asks before it shows a case (access.md G18).

A beat says that whatever was taken by then is folded into the generation that is read. It is said
after every batch, and once a second where nothing comes, so that the first record after a rest
makes nobody wait. With it goes what was in force at once, until it was folded.
"""

from __future__ import annotations

from datetime import datetime
from time import monotonic
from typing import Final, LiteralString, NamedTuple

from projections.views.audience import AT_ONCE, NAME
from projections.views.base import Connection

EVERY_S: Final = 1.0

_CLOCK: Final[LiteralString] = "SELECT clock_timestamp()"
_SIZE: Final[LiteralString] = "SELECT size FROM log.log_head"
_BEAT: Final[LiteralString] = """
UPDATE sec.beat SET at = %s WHERE EXISTS (SELECT FROM proj.views v
  WHERE v.view = %s AND v.state = 'live' AND v.error IS NULL AND v.position >= %s)
"""
_ENDED: Final[LiteralString] = "DELETE FROM sec.ended WHERE index <= %s"
_EXCLUDED: Final[LiteralString] = "DELETE FROM sec.excluded WHERE gen = %s AND index <= %s"


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

    def look(self, connection: Connection) -> None:
        """Notes the instant, and then how long the log is, before it is folded so far."""
        if self._promise is not None:
            return
        now, size = connection.execute(_CLOCK).fetchone(), connection.execute(_SIZE).fetchone()
        if now is None or size is None:
            return
        if size[0] - 1 != self._told or monotonic() - self._told_at >= EVERY_S:
            self._promise = _Promise(now[0], size[0] - 1)

    def tell(self, connection: Connection) -> None:
        """Says so if it is folded by now, and clears what was in force until it was."""
        promise = self._promise
        if promise is None:
            return
        with connection.transaction():
            told = connection.execute(_BEAT, [promise.at, NAME, promise.last]).rowcount
            if told:
                connection.execute(_ENDED, [promise.last])
                connection.execute(_EXCLUDED, [AT_ONCE, promise.last])
        if told:
            self._promise, self._told, self._told_at = None, promise.last, monotonic()
