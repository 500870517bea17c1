"""A running process holds its log to what the home has seen: when it doubts, and when no more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from ledger.checkpoints.log_watch import LogWatch
from ledger.checkpoints.verified_checkpoints import SignedCheckpoints
from ledger.errors import Doubt, Unavailable
from ledger.log.checkpoint import unverified
from ledger.message import Wording
from tests.a_ledger import ALedger, a_new_home, a_report, in_memory
from tests.fakes import MemoryRecordStore, MemorySeen, no_fault


@dataclass
class Watched:
    """A log that is sealed after every act, and a process of another role that watches it."""

    a: ALedger
    store: MemoryRecordStore
    seen: MemorySeen
    checkpoints: SignedCheckpoints
    watch: LogWatch
    told: list[Doubt | None]

    def act(self, number: int) -> None:
        """Recorded and sealed."""
        self.a.say(a_report(number), "hotline")
        self.a.checkpointer().checkpoint_once()

    def fork(self, *numbers: int) -> None:
        """Other acts, sealed by a home without this memory but with the log's key."""
        other = ALedger(in_memory(self.store), clock=self.a.clock)
        for number in numbers:
            other.say(a_report(number), "hotline")
        other.checkpointer().checkpoint_once()

    def process(self) -> LogWatch:
        """One that was just started over the same home and database."""
        checkpoints = SignedCheckpoints(
            self.store, lambda _: self.a.vkeys(), self.a.origin, follow=lambda: None
        )
        return LogWatch(self.a.memory(self.seen), checkpoints, self.store, self.store)

    @property
    def size(self) -> int:
        """What the home has seen."""
        return unverified(self.seen.note or b"").size


@pytest.fixture
def w() -> Watched:
    """As at a start: one look was taken."""
    store = MemoryRecordStore()
    a = ALedger(in_memory(store))
    a.found()
    a.clock.step(seconds=1)
    a.hire("hotline")
    a.checkpointer().checkpoint_once()
    seen, told = a_new_home(a.keys), list[Doubt | None]()
    checkpoints = SignedCheckpoints(store, lambda _: a.vkeys(), a.origin, follow=lambda: None)
    watch = LogWatch(a.memory(seen), checkpoints, store, store, told.append)
    watch.look()
    return Watched(a, store, seen, checkpoints, watch, told)


def _doubt(ask: Callable[..., object], *given: Any) -> str:  # noqa: ANN401  any call
    with pytest.raises(Doubt) as doubt:
        ask(*given)
    return doubt.value.kind


def test_a_log_that_grows_is_never_doubted(w: Watched) -> None:
    """Whoever looks, before or after a checkpoint, remembers it."""
    for number in range(1, 5):
        w.act(number)
        w.watch.admit(w.store)
        w.watch.look()
        w.watch.require()
        assert w.size == w.store.head().size
    assert w.told == []


def test_doubt_is_told_once_refuses_what_would_be_recorded_and_ends_with_its_reason(
    w: Watched,
) -> None:
    """Shorter, or another root: and as it was, once it is right again."""
    old = w.store.backup()
    w.act(1)
    w.watch.look()
    right = w.store.backup()
    w.store.restore(old)
    for _ in range(2):
        w.watch.look()
        assert _doubt(w.watch.require) == "shorter"
    w.store.restore(right)
    w.watch.look()
    w.watch.require()
    assert [doubt is None for doubt in w.told] == [False, True]
    w.store.restore(old)
    w.fork(9)
    w.watch.look()
    assert _doubt(w.watch.require) == "forked"
    assert _doubt(w.process().admit, w.store) == "forked"


def test_a_database_that_is_put_in_the_place_of_another_during_a_look_is_doubted(
    w: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between its size and its last record: no error of the program's own, which ends a loop."""
    old = w.store.backup()
    w.act(1)
    latest = w.checkpoints.latest

    def replaced() -> tuple[int, bytes] | None:
        found = latest()
        w.store.restore(old)
        return found

    monkeypatch.setattr(w.checkpoints, "latest", replaced)
    w.watch.look()
    assert _doubt(w.watch.require) == "shorter"


def test_what_was_handed_out_since_the_last_look_counts_too(w: Watched) -> None:
    """A replica that lags by less than a second: a verified checkpoint was the moment it was."""
    old = w.store.backup()
    w.act(1)
    assert w.checkpoints.latest() is not None  # as a receipt would be proven with
    w.store.restore(old)
    assert _doubt(w.watch.admit, w.store) == "shorter"
    assert _doubt(w.watch.require) == "shorter"


def test_a_new_connection_to_another_database_than_was_asked_is_not_written_to(w: Watched) -> None:
    """The reader's login still sees the old server, the writer's comes to the new one."""
    old = w.store.backup()
    w.act(1)
    w.act(2)
    w.watch.look()
    true = w.store.backup()
    behind, forked = MemoryRecordStore(), MemoryRecordStore()
    behind.restore(old)
    w.store.restore(old)
    w.fork(7, 8, 9)
    forked.restore(w.store.backup())
    w.store.restore(true)
    for there, kind in ((behind, "shorter"), (forked, "forked")):
        assert _doubt(w.watch.admit, there) == kind
    w.watch.admit(w.store)


def test_a_restart_remembers(w: Watched) -> None:
    """The file, not the process."""
    old = w.store.backup()
    w.act(1)
    w.watch.look()
    w.store.restore(old)
    started = w.process()
    started.look()
    assert _doubt(started.require) == "shorter"


def test_a_checkpoint_of_a_fork_is_not_remembered_in_the_place_of_the_one_seen(w: Watched) -> None:
    """It is longer and well signed: taking it would be forgetting."""
    old = w.store.backup()
    w.act(1)
    w.watch.look()
    seen = w.seen.note
    w.store.restore(old)
    w.fork(7, 8, 9)
    w.checkpoints.latest()
    w.watch.look()
    assert w.seen.note == seen
    assert _doubt(w.watch.require) == "forked"


def test_a_full_disk_or_an_absent_database_is_no_doubt(w: Watched) -> None:
    """What was found last stands; what could not be kept counts until it can be."""

    def full(_point: str) -> None:
        raise Unavailable("disk_full", Wording("", "no room"))

    old = w.store.backup()
    w.seen.fault = full
    size = w.size
    w.act(1)
    w.watch.look()
    w.watch.require()
    assert w.size == size
    w.store.fault = full
    with pytest.raises(Unavailable):
        w.watch.look()
    w.watch.require()
    w.store.fault = no_fault
    w.store.restore(old)
    w.watch.look()
    assert _doubt(w.watch.require) == "shorter"


def test_a_checkpoint_that_the_log_did_not_sign_moves_no_memory(w: Watched) -> None:
    """The checkpointer's login stores what it likes; readiness says so, by another check."""
    w.act(1)
    size = w.size
    w.store._notes[max(w.store._notes)] = b"junk"
    w.watch.look()
    w.watch.require()
    assert w.size == size
