"""The processes of an enclave as a test meets them: their ports, their ids, a server alone."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Event
from typing import Final

import httpx

from api.ops.child_processes import python
from api.ops.service.fork_server import ForkServer, Process
from api.ops.service.listening_socket import listen
from api.ops.service.supervisor import Supervisor
from api.settings import Settings, child_environment

#: Below what a kernel gives to whoever asks for any port (32768 and up), so that nothing but a test
#: comes to one of these by chance.
_PORTS: Final = range(10_000, 30_000)
_READY_S: Final = 300
_STEP_S: Final = 0.1
_LEASED: Final[set[int]] = set()


@contextmanager
def heard_as_in_a_command() -> Iterator[None]:
    """Ctrl-C raises here as where a command begins, whatever this process was started with."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """A process that hangs: it says nothing, however long it is waited for."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@cache
def _leases() -> int:
    """The file in which every test run of this machine locks a byte for each port of its own.

    Open until the process ends, and so no object that somebody would have to close.
    """
    path = Path(tempfile.gettempdir()) / f"socai-test-ports-{os.getuid()}"
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


def free_port() -> int:
    """A port of loopback that nobody listens on, leased from every other test run until this ends.

    For a process that takes its port only as it starts; whoever can hand over a socket listens on
    port 0 and does so.
    """
    for port in _PORTS:
        if port not in _LEASED and _leased(port):
            _LEASED.add(port)
            with suppress(OSError), socket.create_server(("127.0.0.1", port)):
                return port
    raise AssertionError("every port is taken")


def _leased(port: int) -> bool:
    try:
        fcntl.lockf(_leases(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    return True


def pids(supervisor: Supervisor) -> Mapping[str, int]:
    """Process ids by role."""
    return {role: child.process.pid for role, child in supervisor._children.items()}


@dataclass(frozen=True, slots=True)
class Served:
    """`api.http.wsgi` alone, over an enclave that others look after.

    Attributes:
        port: Where it listens on loopback.
        pid: Of gunicorn's arbiter.
    """

    port: int
    pid: int

    @property
    def url(self) -> str:
        """Base address."""
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def serving(settings: Settings, log: Path, *, forked: bool = False) -> Iterator[Served]:
    """`api.http.wsgi` as `serve` starts it: on a socket that is handed over, once it is ready.

    Args:
        settings: Its own, but for the port.
        log: Where its output goes.
        forked: From a fork server, as where several roles are served.
    """

    def begin(words: Sequence[str], handles: Sequence[int]) -> subprocess.Popen[bytes]:
        with log.open("ab") as out:
            return subprocess.Popen(
                words,
                env=child_environment(settings),
                pass_fds=handles,
                stdout=out,
                stderr=out,
                start_new_session=forked,
            )

    with listen("127.0.0.1", 0) as listener, closing(ForkServer(begin)) as forks:
        server: Process | None = None
        if forked:
            forks.mend()
            forks.await_loaded(_READY_S)
            server = forks.fork(["api.http.wsgi"], listener.fileno())
            assert server is not None
        else:
            words = python("-m", "api.http.wsgi", str(listener.fileno()))
            server = begin(words, [listener.fileno()])
        try:
            served = Served(listener.getsockname()[1], server.pid)
            _wait_ready(served, server, log)
            yield served
        finally:
            server.terminate()
            server.wait(120)


def _wait_ready(served: Served, server: Process, log: Path) -> None:
    """It holds the socket from the beginning, so that a question waits where it cannot be asked."""
    with httpx.Client(base_url=served.url, timeout=_READY_S) as http:
        for _ in range(int(_READY_S / _STEP_S)):
            with suppress(httpx.TransportError):
                if http.get("/health/ready").is_success:
                    return
            assert server.poll() is None, log.read_text("utf-8")[-2_000:]
            Event().wait(_STEP_S)
    raise AssertionError(log.read_text("utf-8")[-2_000:])
