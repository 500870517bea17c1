"""One at a time in a folder, whichever process or thread it is: a lock that ends with its holder.

Not: who has a role of a home for as long as it runs (`role_lock`).
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

_OF_THREADS: Final = threading.local()
"""Of each thread the files by which it has a turn, by their names."""


@contextmanager
def turn_in(folder: Path) -> Iterator[None]:
    """Waits until it has the folder for itself; a thread does not wait for its own turn before.

    Whoever is told to end just as the block is left has that turn still: a signal that is heard as
    an exception can come between any two steps, and then it would wait for itself for ever.
    """
    path = folder / "lock"
    mine: dict[Path, IO[str]] = _OF_THREADS.__dict__.setdefault("mine", {})
    if path in mine:
        mine.pop(path).close()
    mode = "w" if os.access(folder, os.W_OK) else "r"  # a disk that fails is read-only
    with path.open(mode) as lock:
        mine[path] = lock
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
