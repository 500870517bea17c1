"""What type each member of an answer has: one place that holds a server to what it says it answers.

Shapes are the OpenAPI document's (`answer_shapes.json`, which `make openapi` writes). So whoever
shows an answer may take a member for what the document says that it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, Final

import orjson

Json = Mapping[str, Any]
PROBLEM: Final[Json] = {"ref": "Problem"}
_TYPES: Final[Mapping[str, Callable[[object], bool]]] = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: type(value) is int,
    "number": lambda value: type(value) in (int, float),
    "boolean": lambda value: isinstance(value, bool),
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "null": lambda value: value is None,
}
_PARAMETER: Final = re.compile(r"\\\{([a-z_]+)\\\}")
_WITH_SLASHES: Final = frozenset({"number", "pointer", "stream", "tile"})


def shape_of(method: str, path: str) -> Json:
    """The shape of what a call answers.

    Args:
        method: GET or POST.
        path: As asked, escapes and all; what stands before `/v1` is where the server is mounted.

    Raises:
        LookupError: There is no such call, or it answers no JSON.
    """
    for called, shapes in _calls():
        if method in shapes and called.fullmatch(path):
            found: Json = shapes[method]
            return found
    raise LookupError(f"no call answers {method} {path}")


def require_shape(value: object, shape: Json, place: str = "") -> None:
    """Looks at each member, however deep.

    Args:
        value: What was answered.
        shape: What it is held to.
        place: Where in the answer this is.

    Raises:
        TypeError: A member is of another type, or is not written as it is to be.
    """
    while "ref" in shape:
        shape = _shapes()[shape["ref"]]
    if "any" in shape:
        return _require_one(value, shape["any"], place)
    types = shape.get("type", ())
    if types and not any(_TYPES[one](value) for one in ([types] if type(types) is str else types)):
        raise TypeError(f"{place or '/'} is no {types}")
    for name, inner, held in _inside(value, shape):
        if held:
            require_shape(inner, held, f"{place}/{name}")
    if isinstance(value, str) and not re.search(shape.get("pattern", ""), value):
        raise TypeError(f"{place or '/'} is not written as it is to be")
    return None


def _inside(value: object, shape: Json) -> Iterator[tuple[object, object, Json | None]]:
    """Each member or item, and what it is held to."""
    if isinstance(value, dict):
        members, others = shape.get("members", {}), shape.get("others")
        for name, inner in value.items():
            yield name, inner, members.get(name, others)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield number, inner, shape.get("items")


def _require_one(value: object, shapes: Sequence[Json], place: str) -> None:
    for shape in shapes[:-1]:
        with suppress(TypeError):
            return require_shape(value, shape, place)
    return require_shape(value, shapes[-1], place)


@cache
def _read() -> Json:
    found: Json = orjson.loads(Path(__file__).with_suffix(".json").read_bytes())
    return found


def _shapes() -> Json:
    shapes: Json = _read()["shapes"]
    return shapes


@cache
def _calls() -> list[tuple[re.Pattern[str], Json]]:
    """Those without parameters first: `/cases/by-number` is no case."""
    answers = sorted(_read()["answers"].items(), key=lambda one: one[0].count("{"))
    return [
        (re.compile(f".*{_PARAMETER.sub(_one_of, re.escape(path))}"), shapes)
        for path, shapes in answers
    ]


def _one_of(parameter: re.Match[str]) -> str:
    return ".+" if parameter[1] in _WITH_SLASHES else "[^/]+"
