"""What the officers of a run remember: every statement signed, and every answer they were given."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from ledger.log.statement import Statement


@dataclass(slots=True)
class Book:
    """Kept by all threads of a run.

    Attributes:
        signed: Digest to statement: all that may be found in the log.
        acknowledged: Digest to receipt: all that must be.
        refused: Digests that the ledger said it did not take.
        again: When the same bytes, or the same question, were sent again, and why.
        outage: Begin and end of the longest time in which nobody was answered.
        unread: The same of the longest time in which no read was.
        reads: How many were.
        unread_because: Why others were not.
    """

    signed: dict[str, Statement] = field(default_factory=dict)
    acknowledged: dict[str, dict[str, Any]] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    again: list[tuple[float, str]] = field(default_factory=list)
    outage: tuple[float, float] = (0.0, 0.0)
    unread: tuple[float, float] = (0.0, 0.0)
    reads: int = 0
    unread_because: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _last: float = field(default_factory=monotonic)
    _last_read: float = field(default_factory=monotonic)

    def answered(self) -> None:
        """A read was."""
        with self._lock:
            now = monotonic()
            self.unread = max(self.unread, (self._last_read, now), key=lambda gap: gap[1] - gap[0])
            self._last_read = now
            self.reads += 1

    def unanswered(self, why: str) -> None:
        """A read was not."""
        with self._lock:
            self.unread_because.append(why)

    def sign(self, statement: Statement) -> None:
        """Before it is sent."""
        with self._lock:
            self.signed[statement.digest_b64] = statement

    def acknowledge(self, statement: Statement, receipt: Mapping[str, Any]) -> None:
        """An officer holds a receipt: from now on it may not be lost."""
        with self._lock:
            self.acknowledged[statement.digest_b64] = dict(receipt)
            now = monotonic()
            self.outage = max(self.outage, (self._last, now), key=lambda gap: gap[1] - gap[0])
            self._last = now

    def refuse(self, statement: Statement, why: str) -> None:
        """An officer was told that it is not recorded."""
        with self._lock:
            self.refused[statement.digest_b64] = why

    def retry(self, why: str) -> None:
        """Something was sent again."""
        with self._lock:
            self.again.append((monotonic(), why))

    def why(self) -> Counter[str]:
        """What was said in the longest time in which nobody was answered."""
        begin, end = self.outage
        return Counter(why for at, why in self.again if begin <= at <= end)
