"""The process that takes a segment apart: no key, no file, no network, and little of the machine.

Its parent writes the framed text to its input and reads the answer from its output. It gives away
what it might be misused for before it reads the first byte: it can open nothing any more, and a
text that makes it run or grow without end ends it.
"""

from __future__ import annotations

import contextlib
import gc
import os
import resource
import subprocess
import sys
from threading import Timer
from typing import Final

from api.ops.child_processes import end_with_parent, python
from keys.sealed_segment import MOST_BYTES
from ledger.mirror.segment import Segment, unreadable
from ledger.mirror.taking_apart import answered, heard, load

CPU_S: Final = 60
WALL_S: Final = 600.0
"""How long is waited for an answer: ten times what it may take, on a machine that others use."""
MEMORY_BYTES: Final = 1 << 30
_MOST_ANSWER: Final = 2 * MOST_BYTES
"""Bytes of an answer: what a text says is never longer than the text."""
_NOBODY: Final = 65_534


def taken_apart(framed: bytes, level: str) -> Segment:
    """What a framed text says, taken apart by a process of its own.

    Args:
        framed: As the seal had it.
        level: Of the lower log.

    Raises:
        SegmentRefused: `malformed`, or `died` where the process came to no end.
    """
    with subprocess.Popen(  # noqa: S603 - our own words
        python("-m", "api.ops.mirror.apart", level),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={},
        start_new_session=True,
    ) as child:
        late = Timer(WALL_S, child.kill)
        late.start()
        try:
            answer = _answer(child, framed)
        finally:
            late.cancel()
            child.kill()  # if it is there still
    if answer is None or child.returncode != 0:
        raise unreadable()
    return heard(answer)


def _answer(child: subprocess.Popen[bytes], framed: bytes) -> bytes | None:
    """What it says until it ends; None where that is more than there is to say."""
    if child.stdin is None or child.stdout is None:
        raise ValueError("it is spoken with by pipes")
    with contextlib.suppress(BrokenPipeError), child.stdin:  # it ended before it had read all
        child.stdin.write(framed)
    answer = child.stdout.read(_MOST_ANSWER + 1)
    if len(answer) > _MOST_ANSWER:
        return None
    child.wait()
    return answer


def give_up() -> None:
    """From here on the process opens nothing: no file, no socket, no child that does.

    Nobody but root could take the limits back, and root it is no longer.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(_NOBODY)
        os.setuid(_NOBODY)


def main() -> None:
    """Reads a framed text, and answers."""
    gc.disable()  # it lives for one text, and what it may take of memory has a limit
    end_with_parent()
    load()
    give_up()
    sys.stdout.buffer.write(answered(sys.stdin.buffer.read(), sys.argv[1]))


if __name__ == "__main__":
    main()
