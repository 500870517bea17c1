"""JSON as a person or their program wrote it, of which each member is said once.

RFC 8259 leaves open what an object means that names a member twice: one reader takes the first,
another the last, and what was checked would not be what is signed. Not: what is canonical
(`canonical.py`), which is asked of bytes that are signed already.
"""

from __future__ import annotations

import json
from functools import partial
from typing import Any, Final

import orjson

MAX_INTEGER: Final = 2**53 - 1
"""The largest whole number in any JSON of ours, and its negative the smallest (formats.md §1)."""


class SaidTwice(ValueError):
    """An object names a member twice.

    Attributes:
        member: Its name.
    """

    def __init__(self, member: str) -> None:
        super().__init__(member)
        self.member = member

    def __str__(self) -> str:
        return f"{self.member!r} is said twice"


def read(data: bytes | str) -> Any:  # noqa: ANN401  any JSON
    """What is written.

    Raises:
        orjson.JSONDecodeError: It is no JSON.
        SaidTwice: It is, and says a member twice.
    """
    found, text = _found(data)
    _again(text, object_pairs_hook=require_once, parse_int=str, parse_float=str)
    return found


def read_into(kind: type[dict[str, Any]], data: bytes | str) -> Any:  # noqa: ANN401  any JSON
    """What is written, each object of this kind.

    Raises:
        ValueError: As `read`; or a whole number is beyond 2^53-1, which no JSON of ours has
            (formats.md §1) and not every program that it is handed to can hold.
    """
    return _again(_found(data)[1], object_pairs_hook=partial(_object, kind), parse_int=_within)


def _found(data: bytes | str) -> tuple[Any, str]:
    """What is written, by the reader that takes no more than JSON, and its text."""
    return orjson.loads(data), data if isinstance(data, str) else data.decode()


def _again(text: str, **hooks: Any) -> Any:  # noqa: ANN401  json's own
    try:
        return json.loads(text, **hooks)
    except RecursionError as error:
        raise orjson.JSONDecodeError("nested too deeply", text, 0) from error


def _within(digits: str) -> int:
    if not -MAX_INTEGER <= (number := int(digits)) <= MAX_INTEGER:
        raise ValueError(f"{digits[:20]} is beyond 2^53-1")
    return number


def require_once(pairs: list[tuple[str, Any]]) -> None:
    """Whether each member of an object is said once. Raises: SaidTwice."""
    once: set[str] = set()
    for name, _ in pairs:  # once over them: a stranger says how many there are
        if name in once:
            raise SaidTwice(name)
        once.add(name)


def _object(kind: type[dict[str, Any]], pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    require_once(pairs)
    return kind(pairs)
