"""The connections and threads of one worker by who holds them: who goes first, who has enough.

A silent connection costs its client nothing, so one client could hold them all. Of one address
there are only so many, and where all places are taken the oldest silent connection of whoever has
most makes room. A thread that waits for its client is held as well. Nothing here knows of sockets.
"""

from __future__ import annotations

from collections import Counter
from threading import Lock
from typing import Generic, TypeVar

C = TypeVar("C")


class Crowd(Generic[C]):
    """Who is connected.

    Args:
        most: Connections in all.
        most_of_one: Connections of one address.
    """

    def __init__(self, most: int, most_of_one: int) -> None:
        self._most = most
        self._most_of_one = most_of_one
        self._address: dict[C, str] = {}
        self._silent: dict[str, dict[C, None]] = {}
        self._count: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._address)

    @property
    def pressed(self) -> bool:
        """Whether more than half of the places are taken: then nobody is waited for long."""
        return 2 * len(self._address) > self._most

    def enter(self, one: C, address: str) -> None:
        """A connection that has said nothing yet; `address` is "" where it counts for nobody."""
        self._address[one] = address
        self._count[address] += 1
        self.falls_silent(one)

    def leave(self, one: C) -> None:
        """It is closed; more than once is once."""
        if one in self._address:
            self.speaks(one)
            self._forget(self._address.pop(one))

    def speaks(self, one: C) -> None:
        """A request of it is being answered."""
        silent = self._silent.get(self._address[one], {})
        silent.pop(one, None)
        if not silent:
            self._silent.pop(self._address[one], None)

    def falls_silent(self, one: C) -> None:
        """Nothing is asked over it; the youngest of the silent ones."""
        self._silent.setdefault(self._address[one], {})[one] = None

    def counts_for(self, one: C, address: str) -> None:
        """Says for whom a connection that speaks counts from now on."""
        self._forget(self._address[one])
        self._address[one] = address
        self._count[address] += 1

    def full_of(self, address: str) -> bool:
        """Whether an address has all that it may have."""
        return bool(address) and self._count[address] >= self._most_of_one

    def first_to_go(self, address: str) -> C | None:
        """Who makes room for one more of `address`; None where there is room, or nobody can."""
        if self.full_of(address):
            return self._oldest(address)
        if len(self._address) < self._most:
            return None
        held = [name for name in self._silent if name] or list(self._silent)
        return self._oldest(max(held, key=self._count.__getitem__)) if held else None

    def _oldest(self, address: str) -> C | None:
        return next(iter(self._silent.get(address, ())), None)

    def _forget(self, address: str) -> None:
        self._count[address] -= 1
        if not self._count[address]:
            del self._count[address]


class Room:
    """The threads that may wait for clients at once; one client has no more than it leaves free.

    So the first has half of them, a second half of what is left: whoever counts twice, once signed
    in and once by address, does not have them all.

    Args:
        threads: How many, one at least.
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._held: Counter[str] = Counter()
        self._lock = Lock()

    def take(self, client: str) -> bool:
        """Whether one more may wait for this client; "" is all whom nobody knows apart."""
        with self._lock:
            if self._held[client] >= self._threads - self._held.total():
                return False
            self._held[client] += 1
            return True

    def leave(self, client: str) -> None:
        """It waits no more."""
        with self._lock:
            self._held[client] -= 1
            if not self._held[client]:
                del self._held[client]
