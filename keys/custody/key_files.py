"""The keys of a process, from their files: the one in force, and beside it what a turn moves.

`kek.socaikek` wraps; while an epoch turns (access.md K9) `kek-next.socaikek` and `kek-old.socaikek`
beside it open too, and so of the vault's own key. A process takes up what changes there without a
restart: what wraps is looked at every time, what opens where a wrap asks for a key that is not
held. A key whose file is gone is forgotten half a minute later, since what was read just before may
still be opened. What is wrapped is not known here.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from errno import ENOENT
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

from keys import envelope_encryption
from keys.envelope_encryption import Kek
from keys.errors import KeyAway, KeysError, Unsealable
from keys.hpke import OpeningKey

GRACE_S: Final = 30.0
_Mark = tuple[int, int, int]
K = TypeVar("K", bound=Kek | OpeningKey)


def next_path(path: Path) -> Path:
    """Where the key that comes next waits for its turn."""
    return path.with_name(f"{path.stem}-next{path.suffix}")


def old_path(path: Path) -> Path:
    """Where the key whose turn is over waits to be destroyed."""
    return path.with_name(f"{path.stem}-old{path.suffix}")


class KeyFiles(Generic[K]):
    """Implements `Keks`; picklable, for a process that is started for a part of the work.

    Args:
        path: Of the key in force.
        read: Opens what a file holds, or names on a token: `open` of its custody.
        clock: Monotonic seconds.

    Raises:
        FileNotFoundError: There is no key in force.
        KeysError: It does not open.
        TokenError: The token does not work.
    """

    def __init__(
        self,
        path: Path,
        read: Callable[[Path], K],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path, self._name = path, str(path)
        self._read = read
        self._clock = clock
        self._lock = threading.RLock()
        self._held: dict[_Mark, K] = {}
        self._leaving: dict[_Mark, float] = {}
        self._marks: tuple[_Mark | None, ...] = ()
        self._load()

    @property
    def current(self) -> K:
        """What wraps from now on: the key in force, as its file stands. Raises: KeyAway."""
        if (mark := _mark(self._name)) is None or mark != self._marks[0]:
            mark = self._changed()
        return self._held[mark]

    def of(self, kek_id: bytes) -> K:
        """What opens a wrap.

        Raises:
            Unsealable: No file holds it.
            KeyAway: Nobody can tell: the key in force cannot be read now, and it may be that one.
        """
        found = self._find(kek_id)
        if found is None and self._looked_at() != self._marks:
            self._changed()
            found = self._find(kek_id)
        if found is None:
            raise Unsealable("wrapped under another key")
        return found

    @property
    def every(self) -> tuple[K, ...]:
        """All that are held, the one in force first."""
        return (self.current, *(key for key in list(self._held.values()) if key != self.current))

    def look(self) -> None:
        """Takes up what has changed, and forgets what has gone long enough ago.

        While the key in force is between two places (a turn that is given up), what is held stays:
        the next look takes up what is there then.
        """
        if self._looked_at() != self._marks or self._leaving:
            with suppress(KeyAway):
                self._changed()

    def _changed(self) -> _Mark:
        """Takes up what has changed; the mark of the key in force. Raises: KeyAway."""
        try:
            return self._load()
        except (KeysError, OSError) as error:
            # between two places, or half written: no wrap is damaged because of that
            raise KeyAway(f"{self._path.name}: {error}") from error

    def _find(self, kek_id: bytes) -> K | None:
        return next((key for key in list(self._held.values()) if key.kek_id == kek_id), None)

    def _looked_at(self) -> tuple[_Mark | None, ...]:
        return tuple(map(_mark, self._paths))

    @property
    def _paths(self) -> tuple[Path, Path, Path]:
        return self._path, next_path(self._path), old_path(self._path)

    def _load(self) -> _Mark:
        with self._lock:
            marks, now = self._looked_at(), self._clock()
            if (in_force := marks[0]) is None:
                raise FileNotFoundError(ENOENT, os.strerror(ENOENT), str(self._path))
            held = dict(self._held)
            for path, mark in zip(self._paths, marks, strict=True):
                if mark is None or mark in held:
                    continue
                try:
                    held[mark] = self._read(path)
                except (KeysError, OSError):
                    if path == self._path:
                        raise
                    # else another process is moving or destroying it
            gone = set(held) - set(marks)
            self._leaving = {mark: self._leaving.get(mark, now + GRACE_S) for mark in gone}
            over = {mark for mark, until in self._leaving.items() if until <= now}
            for mark in over:
                del held[mark], self._leaving[mark]
            self._held, self._marks = held, marks
            if over:
                envelope_encryption.forget_ciphers()
            return in_force

    def __getstate__(self) -> dict[str, Any]:
        """All but the lock."""
        return {name: value for name, value in vars(self).items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """As `__getstate__` gave it."""
        vars(self).update(state)
        self._lock = threading.RLock()


def _mark(path: Path | str) -> _Mark | None:
    """What tells one file from another, wherever it is moved to."""
    try:
        found = os.stat(path)  # noqa: PTH116 - of a name: it is looked at for every record
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
