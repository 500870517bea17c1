"""What a fork server is while it runs: it has imported what the roles need, and forks them.

`python -m api.ops.service.fork_server_process FD`: FD is a socket to the supervisor. It is started
before any key is opened, makes no thread, and opens nothing: what is forked from it holds what a
fresh process would, its imports done. What it forks is the supervisor's child and not its own
(ADR 108), so that no role ends with it, and the supervisor itself learns how one ended.

Not: who asks, and what is done where nobody answers (`fork_server`).
"""

from __future__ import annotations

import ctypes
import importlib
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Final

import orjson

from api.loading import loading
from api.ops.child_processes import end_with_parent

LOADED: Final = b"loaded"
GO: Final = b"go"
MOST_BYTES: Final = 4096
"""Of a request."""
ROOM: Final = 200
"""Of what a role is called, in bytes: as many spaces stand behind the words of this process."""
MODULES: Final = (
    "api.cli.main",
    "api.cli.commands.operator",
    "api.cli.commands.vault",
    "api.http.wsgi",
    "api.http.app",
    "api.ops.wiring.enclave",
)
"""All that a role imports, by what leads to it."""

_CLONE: Final = {"x86_64": 56, "aarch64": 220}.get(os.uname().machine, 0)
"""Number of the system call."""
_CLONE_PARENT: Final = 0x00008000
_CLONE_CHILD_CLEARTID: Final = 0x00200000
_CLONE_CHILD_SETTID: Final = 0x01000000
_PR_GET_TID_ADDRESS: Final = 40
_ARG_START: Final = 45
"""Where the words of a process begin, among what `/proc/self/stat` says behind its name."""


def can_fork() -> bool:
    """Whether this system has what `_fork_beside` asks of it."""
    return sys.platform == "linux" and _CLONE != 0


def main() -> None:
    """Forks a role whenever it is asked to, until the supervisor has closed its end."""
    asked = socket.socket(fileno=int(sys.argv[1]))
    with loading():
        for module in MODULES:
            importlib.import_module(module)
    asked.sendall(LOADED)
    while True:
        request, handles, _, _ = socket.recv_fds(asked, MOST_BYTES, 2)
        if not request:
            return
        if _fork_beside() == 0:
            break
        for handle in handles:
            os.close(handle)
    asked.close()
    _begin(handles[0])
    _become(request, [str(one) for one in handles[1:]])


def _begin(line: int) -> None:
    """In the child: nothing is begun before the supervisor knows of it, whom it ends with."""
    end_with_parent()
    with socket.socket(fileno=line) as told:
        told.sendall(str(os.getpid()).encode())
        if told.recv(len(GO)) != GO:
            os._exit(0)
        os.setsid()


def _become(request: bytes, listener: list[str]) -> None:
    called: list[str] = orjson.loads(request)
    name, *words = [*called, *listener]
    module = importlib.import_module(name)
    _show([sys.executable, "-I", "-m", name, *words])
    sys.argv = [str(module.__file__), *words]
    module.main()


def _fork_beside() -> int:
    """As `os.fork`, but that the child is one of this process's parent.

    It is the system call of the C library's `fork` with one flag more; Python's part of a fork is
    done by its public functions. The C library's is left out: it takes care of locks that another
    thread may hold, and there is none.

    Returns:
        0 in the child; its id here.

    Raises:
        OSError: The system refuses it.
    """
    library, python = ctypes.PyDLL(None, use_errno=True), ctypes.pythonapi
    thread = ctypes.c_void_p()  # where the C library keeps the id of this thread
    if library.prctl(_PR_GET_TID_ADDRESS, ctypes.byref(thread), 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")
    flags = _CLONE_PARENT | _CLONE_CHILD_CLEARTID | _CLONE_CHILD_SETTID | signal.SIGCHLD
    words = [ctypes.c_long(word) for word in (_CLONE, flags, 0, 0)]
    python.PyOS_BeforeFork()
    pid = int(library.syscall(*words, thread, thread))  # fourth, or fifth: as the processor has it
    if pid == 0:
        python.PyOS_AfterFork_Child()
        return 0
    python.PyOS_AfterFork_Parent()
    if pid < 0:
        raise OSError(ctypes.get_errno(), "clone")
    return pid


def _show(words: list[str]) -> None:
    """Has `ps` show what this process is now, where the words stand that it was started with."""
    said = Path("/proc/self/stat").read_text("ascii", "replace").rpartition(")")[2].split()
    begin, end = int(said[_ARG_START]), int(said[_ARG_START + 1])
    shown = b"\0".join(map(os.fsencode, words))[: end - begin - 1]
    ctypes.memmove(begin, shown.ljust(end - begin, b"\0"), end - begin)


if __name__ == "__main__":
    main()
