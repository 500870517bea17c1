"""By which name a home's loop held the lease last: a file beside the lock of its role.

Whoever holds that lock is the only loop of the home, so the name is that of one before it that has
ended, however that ended, and its lease is nobody's. A copy of the file says nothing: it names its
own place on the disk, since of a home that was copied both may run.
"""

from __future__ import annotations

import errno
import logging
import os
import stat
from pathlib import Path
from typing import Final
from uuid import UUID

_FLAGS: Final = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_MOST_BYTES: Final = 100
_NOT_OURS_TO_WRITE: Final = (errno.EACCES, errno.EROFS, errno.EPERM)
"""As in a container."""
_NOT_KEPT: Final = "who keeps the views is not noted, after a kill they stand for five seconds: %s"
_log = logging.getLogger("socai.projector")


class LastHolder:
    """The note of one home; nothing is lost with it but the seconds that a lease lasts.

    Args:
        path: The file; made with the first name.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def name(self) -> UUID | None:
        """The last one kept here; None where there is none, or it is a copy of another home's."""
        try:
            handle = os.open(self._path, _FLAGS)
        except OSError:
            return None
        try:
            said, _, place = os.read(handle, _MOST_BYTES).decode("ascii").partition(" ")
            return UUID(said) if place == _place(handle) else None
        except (OSError, ValueError):
            return None
        finally:
            os.close(handle)

    def keep(self, name: UUID) -> None:
        """Notes it, where the home can be written: one that is not to be is left as it is."""
        try:
            handle = os.open(self._path, _FLAGS | os.O_CREAT, 0o600)
            try:
                os.pwrite(handle, f"{name} {_place(handle)}".encode(), 0)
            finally:
                os.close(handle)
        except OSError as error:
            if error.errno not in _NOT_OURS_TO_WRITE:
                _log.warning(_NOT_KEPT, error.strerror)


def _place(handle: int) -> str:
    """Where a file lies, at one length: one that is written over leaves nothing of the old."""
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode):
        raise OSError(0, "no file")
    return f"{found.st_dev:020} {found.st_ino:020}"
