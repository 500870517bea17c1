"""JSON as a person or their program wrote it, of which each member is said once.

RFC 8259 leaves open what an object means that names a member twice: one reader takes the first,
another the last, and what was checked would not be what is signed. Not: what is canonical
(`canonical.py`), which is asked of bytes that are signed already.
"""

from __future__ import annotations

import json
from typing import Any

import orjson


class SaidTwice(ValueError):
    """An object names a member twice.

    Attributes:
        member: Its name.
    """

    def __init__(self, member: str) -> None:
        super().__init__(f"{member!r} is said twice")
        self.member = member


def read(data: bytes | str) -> Any:  # noqa: ANN401  any JSON
    """What is written.

    Raises:
        orjson.JSONDecodeError: It is no JSON.
        SaidTwice: It is, and says a member twice.
    """
    found = orjson.loads(data)
    text = data if isinstance(data, str) else data.decode()
    try:
        json.loads(text, object_pairs_hook=_object, parse_int=str, parse_float=str)
    except RecursionError as error:
        raise orjson.JSONDecodeError("nested too deeply", text, 0) from error
    return found


def _object(pairs: list[tuple[str, Any]]) -> None:
    names = [name for name, _ in pairs]
    if len({*names}) != len(names):
        raise SaidTwice(next(name for name in names if names.count(name) > 1))
