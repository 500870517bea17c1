"""Examples of the document: real answers of a rehearsal with made-up cases, cut short.

Data in `api/http/examples.json`; a test holds each against its schema, and posts the requests as
they stand. Not: examples of problems, which come from `api.problems.problem`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import orjson

_FILE: Final = Path(__file__).parents[1] / "examples.json"


@cache
def examples() -> Mapping[str, Any]:
    """`answers` and `requests` by operation id; `parameters` by operation id and for all (`*`).

    A request in a second content type has that behind its operation id.
    """
    found: dict[str, Any] = orjson.loads(_FILE.read_bytes())
    return found


def add_to(spec: dict[str, Any]) -> None:
    """Puts every example where the document has none yet."""
    for call in _calls(spec):
        name = call["operationId"]
        _bodies(call, name)
        known = {**examples()["parameters"]["*"], **examples()["parameters"].get(name, {})}
        for parameter in call.get("parameters", ()):
            if parameter.get("in") == "query" and parameter["name"] in known:
                parameter.setdefault("example", known[parameter["name"]])


def _calls(spec: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for calls in spec["paths"].values():
        yield from (call for call in calls.values() if "operationId" in call)


def _bodies(call: dict[str, Any], name: str) -> None:
    answer = examples()["answers"].get(name)
    for status, response in call["responses"].items():
        if str(status).startswith("2") and answer is not None:
            for content in response.get("content", {}).values():
                content.setdefault("example", answer)
    sent = examples()["requests"]
    for kind, content in call.get("requestBody", {}).get("content", {}).items():
        content.setdefault("example", sent.get(f"{name} {kind}", sent[name]))
