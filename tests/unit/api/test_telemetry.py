"""Log lines: one JSON object each, and nothing of an act in them (http.md §7)."""

from __future__ import annotations

import logging
import sys
from typing import Any

import orjson

from api.ops.telemetry import JsonLines

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
    assert found["text"] == "no such thing"
    assert found["where"][-1].endswith(" _fail")
    assert CONTENT not in str(told)
