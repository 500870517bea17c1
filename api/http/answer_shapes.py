"""What `api/client` holds answers to, made of the OpenAPI document: what type each member has.

`make openapi` writes it beside the client, which is installed without what writes the document.
Which members there must be is not told: a server of another version may have fewer, and then it is
whoever reads one that says so (`AnsweredObject`). Nor which words, of which there may be more. How
ids and times are written is told: that is of the version in the path.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final

import orjson

from api.http.openapi_document import references

Json = dict[str, Any]
_REFERENCE: Final = "#/components/schemas/"
_NOTHING: Final = {"type": "null"}
_IN_ITSELF: Final = ("type", "pattern")


def answer_shapes(spec: Mapping[str, Any]) -> Json:
    """By path and method the shape of what is answered, and the shapes that those refer to.

    Args:
        spec: The OpenAPI document.
    """
    named = spec["components"]["schemas"]
    answers: dict[str, dict[str, Json]] = {}
    for path, calls in spec["paths"].items():
        for method, call in calls.items():
            for shape in _of_answers(call):
                answers.setdefault(path, {})[method.upper()] = shape
    used: dict[str, Json] = {}
    waiting = [*references(answers, "ref"), "Problem"]
    while waiting:
        name = waiting.pop()
        if name not in used:
            used[name] = _held(named[name])
            waiting += references(used[name], "ref")
    return {"answers": answers, "shapes": dict(sorted(used.items()))}


def _of_answers(call: Any) -> Iterator[Json]:  # noqa: ANN401  a path has parameters too
    """One call answers one shape, whatever its status (`Resource.call`)."""
    if not isinstance(call, Mapping) or "responses" not in call:
        return
    for status, response in call["responses"].items():
        if int(status) // 100 != HTTPStatus.OK // 100:
            continue
        for media, content in response.get("content", {}).items():
            if media.partition(";")[0].endswith("json"):
                yield _held(content["schema"])


def _held(schema: Mapping[str, Any]) -> Json:
    """Of a schema what a value of another type would break."""
    if "$ref" in schema:
        return {"ref": schema["$ref"].removeprefix(_REFERENCE)}
    held: Json = {name: schema[name] for name in _IN_ITSELF if name in schema}
    if "anyOf" in schema:
        held["any"] = sorted(map(_held, schema["anyOf"]), key=lambda one: one != _NOTHING)
    if "items" in schema:
        held["items"] = _held(schema["items"])
    others = schema.get("additionalProperties")
    if isinstance(others, Mapping) and (shape := _held(others)):
        held["others"] = shape
    members = {name: _held(one) for name, one in schema.get("properties", {}).items()}
    if members:
        held["members"] = members
    return held


if __name__ == "__main__":
    made = answer_shapes(orjson.loads(sys.stdin.buffer.read()))
    sys.stdout.buffer.write(
        orjson.dumps(made, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    )
