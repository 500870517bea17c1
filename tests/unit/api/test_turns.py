"""Turns that forked processes take: one begins when another is over, or is killed."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from api.http.turns import Turns


def _child(turns: Turns, told: int, name: bytes, wait: int) -> int:
    """A process that says that it has its turn, and keeps it until it is told."""
    pid = os.fork()
    if pid == 0:
        with turns.taken():
            os.write(told, name)
            os.read(wait, 1)
        os.read(wait, 1)
        os._exit(0)
    return pid


def _waits(pid: int) -> bool:
    """Whether a process waits for a lock (proc(5))."""
    lines = Path("/proc/locks").read_text("ascii").splitlines()
    return any("->" in line and f" {pid} " in line for line in lines)


@pytest.mark.parametrize("killed", [False, True])
def test_who_comes_second_begins_when_the_first_is_over(killed: bool) -> None:  # noqa: FBT001 - a table of cases
    """Also where it is killed: what it held is nobody's."""
    turns = Turns()
    heard, told = os.pipe()
    wait, over = os.pipe()
    children = [_child(turns, told, b"1", wait)]
    try:
        assert os.read(heard, 1) == b"1"
        children.append(_child(turns, told, b"2", wait))
        os.set_blocking(heard, False)
        while not _waits(children[1]):
            with pytest.raises(BlockingIOError):
                os.read(heard, 1)
        os.set_blocking(heard, True)
        if killed:
            os.kill(children[0], signal.SIGKILL)
        else:
            os.write(over, b"x")
        assert os.read(heard, 1) == b"2"
    finally:
        for one in children:
            os.kill(one, signal.SIGKILL)
            os.waitpid(one, 0)
        for end in (heard, told, over, wait):
            os.close(end)
