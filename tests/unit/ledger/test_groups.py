"""Group commit: whoever finds it idle leads, and takes all that wait (`ledger.write.groups`)."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from threading import Event
from typing import Final, TypeVar

import pytest

from ledger.errors import Fatal, Unavailable
from ledger.message import Message
from ledger.work import bill, work_s
from ledger.write.groups import Groups
from tests.waiting import started, until

_LONG_S: Final = 20.0
_T = TypeVar("_T")
_EACH_S: Final = 100.0
"""Work that one is, so that what the test itself takes does not count."""


class Stopped(BaseException):
    """As an interrupt, which is no `Exception`."""


class Work:
    """Stands still at its first group until told to go on; the nth is ended by what is given."""

    def __init__(self, error: BaseException | None = None, *, nth: int = 1) -> None:
        self.groups: list[list[int]] = []
        self.over: list[list[int]] = []
        self.begun, self.go_on = Event(), Event()
        self._error, self._nth = error, nth

    def __call__(self, group: Sequence[int]) -> None:
        """A group."""
        self.groups.append(list(group))
        if len(self.groups) == 1:
            self.begun.set()
            assert self.go_on.wait(_LONG_S)
        bill(_EACH_S * len(group))
        if len(self.groups) == self._nth and self._error is not None:
            raise self._error


def _begun(
    work: Work,
    groups: Groups[int],
    *others: Sequence[int],
    join: Callable[[Sequence[int]], _T],
) -> list[Future[_T]]:
    """What each is told: one is at work, and the others came meanwhile, in this order."""
    told = [started(lambda: join([0]))]
    assert work.begun.wait(_LONG_S)
    for n, ones in enumerate(others, 1):
        told.append(started(partial(join, ones)))
        until(lambda n=n: len(groups._waiting) == n)  # type: ignore[misc]
    return told


def _joined(work: Work, *, most: int = 3) -> list[BaseException | None]:
    """What each of five is told, of whom four come while the first is at work."""
    groups = Groups(work, most, after=lambda group: work.over.append(list(group)))
    told = _begun(work, groups, [1], [2], [3], [4], join=groups.join)
    work.go_on.set()
    return [one.exception(_LONG_S) or one.result() for one in told]


def test_all_that_wait_are_taken_together_and_none_twice() -> None:
    """The leader's own, then three at once, then the one that did not fit."""
    work = Work()
    assert _joined(work) == [None] * 5
    assert [len(group) for group in work.groups] == [1, 3, 1]
    assert sorted(n for group in work.groups for n in group) == [0, 1, 2, 3, 4]
    assert work.over == work.groups


def test_who_is_ready_when_one_finds_nobody_is_in_its_group(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first of those that the last group told would else lead alone, and the others wait.

    Behind who came alone nobody is waited for.
    """
    work = Work()
    groups = Groups(work, 3)
    told = _begun(work, groups, [1], [2], join=groups.join)
    others: list[Future[Exception | None]] = []

    def others_run(_: float) -> None:
        if not others:
            others.append(started(lambda: groups.join([3])))
            until(lambda: len(groups._waiting) == 1)

    monkeypatch.setattr("ledger.write.groups.sleep", others_run)
    work.go_on.set()
    assert [one.result(_LONG_S) for one in told] == [None] * 3
    assert groups.join([4]) is None
    assert others[0].result(_LONG_S) is None
    monkeypatch.setattr("ledger.write.groups.sleep", lambda _: slept.append(True))
    slept: list[bool] = []
    for n in (5, 6, 7):
        assert groups.join([n]) is None
    assert slept == [True]
    assert work.groups == [[0], [1, 2], [3, 4], [5], [6], [7]]


def test_who_is_ready_when_one_is_to_lead_is_in_its_group(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of those that the last group told, one by one, as long as one comes."""
    work, told = Work(), list[Future[Exception | None]]()

    def come(one: int, waiting: int) -> None:
        told.append(started(lambda: groups.join([one])))
        until(lambda: len(groups._waiting) == waiting)

    def at_work(group: Sequence[int]) -> None:
        work(group)
        if len(group) == 2:
            come(3, 1)

    groups = Groups(at_work, 5)

    def others_run(_: float) -> None:
        waiting.append(len(groups._waiting))
        if len(waiting) < 3:
            come(3 + len(waiting), 1 + len(waiting))

    waiting: list[int] = []
    monkeypatch.setattr("ledger.write.groups.sleep", others_run)
    told += _begun(work, groups, [1], [2], join=groups.join)
    work.go_on.set()
    until(lambda: len(told) == 6)
    assert [one.result(_LONG_S) for one in told] == [None] * 6
    assert work.groups == [[0], [1, 2], [3, 4, 5]]
    assert waiting == [1, 2, 3]


@pytest.mark.parametrize("hangs", [True, False])
def test_what_ends_a_group_is_told_to_it_and_to_no_other(hangs: bool) -> None:  # noqa: FBT001 - a table of cases
    """But where the store cannot be reached: who waits would wait as long for the same."""
    error = Unavailable("database_unavailable", Message("x")) if hangs else Fatal("x")
    work = Work(error)
    told = _joined(work)
    assert told == ([error] * 5 if hangs else [error, None, None, None, None])
    assert [len(group) for group in work.groups] == ([1] if hangs else [1, 3, 1])


def test_who_brings_much_keeps_nobody_waiting_for_more_than_a_group() -> None:
    """Each group has as much of one as of another, and everybody is told behind their own last."""
    work, little = Work(), Event()
    last = 14

    def waits(group: Sequence[int]) -> None:
        work(group)
        if last in group:
            assert little.wait(_LONG_S)

    groups = Groups(waits, 4)
    many = [11, 12, 13, last], [21, 22, 23, 24, 25]
    told = _begun(work, groups, *many, [31], join=groups.join)
    work.go_on.set()
    assert told[3].result(_LONG_S) is None
    assert not told[1].done()
    little.set()
    assert [one.result(_LONG_S) for one in told] == [None] * 4
    assert work.groups == [[0], [11, 12, 21, 31], [13, last, 22, 23], [24, 25]]


def test_where_not_all_fit_those_that_had_a_group_come_last() -> None:
    """Else who came third waits until the first two have no more."""
    work = Work()
    groups = Groups(work, 2)
    told = _begun(work, groups, [11, 12, 13], [21, 22, 23], [31], join=groups.join)
    work.go_on.set()
    assert [one.result(_LONG_S) for one in told] == [None] * 4
    assert work.groups == [[0], [11, 21], [31, 12], [22, 13], [23]]


def test_each_pays_for_what_it_brought_whoever_led() -> None:
    """Else one pays for all, is refused for it, and so knows that others are there."""
    work = Work(Unavailable("database_unavailable", Message("x")), nth=5)
    groups = Groups(work, 3)

    def paid_s(ones: Sequence[int]) -> float:
        before = work_s()
        groups.join(ones)
        return work_s() - before

    paid = _begun(work, groups, range(6), range(1), range(9), join=paid_s)
    work.go_on.set()
    each = [round(one.result(_LONG_S) / _EACH_S) for one in paid]
    assert [len(group) for group in work.groups] == [1, 3, 3, 3, 3]
    assert each == [1, 6, 1, 5]


@pytest.mark.parametrize("nth", [1, 2])
def test_a_leader_that_is_stopped_leaves_nobody_waiting(nth: int) -> None:
    """Its own group is told that it is over, and the next of those that wait leads."""
    work = Work(Stopped(), nth=nth)
    told = _joined(work)
    stopped = [n for n, one in enumerate(told) if isinstance(one, Stopped)]
    assert stopped == [0 if nth == 1 else 1]
    assert [one for n, one in enumerate(told) if n not in stopped] == [None] * 4
    assert [len(group) for group in work.groups] == [1, 3, 1]


def test_who_is_stopped_while_it_waits_is_not_chosen_to_lead() -> None:
    """The group goes on without it."""
    work = Work()
    groups = Groups(work, 1)
    told = _begun(work, groups, join=groups.join)

    heard = Event()

    def stop(*_: object) -> None:
        if not heard.is_set():
            heard.set()
            raise Stopped

    def stopping() -> Future[Exception | None]:
        until(lambda: len(groups._waiting) == 1)
        other = started(lambda: groups.join([2]))
        until(lambda: len(groups._waiting) == 2)
        # one that comes as that thread is about to wait is heard once it wakes: it is sent again
        while not heard.wait(0.05):
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)
        return other

    before = signal.signal(signal.SIGUSR1, stop)
    try:
        other = started(stopping)
        with pytest.raises(Stopped):
            groups.join([1])
    finally:
        signal.signal(signal.SIGUSR1, before)
    work.go_on.set()
    told.append(other.result(_LONG_S))
    assert [one.result(_LONG_S) for one in told] == [None, None]
    assert work.groups == [[0], [2]]
