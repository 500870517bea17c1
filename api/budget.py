"""How much work one officer's heavy reads may be, for all processes of one server together.

Work is seconds that a request keeps a processor or the database busy. An officer's budget fills at
a share of one processor. Before anything is looked up a request is charged the price of its kind,
which the officer's own requests of that kind have made: at once as high as the dearest, lower only
little by little. So a refusal never tells what there was to find (access.md N4), and no order of
cheap and dear ones is cheaper than the work it is. How many are under way at once is bounded too,
since nobody knows yet what they cost.

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
from dataclasses import dataclass
from mmap import mmap
from struct import Struct
from threading import Lock
from time import monotonic
from typing import Final, Literal, get_args
from uuid import UUID

Kind = Literal[
    "search",
    "past",
    "history",
    "difference",
    "reasons",
    "verification",
    "bulk_verification",
    "statistics",
]
"""Kinds of heavy reads; each has a price of its own."""
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
FULL_S: Final = 6.0
"""What may be spent at once by who has asked for nothing lately."""
AT_ONCE: Final = 4
"""Heavy reads of one officer that may be under way, at most."""
FIRST_S: Final = 0.1
"""Price of a kind that the officer has not asked for yet."""
_FORGETS: Final = 0.3
_LEAST_S: Final = FULL_S / AT_ONCE

_WAYS: Final = 8
_SETS: Final = 512
_HEAD: Final = Struct("=16sdd")
_SLOT: Final = Struct(f"=16s{2 + len(KINDS)}d")


@dataclass(frozen=True, slots=True)
class Charge:
    """A heavy read that is under way: what was taken for it, and what it is known to cost."""

    officer: str
    kind: Kind
    held_s: float
    price_s: float


class Spent(Exception):
    """The officer's budget does not reach; it will in so many seconds."""

    def __init__(self, wait_s: int) -> None:
        super().__init__(wait_s)
        self.wait_s = wait_s


class Budgets:
    """The budgets of one server's officers.

    A budget that nobody has asked for in a while is full, and so may be forgotten: there is room
    for the officers of a minute, not of a year.

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
        """Takes what a request may cost.

        Raises:
            Spent: The budget does not reach; nothing was taken.
        """
        now = self._clock()
        with self._alone():
            at, balance, prices = self._budget(officer, now)
            price = prices[KINDS.index(kind)] or FIRST_S
            held = max(price, _LEAST_S)
            missing = min(held, FULL_S) - balance
            if missing > 0:
                raise Spent(max(1, math.ceil(missing / self._share)))
            self._write(at, officer, balance - held, now, prices)
        return Charge(officer, kind, held, price)

    def settle(self, charge: Charge, work_s: float) -> None:
        """The request is answered: its price stays charged, and its work makes the next price."""
        now = self._clock()
        with self._alone():
            at, balance, prices = self._budget(charge.officer, now)
            place = KINDS.index(charge.kind)
            price = prices[place] or FIRST_S
            prices[place] = max(work_s, price + _FORGETS * (work_s - price))
            balance = min(FULL_S, balance + charge.held_s - charge.price_s)
            self._write(at, charge.officer, balance, now, prices)

    def _budget(self, officer: str, now: float) -> tuple[int, float, list[float]]:
        """Where it lies, what is in it now, and the prices; a full one where there was none."""
        name = UUID(officer).bytes
        first = int.from_bytes(name[:4], "big") % _SETS * _WAYS * _SLOT.size
        oldest, since = first, math.inf
        for at in range(first, first + _WAYS * _SLOT.size, _SLOT.size):
            found, balance, seen = _HEAD.unpack_from(self._memory, at)
            if found == name:
                prices = list(_SLOT.unpack_from(self._memory, at)[3:])
                return at, min(FULL_S, balance + self._share * (now - seen)), prices
            if seen < since:
                oldest, since = at, seen
        return oldest, FULL_S, [0.0] * len(KINDS)

    def _write(
        self, at: int, officer: str, balance: float, now: float, prices: list[float]
    ) -> None:
        _SLOT.pack_into(self._memory, at, UUID(officer).bytes, balance, now, *prices)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One thread of one process; whoever is killed here holds nothing any more."""
        with self._mine:
            fcntl.lockf(self._file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_UN)
