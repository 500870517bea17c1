"""The supervisor's end of a fork server: roles are forked from it in an instant, if it answers.

It imports once what each role would import as it starts. Whoever asks waits for no import and for
no server that hangs: such a one is killed, another is started, and the role is started anew without
it meanwhile. On a system without it nothing is ever forked.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from threading import Lock
from time import monotonic
from typing import Final, Protocol

import orjson

from api.ops.child_processes import python
from api.ops.service import fork_server_process
from api.ops.service.fork_server_process import (
    GO,
    LOADED,
    branch_off,
    can_branch_off,
    can_fork,
)

_ANSWERS_S: Final = 3.0
"""A fork takes a hundredth of a second; a machine that has none for it is waited for."""
_PAUSE_S: Final = 5.0
"""Between two starts of a fork server, at least: roles start without it."""


class Process(Protocol):
    """A process of whoever asks: a `subprocess.Popen`, or what was forked for it."""

    @property
    def pid(self) -> int:
        """Its id, which is that of its group too."""

    def poll(self) -> int | None:
        """Its status once it has ended, negative for the signal that ended it."""

    def wait(self, timeout: float | None = None) -> int:
        """The same; raises subprocess.TimeoutExpired after as many seconds."""

    def terminate(self) -> None:
        """SIGTERM."""

    def kill(self) -> None:
        """SIGKILL."""


class Forked:
    """A process that is this one's child and was not made by it."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._status: int | None = None
        self._one = Lock()

    def poll(self) -> int | None:
        """As `Process`."""
        with self._one:
            if self._status is None:
                try:
                    ended, status = os.waitpid(self.pid, os.WNOHANG)
                except ChildProcessError:  # killed with its fork server, before it was on its own
                    self._status = -signal.SIGKILL
                else:
                    self._status = os.waitstatus_to_exitcode(status) if ended else None
            return self._status

    def wait(self, timeout: float | None = None) -> int:
        """As `Process`."""
        with suppress(ProcessLookupError):
            handle = os.pidfd_open(self.pid)
            try:
                ended = select.poll()
                ended.register(handle, select.POLLIN)
                ended.poll(None if timeout is None else timeout * 1000)
            finally:
                os.close(handle)
        status = self.poll()
        if status is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0)
        return status

    def terminate(self) -> None:
        """As `Process`."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """As `Process`."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)


class ForkServer:
    """Of one supervisor, whose children are what it forks.

    Args:
        begin: Starts words as a process that leads a group of its own and has these descriptors;
            what is forked has its environment and output.
    """

    def __init__(
        self, begin: Callable[[Sequence[str], Sequence[int]], subprocess.Popen[bytes]]
    ) -> None:
        self._begin = begin
        self._server: Process | None = None
        self._asked: socket.socket | None = None
        self._loaded = False
        self._again_at = 0.0

    @property
    def pid(self) -> int | None:
        """Of the server; None: there is none."""
        return None if self._server is None else self._server.pid

    @property
    def loads(self) -> bool:
        """It cannot be asked yet."""
        return self._asked is not None and not self._loaded

    def branch_off(self, environment: Mapping[str, str]) -> None:
        """Forks a command that has opened nothing yet to be the server, where it can be.

        It has imported most of what roles need, and need not do that twice.

        Raises:
            Became: In what was forked.
        """
        if self._asked is None and can_branch_off():
            self._start(lambda theirs: Forked(branch_off(theirs, environment)))

    def mend(self) -> None:
        """Starts it, and starts it again once it has ended."""
        self.await_loaded(0.0)
        if self._asked is None and can_fork() and monotonic() >= self._again_at:
            self._start(self._anew)

    def _anew(self, theirs: socket.socket) -> Process:
        words = python("-m", fork_server_process.__name__, str(theirs.fileno()))
        return self._begin(words, [theirs.fileno()])

    def _start(self, make: Callable[[socket.socket], Process]) -> None:
        """By its socket; where none may be started now, nor may a role be, of which it is said."""
        self._again_at = monotonic() + _PAUSE_S
        with suppress(OSError):
            mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                try:
                    self._server = make(theirs)
                except BaseException:
                    mine.close()
                    raise
            self._asked = mine

    def await_loaded(self, within_s: float) -> None:
        """Waits until it can be asked, or has ended, or for as long."""
        if self._asked is None:
            return
        self._asked.settimeout(0.0 if self._loaded else within_s)
        with suppress(BlockingIOError, TimeoutError):
            self._loaded = self._asked.recv(len(LOADED)) == LOADED  # its one word, then its end
            if not self._loaded:
                self._give_up()

    def fork(self, words: Sequence[str], listener: int | None = None) -> Forked | None:
        """Has a module's `main` begin in a process of its own, which leads its group.

        Args:
            words: Name of the module, and what it is called with.
            listener: A descriptor to hand on; the last word is its number there.

        Returns:
            None: There is no server that answers; then nothing was begun.
        """
        self.await_loaded(0.0)
        if self._asked is None or not self._loaded:
            return None
        pid = 0
        mine, theirs = socket.socketpair()
        with mine, theirs:
            mine.settimeout(_ANSWERS_S)
            handles = [theirs.fileno(), *([] if listener is None else [listener])]
            try:
                socket.send_fds(self._asked, [orjson.dumps(list(words))], handles)
                theirs.close()
                pid = int(mine.recv(len(str(1 << 32))) or 0)
                mine.sendall(GO)
                mine.recv(1)  # its end is closed once it leads a group of its own
            except OSError:
                self._give_up(pid)
                return None
        return Forked(pid)

    def close(self) -> None:
        """Ends it; what it forked goes on."""
        self._give_up()

    def _give_up(self, pid: int = 0) -> None:
        """Kills the server with all that it has forked and nobody has been told of.

        A child that is not on its own yet is of the server's group, and of no other.
        """
        if self._asked is not None:
            self._asked.close()
        if self._server is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._server.pid, signal.SIGKILL)
            self._server.kill()  # one that was branched off just now leads no group yet
            if pid:
                Forked(pid).kill()
                Forked(pid).wait()
            with suppress(ChildProcessError):
                while True:
                    os.waitpid(-self._server.pid, 0)
            self._server.wait()
        self._asked = self._server = None
        self._loaded = False
