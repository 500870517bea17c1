"""Log lines: one JSON object an event on standard error, and nobody waits for who reads them.

No content of acts, no names of persons. The layers below use plain `logging` and know none of this.
"""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final

import orjson

from api.ops.output import Output
from keys.errors import Carried

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
    """Lines into an output; before the first that it takes again, how many it did not.

    Args:
        output: Where they go.
    """

    def __init__(self, output: Output) -> None:
        super().__init__()
        self.setFormatter(JsonLines())
        self._output = output

    def emit(self, record: logging.LogRecord) -> None:
        """Writes its line."""
        try:
            said = [self.format(record)]
            if self._output.lost:
                lost = {"name": _ROLES.name, "levelno": logging.WARNING, "levelname": "WARNING"}
                told = logging.makeLogRecord(lost | {"msg": _LOST, "args": (self._output.lost,)})
                said.insert(0, self.format(told))
            self._output.write("".join(f"{line}\n" for line in said))
        except Exception:  # noqa: BLE001 - as every handler: a line that fails ends nobody
            self.handleError(record)


def configure(level: str) -> None:
    """JSON lines on standard error, whoever logs; also of an error that ends this process."""
    root = logging.getLogger()
    root.handlers = [LogLines(Output(sys.stderr))]
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
