"""Who waits for a proof is woken by the checkpoint that covers the record, and nobody asks before.

The log is in memory, and a hint comes when the test gives it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from ledger.checkpoints.proofs import Proofs
from ledger.errors import Fatal
from tests.fakes import MemoryRecordStore
from tests.leaf_nodes import cover

_LONG_S = 60.0
_LEAVES = [bytes([n]) * 32 for n in range(5)]
_NEVER_S = 3600.0


class _Given:
    """Hints that the test gives, and knows to be heard."""

    def __init__(self) -> None:
        self._given = threading.Semaphore(0)
        self._listening = threading.Semaphore(0)

    @contextmanager
    def listen(self, _channel: str) -> Iterator[Callable[[float], bool]]:
        """See `Notices`."""

        def wait(timeout_s: float) -> bool:
            self._listening.release()
            return self._given.acquire(timeout=timeout_s)

        yield wait

    def give(self) -> None:
        """One, once who listens waits for it."""
        assert self._listening.acquire(timeout=_LONG_S)
        self._given.release()

    def end(self) -> None:
        """One for whoever may listen yet: who was told to end may have gone without."""
        self._given.release()

    def heard(self) -> None:
        """What was given was heard and dealt with."""
        assert self._listening.acquire(timeout=_LONG_S)
        self._listening.release()

    def giving(self, _channel: str) -> Any:  # noqa: ANN401 - nobody of these tests asks
        """See `Notices`."""
        raise NotImplementedError


class _Log(MemoryRecordStore):
    """A log whose tree grows as the test says; it counts how often it was looked at.

    Attributes:
        looks: How often.
        fails: Whether it refuses.
        refused: Whether who follows it was refused.
    """

    def __init__(self) -> None:
        super().__init__()
        self.looks = 0
        self.fails = False
        self.refused = threading.Event()
        self._whole = threading.RLock()  # who follows sees a checkpoint with its tiles, or none

    def latest(self) -> tuple[int, bytes] | None:
        """See `CheckpointStore`."""
        self.looks += 1
        if self.fails:
            if threading.current_thread().name == "checkpoints":
                self.refused.set()
            raise Fatal("the store refuses")
        return super().latest()

    def latest_with(self, *asked: Any) -> Any:  # noqa: ANN401 - as it is there
        """See `Checkpoints`."""
        with self._whole:
            return super().latest_with(*asked)

    def cover(self, size: int) -> None:
        """One more checkpoint."""
        with self._whole:
            looks = self.looks
            cover(self, size, _LEAVES)
            self.looks = looks


@pytest.fixture
def log() -> _Log:
    """Of no checkpoint."""
    return _Log()


@pytest.fixture
def hints() -> _Given:
    """None yet."""
    return _Given()


@pytest.fixture
def proofs(log: _Log, hints: _Given, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proofs]:
    """Of one process, which polls never."""
    monkeypatch.setattr("ledger.checkpoints.proofs.POLL_S", _NEVER_S)
    made = Proofs(log, log, hints)
    yield made
    monkeypatch.setattr("ledger.checkpoints.proofs.POLL_S", 0.0)
    made.close()
    hints.end()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Those who wait."""
    with ThreadPoolExecutor(8) as made:
        yield made


def _waiting(proofs: Proofs, pool: ThreadPoolExecutor, index: int) -> Future[Any]:
    """One who waits for a record that was only just made."""
    before = len(proofs._waiting)
    future = pool.submit(proofs.wait, index, _LONG_S, since=time.monotonic())
    while len(proofs._waiting) == before and not future.done():
        threading.Event().wait(0.001)
    return future


def test_a_checkpoint_wakes_those_whom_it_covers_and_nobody_else(
    log: _Log, hints: _Given, proofs: Proofs, pool: ThreadPoolExecutor
) -> None:
    """Each once: whoever is not covered yet has no work of it."""
    first, second, third = (_waiting(proofs, pool, index) for index in (0, 1, 4))
    log.cover(2)
    hints.give()
    assert [one.result(_LONG_S)["size"] for one in (first, second)] == [2, 2]
    hints.heard()
    assert not third.done()
    assert [one.index for one in proofs._waiting] == [4]
    log.cover(5)
    hints.give()
    assert third.result(_LONG_S)["size"] == 5
    assert proofs._waiting == []


def test_while_nobody_waits_no_checkpoint_is_looked_at(
    log: _Log, hints: _Given, proofs: Proofs, pool: ThreadPoolExecutor
) -> None:
    """Neither is one that came before the record: it cannot cover it."""
    first = _waiting(proofs, pool, 0)
    log.cover(1)
    hints.give()
    assert first.result(_LONG_S)["size"] == 1
    hints.heard()
    looks = log.looks
    for size in (2, 3):
        log.cover(size)
        hints.give()
        hints.heard()
    assert log.looks == looks
    newer = _waiting(proofs, pool, 3)
    assert log.looks == looks
    log.cover(4)
    hints.give()
    assert newer.result(_LONG_S)["size"] == 4
    assert log.looks == looks + 1


def test_who_comes_after_the_hint_is_told_all_the_same(
    log: _Log, hints: _Given, proofs: Proofs, pool: ThreadPoolExecutor
) -> None:
    """A checkpoint came between record and wait, or covers an old record long since."""
    began = time.monotonic()
    assert proofs.wait(0, 0.0, since=began) is None
    log.cover(2)
    hints.give()
    hints.heard()
    told = proofs.wait(1, _LONG_S, since=began)
    assert told is not None
    assert told["size"] == 2
    log.cover(3)
    told = proofs.wait(2, _LONG_S)
    assert told is not None
    assert told["size"] == 3
    assert pool.submit(proofs.wait, 0, 0.0).result(_LONG_S) is not None


def test_of_what_was_passed_by_one_look_tells_everybody(
    log: _Log, hints: _Given, proofs: Proofs, pool: ThreadPoolExecutor
) -> None:
    """Under a steady load hints pass by all the time, between one who waits and the next.

    One that was refused tells nobody, and the next one looks for themselves.
    """
    began = time.monotonic()
    assert proofs.wait(0, 0.0, since=began) is None
    hints.heard()
    log.cover(1)
    hints.give()
    hints.heard()
    looks, log.fails = log.looks, True
    assert proofs.wait(1, 0.0, since=began) is None
    log.fails = False
    assert proofs.wait(1, 0.0, since=began) is None
    assert log.looks == looks + 2
    assert [proofs.wait(n, 0.0, since=began) for n in (1, 2, 3)] == [None] * 3
    assert log.looks == looks + 2
    newer = _waiting(proofs, pool, 1)
    log.cover(2)
    hints.give()
    assert newer.result(_LONG_S)["size"] == 2


def test_who_gives_up_is_waited_with_no_more(log: _Log, hints: _Given, proofs: Proofs) -> None:
    """Also where the store refused to say anything: the record is there, and its proof is late."""
    assert proofs.wait(7, 0.0) is None
    hints.heard()
    log.fails = True
    assert proofs.wait(7, 0.0) is None
    assert proofs._waiting == []


def test_a_refusal_ends_nobody_who_follows(
    log: _Log,
    hints: _Given,
    proofs: Proofs,
    pool: ThreadPoolExecutor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever waits then is told once the store answers again."""
    waiting = _waiting(proofs, pool, 0)
    monkeypatch.setattr("ledger.checkpoints.proofs.POLL_S", 0.001)
    hints.give()  # who is refused listens no more
    log.fails = True
    assert log.refused.wait(_LONG_S)
    log.fails = False
    log.cover(1)
    assert waiting.result(_LONG_S)["size"] == 1


def test_once_all_is_to_end_nobody_waits_any_longer(
    log: _Log, hints: _Given, proofs: Proofs, pool: ThreadPoolExecutor
) -> None:
    """Neither who waits already nor who comes; what is covered is told all the same."""
    first = _waiting(proofs, pool, 0)
    proofs.end_waits(0.0)
    assert first.result(_LONG_S) is None
    assert proofs.wait(0, _LONG_S, since=time.monotonic()) is None
    log.cover(1)
    hints.give()
    told = proofs.wait(0, _LONG_S)
    assert told is not None
    assert proofs._waiting == []
