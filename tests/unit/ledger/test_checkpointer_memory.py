"""What is remembered outside the database: crash anywhere, restore anything, never two roots.

Real keys, real trees; the database and the file are in memory, so that thousands of histories of
crashes, restores and second checkpointers can be tried.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ledger.checkpoints.checkpointer import HINT_S, MANY, PAUSE_S, POLL_S, SOON_S, Checkpointer
from ledger.checkpoints.seen_checkpoint import SeenCheckpoint, beginning
from ledger.errors import Doubt, Fatal, Unavailable
from ledger.log import checkpoint
from ledger.log.checkpoint import OpenedCheckpoint, open_checkpoint
from ledger.message import Wording
from ledger.ports import HINTS_APART_S, Pruned
from tests.contract.append import T0, a_draft
from tests.examples import examples
from tests.fakes import Fault, MemoryRecordStore, MemorySeen, no_fault
from tests.fixtures.clock import StepClock
from tests.fixtures.keys import log_keys

ORIGIN = "rehearsal.bacninh.example/ordinary"
KEYS = log_keys(ORIGIN)
POINTS = ("keep", "kept", "seal", "sealed")
_LONG_S = 60.0


class Crash(Exception):
    """The process is gone."""


class Remembered(MemorySeen):
    """A home's memory that knows every root it ever held, by size.

    A signature that a crash kept from coming here has left nothing: nobody can have seen it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.note = beginning(KEYS.log, KEYS.pq, time_s=1)
        self.roots: dict[int, set[bytes]] = defaultdict(set)

    def write(self, note: bytes) -> None:
        """See `SeenStore`."""
        self.fault("keep")
        self.note = note
        said = checkpoint.unverified(note)
        self.roots[said.size].add(said.root)
        self.fault("kept")


class Home:
    """A home with its file and any number of checkpointers over one database."""

    def __init__(self, store: MemoryRecordStore) -> None:
        self.store = store
        self.seen = Remembered()

    def checkpointer(self) -> Checkpointer:
        """A checkpointer that was just started."""
        return Checkpointer(
            records=self.store,
            tiles=self.store,
            checkpoints=self.store,
            seen=SeenCheckpoint(self.seen, lambda _: [KEYS.log.vkey, KEYS.pq.vkey], ORIGIN),
            log_key=KEYS.log,
            pq_key=KEYS.pq,
            clock=StepClock(T0),
            origin=ORIGIN,
        )


class World:
    """One database and what can happen to it."""

    def __init__(self) -> None:
        self.store = MemoryRecordStore()
        self.count = 0

    def append(self, records: int) -> None:
        """Records that were never there before, also not in another history."""
        for _ in range(records):
            self.count += 1
            at = T0 + timedelta(milliseconds=self.count)
            self.store.append(a_draft(f"case/{self.count}", at=at))

    def fail(self, point: str | None, error: Exception, *seen: MemorySeen) -> None:
        """At the next time somebody comes by this point."""

        def fault(at: str) -> None:
            if at == point:
                self.mend(*seen)
                raise error

        self._set(fault, *seen)

    def mend(self, *seen: MemorySeen) -> None:
        """Nothing fails."""
        self._set(no_fault, *seen)

    def _set(self, fault: Fault, *seen: MemorySeen) -> None:
        self.store.fault = fault
        for one in seen:
            one.fault = fault


@pytest.fixture
def world() -> World:
    """A log of three records, none sealed."""
    made = World()
    made.append(3)
    return made


@pytest.mark.parametrize("later", [0, 2], ids=["nothing new", "new records"])
@pytest.mark.parametrize("restarted", [False, True], ids=["same process", "restarted"])
@pytest.mark.parametrize("point", POINTS)
def test_a_crash_at_any_point_signs_nothing_anew(
    world: World, point: str, later: int, *, restarted: bool
) -> None:
    """What was kept in the file is stored later, the very same bytes."""
    home = Home(world.store)
    checkpointer = home.checkpointer()
    checkpointer.checkpoint_once()
    world.append(2)
    error: Exception = (
        Crash() if restarted else Unavailable("database_unavailable", Wording("", "away"))
    )
    world.fail(point, error, home.seen)
    with pytest.raises(type(error)):
        checkpointer.checkpoint_once()
    kept = home.seen.note
    world.append(later)
    after = home.checkpointer() if restarted else checkpointer
    while after.checkpoint_once():
        pass
    assert max(world.store._notes) == 5 + later
    if point != "keep":
        assert world.store._notes[5] == kept
    assert all(len(roots) == 1 for roots in home.seen.roots.values())


class _ThreeWaits(threading.Event):
    """Tells to stop at the third wait; nobody really waits."""

    def __init__(self) -> None:
        super().__init__()
        self.waits = 0

    def wait(self, timeout: float | None = None) -> bool:
        """At once."""
        del timeout
        self.waits += 1
        if self.waits == 3:
            self.set()
        return self.is_set()


def test_why_nothing_is_sealed_is_said_once(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """The disk of the memory is full: who looks at night reads why, not a line with every try."""
    home = Home(world.store)

    def full(at: str) -> None:
        if at == "keep":
            said = "The server is out of room.\nDETAIL:  Failing row contains (a citizen)."
            raise Unavailable("disk_full", Wording("", said))

    home.seen.fault = full
    stop = _ThreeWaits()
    home.checkpointer().run(stop)
    assert stop.waits == 3
    said = [line.getMessage() for line in caplog.records if line.name == "socai.checkpointer"]
    assert len(said) == 1
    assert said[0].endswith("out of room."), "and not what the server was asked"
    assert said[0].startswith(f"{ORIGIN}: "), "which of the two logs"


class _Waits(threading.Event):
    """Keeps how long each wait would be, moves the clock on by it, and stops at the last."""

    def __init__(self, clock_s: list[float], most: int) -> None:
        super().__init__()
        self.asked_s: list[float | None] = []
        self._clock_s, self._most = clock_s, most

    def wait(self, timeout: float | None = None) -> bool:
        """At once."""
        self.asked_s.append(timeout)
        self._clock_s[0] += timeout or 0.0
        if len(self.asked_s) == self._most:
            self.set()
        return self.is_set()


@pytest.mark.parametrize(
    ("records", "took_s", "most_s", "paused_s"),
    [
        (MANY, 0.004, PAUSE_S, 0.004),
        (MANY + 3, 0.004, PAUSE_S, 0.004),
        (MANY, 0.5, PAUSE_S, PAUSE_S),
        (MANY, 0.5, 0.1, 0.1),
        (MANY, 0.5, 0.001, 0.001),
        (1 + (MANY - 1) // 2, 0.004, PAUSE_S, 0.002),
        (1, 0.004, PAUSE_S, 0.0),
    ],
)
def test_who_waits_for_a_proof_waits_no_longer_for_a_pause_than_for_the_signing(
    monkeypatch: pytest.MonkeyPatch, records: int, took_s: float, most_s: float, paused_s: float
) -> None:
    """And for none that no others gain by; then it looks by itself while hints may be held back."""
    clock_s = [100.0]
    monkeypatch.setattr("ledger.checkpoints.checkpointer.time.monotonic", lambda: clock_s[0])
    world = World()
    world.append(records)
    home = Home(world.store)

    def signing(at: str) -> None:
        clock_s[0] += took_s if at == "keep" else 0.0

    home.seen.fault = signing
    stop = _Waits(clock_s, 24)
    home.checkpointer().run(stop, pause_s=most_s)
    first, *after = (round(waited or 0.0, 6) for waited in stop.asked_s)
    soon, long = after.count(SOON_S), after.count(POLL_S)
    assert first == paused_s
    assert after == [SOON_S] * soon + [POLL_S] * long
    assert long
    assert soon * SOON_S <= max(0.0, HINTS_APART_S - paused_s) + SOON_S
    assert bool(soon) is (paused_s < HINTS_APART_S)


class _Told:
    """Notices that come to nobody; what is given is noted."""

    def __init__(self, done: list[object]) -> None:
        self._done = done

    @contextmanager
    def listen(self, _channel: str) -> Iterator[Callable[[float], bool]]:
        """Hears nothing."""
        yield lambda _timeout_s: False

    @contextmanager
    def giving(self, _channel: str) -> Iterator[Callable[[], None]]:
        """Notes each."""
        yield lambda: self._done.append("given")


def test_a_hint_goes_out_before_the_note_is_verified_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is sent by another thread, which the verification would keep from the interpreter."""
    done: list[object] = []

    class Stop(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            done.append(timeout)
            if len(done) > 2 and "given" in done:
                self.set()
            return self.is_set()

    home = Home(world.store)
    checkpointer = home.checkpointer()
    checkpointer._notices = _Told(done)
    last = checkpointer._seen.last

    def noted() -> OpenedCheckpoint:
        done.append("verified")
        return last()

    monkeypatch.setattr(checkpointer._seen, "last", noted)
    checkpointer.run(Stop())
    given = done.index("given")
    assert done[given : given + 3] == ["given", HINT_S, "verified"]


def test_who_waits_for_a_proof_does_not_wait_for_a_prune(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long one takes: it is asked for beside the signing (ADR 91)."""
    monkeypatch.setattr("ledger.checkpoints.checkpointer.PRUNE_S", 0.0)
    monkeypatch.setattr("ledger.checkpoints.checkpointer.POLL_S", 0.01)
    begun, over, stop = threading.Event(), threading.Event(), threading.Event()

    def prune(most: int) -> Pruned:
        begun.set()
        over.wait(_LONG_S)
        return Pruned(most, more=False, apart=False)

    monkeypatch.setattr(world.store, "prune", prune)
    running = threading.Thread(target=Home(world.store).checkpointer().run, args=(stop,))
    running.start()
    try:
        assert begun.wait(_LONG_S)
        world.append(1)
        looked = threading.Event()
        for _ in range(1000):
            if 4 in world.store._notes or looked.wait(0.01):
                break
        assert 4 in world.store._notes
    finally:
        over.set()
        stop.set()
        running.join()


def test_who_waits_for_a_proof_does_not_wait_for_the_one_before_to_be_verified(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each note that is kept is read back and verified once, in the pause behind it."""
    home, did = Home(world.store), list[str]()

    def verified(*arguments: Any, **named: Any) -> OpenedCheckpoint:  # noqa: ANN401 - passed on
        did.append("verified")
        return open_checkpoint(*arguments, **named)

    class Pauses(_Waits):
        """Something is recorded in each."""

        def wait(self, timeout: float | None = None) -> bool:
            """At once."""
            did.append("pause")
            world.append(1)
            return super().wait(timeout)

    checkpointer = home.checkpointer()
    checkpointer.checkpoint_once()
    world.append(1)
    monkeypatch.setattr("ledger.checkpoints.seen_checkpoint.open_checkpoint", verified)

    def keeping(at: str) -> None:
        did.extend(["kept"] if at == "keep" else [])

    home.seen.fault = keeping
    checkpointer.run(Pauses([0.0], 3))
    first = did.index("kept")
    assert did[first:] == ["kept", "verified", "pause"] * 3


@pytest.mark.parametrize("restarted", [False, True], ids=["running", "restarted"])
@pytest.mark.parametrize("appended", [0, 2, 3, 9])
def test_an_older_database_is_never_signed_over(
    world: World, appended: int, *, restarted: bool
) -> None:
    """Shorter, as long, or longer than what was signed: nothing more is signed or stored."""
    home = Home(world.store)
    checkpointer = home.checkpointer()
    checkpointer.checkpoint_once()
    old = world.store.backup()
    world.append(3)
    checkpointer.checkpoint_once()
    signed = {size: set(roots) for size, roots in home.seen.roots.items()}
    world.store.restore(old)
    world.append(appended)
    for _ in range(2):  # also when it is asked again
        with pytest.raises(Doubt) as doubt:
            (home.checkpointer() if restarted else checkpointer).checkpoint_once()
        assert doubt.value.kind == ("shorter" if appended < 3 else "forked")
    assert home.seen.roots == signed
    assert max(world.store._notes) == 3


def test_a_database_that_is_right_again_is_sealed_on(world: World) -> None:
    """The memory doubts what is stored, and not for ever: that is what the mark does."""
    home = Home(world.store)
    home.checkpointer().checkpoint_once()
    world.append(3)
    old = world.store.backup()
    world.append(3)
    home.checkpointer().checkpoint_once()
    right = world.store.backup()
    world.store.restore(old)
    with pytest.raises(Doubt):
        home.checkpointer().checkpoint_once()
    world.store.restore(right)
    world.append(1)
    assert home.checkpointer().checkpoint_once() is not None


def test_records_that_survived_without_their_checkpoint_are_sealed_with_the_same_note(
    world: World,
) -> None:
    """Restored to between the records' commit and the swap: nothing is lost, nothing forks."""
    home = Home(world.store)
    home.checkpointer().checkpoint_once()
    world.append(3)
    between = world.store.backup()
    home.checkpointer().checkpoint_once()
    note = home.seen.note
    world.store.restore(between)
    assert home.checkpointer().checkpoint_once() is not None
    assert world.store._notes[6] == note


def test_without_memory_nothing_is_signed(world: World) -> None:
    """A new machine asks for the last known checkpoint, and goes on from it."""
    home = Home(world.store)
    home.checkpointer().checkpoint_once()
    known = home.seen.note
    assert known is not None
    old = world.store.backup()
    home.seen.note = None
    with pytest.raises(Doubt) as unseen:
        home.checkpointer().checkpoint_once()
    assert unseen.value.kind == "unseen"
    new = Home(world.store)
    new.seen.note = known
    world.append(2)
    assert new.checkpointer().checkpoint_once() is not None
    world.store.restore(old)
    with pytest.raises(Doubt, match="5 records are signed over, 3"):
        new.checkpointer().checkpoint_once()


def test_a_note_of_the_log_stored_as_one_of_another_size_is_doubt(world: World) -> None:
    """It is signed, and the tree leads to it: by the login alone somebody put it in that place."""
    home = Home(world.store)
    assert home.checkpointer().checkpoint_once() is not None
    world.append(2)
    latest = world.store.latest()
    assert latest is not None
    size, note = latest
    world.store.advance(size, size + 1, bytes(32), note, [])
    with pytest.raises(Doubt, match=f"stored as one of {size + 1} records, is signed for {size}"):
        home.checkpointer().checkpoint_once()


def test_a_memory_put_back_under_a_running_checkpointer_is_doubt(world: World) -> None:
    """Whoever copies an old file over the new one would make it forget."""
    home = Home(world.store)
    checkpointer = home.checkpointer()
    checkpointer.checkpoint_once()
    old = home.seen.note
    world.append(1)
    checkpointer.checkpoint_once()
    home.seen.note = old
    world.append(1)
    with pytest.raises(Fatal):
        checkpointer.checkpoint_once()


def test_a_second_home_that_lags_catches_up_if_its_tree_is_the_beginning(world: World) -> None:
    """A checkpointer kept ready elsewhere: what it saw last must be part of what is there."""
    first, second = Home(world.store), Home(world.store)
    first.checkpointer().checkpoint_once()
    assert second.checkpointer().checkpoint_once() is None
    old = world.store.backup()
    for _ in range(3):
        world.append(300)
        first.checkpointer().checkpoint_once()
    world.append(1)
    assert second.checkpointer().checkpoint_once() is not None
    world.store.restore(old)
    world.append(2000)
    other = Home(world.store)
    other.seen.note = second.seen.note
    with pytest.raises(Doubt):
        other.checkpointer().checkpoint_once()


@pytest.mark.parametrize("more", [3, 4], ids=["the same size", "a larger size"])
@pytest.mark.parametrize("restarted", [False, True], ids=["running", "restarted"])
def test_what_another_home_signed_over_the_restored_database_is_not_taken_over(
    world: World, more: int, *, restarted: bool
) -> None:
    """A home without memory may fork; the one that remembers stops, and is the witness of it."""
    home = Home(world.store)
    checkpointer = home.checkpointer()
    old = world.store.backup()
    world.append(3)
    checkpointer.checkpoint_once()
    world.store.restore(old)
    world.append(more)
    assert Home(world.store).checkpointer().checkpoint_once() is not None
    with pytest.raises(Doubt) as doubt:
        (home.checkpointer() if restarted else checkpointer).checkpoint_once()
    assert doubt.value.kind == "forked"
    assert checkpoint.unverified(home.seen.note or b"").size == 6


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_checkpointer_that_loses_the_swap_leaves_file_and_database_of_one_tree(
    world: World, order: tuple[int, int]
) -> None:
    """Of two homes both sign and one is stored; each file still leads to what is stored."""
    homes = [Home(world.store), Home(world.store)]
    checkpointers = [home.checkpointer() for home in homes]
    for checkpointer in checkpointers:
        checkpointer.checkpoint_once()
    world.append(4)

    def raced(point: str) -> None:
        if point == "seal":
            world.store.fault = no_fault
            world.append(2)  # so that the faster one signs another size
            assert checkpointers[order[1]].checkpoint_once() is not None

    world.store.fault = raced
    assert checkpointers[order[0]].checkpoint_once() is None
    for checkpointer in (*checkpointers, *(home.checkpointer() for home in homes)):
        assert checkpointer.checkpoint_once() is None
    assert {checkpoint.unverified(home.seen.note or b"").size for home in homes} == {9}
    assert max(world.store._notes) == 9


def test_a_note_that_another_checkpointer_of_the_home_left_behind_is_stored_by_whoever_comes(
    world: World,
) -> None:
    """Killed between file and swap: the other one does not wait for its restart."""
    home = Home(world.store)
    one, other = home.checkpointer(), home.checkpointer()
    one.checkpoint_once()
    other.checkpoint_once()
    world.append(2)
    world.fail("seal", Crash(), home.seen)
    with pytest.raises(Crash):
        one.checkpoint_once()
    left = home.seen.note
    world.append(2)
    assert other.checkpoint_once() is not None
    assert world.store._notes[5] == left
    assert other.checkpoint_once() is not None


class Histories(RuleBasedStateMachine):
    """Two checkpointers of one home, one of another, one database: anything in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.homes = [Home(self.world.store), Home(self.world.store)]
        self.checkpointers = [(0, self.homes[0].checkpointer()), (0, self.homes[0].checkpointer())]
        self.checkpointers.append((1, self.homes[1].checkpointer()))
        self.backups = [self.world.store.backup()]
        self.restored = False

    @rule(records=st.integers(1, 4) | st.just(260))
    def append(self, records: int) -> None:
        """Acts are taken."""
        self.world.append(records)

    @rule(which=st.integers(0, 2), point=st.sampled_from([None, *POINTS]), crash=st.booleans())
    def seal(self, which: int, point: str | None, *, crash: bool) -> None:
        """A checkpointer comes by, and perhaps something happens to it."""
        at, checkpointer = self.checkpointers[which]
        seen = [home.seen for home in self.homes]
        error = Crash() if crash else Unavailable("database_unavailable", Wording("", "away"))
        self.world.fail(point, error, *seen)
        try:
            checkpointer.checkpoint_once()
        except Crash:
            self.checkpointers[which] = (at, self.homes[at].checkpointer())
        except Unavailable:
            pass
        except Fatal:
            assert self.restored, "doubt without a reason"
            self.checkpointers[which] = (at, self.homes[at].checkpointer())
        finally:
            self.world.mend(*seen)

    @rule()
    def backup(self) -> None:
        """The database is copied."""
        self.backups.append(self.world.store.backup())

    @rule(which=st.integers(0, 10))
    def restore(self, which: int) -> None:
        """A copy stands in its place."""
        self.world.store.restore(self.backups[which % len(self.backups)])
        self.restored = True

    @precondition(lambda self: not self.restored)
    @rule(which=st.integers(0, 2))
    def settle(self, which: int) -> None:
        """Where nothing was restored, any checkpointer covers everything."""
        checkpointer = self.checkpointers[which][1]
        for _ in range(6):
            checkpointer.checkpoint_once()
        assert max(self.world.store._notes, default=0) == self.world.store._head.size

    @invariant()
    def never_two_roots(self) -> None:
        """No home ever stands by two for a size; none at all does while nothing was restored."""
        everywhere: dict[int, set[bytes]] = defaultdict(set)
        for home in self.homes:
            for size, roots in home.seen.roots.items():
                assert len(roots) == 1, f"two roots for size {size}"
                everywhere[size] |= roots
        if not self.restored:
            assert all(len(roots) == 1 for roots in everywhere.values())

    @invariant()
    def what_is_stored_first_was_kept(self) -> None:
        """Nobody sees a note that its home would have forgotten after a crash."""
        stored = max(self.world.store._notes, default=0)
        sizes = [checkpoint.unverified(home.seen.note or b"").size for home in self.homes]
        if not self.restored:
            assert stored <= max(sizes)


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=examples(20), stateful_step_count=25, deadline=None)
