"""Group commit: whoever finds it idle leads, and takes all that wait (`ledger.write.groups`)."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from time import monotonic, sleep
from typing import Final

import pytest

from ledger.errors import Fatal, Unavailable
from ledger.message import Message
from ledger.write.groups import Groups

_LONG_S: Final = 20.0


class Work:
    """Stands still at its first group until told to go on."""

    def __init__(self, error: Exception | None = None) -> None:
        self.groups: list[list[int]] = []
        self.over: list[list[int]] = []
        self.begun, self.go_on = Event(), Event()
        self._error = error

    def __call__(self, group: Sequence[int]) -> None:
        """A group."""
        self.groups.append(list(group))
        if len(self.groups) == 1:
            self.begun.set()
            assert self.go_on.wait(_LONG_S)
            if self._error is not None:
                raise self._error


def _joined(work: Work, *, most: int = 3) -> list[Exception | None]:
    """What each of five is told, of whom four come while the first is at work."""
    groups = Groups(work, most, after=lambda group: work.over.append(list(group)))
    with ThreadPoolExecutor(5) as pool:
        first = pool.submit(groups.join, 0)
        assert work.begun.wait(_LONG_S)
        others = [pool.submit(groups.join, n) for n in range(1, 5)]
        end = monotonic() + _LONG_S
        while len(groups._waiting) < 4:
            assert monotonic() < end
            sleep(0.001)
        work.go_on.set()
        return [one.result(_LONG_S) for one in (first, *others)]


def test_all_that_wait_are_taken_together_and_none_twice() -> None:
    """The leader's own, then three at once, then the one that did not fit."""
    work = Work()
    assert _joined(work) == [None] * 5
    assert [len(group) for group in work.groups] == [1, 3, 1]
    assert sorted(n for group in work.groups for n in group) == [0, 1, 2, 3, 4]
    assert work.over == work.groups


@pytest.mark.parametrize("hangs", [True, False])
def test_what_ends_a_group_is_told_to_it_and_to_no_other(hangs: bool) -> None:  # noqa: FBT001 - a table of cases
    """But where the store cannot be reached: who waits would wait as long for the same."""
    error = Unavailable("database_unavailable", Message("x")) if hangs else Fatal("x")
    work = Work(error)
    told = _joined(work)
    assert told == ([error] * 5 if hangs else [error, None, None, None, None])
    assert [len(group) for group in work.groups] == ([1] if hangs else [1, 3, 1])
