"""What a home remembers beside its database, as files: the checkpoint seen, and the mark of doubt.

A folder for each role, so that a process taken over spoils no memory but its own; what was taken
out of the log is set aside there too. Implements `SeenStore`. What the bytes say is not known here.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import hashlib
import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Final

from ledger.errors import Doubt, Unavailable
from ledger.message import Message, Text, Wording, system_fault

_MOST_BYTES: Final = 1_000_000
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_NOT_TO_BE_WRITTEN: Final = frozenset({errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENXIO})
"""By mode, flag, a link or a pipe with no reader: what of a draft is no reason to stop."""
_DRAFT: Final = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
_OURS: Final = stat.S_IFREG | 0o600
_EXCHANGE: Final = 2
"""The flag of Linux by which two files of a folder trade their names, at once or not at all."""
_AT_CWD: Final = -100
_RENAMEAT2: Final = getattr(ctypes.CDLL(None), "renameat2", None)
"""Looked up once: to open the library for each note takes as long as to trade the names."""


class SeenFile:
    """The note in `checkpoint` of a role's folder.

    Args:
        folder: Made where it is missing, open to its owner alone.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / "checkpoint"
        self._alone: int | None = None  # the thread that is
        self._synced: bytes | None = None  # the note that was read or written, its name on the disk

    @contextmanager
    def alone(self) -> Iterator[None]:
        """See `SeenStore`; also against another process."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise _unusable(self._folder, error) from error
        with self._locked(fcntl.LOCK_EX):
            self._alone = threading.get_ident()
            try:
                yield
            finally:
                self._alone = None

    @contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        try:
            handle = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise _unusable(self._folder, error) from error
        try:
            fcntl.flock(handle, how)
            yield
        finally:
            os.close(handle)

    @property
    def path(self) -> Path:
        """Where the note is, for whoever has to look."""
        return self._path

    def read(self) -> bytes | None:
        """See `SeenStore`; waits for who writes, since the file it opens is written over next.

        What is read is on the disk under its name: whoever wrote it may have been killed before
        that, and a reader goes on to hand it out, or to write over the file that it took the
        place of. A process does this once for each note that it has not written itself.
        """
        if self._alone == threading.get_ident() or not self._folder.is_dir():
            return self._read()
        with self._locked(fcntl.LOCK_SH):
            return self._read()

    def _read(self) -> bytes | None:
        note = _read(self._path)
        if (note is None or note != self._synced) and self._folder.is_dir():
            try:
                _sync(self._folder)
            except OSError as error:
                raise _unkept(self._folder, error) from error
            self._synced = note
        return note

    def write(self, note: bytes) -> None:
        """See `SeenStore`."""
        self._read()  # another process may have written since this one has read
        _write(self._path, note)
        self._synced = note

    def set_aside(self) -> Path | None:
        """Gives what is there another name, as evidence; None where nothing is. Raises: Doubt."""
        names = (self._folder / f"checkpoint-aside-{n}" for n in count(1))
        aside = next(name for name in names if not os.path.lexists(name))
        try:
            self._path.rename(aside)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unusable(self._path, error) from error
        return aside


class DiscardedCheckpoints:
    """Checkpoints taken out of the log, in a role's folder: evidence of who stored them.

    Args:
        folder: Made where it is missing, open to its owner alone.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, size: int, digest: str) -> Path:
        """Where a note of this SHA-256, stored as one of `size` records, is kept."""
        return self._folder / f"discarded-{size}-{digest[:16]}"

    def keep(self, size: int, note: bytes) -> None:
        """Keeps it, durable on return. Raises: Unavailable: no room. Doubt: it cannot be kept."""
        _write(self.path(size, hashlib.sha256(note).hexdigest()), note)


class DoubtMark:
    """Says in `doubt` of a role's folder why the role stopped, to whoever would start it again.

    A restart forgets what a process knew; the mark does not. Only an operator takes it away.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "doubt"
        self._name = str(self._path)

    def reason(self) -> Text | None:
        """Why the role stopped; None where it has not. A mark that cannot be read is one."""
        if not _may_be(self._name):
            return None
        try:
            text = _read(self._path)
        except Doubt as error:
            return error.text
        if text is None:
            return None
        lines = text.decode("utf-8", "replace").splitlines() or ["?"]
        return Wording(lines[0], lines[-1])

    def leave(self, reason: Wording) -> None:
        """A line a language, durable on return; the first reason stands.

        Raises:
            Unavailable: No room.
            Doubt: It cannot be left.
        """
        if self.reason() is None:
            lines = (" ".join(text.split()) for text in (reason.vi, reason.en))
            _write(self._path, "".join(f"{line}\n" for line in lines).encode())

    def clear(self) -> None:
        """Takes it away. Raises: Doubt: it cannot be."""
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            raise _unusable(self._path, error) from error


def _may_be(name: str) -> bool:
    """Whether there is one, or nobody can tell: asked before each row, and mostly there is none."""
    try:
        os.stat(name)  # noqa: PTH116 - a path takes three times as long to its name
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return True


def _read(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(path, error) from error


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all, and on the disk with its name before this returns.

    The draft takes the name once its bytes are there for good, and the one before becomes the next
    draft, which is written over where it lies. So a note costs the disk those bytes and two names.
    A new file for each would cost an inode, its blocks and their end as well: three times as long,
    and whoever waits for a proof waits for it.

    A size is never signed twice while what a cut of the power leaves under the name is whole, and
    no older than anything handed out. So each step waits for the one before:

    1. The folder is on the disk as it is here (`SeenFile.read`). Else the name there may still be
       of the file that is the draft here, and the cut would leave half of it.
    2. The bytes, before the names are traded. Else the name could be of bytes that are not there.
    3. The names, both at once: there is no moment without a note.
    4. The folder, before this returns. Else the note could be gone after it was handed out. Who
       was killed before this has handed out nothing, and whoever reads it next does step 1.
    """
    draft = path.with_suffix(".draft")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(_opened(draft), "wb") as file:
            file.write(data)
            file.truncate()
            file.flush()
            os.fdatasync(file.fileno())
        if not _exchanged(draft, path):
            draft.replace(path)
        _sync(path.parent)
    except OSError as error:
        raise _unkept(path, error) from error


def _opened(draft: Path) -> int:
    """The draft to write: the file there, if it is as one made here, else a new one.

    It had the name before, and may be a file that somebody put back: as root, without the right to
    write, open to others. A copy by hard links (`cp -al`, `rsync --link-dest`) has it too, and
    would silently go on with the log. None of this is a reason to stop: the note's own name is not
    touched here, so that the power may go at any of these steps.
    """
    try:
        handle = os.open(draft, _DRAFT, 0o600)
    except OSError as error:
        if error.errno not in _NOT_TO_BE_WRITTEN:
            raise
    else:
        found = os.fstat(handle)
        if (found.st_mode, found.st_nlink) == (_OURS, 1):
            return handle
        os.close(handle)
    draft.unlink(missing_ok=True)
    return os.open(draft, _DRAFT | os.O_EXCL, 0o600)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _exchanged(draft: Path, path: Path) -> bool:
    """Has both trade their names; False where there is no such file, or the system cannot."""
    if path.is_symlink() or not path.is_file():
        return False
    names = os.fsencode(draft), os.fsencode(path)
    return _RENAMEAT2 is not None and not _RENAMEAT2(
        _AT_CWD, names[0], _AT_CWD, names[1], _EXCHANGE
    )


def _unkept(path: Path, error: OSError) -> Doubt | Unavailable:
    if error.errno in _NO_ROOM:
        return Unavailable(
            "disk_full",
            Message("The server is out of room; nothing was signed. Tell the operator."),
            retry_after_s=60,
        )
    return _unusable(path, error)


def _unusable(path: Path, error: OSError) -> Doubt:
    return Doubt(
        "damaged",
        Message("{path} cannot be used: {strerror}", path=path, strerror=system_fault(error)),
    )
