"""Standard error of a process that serves: a file, a pipe or a terminal that may stop taking."""

from __future__ import annotations

import io
import os
import select
import stat
from contextlib import suppress
from typing import Final, TextIO

PATIENCE_S: Final = 1.0
"""How long a line waits for whoever reads; once one is lost, the next ones wait no more."""


class Output:
    """Takes lines, and loses those that whoever reads does not take in time.

    A pipe that nobody reads, or a terminal that was stopped (Ctrl-S), would keep whoever writes
    waiting for good: every answer of the API logs a line, and what starts fallen processes again
    says so first. For one thread at a time.

    Args:
        stream: Its descriptor is not written to, but one of our own; one without any as it is.
            None: it was closed before this process began, and nobody hears anything.

    Attributes:
        lost: Lines lost since the last that was taken.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self.lost = 0
        self._rest = b""  # of a line longer than there was room for
        self._stream, self._poll = stream, select.poll()
        self._handle: int | None = None
        if stream is not None:
            with suppress(io.UnsupportedOperation):  # it is no file of the system's
                self._handle = _not_waiting(stream.fileno())
                self._poll.register(self._handle, select.POLLOUT)

    def write(self, lines: str) -> None:
        """Writes whole lines, or counts them as one that is lost: on a full disk too."""
        if self._stream is None:
            return
        taken = self._taken(self._stream, lines)
        if not taken and not self.lost:
            self._poll.poll(1000 * PATIENCE_S)
            taken = self._taken(self._stream, lines)
        self.lost = 0 if taken else self.lost + 1

    def _taken(self, stream: TextIO, lines: str) -> bool:
        if self._handle is None:
            stream.write(lines)
            stream.flush()
            return True
        told = self._rest + lines.encode(stream.encoding, "backslashreplace")
        with suppress(OSError):  # it has no room, or nobody has its other end any more
            if not os.get_blocking(self._handle) or self._poll.poll(0):
                self._rest = told[os.write(self._handle, told) :]
                return True
        return False


def _not_waiting(handle: int) -> int:
    """Another descriptor of the same, which does not wait where it is a pipe or a terminal.

    Opened anew: what is set of a descriptor that was given holds for whoever else has it, the
    operator's shell too. Where it cannot be, and of a socket, only a line waits that has more bytes
    than there is room for when it is asked.
    """
    if stat.S_ISFIFO(os.fstat(handle).st_mode) or os.isatty(handle):
        with suppress(OSError):  # it is another account's, or there is no /proc
            return os.open(f"/proc/self/fd/{handle}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
    return os.dup(handle)
