"""Whose turn it is to date a group and append it: a word among the API processes of one home.

Where two date their groups side by side, whoever dated first and comes second is late, and has to
seal and send once more (ADR 115). It is a hint and no lock of the log's, which only the database
has: whoever does not get the turn soon appends without it, as another home does, and may be late.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from time import monotonic, sleep
from typing import Final

_STEP_S: Final = 0.001
_HUNG_S: Final = 0.25


class AppendTurn:
    """The turn of one process, for one thread at a time; ends with its holder, however that ends.

    Whoever holds it for long is stopped, or waits for a database that hangs: it is waited for
    once, and then not before it was seen to have given it back.

    Args:
        folder: That the API processes of a home share; where they cannot write in it, nobody waits.
        hung_after_s: How long another's turn may last.
    """

    def __init__(self, folder: Path, *, hung_after_s: float = _HUNG_S) -> None:
        self._folder = folder
        self._hung_after_s = hung_after_s
        self._opened = False
        self._file: int | None = None
        self._patient = True

    def __enter__(self) -> None:
        if not self._opened:
            self._opened, self._file = True, _open(self._folder)
        if self._file is not None:
            self._patient = self._take(self._file)

    def __exit__(self, *_: object) -> None:
        if self._file is not None:  # what another has is not this file's to give back
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Closes the file; a later turn opens it again."""
        file, self._file, self._opened = self._file, None, False
        if file is not None:
            os.close(file)

    def _take(self, file: int) -> bool:
        end = None
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                now = monotonic()
                end = now + self._hung_after_s if end is None else end
                if not self._patient or now >= end:
                    return False
                sleep(_STEP_S)
            else:
                return True


def _open(folder: Path) -> int | None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return os.open(folder / "append.lock", os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    except OSError:
        return None
