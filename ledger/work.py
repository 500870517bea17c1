"""How long a thread has kept a processor or the database busy.

What one thread does for several at once, each of them pays its share of: whoever happens to do it
is billed for no more than their own.
"""

from __future__ import annotations

from threading import local
from time import thread_time
from typing import Final


class _Beside(local):
    """Seconds beside the thread's own on a processor: waited, owed to others, done for others."""

    seconds = 0.0


_beside: Final = _Beside()


def work_s() -> float:
    """Seconds of work that are this thread's, ever; what counts is the difference of two."""
    return thread_time() + _beside.seconds


def bill(seconds: float) -> None:
    """Adds to this thread's work; takes away what it did for others where it is less than 0."""
    _beside.seconds += seconds
