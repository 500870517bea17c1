"""Processes that end with the one that started them, what they load, and what they leave behind.

Ours hold the keys of a log, and whoever starts them stands in any folder: no module is ever taken
from there, nor from where the environment says.

A killed process of this service owes nobody anything: an act is in the log or it is not, and its
sender asks again. A process that outlives its parent would keep the port and answer nobody.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from threading import Event
from types import FrameType
from typing import Final

GRACE_S: Final = 1.4
"""How long what the API was asked may take once it is told to stop: all is to end within two."""
MISUSED: Final = 2
"""Exit status of a process that cannot start as things are set, and said which in one sentence."""
BARRED: Final = 77
"""Exit status of one whose token refused the PIN: every other try brings a lock nearer."""
SAFE_PATH: Final = "PYTHONSAFEPATH"
_PR_SET_PDEATHSIG: Final = 1
_FAILED: Final = Event()
_OWN: Final = Event()

_log = logging.getLogger("socai.roles")


class Became(BaseException):
    """Raised where a command has forked itself: what was forked goes on as something else.

    Args:
        main: As that, once nothing is left of the command.
    """

    def __init__(self, main: Callable[[], None]) -> None:
        super().__init__()
        self.main = main


@contextlib.contextmanager
def own(*, whole: bool) -> Iterator[None]:
    """Around a command: `whole`, this process is for it alone, and so may become what it forks."""
    if whole:
        _OWN.set()
    try:
        yield
    finally:
        _OWN.clear()


def is_own() -> bool:
    """Whether this process is one command's own, and ends with that."""
    return _OWN.is_set()


def fill_standard_streams() -> None:
    """Leads to nowhere what this process was started without: input, output, errors.

    Else what is opened next has its number, here and in what is started, and what anybody writes
    there goes into a connection or a lock.
    """
    for handle in range(3):
        try:
            os.fstat(handle)
        except OSError:  # what is opened now has this number, the lowest that is free
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # noqa: FBT003


def python(*words: str) -> list[str]:
    """The words that start a Python of ours, which takes no code but what is installed."""
    return [sys.executable, "-I", *words]


def take_no_code_from_here() -> None:
    """The same for processes that a library starts in its own words (`multiprocessing`)."""
    os.environ[SAFE_PATH] = "1"  # noqa: TID251  read by a child as it starts


def end_with_parent() -> None:
    """In a fresh child. Linux: it is killed when its parent ends, however that ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


@contextlib.contextmanager
def ended_as_by_ctrl_c() -> Iterator[None]:
    """SIGTERM, and SIGHUP of a terminal that is closed, end a command in order as Ctrl-C does.

    Killed, it would leave running what it had started for itself: the embedded database. What nohup
    keeps from a command stays so; in a thread, which hears no signal, nothing is changed.
    """
    told = [
        one
        for one in (signal.SIGTERM, signal.SIGHUP)
        if threading.current_thread() is threading.main_thread()
        and signal.getsignal(one) is signal.SIG_DFL
    ]
    for one in told:
        signal.signal(one, signal.default_int_handler)
    try:
        yield
    finally:
        for one in told:
            signal.signal(one, signal.SIG_DFL)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """What tells a process to end is heard behind the block: for what must not stay half done.

    For moments, and what ends by itself; in a thread, which hears no signal, nothing is changed,
    nor where a signal ends the process by itself or is not heard at all.

    Raises:
        BaseException: What the handler of the first signal raises, at the end, where nothing
            failed: KeyboardInterrupt in a command, SystemExit in a service that starts.
    """
    told = list[int]()
    before = dict[int, Callable[[int, FrameType | None], object]]()
    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        handler = signal.getsignal(one)
        if threading.current_thread() is threading.main_thread() and callable(handler):
            before[one] = handler
            signal.signal(one, lambda number, _: told.append(number))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if told:
        before[told[0]](told[0], None)


def end_with_any_thread() -> None:
    """Whatever ends a thread of this process ends the process too, as if it were told to stop.

    Whoever looks after it starts it again, and its status is none of success (`status_of`); without
    the thread it would go on, and look well.
    """
    threading.excepthook = _thread_ended


def status_of(status: str | int | None) -> str | int | None:
    """What this process says as it ends: 1 where it would say that all is well and a thread ended.

    Told to stop, a process ends well, and says so; but nobody told it.
    """
    return status or int(_FAILED.is_set())


def _thread_ended(ended: threading.ExceptHookArgs) -> None:
    name = "?" if ended.thread is None else ended.thread.name
    error = ended.exc_value or ended.exc_type()
    _log.error("the thread %s ended, so its process ends", name, exc_info=error)
    _FAILED.set()
    os.kill(os.getpid(), signal.SIGTERM)


def end_group(leader: int) -> None:
    """Kills what is left of an ended process's group, where the system did not see to it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
