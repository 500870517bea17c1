"""Group commit: what waits at once is done at once, by whoever finds nobody at it.

Whoever finds it idle leads: it takes all that wait, does them in one go, and each is told its own
answer. What is done with them is not known here.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from ledger.errors import Unavailable

_T = TypeVar("_T")


class _Place(Generic[_T]):
    """One that waits."""

    __slots__ = ("error", "leads", "one", "woken")

    def __init__(self, one: _T) -> None:
        self.one = one
        self.error: Exception | None = None
        self.leads = False
        self.woken = threading.Lock()  # held until the group is over, or this one has to lead
        self.woken.acquire()


class Groups(Generic[_T]):
    """Groups of one kind, one after the other.

    Args:
        work: Does what a group is for, over all of it; each of them keeps its own answer.
        most: How many are in a group, at most.
        after: Called once a group is over and its waiters are awake.
    """

    def __init__(
        self,
        work: Callable[[Sequence[_T]], None],
        most: int,
        *,
        after: Callable[[Sequence[_T]], None] = lambda _group: None,
    ) -> None:
        self._work = work
        self._most = most
        self._after = after
        self._lock = threading.Lock()
        self._waiting: deque[_Place[_T]] = deque()
        self._led = False

    def join(self, one: _T) -> Exception | None:
        """Blocks until its group is over; what ended the group early, if something did."""
        place = _Place(one)
        with self._lock:
            self._waiting.append(place)
            leads, self._led = not self._led, True
        if not leads:
            place.woken.acquire()
            leads = place.leads
        if leads:
            self._lead()
        return place.error

    def _lead(self) -> None:
        """One group: the leader's own place and all that wait beside it, then the lead goes on."""
        with self._lock:
            group = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._most))]
        ones = [place.one for place in group]
        try:
            self._work(ones)
        except Exception as error:  # noqa: BLE001 - every place of the group must be woken with it
            if isinstance(error, Unavailable):  # whoever waits would wait as long for the same
                with self._lock:
                    group += self._waiting
                    self._waiting.clear()
            for place in group:
                place.error = error
        with self._lock:
            heir = self._waiting[0] if self._waiting else None
            self._led = heir is not None
        for place in group:
            place.woken.release()
        if heir is not None:
            heir.leads = True
            heir.woken.release()
        self._after(ones)
