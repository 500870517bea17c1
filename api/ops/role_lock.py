"""One process for each role of a home: a lock that ends with its holder, however that ends.

A second one would do no harm to the log, which is held by the database; but its operator would
take what the first does for what the second does. Where the home cannot be written, as in a
container, whoever starts the containers counts them; but each says beside its memory of the log
that it works with it, so that no command takes that memory, or the log, from under it.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
from contextlib import closing, suppress
from pathlib import Path
from time import monotonic, sleep
from typing import IO, Final

from api.settings import SettingsError
from ledger.message import Message

_NOT_OURS_TO_WRITE: Final = (errno.EACCES, errno.EROFS, errno.EPERM)
_IN_USE: Final = "in-use.lock"
_ANSWERS: Final = "api"
_LOOKED_AT_S: Final = 0.3
"""Who only looks whether something is held holds it for an instant, and refuses nobody by that."""
_STEP_S: Final = 0.02


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

    def use(self, memory: Path) -> None:
        """Says that this process works with a role's memory, until it ends; others may beside it.

        Raises:
            SettingsError: A command has it for itself just now.
        """
        self._say(memory, fcntl.LOCK_SH)

    def alone(self, *memories: Path) -> None:
        """That no process works with these, nor begins to until they are given back.

        Raises:
            SettingsError: One does.
        """
        for memory in memories:
            self._say(memory, fcntl.LOCK_EX)

    def close(self) -> None:
        """Gives them back."""
        for file in self._held:
            fcntl.flock(file, fcntl.LOCK_UN)  # also where a child has inherited the file
            file.close()
        self._held = []

    def _say(self, memory: Path, how: int) -> None:
        try:
            file = (memory / _IN_USE).open("a+", encoding="utf-8")
        except OSError as error:
            if error.errno in (*_NOT_OURS_TO_WRITE, errno.ENOENT):
                return
            raise
        if not _locked(file, how):
            holder = _holder(file)
            file.close()
            raise _used(memory.name, holder)
        file.truncate(0)
        file.write(f"{os.getpid()} ({socket.gethostname()})\n")
        file.flush()
        self._held.append(file)

    def _take(self, role: str) -> None:
        try:
            file = os.fdopen(_of_nobody_else(self._home / f"{role}.lock"), "a+", encoding="ascii")
        except OSError as error:
            if error.errno in _NOT_OURS_TO_WRITE:
                return
            raise
        parent = str(os.getppid())
        if not _locked(file, fcntl.LOCK_EX, unless=parent):
            holder = _holder(file)
            file.close()
            if holder != parent:
                raise _held(self._home, role, holder)
            return
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        self._held.append(file)


def _of_nobody_else(path: Path) -> int:
    """A file that no other account of the machine opens: whoever may read one may hold it."""
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    with suppress(OSError):  # one that an earlier version made; another account's stays as it is
        os.fchmod(handle, 0o600)
    return handle


def _locked(file: IO[str], how: int, *, unless: str | None = None) -> bool:
    """Whether it could be had; False: somebody holds it, and not only to look, or `unless` does."""
    end = monotonic() + _LOOKED_AT_S
    while True:
        try:
            fcntl.flock(file, how | fcntl.LOCK_NB)
        except OSError:
            if monotonic() >= end or _holder(file) == unless:
                return False
            sleep(_STEP_S)
        else:
            return True


def _holder(file: IO[str]) -> str:
    file.seek(0)
    return file.read().strip()


def require_unserved(home: Path, *roles: str) -> None:
    """That no process has one of these roles.

    Raises:
        SettingsError: As `Lock.take`.
    """
    with closing(Lock(home)) as lock:
        lock.take(*roles)


def is_served(home: Path) -> bool:
    """Whether another process has its API: a note in the home outlives whoever was killed."""
    path = home / f"{_ANSWERS}.lock"
    with suppress(FileNotFoundError, PermissionError), path.open(encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return file.read().strip() != str(os.getpid())
    return False


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


def _used(role: str, holder: str) -> SettingsError:
    return SettingsError(
        Message(
            "{role} is running, process {holder}: stop it first (in containers: docker compose"
            " stop)",
            role=role,
            holder=holder,
        ),
    )
