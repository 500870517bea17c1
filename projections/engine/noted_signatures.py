"""Whose signature was good when this home checked it: a file beside the checkpoint it has seen.

A rebuild asks the rules again and spares the dearest question, which has one answer for ever: does
the signature in these bytes verify with the key that they name? The entry commits to the bytes, the
signature among them, and the name of a key is its digest. So a note is nothing but the entry, in
the place of its index: whatever stands in the database now has that entry and was checked, or it
has another one and is checked again (ADR 100).
"""

from __future__ import annotations

import hashlib
import logging
import os
import stat
from importlib.metadata import version
from pathlib import Path
from typing import Final
from weakref import finalize

from keys.signer import VERIFIER
from ledger.streams.record_reader import Opened

ENTRY_BYTES: Final = 32
_SECTION: Final = 1024
"""Notes that are read at a time."""
_NAME: Final = "signatures-"
_FLAGS: Final = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_OURS: Final = stat.S_IFREG | 0o600
_log = logging.getLogger("socai.views")


class NotedSignatures:
    """Implements `CheckedSignatures` for the processes of one home that fold its log.

    Another program or another OpenSSL takes nothing over from the one before it. Nothing here is
    needed: a note that is lost, torn or never made costs one check, and a file that is not as one
    made here is none.

    Args:
        folder: What the projector remembers; made where it is missing, open to its owner alone.
    """

    def __init__(self, folder: Path) -> None:
        self._first = -1
        self._section = bytearray()
        self._handle: int | None = None
        try:
            self._handle = _opened(folder)
        except OSError as error:
            self._give_up(error)
        else:
            finalize(self, os.close, self._handle)

    def knows(self, opened: Opened) -> bool:
        """Whether the signature of a record was good; its bytes are those of its entry."""
        at = self._place(opened.index)
        return self._section[at : at + ENTRY_BYTES] == opened.entry

    def keep(self, opened: Opened) -> None:
        """Notes that it was."""
        at = self._place(opened.index)
        if len(self._section) < at:
            self._section.extend(bytes(at - len(self._section)))
        self._section[at : at + ENTRY_BYTES] = opened.entry
        if self._handle is not None:
            try:
                os.pwrite(self._handle, opened.entry, opened.index * ENTRY_BYTES)
            except OSError as error:
                self._give_up(error)

    def _place(self, index: int) -> int:
        """Where a note is in the section that is at hand, which is another one from here on."""
        first = index - index % _SECTION
        if first != self._first:
            self._first, self._section = first, bytearray(self._read(first))
        return (index - first) * ENTRY_BYTES

    def _read(self, first: int) -> bytes:
        if self._handle is None:
            return b""
        try:
            return os.pread(self._handle, _SECTION * ENTRY_BYTES, first * ENTRY_BYTES)
        except OSError as error:
            self._give_up(error)
            return b""

    def _give_up(self, error: OSError) -> None:
        """Goes on without: no view stops because something is checked once more."""
        self._handle = None
        _log.warning("signatures that were checked are not noted: %s", error.strerror)


def _opened(folder: Path) -> int:
    """The file of this program, and no other one's left; a new one where it is not as made here."""
    made_by = f"{version('socai')}\n{VERIFIER}".encode()
    path = folder / (_NAME + hashlib.sha256(made_by).hexdigest()[:16])
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for other in folder.glob(_NAME + "*"):
        if other != path:
            other.unlink(missing_ok=True)
    if os.path.lexists(path) and not _is_ours(path.lstat()):
        path.unlink(missing_ok=True)
    handle = os.open(path, _FLAGS, 0o600)
    if not _is_ours(os.fstat(handle)):  # somebody put it there meanwhile
        os.close(handle)
        raise OSError(0, "the file is not as one made here")
    return handle


def _is_ours(found: os.stat_result) -> bool:
    return (found.st_mode, found.st_uid, found.st_nlink) == (_OURS, os.geteuid(), 1)
