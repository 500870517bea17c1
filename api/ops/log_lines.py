"""Log lines: one JSON object an event on standard error, and nobody waits for who reads them.

No content of acts, no names of persons. The layers below use plain `logging` and know none of this.
"""

from __future__ import annotations

import io
import logging
import os
import select
import stat
import sys
from contextlib import suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final

import orjson

from keys.errors import Carried

PATIENCE_S: Final = 1.0
"""How long a line waits for whoever reads; once one is lost, the next ones wait no more."""
_ROLES: Final = logging.getLogger("socai.roles")
_LOST: Final = "%d lines before this one are lost: whoever reads the log did not take them"


class JsonLines(logging.Formatter):
    """A record as one JSON object: event, level, timestamp and its `fields`.

    Of an exception: class, cause and places, and the text of one that is raised on purpose or by
    the system. That of any other may quote content of acts; local variables hold it, and keys:
    neither reaches a log line.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        told: dict[str, Any] = {
            "event": record.getMessage().encode("utf-8", "backslashreplace").decode(),
            "level": record.levelname.lower(),
            "timestamp": datetime.fromtimestamp(record.created, UTC),
            **record.__dict__.get("fields", {}),
        }
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            ours = isinstance(error, (Carried, OSError))
            told["exception"] = where(error) | ({"text": str(error)} if ours else {})
        return orjson.dumps(told, option=orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z).decode()


class LogLines(logging.Handler):
    """Lines into a file, a pipe or a terminal; those that it does not take in time are counted.

    A pipe that nobody reads, or a terminal that was stopped (Ctrl-S), would keep whoever writes
    waiting for good, and with them every answer of the process: each logs a line.

    Args:
        handle: Descriptor of it; what is written to has one of its own.
    """

    def __init__(self, handle: int) -> None:
        super().__init__()
        self.setFormatter(JsonLines())
        self._handle = _not_waiting(handle)
        self._poll = select.poll()
        self._poll.register(self._handle, select.POLLOUT)
        self._rest = b""  # of a line longer than there was room for
        self._lost = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Writes its line, and before it how many are lost."""
        try:
            said = [self.format(record)]
            if self._lost:
                lost = {"name": _ROLES.name, "levelno": logging.WARNING, "levelname": "WARNING"}
                told = logging.makeLogRecord(lost | {"msg": _LOST, "args": (self._lost,)})
                said.insert(0, self.format(told))
            taken = self._take("".join(f"{line}\n" for line in said).encode())
            self._lost = 0 if taken else self._lost + 1
        except Exception:  # noqa: BLE001 - as every handler: a line that fails ends nobody
            self.handleError(record)

    def _take(self, line: bytes) -> bool:
        if self._write(line):
            return True
        waits = not self._lost and self._poll.poll(1000 * PATIENCE_S)
        return bool(waits) and self._write(line)

    def _write(self, line: bytes) -> bool:
        told = self._rest + line
        with suppress(BlockingIOError):
            self._rest = told[os.write(self._handle, told) :]
            return True
        return False


def _not_waiting(handle: int) -> int:
    """Another descriptor of the same, which does not wait where it is a pipe or a terminal.

    Opened anew: what is set of a descriptor that was given holds for whoever else has it, the
    operator's shell too. Where it cannot be, and of a socket, a line waits.
    """
    if stat.S_ISFIFO(os.fstat(handle).st_mode) or os.isatty(handle):
        with suppress(OSError):  # it is another user's, or there is no /proc
            return os.open(f"/proc/self/fd/{handle}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
    return os.dup(handle)


def configure(level: str) -> None:
    """JSON lines on standard error, whoever logs; also of an error that ends this process."""
    try:
        handler: logging.Handler = LogLines(sys.stderr.fileno())
    except io.UnsupportedOperation:  # it is no file of the system's
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    sys.excepthook = _ended


def _ended(kind: type[BaseException], error: BaseException, at: TracebackType | None) -> None:
    """Python would print the error's text and lines of source."""
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, at)
    else:
        _ROLES.critical("an error that nobody expected ends this process", exc_info=error)


def where(error: BaseException) -> dict[str, Any]:
    """Of an error its class, that of its cause, and the last places: no text, no address."""
    trace = error.__traceback__
    places: list[str] = []
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append(f"{code.co_filename.rsplit('/', 2)[-1]}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    cause = error.__cause__
    return {
        "error": type(error).__qualname__,
        "cause": None if cause is None else type(cause).__qualname__,
        "where": places[-6:],
    }
