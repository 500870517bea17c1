"""Spreads the parts of an audit over processes, each reading the same snapshot by itself.

Answers come back in the order they were asked for; how many are under way is bounded, so that a
long log needs no more memory than a short one.
"""

from __future__ import annotations

import gc
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import cycle, islice, repeat, tee
from multiprocessing import get_all_start_methods, get_context
from multiprocessing.context import BaseContext
from multiprocessing.util import Finalize
from types import TracebackType
from typing import Any, Final, NamedTuple, Self, TypeVar

from ledger.audit.content import Job
from ledger.audit.range_check import CheckedRange, RangeChecker, history
from ledger.audit.rules.rules import RegistryChange, RuleReplay
from ledger.audit.rules.stream_folds import Folds
from ledger.audit.rules.token_owners import Tokens
from ledger.audit.snapshot_port import ExportedSnapshot, StreamPartition
from ledger.audit.tables import Beside
from ledger.errors import LedgerError

_AHEAD: Final = 4
_RARELY: Final = 100_000
"""What is opened leaves no cycles; looking for them every few hundred objects costs a tenth."""
_Answer = TypeVar("_Answer")
_checkers: list[RangeChecker] = []
_unfit: list[LedgerError] = []
"""What keeps this process from its snapshot; who asks it for rows is told: a pool is not."""


class Orders(NamedTuple):
    """What a process needs for its checker.

    Attributes:
        share: The way to the snapshot.
        job: What rows are checked with; None where they cannot be opened.
        replays: Whether the rules are asked of the rows, here or later.
        timeline: How the registry changes, for a checker that judges cases; None: it does not.
        partition: The streams whose rows it reads.
    """

    share: ExportedSnapshot
    job: Job | None
    replays: bool
    timeline: Sequence[RegistryChange] | None
    partition: StreamPartition


class Workers:
    """Processes with a checker each; use it as a context manager.

    Where they judge cases, each has streams of its own and sees every one of their records; else
    whoever is free takes the next rows. What keeps a process from the snapshot is raised by what is
    asked of it.

    Args:
        number: How many.
        share: The way to the snapshot.
        job: What rows are checked with; None where they cannot be opened.
        replays: Whether the rules are asked of the rows, here or later.
        timeline: How the registry changes, for processes that judge cases; None: they do not.

    Attributes:
        partitions: Over how many each range of rows is spread.
    """

    def __init__(
        self,
        number: int,
        share: ExportedSnapshot,
        job: Job | None,
        *,
        replays: bool = False,
        timeline: Sequence[RegistryChange] | None = None,
    ) -> None:
        self._depth = _AHEAD * number
        self._threshold = gc.get_threshold()
        self.partitions = 1 if timeline is None else number
        alone, context = number // self.partitions, _context()
        self._pools = [
            ProcessPoolExecutor(
                alone,
                mp_context=context,
                initializer=_begin,
                initargs=(
                    Orders(share, job, replays, timeline, StreamPartition(rest, self.partitions)),
                ),
            )
            for rest in range(self.partitions)
        ]

    def __enter__(self) -> Self:
        gc.set_threshold(_RARELY)  # nor does what comes back
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        gc.set_threshold(*self._threshold)
        for pool in self._pools:
            pool.shutdown(cancel_futures=True)

    def each(
        self, do: Callable[..., _Answer], asked: Iterable[tuple[Any, ...]]
    ) -> Iterator[_Answer]:
        """What `do` answers to each of `asked`, in that order; the first are begun at once."""
        return self._in_order(self._submit(cycle(self._pools), do, asked))

    def beside(self) -> Callable[[], Beside]:
        """Has what stands beside the records read; the server takes a while for it."""
        return self._pools[0].submit(_beside).result

    def parts(self, ranges: Iterable[tuple[int, int]]) -> Iterator[Sequence[CheckedRange]]:
        """The parts of these index ranges, one of each partition, in order."""
        each = [
            self._in_order(self._submit(repeat(pool), _part, some))
            for pool, some in zip(self._pools, tee(ranges, self.partitions), strict=True)
        ]
        return zip(*each, strict=True)

    def _submit(
        self,
        pools: Iterator[ProcessPoolExecutor],
        do: Callable[..., _Answer],
        asked: Iterable[tuple[Any, ...]],
    ) -> Iterator[Future[_Answer]]:
        return (next(pools).submit(do, *arguments) for arguments in asked)

    def _in_order(self, futures: Iterator[Future[_Answer]]) -> Iterator[_Answer]:
        waiting = deque(islice(futures, self._depth // self.partitions))
        return self._answers(waiting, futures)

    def _answers(
        self, waiting: deque[Future[_Answer]], futures: Iterator[Future[_Answer]]
    ) -> Iterator[_Answer]:
        while waiting:
            answer = waiting.popleft().result()
            waiting.extend(islice(futures, 1))
            yield answer


def _context() -> BaseContext:
    """A copy of this process starts at once, but is safe only while nothing else runs in it."""
    alone = threading.active_count() == 1 and "fork" in get_all_start_methods()
    return get_context("fork" if alone else "spawn")


def checker_of(orders: Orders) -> RangeChecker:
    """A checker in this process, over the snapshot that is shared."""
    source, job = orders.share.open(), orders.job
    rules = None
    if job is not None and orders.timeline is not None:
        folds = Folds(history(source, job))
        rules = RuleReplay(
            job.origin, job.level, folds, Tokens(job.origin), timeline=orders.timeline
        )
    return RangeChecker(source, job, orders.replays, rules, orders.partition)


def _begin(orders: Orders) -> None:
    try:
        checker = checker_of(orders)
    except LedgerError as error:
        _unfit.append(error)
        return
    _checkers.append(checker)
    close = getattr(checker.source, "close", None)
    if close is not None:
        Finalize(None, close, exitpriority=1)
    gc.freeze()
    gc.set_threshold(_RARELY)


def _checker() -> RangeChecker:
    """Raises: LedgerError: what kept this process from its snapshot."""
    if _unfit:
        raise _unfit[-1]
    return _checkers[-1]


def _part(start: int, end: int) -> CheckedRange:
    return _checker().part(start, end)


def _beside() -> Beside:
    return _checker().source.beside()
