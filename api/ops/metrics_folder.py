"""The folder in which the workers of one server count together; it lives as long as the server.

Whoever holds it has it locked, its workers with it. What a killed server left is cleared by the
next one of the same home. Not: what is counted (`telemetry`).
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import gettempdir, mkdtemp


@contextmanager
def metrics_folder(home: Path) -> Iterator[Path]:
    """A folder of this process and those it forks, gone when this process is through with it.

    Args:
        home: Whose server it is: folders of others are left alone.
    """
    prefix = f"socai-metrics-{hashlib.sha256(bytes(home.resolve())).hexdigest()[:16]}-"
    for left in Path(gettempdir()).glob(f"{prefix}*"):
        _clear(left)
    folder, handle = _made(prefix)
    owner = os.getpid()
    try:
        yield folder
    finally:
        if os.getpid() == owner:  # and not a worker, which ends through here too
            shutil.rmtree(folder, ignore_errors=True)
            os.close(handle)


def _made(prefix: str) -> tuple[Path, int]:
    """A folder and the lock on it; another start may have cleared it before that was taken."""
    while True:
        folder = Path(mkdtemp(prefix=prefix))
        try:
            handle = _opened(folder)
        except FileNotFoundError:
            continue
        with suppress(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(handle).st_nlink:
                return folder, handle
        os.close(handle)


def _clear(folder: Path) -> None:
    """Takes a folder away that is ours and that no living process holds."""
    with suppress(OSError):
        handle = _opened(folder)
        try:
            if os.fstat(handle).st_uid == os.geteuid():
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(handle)


def _opened(folder: Path) -> int:
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
