"""In which of two ways the rows that an officer sees are found; both show the same (access.md G14).

To know it costs as much as a page, and it seldom changes: it is asked once in a while. Who is taken
for somebody with few cases, or with many, gets the same answer, and waits longer for it.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Final, LiteralString

from projections.views.base import Connection

_FEW: Final[LiteralString] = "SELECT sec.has_few()"
_BY_SET: Final[LiteralString] = "SELECT set_config('app.by_set', 'on', true)"
KEPT_S: Final = 60.0
_MOST: Final = 10_000
"""Officers of whom it is kept, about 2 MiB."""


class Ways:
    """What is known of officers, for all threads of a process.

    Args:
        now: Seconds that never go back.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = Lock()
        self._known: OrderedDict[str, tuple[float, bool]] = OrderedDict()  # until when, whether few

    def choose(self, connection: Connection, officer: str) -> bool:
        """Says that what follows takes the first rows of an order: all of them for who sees few.

        Returns whether that is so.

        Args:
            connection: In a transaction under the ticket of the officer.
            officer: Who asks.
        """
        with self._lock:
            until, few = self._known.get(officer, (0.0, False))
        if until <= self._now():
            row = connection.execute(_FEW).fetchone()
            few = row is not None and bool(row[0])
            with self._lock:
                self._known.pop(officer, None)
                self._known[officer] = self._now() + KEPT_S, few
                while len(self._known) > _MOST:
                    self._known.popitem(last=False)
        if few:
            connection.execute(_BY_SET)
        return few
