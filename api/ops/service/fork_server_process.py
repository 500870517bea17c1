"""What a fork server is while it runs: it has imported what the roles need, and forks them.

It comes to be before any key is opened, makes no thread, and opens nothing: what is forked from it
holds what a fresh process would, its imports done. What it forks is the supervisor's child and not
its own (ADR 108), so that no role ends with it, and the supervisor itself learns how one ended.

`python -m api.ops.service.fork_server_process FD`: FD is a socket to the supervisor. A command that
has opened nothing yet forks itself instead (`branch_off`), and imports what it has not.

Not: who asks, and what is done where nobody answers (`fork_server`).
"""

from __future__ import annotations

import ctypes
import importlib
import os
import signal
import site
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

import orjson

from api.loading import ended_without_a_word, loading
from api.ops.child_processes import SAFE_PATH, Became, end_with_parent, is_own, python
from api.settings import environment, replace_environment
from keys.custody import core_dumps

LOADED: Final = b"loaded"
GO: Final = b"go"
MOST_BYTES: Final = 4096
"""Of a request."""
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
_HARMLESS: Final = {SAFE_PATH, "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"}
"""What may be said to a command's Python: no module comes by it. Containers say the last two."""
_TOLD: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def can_fork() -> bool:
    """Whether this system has what `_fork_beside` asks of it."""
    return sys.platform == "linux" and _CLONE != 0


def can_branch_off() -> bool:
    """Whether this process is a command's own, with one thread, and has loaded our code alone."""
    if not (can_fork() and is_own()) or None in (sys.stdout, sys.stderr):
        return False
    return len(list(Path("/proc/self/task").iterdir())) == 1 and _has_installed_code()


def _has_installed_code() -> bool:
    """Whether this process has loaded what `python` has one load: no module of another place.

    The console script does where the environment says nothing to its Python; it looks beside
    itself, where programs of the installation lie.
    """
    if sys.flags.isolated:
        return True
    told = {name for name in environment() if name.startswith("PYTHON")}
    beside = Path(sys.path[0]) == Path(sys.executable).parent
    return beside and told <= _HARMLESS and site.getusersitepackages() not in sys.path


def main() -> None:
    """Is one, and whatever is forked from it."""
    replace_environment(environment())
    _serve(socket.socket(fileno=int(sys.argv[1])))


def branch_off(asked: socket.socket, given: Mapping[str, str]) -> int:
    """Forks this process, which has one thread and has opened nothing, to be a fork server.

    Args:
        asked: Its socket to this process.
        given: Its environment.

    Returns:
        Its id. In that process nothing is returned.

    Raises:
        Became: In that process.
        OSError: The system refuses it.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _TOLD)
    try:
        pid = os.fork()
        if pid == 0:
            end_with_parent()
            os.setsid()  # a terminal tells it nothing any more
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    if pid:
        return pid
    raise Became(partial(_leave, asked.detach(), given))


def _leave(handle: int, given: Mapping[str, str]) -> None:
    """In the process that was forked: goes on with nothing of the command's but its modules.

    Not before its stack is unwound: what fails here ends this process, and no second command goes
    on. By what is open and not by all numbers, of which a container may have a thousand million.
    """
    for one in [int(one.name) for one in Path("/proc/self/fd").iterdir()]:
        if one not in (1, 2, handle):
            with suppress(OSError):  # the list's own is closed already
                os.close(one)
    os.open(os.devnull, os.O_RDONLY)  # 0 is free
    replace_environment(given)
    if not sys.flags.isolated:
        sys.path.pop(0)  # where the command's script lies
    _serve(socket.socket(fileno=handle))


def _serve(asked: socket.socket) -> None:
    """Forks a role whenever it is asked to, until the supervisor has closed its end, or it cannot.

    Nobody of its user looks into it, or leaves something there for what opens keys.
    """
    core_dumps.leave_none()
    _show(python("-m", __spec__.name))
    with ended_without_a_word():  # whom it forks hears as any process
        with loading():
            for module in MODULES:
                importlib.import_module(module)
        with suppress(ConnectionError):
            asked.sendall(LOADED)
        forked = _fork_while_asked(asked)
    asked.close()
    if forked is None:
        return
    request, handles = forked
    _begin(handles[0])
    _become(request, [str(one) for one in handles[1:]])


def _fork_while_asked(asked: socket.socket) -> tuple[bytes, list[int]] | None:
    """What it is to become, and its handles, in a process that was forked; None in the server."""
    while True:
        request, handles = _asked_for(asked)
        if not request:
            return None
        try:
            if _fork_beside() == 0:
                return request, handles
        except OSError:  # nor can the role be started without it: the supervisor says so
            return None
        for handle in handles:
            os.close(handle)


def _asked_for(asked: socket.socket) -> tuple[bytes, list[int]]:
    """The next request; none where whoever asks has gone, even before they heard a word of this."""
    try:
        request, handles, _, _ = socket.recv_fds(asked, MOST_BYTES, 2)
    except ConnectionError:
        return b"", []
    return request, handles


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
    _show(python("-m", name, *words))
    sys.modules["__main__"] = module
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
    """Has `ps` show what this process is now, where its words and environment stood at its start.

    Behind `replace_environment` nothing is read there any more.
    """
    said = Path("/proc/self/stat").read_text("ascii", "replace").rpartition(")")[2].split()
    begin, end, _, end_of_all = map(int, said[_ARG_START : _ARG_START + 4])
    room = max(end, end_of_all) - begin
    shown = b" ".join(map(os.fsencode, words))[: room - 1]
    ctypes.memmove(begin, shown.ljust(room, b"\0"), room)


if __name__ == "__main__":
    main()
