"""Where two lists of what somebody got differ first, in words and in 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from itertools import zip_longest
from typing import Any, Final

WIDTH: Final = 78
_SHOWN: Final = 200
_BEFORE: Final = 40
"""Characters that are shown, and of these how many before the first that differs."""
_NOTHING: Final = "nothing more"


def first_difference(one: Sequence[object], other: Sequence[object]) -> str:
    """What is not the same in both, at the first place; empty where all is."""
    for mine, theirs in zip_longest(one, other, fillvalue=_NOTHING):
        if mine != theirs:
            at, left, right = _where(mine, theirs, ())
            asked = _named(mine if mine != _NOTHING else theirs)
            place = ", ".join(part for part in at[1:] if not part.isdigit())
            lines = [asked] + ([f"in:    {place}"] if place else [])
            lines += [f"one:   {_clipped(left, right)}", f"other: {_clipped(right, left)}"]
            return "\n".join(
                textwrap.fill(line, WIDTH, subsequent_indent="       ") for line in lines
            )
    return ""


def _named(got: object) -> str:
    """Of whom or what it was asked: what stands first, where it says so."""
    said = got[0] if isinstance(got, tuple) and got else got
    return f"by:    {str(said)[:_SHOWN]}"


def _where(one: Any, other: Any, at: tuple[str, ...]) -> tuple[tuple[str, ...], Any, Any]:  # noqa: ANN401
    """The innermost place at which two values differ, and what stands there."""
    mine, theirs = _parts(one), _parts(other)
    if type(one) is not type(other) or mine.keys() != theirs.keys():
        return at, one, other
    for name in mine:
        if mine[name] != theirs[name]:
            return _where(mine[name], theirs[name], (*at, str(name)))
    return at, one, other


def _parts(value: Any) -> Mapping[Any, Any]:  # noqa: ANN401
    """What it is made of, by name; nothing where it is one thing."""
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: getattr(value, one.name) for one in fields(value)}
    if isinstance(value, list | tuple):
        return dict(enumerate(value))
    return value if isinstance(value, Mapping) else {}


def _clipped(said: object, other: object) -> str:
    """As much of it as a person reads, from shortly before the first difference."""
    text, theirs = (one if isinstance(one, str) else repr(one) for one in (said, other))
    n = next((n for n, (a, b) in enumerate(zip(text, theirs, strict=False)) if a != b), 0)
    start = max(0, n - _BEFORE)
    shown = text[start : start + _SHOWN]
    more = "…" if len(text) > start + _SHOWN else ""
    return f"{'…' if start else ''}{shown}{more}"
