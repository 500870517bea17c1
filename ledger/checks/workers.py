"""Spreads the parts of an audit over processes, each reading the same snapshot by itself.

Answers come back in the order they were asked for; how many are under way is bounded, so that a
long log needs no more memory than a short one.
"""

from __future__ import annotations

import gc
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_all_start_methods, get_context
from multiprocessing.context import BaseContext
from multiprocessing.util import Finalize
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from ledger.checks.content import Job
from ledger.checks.evidence import Share
from ledger.checks.part import Desk, Part

_AHEAD: Final = 4
_RARELY: Final = 100_000
"""What is opened leaves no cycles; looking for them every few hundred objects costs a tenth."""
_Answer = TypeVar("_Answer")
_desks: list[Desk] = []


class Workers:
    """Processes with a desk each; use it as a context manager.

    Args:
        number: How many.
        share: The way to the snapshot.
        job: What rows are checked with; None where they cannot be opened.
    """

    def __init__(self, number: int, share: Share, job: Job | None) -> None:
        self._depth = _AHEAD * number
        self._pool = ProcessPoolExecutor(
            number, mp_context=_context(), initializer=_sit_down, initargs=(share, job)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def each(
        self, do: Callable[..., _Answer], asked: Iterable[tuple[Any, ...]]
    ) -> Iterator[_Answer]:
        """What `do` answers to each of `asked`, in that order; the first are begun at once."""
        waiting: deque[Future[_Answer]] = deque()
        rest = iter(asked)
        for arguments in rest:
            waiting.append(self._pool.submit(do, *arguments))
            if len(waiting) == self._depth:
                break
        return self._in_order(do, waiting, rest)

    def _in_order(
        self,
        do: Callable[..., _Answer],
        waiting: deque[Future[_Answer]],
        rest: Iterator[tuple[Any, ...]],
    ) -> Iterator[_Answer]:
        while waiting:
            answer = waiting.popleft().result()
            for arguments in rest:
                waiting.append(self._pool.submit(do, *arguments))
                break
            yield answer

    def parts(self, ranges: Iterable[tuple[int, int]]) -> Iterator[Part]:
        """The parts of these index ranges, in order."""
        return self.each(_part, ranges)


def _context() -> BaseContext:
    """A copy of this process starts at once, but is safe only while nothing else runs in it."""
    alone = threading.active_count() == 1 and "fork" in get_all_start_methods()
    return get_context("fork" if alone else "spawn")


def _sit_down(share: Share, job: Job | None) -> None:
    source = share.open()
    _desks.append(Desk(source, job))
    close = getattr(source, "close", None)
    if close is not None:
        Finalize(None, close, exitpriority=1)
    gc.freeze()
    gc.set_threshold(_RARELY)


def _part(start: int, end: int) -> Part:
    return _desks[-1].part(start, end)
