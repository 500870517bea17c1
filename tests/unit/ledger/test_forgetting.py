"""A process lets go of what was shredded, and once more of what it read just before."""

from __future__ import annotations

from dataclasses import dataclass

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
