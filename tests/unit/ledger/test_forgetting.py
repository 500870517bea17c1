"""A process lets go of what was shredded, and once more of what it read just before."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from keys.errors import KeyAway, TokenError, TokenFault
from ledger.write.forgetting import AFTER_S, Forgetting


@dataclass
class Process:
    """How many acts there are, how often it has forgotten, and its clock."""

    shreds: int = 3
    forgotten: int = 0
    now: float = 0.0

    def forget(self) -> None:
        """Counts."""
        self.forgotten += 1


def test_what_is_gone_is_forgotten_for_as_long_as_a_request_may_take() -> None:
    """The first look finds nothing new; each act afterwards empties the memory, again and again."""
    one = Process()
    watch = Forgetting(lambda: one.shreds, [one.forget], clock=lambda: one.now)
    assert not watch.look()
    assert not watch.look()
    one.shreds += 1
    assert watch.look()
    one.now = AFTER_S / 2
    assert watch.look()
    one.now = AFTER_S
    assert not watch.look()
    assert one.forgotten == 2


def test_one_thread_that_does_everything_forgets_once() -> None:
    """Nothing is read beside it."""
    one = Process()
    watch = Forgetting(lambda: one.shreds, [one.forget], after_s=0, clock=lambda: one.now)
    watch.look()
    one.shreds += 1
    assert (watch.look(), watch.look(), one.forgotten) == (True, False, 1)


class Woken:
    """Wakes the watch at once, until it has looked as often as that."""

    def __init__(self, looks: int) -> None:
        self._left = looks
        self.over = threading.Event()

    @contextmanager
    def listen(self, _: str) -> Iterator[Callable[[float], bool]]:
        """As the port says."""
        yield self._wait

    @contextmanager
    def giving(self, _: str) -> Iterator[Callable[[], None]]:
        """As the port says."""
        yield self.over.set

    def _wait(self, _: float) -> bool:
        self._left -= 1
        if self._left == 0:
            self.over.set()
        return threading.Event().wait(0.01)


@pytest.mark.parametrize(
    "away",
    [
        KeyAway("kek.socaikek"),
        TokenError(TokenFault.ABSENT, "token"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_key_that_is_away_for_a_while_ends_no_looking(away: Exception) -> None:
    """What was shredded meanwhile is forgotten all the same, and so is what is shredded later."""
    one, notices = Process(), Woken(4)

    def always() -> None:
        one.shreds += 1
        raise away

    watch = Forgetting(lambda: one.shreds, [one.forget], always=always, clock=lambda: one.now)
    watch.start(notices)
    assert notices.over.wait(60)
    watch.close()
    assert one.forgotten >= 3
