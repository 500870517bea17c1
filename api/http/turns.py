"""Turns that processes take: so many at once, for what takes a processor and memory each."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import mkstemp


class Turns:
    """Made before the processes that take them are forked.

    Args:
        at_once: How many have their turn at once, at least; none of them waits for one that ended.
    """

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._file, path = mkstemp(prefix="socai-turns-")
        os.unlink(path)  # noqa: PTH108  what is locked stays, for whoever is forked

    @contextmanager
    def taken(self) -> Iterator[None]:
        """A turn until the block ends, or the process does."""
        place = os.getpid() % self._at_once
        fcntl.lockf(self._file, fcntl.LOCK_EX, 1, place)
        try:
            yield
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, place)
