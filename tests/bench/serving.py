"""Servers of the bench as processes of their own: started, waited for, and what they take."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx

_TRIES: Final = 300


@contextmanager
def running(
    commands: Sequence[Sequence[str]], environment: Mapping[str, str], log: Path
) -> Iterator[list[int]]:
    """Processes side by side, told to stop at the end; their ids.

    Args:
        commands: The words of each.
        environment: Of all of them.
        log: What they say is added to it.
    """
    with log.open("ab") as said:
        children = [
            subprocess.Popen(words, env=environment, stdout=said, stderr=said) for words in commands
        ]
        try:
            yield [child.pid for child in children]
        finally:
            for child in children:
                child.terminate()
            for child in children:
                child.wait(timeout=30)


def await_ready(port: int, path: str = "/health/ready") -> None:
    """Until the address answers with success. Raises: TimeoutError."""
    for _ in range(_TRIES):
        try:
            if httpx.get(f"http://127.0.0.1:{port}{path}", timeout=5).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise TimeoutError("the server of the bench does not get ready")


def children(pid: int) -> list[int]:
    """Of a process: gunicorn's workers."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii")
    return [int(word) for word in text.split()]


def processor_s(pid: int) -> float:
    """Processor seconds that the children of a process have taken, however busy the machine is."""
    ticks = 0
    for child in children(pid):
        after_name = Path(f"/proc/{child}/stat").read_text("ascii").rpartition(")")[2].split()
        ticks += int(after_name[11]) + int(after_name[12])
    return ticks / os.sysconf("SC_CLK_TCK")
