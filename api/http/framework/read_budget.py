"""How much work one officer's heavy reads may be, for all processes of one server together.

Work is seconds that a request keeps a processor or the database busy, and its share of what was
done for several requests at once (`ledger.work`). An officer's budget fills at a share of one
processor. Before anything is looked up a request is charged the price of its kind,
which the officer's own requests of that kind have made: at once as high as the dearest, lower only
little by little. So a refusal never tells what there was to find (access.md N4). Once it is
answered, the work that it was is paid instead, also where it is more than there is: a debt is paid
back before anything else is asked. So no order of cheap and dear reads, nor any number at once, is
cheaper than the work it is. Nobody knows what is under way, so only so many are, however long they
take and however full the budget is again meanwhile. Those that wait for news have places of their
own: long polls keep nobody from reading.

What it takes to judge what an officer would write is paid from a budget apart, as large: reading
keeps nobody from writing. It is paid from the first one too, so that both together are no more than
the share: reading has what writing leaves. Where one writes nothing is held and none is counted,
since whoever writes waits for proofs; who is in debt waits.

The budgets lie in memory that the workers of a server share from before they are forked: the
processor that they protect is that of this machine, a refusal must cost next to nothing, and
sessions, connections and workers of an officer all count together. They are not kept: a server that
is started anew begins with full ones.
"""

from __future__ import annotations

import fcntl
import math
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from mmap import mmap
from struct import Struct
from threading import Lock
from time import monotonic
from typing import Final, Literal, get_args
from uuid import UUID

Kind = Literal[
    "listing",
    "past",
    "history",
    "difference",
    "reasons",
    "verification",
    "bulk_verification",
    "statistics",
    "worklist",
    "registry",
    "feed",
    "file",
    "print",
    "wait",
    "writing",
]
"""Kinds of heavy reads, each with a price of its own; and what writing costs beside the append."""
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
_WAITING: Final = frozenset({"feed", "wait"})
FULL_S: Final = 6.0
"""What may be spent at once by who has asked for nothing lately."""
AT_ONCE: Final = 4
"""Heavy reads of one officer that may be under way; and as many more that wait for news."""
FIRST_S: Final = 0.1
"""Price of a kind that the officer has not asked for yet."""
_FORGETS: Final = 0.3
_AGAIN_S: Final = 1
"""When to ask again where so many are under way: nobody knows how long they take."""

_WAYS: Final = 8
_SETS: Final = 512
#: Whose, how much, when it was that much; a price a kind; the process of each read under way.
_SLOT: Final = Struct(f"=16s2d{len(KINDS)}d{2 * AT_ONCE}I")


@dataclass(frozen=True, slots=True)
class Charge:
    """A heavy read that is under way, and what was taken for it."""

    officer: str
    kind: Kind
    held_s: float


class Spent(Exception):
    """The officer's budget does not reach; it will in so many seconds."""

    def __init__(self, wait_s: int) -> None:
        super().__init__(wait_s)
        self.wait_s = wait_s


@dataclass(slots=True)
class _Budget:
    """One officer's, as of `now`; a full one where there was none.

    Attributes:
        at: Where it lies.
        name: Whose it is.
        balance_s: What is in it; below nothing it is a debt.
        prices: By kind; 0 for one that has not been asked for.
        under_way: The process of each read that works.
        waiting: Of each that waits for news.
    """

    at: int
    name: bytes
    balance_s: float = FULL_S
    prices: list[float] = field(default_factory=lambda: [0.0] * len(KINDS))
    under_way: list[int] = field(default_factory=list)
    waiting: list[int] = field(default_factory=list)

    def places(self, kind: Kind) -> list[int]:
        """Those that a read of this kind is among; none is kept of what is writing."""
        if kind == "writing":
            return []
        return self.waiting if kind in _WAITING else self.under_way


class Budgets:
    """The budgets of one server's officers.

    A full budget with nothing under way is as good as none, and so the one that is so first may be
    forgotten: there is room for the officers of a minute, not of a year.

    Args:
        share: Of one processor, for each officer: 0.5 is half of a worker.
        clock: Seconds, the same in every process.
    """

    def __init__(self, share: float, *, clock: Callable[[], float] = monotonic) -> None:
        self._share = share
        self._clock = clock
        self._mine = Lock()
        size = _SLOT.size * _WAYS * _SETS
        self._file, path = tempfile.mkstemp(prefix="socai-budgets-")
        os.unlink(path)  # noqa: PTH108  the memory stays, shared by whoever is forked
        os.ftruncate(self._file, size)
        self._memory = mmap(self._file, size)

    def close(self) -> None:
        """Gives the memory back."""
        self._memory.close()
        os.close(self._file)

    def charge(self, officer: str, kind: Kind) -> Charge:
        """Takes what a request may cost, and one of the officer's places; `settle` gives it back.

        Raises:
            Spent: The budget does not reach, or the places are taken; nothing was taken.
        """
        now = self._clock()
        with self._alone():
            budget = self._budget(officer, now, writes=kind == "writing")
            held = 0.0 if kind == "writing" else budget.prices[KINDS.index(kind)] or FIRST_S
            missing = min(held, FULL_S) - budget.balance_s
            places = budget.places(kind)
            if missing > 0 or len(places) >= AT_ONCE:
                raise Spent(max(_AGAIN_S, math.ceil(missing / self._share)))
            budget.balance_s -= held
            places.append(os.getpid())
            self._write(budget, now)
        return Charge(officer, kind, held)

    def settle(self, charge: Charge, work_s: float) -> None:
        """The request is answered: its work is paid, and makes the next price."""
        now = self._clock()
        writes = charge.kind == "writing"
        with self._alone():
            budget = self._budget(charge.officer, now, writes=writes)
            place = KINDS.index(charge.kind)
            price = budget.prices[place] or FIRST_S
            budget.prices[place] = max(work_s, price + _FORGETS * (work_s - price))
            budget.balance_s = min(FULL_S, budget.balance_s + charge.held_s - work_s)
            places = budget.places(charge.kind)
            if os.getpid() in places:
                places.remove(os.getpid())
            self._write(budget, now)
            if writes:
                reading = self._budget(charge.officer, now, writes=False)
                reading.balance_s -= work_s
                self._write(reading, now)

    def ended(self, process: int) -> None:
        """A process is gone, and with it the reads that it had under way, which stay paid as held.

        To be called by whoever waits for it, before another process may have its number.
        """
        with self._alone():
            for at in range(0, len(self._memory), _SLOT.size):
                budget, since = self._read(at)
                for places in (budget.under_way, budget.waiting):
                    places[:] = [one for one in places if one != process]
                self._write(budget, since)

    def _budget(self, officer: str, now: float, *, writes: bool) -> _Budget:
        name = UUID(officer).bytes
        if writes:
            name = bytes(byte ^ 0xFF for byte in name)
        first = int.from_bytes(name[:4], "big") % _SETS * _WAYS * _SLOT.size
        others: list[tuple[bool, float, int]] = []
        for at in range(first, first + _WAYS * _SLOT.size, _SLOT.size):
            found, since = self._read(at)
            if found.name == name:
                found.balance_s = min(FULL_S, found.balance_s + self._share * (now - since))
                return found
            full_at = since + (FULL_S - found.balance_s) / self._share
            others.append((bool(found.under_way or found.waiting), full_at, at))
        return _Budget(min(others)[2], name)

    def _read(self, at: int) -> tuple[_Budget, float]:
        """What lies there, and since when it is so."""
        name, balance, since, *rest = _SLOT.unpack_from(self._memory, at)
        prices, places = rest[: len(KINDS)], rest[len(KINDS) :]
        under_way, waiting = (
            [one for one in row if one] for row in (places[:AT_ONCE], places[AT_ONCE:])
        )
        return _Budget(at, name, balance, prices, under_way, waiting), since

    def _write(self, budget: _Budget, now: float) -> None:
        places = (
            one
            for row in (budget.under_way, budget.waiting)
            for one in (*row, *[0] * (AT_ONCE - len(row)))
        )
        _SLOT.pack_into(
            self._memory, budget.at, budget.name, budget.balance_s, now, *budget.prices, *places
        )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One thread of one process; whoever is killed here holds nothing any more."""
        with self._mine:
            fcntl.lockf(self._file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_UN)
