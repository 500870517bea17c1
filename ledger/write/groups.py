"""Group commit: what waits at once is done at once, by whoever finds nobody at it.

Whoever finds it idle leads: it does a group of what waits in one go, and each is told its own
answer. Behind a group of several it first lets those run that are ready to, who would come a moment
too late, and again as long as one of them comes. Who brings much is done in several groups, and
each group has as much of one as of another: nobody waits behind another's many, and everybody is
told as soon as their own last one is done. The work is billed by what each brought
(`ledger.work`), whoever led. What is done is not known here.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from time import sleep
from typing import Generic, TypeVar

from ledger.errors import Unavailable
from ledger.work import bill, work_s

_T = TypeVar("_T")


class _Place(Generic[_T]):
    """One that waits.

    Attributes:
        left: What it brought and no group has taken yet.
        error: What ended its group, if something did.
        owed_s: Its share of the work so far.
        leads: Whether it was woken to lead.
        woken: Held until it is told, or has to lead.
    """

    __slots__ = ("error", "leads", "left", "owed_s", "woken")

    def __init__(self, ones: Sequence[_T]) -> None:
        self.left = deque(ones)
        self.error: Exception | None = None
        self.owed_s = 0.0
        self.leads = False
        self.woken = threading.Lock()
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
        self._waiting: deque[_Place[_T]] = deque()  # whoever leads, and is not at work, is first
        self._led = False
        self._several = False  # whether the last group was over for more than one

    def join(self, ones: Sequence[_T]) -> Exception | None:
        """Blocks until all of them are done, in this order, or a group of theirs was ended.

        Args:
            ones: At least one.

        Returns:
            What ended it early, if something did; None too where whoever led was stopped by what is
            no `Exception`: then some have no answer.
        """
        alone, error = False, None
        try:
            with self._lock:
                if not self._led and len(ones) <= self._most:  # who leads nobody waits for nobody
                    self._led = alone = True
            if alone and self._several:
                sleep(0)  # the others that the last group told run first: they often bring more
                with self._lock:
                    self._led = alone = not self._waiting
            if not alone:
                return self._wait(ones)
            self._work(ones)
        except Exception as ended:
            if not alone:
                raise
            error = ended
        finally:
            if alone:
                with self._lock:
                    self._over([], error)
        self._after(ones)
        return error

    def _wait(self, ones: Sequence[_T]) -> Exception | None:
        """As `join`, in groups with whoever else waits."""
        place = _Place(ones)
        try:
            with self._lock:
                self._waiting.append(place)
                if not self._led:
                    self._pass_on()
            while True:
                place.woken.acquire()
                if not place.leads:
                    return place.error
                self._lead(place)
        except BaseException:
            self._leave(place)
            raise
        finally:
            bill(place.owed_s)

    def _pass_on(self) -> None:
        """Has the first that waits lead, if any does; the lock is held."""
        self._led = bool(self._waiting)
        if self._led:
            self._waiting[0].leads = True
            self._waiting[0].woken.release()

    def _leave(self, place: _Place[_T]) -> None:
        """Whoever is stopped while it waits is done no more, and leads nobody."""
        with self._lock:
            place.left.clear()
            if place in self._waiting:
                self._waiting.remove(place)
            if place.leads:
                self._pass_on()

    def _lead(self, leader: _Place[_T]) -> None:
        """One group, then the lead goes on."""
        self._let_run()
        with self._lock:
            taken = self._taken()
            leader.leads = False
        ones = [one for _, some in taken for one in some]
        began_s = work_s()
        try:
            self._work(ones)
        except BaseException as error:  # every place of the group must be woken with it
            self._told(taken, work_s() - began_s, error)
            if not isinstance(error, Exception):
                raise
        else:
            self._told(taken, work_s() - began_s, None)
        self._after(ones)

    def _let_run(self) -> None:
        """The others that a group of several told run first, as long as one of them comes."""
        waiting = 0
        while self._several and waiting < len(self._waiting) < self._most:
            waiting = len(self._waiting)
            sleep(0)

    def _taken(self) -> list[tuple[_Place[_T], list[_T]]]:
        """As many of each as of the others, and what room that leaves is for the first."""
        places = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._most))]
        share = self._most // len(places)
        many = [min(share, len(place.left)) for place in places]
        room = self._most - sum(many)
        for n, place in enumerate(places):
            more = min(room, len(place.left) - many[n])
            many[n] += more
            room -= more
        return [
            (place, [place.left.popleft() for _ in range(of_it)])
            for place, of_it in zip(places, many, strict=True)
        ]

    def _told(
        self,
        taken: Sequence[tuple[_Place[_T], list[_T]]],
        done_s: float,
        error: BaseException | None,
    ) -> None:
        """Bills the group, wakes those of it that are done, and lets the others wait on."""
        bill(-done_s)
        each_s = done_s / sum(len(some) for _, some in taken)
        for place, some in taken:
            place.owed_s += each_s * len(some)
        over = [place for place, _ in taken if error is not None or not place.left]
        with self._lock:
            if error is None:
                self._waiting += [place for place, _ in taken if place.left]
            self._over(over, error)

    def _over(self, over: list[_Place[_T]], error: BaseException | None) -> None:
        """Wakes these, whose group is over, and has the next lead; the lock is held."""
        if isinstance(error, Unavailable):  # whoever waits would wait as long for the same
            over += self._waiting
            self._waiting.clear()
        self._several = len(over) > 1
        for place in over:
            place.error = error if isinstance(error, Exception) else None
            place.woken.release()
        self._pass_on()
