"""The log of reads in memory: a fake of `ReadLog`."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from uuid import UUID

from ledger.reads import read
from ledger.reads.read import NotedRead, ReadNotLogged


class MemoryReads:
    """`ReadLog` in one process.

    Attributes:
        noted: What was noted, oldest first.
        refuses: Whether nothing can be noted now.
    """

    def __init__(self) -> None:
        self.noted: list[NotedRead] = []
        self.refuses = False
        self._places: dict[UUID, int] = {}
        self._lock = threading.Lock()

    def note(self, reads: Sequence[NotedRead]) -> None:
        """See `ReadLog`."""
        with self._lock:
            if self.refuses:
                raise ReadNotLogged
            self.noted += read.rows(reads)

    def note_at(self, one: NotedRead, chain: UUID, seq: int, prev: str | None) -> bool:
        """See `ReadLog`."""
        assert (prev is None) == (seq == 1)
        with self._lock:
            if self.refuses:
                raise ReadNotLogged
            if self._places.get(chain, 0) != seq - 1:
                return False
            self._places[chain] = seq
            self.noted.append(one)
            return True
