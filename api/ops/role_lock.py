"""One process for each role of a home: a lock that ends with its holder, however that ends.

A second one would do no harm to the log, which is held by the database; but its operator would
take what the first does for what the second does. Where the home cannot be written, as in a
container, whoever starts the containers counts them.
"""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import closing
from pathlib import Path
from typing import IO, Final

from api.settings import SettingsError
from ledger.message import Message

_NOT_OURS_TO_WRITE: Final = (errno.EACCES, errno.EROFS, errno.EPERM)


class Lock:
    """What is held of one home.

    Args:
        home: Folder of the enclave.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._held: list[IO[str]] = []

    def take(self, *roles: str) -> None:
        """Takes the roles for this process; one that its parent holds is the parent's to give.

        Raises:
            SettingsError: Another process has one of them; then none is taken.
        """
        try:
            for role in roles:
                self._take(role)
        except SettingsError:
            self.close()
            raise

    def close(self) -> None:
        """Gives them back."""
        for file in self._held:
            fcntl.flock(file, fcntl.LOCK_UN)  # also where a child has inherited the file
            file.close()
        self._held = []

    def _take(self, role: str) -> None:
        try:
            file = (self._home / f"{role}.lock").open("a+", encoding="ascii")
        except OSError as error:
            if error.errno in _NOT_OURS_TO_WRITE:
                return
            raise
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            holder = file.read().strip()
            file.close()
            if holder != str(os.getppid()):
                raise _held(self._home, role, holder) from None
            return
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        self._held.append(file)


def require_unserved(home: Path, *roles: str) -> None:
    """That no process has one of these roles.

    Raises:
        SettingsError: As `Lock.take`.
    """
    with closing(Lock(home)) as lock:
        lock.take(*roles)


def _held(home: Path, role: str, holder: str) -> SettingsError:
    return SettingsError(
        Message(
            "the enclave in {home} is running ({role}, process {holder}): stop that first, or set"
            " SOCAI_HOME to another folder",
            home=home,
            role=role,
            holder=holder,
        ),
    )
