"""Turns that processes take, one after the other, for what takes a processor and memory."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import mkstemp


class Turns:
    """Made before the processes that take them are forked; nobody waits for one that ended."""

    def __init__(self) -> None:
        self._file, path = mkstemp(prefix="socai-turns-")
        os.unlink(path)  # noqa: PTH108  what is locked stays, for whoever is forked

    @contextmanager
    def taken(self) -> Iterator[None]:
        """A turn until the block ends, or the process does."""
        fcntl.lockf(self._file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN)

    def end(self) -> None:
        """Whoever takes a turn behind this one sees that there is nothing to try any more."""
        os.write(self._file, b".")

    @property
    def ended(self) -> bool:
        """Whether one of them has said so."""
        return os.fstat(self._file).st_size > 0
