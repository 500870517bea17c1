"""Log lines: one JSON object each, and nothing of an act in them (http.md §7)."""

from __future__ import annotations

import logging
import subprocess
import sys
from typing import Any

import orjson
import psycopg
import pytest

from api.ops.telemetry import JsonLines, _ended
from ledger.errors import Unavailable
from ledger.message import Wording

CONTENT = "người tố giác"


def _line(message: str, **more: Any) -> Any:  # noqa: ANN401 - JSON
    fields = more.pop("fields", None)
    record = logging.LogRecord("socai.http", logging.ERROR, "", 0, message, (), **more)
    if fields is not None:
        record.fields = fields
    return orjson.loads(JsonLines().format(record))


def _fail(content: str) -> None:
    """Fails with content in a local variable, as a fold or a view would."""
    try:
        int(content)
    except ValueError as cause:
        raise LookupError("no such thing") from cause


def test_a_line_is_one_object_with_its_fields() -> None:
    """What a machine reads needs no pattern: also where a message has line ends or no text."""
    told = _line("first\nsecond \udcff", exc_info=None, fields={"call": "/v1/log", "ms": 1.5})
    assert told["event"] == "first\nsecond \\udcff"
    assert (told["call"], told["ms"], told["level"]) == ("/v1/log", 1.5, "error")
    assert told["timestamp"].endswith("Z")


def test_an_exception_tells_its_places_and_no_local_variable() -> None:
    """Local variables hold content of acts and keys."""
    try:
        _fail(CONTENT)
    except LookupError:
        told = _line("stopped", exc_info=sys.exc_info())
    found = told["exception"]
    assert (found["error"], found["cause"]) == ("LookupError", "ValueError")
    assert found["where"][-1].endswith(" _fail")
    assert CONTENT not in str(told)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (Unavailable("disk_full", Wording("", "no room")), "disk_full: no room"),
        (OSError(28, "No space left on device"), "[Errno 28] No space left on device"),
        (KeyError(CONTENT), None),
        (ValueError(f"invalid literal for int(): {CONTENT!r}"), None),
        (psycopg.DataError(f"CONTEXT:  COPY acts, line 1, column title: {CONTENT}"), None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_not_raised_on_purpose_is_told_without_its_text(
    error: Exception, text: str | None
) -> None:
    """A fold that fails over a record is logged: Python and the database quote what they met."""
    told = _line("stopped", exc_info=(type(error), error, None))
    assert told["exception"].get("text") == text
    assert CONTENT not in str(told)


_ENDS = """
from api.ops import telemetry
telemetry.configure("info")
int("người tố giác")
"""


def test_a_process_that_ends_over_a_mistake_says_so_in_a_line_without_content() -> None:
    """Python's own trace has the error's text, which quotes what it met, and is no line of JSON."""
    ended = subprocess.run([sys.executable, "-c", _ENDS], capture_output=True, check=False)
    told = orjson.loads(ended.stderr)
    assert (ended.returncode, told["level"]) == (1, "critical")
    assert (told["exception"]["error"], "text" in told["exception"]) == ("ValueError", False)
    assert CONTENT not in str(told)


def test_whoever_stops_a_process_at_a_terminal_has_made_no_mistake(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Ctrl-C ends it as Python does: no critical line, by which an operator would be called."""
    _ended(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert not caplog.records
    _ended(LookupError, LookupError(), None)
    assert [record.levelname for record in caplog.records] == ["CRITICAL"]
