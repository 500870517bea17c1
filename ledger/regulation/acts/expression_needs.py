"""What a text must hold for an expression to match in it, read off the expression itself.

An expression that needs a capital letter inside a text finds none in most, and learns that place by
place. What it needs follows from its own parts, so that nobody declares it and an edition that an
office adopts has it too. A part that is not known here needs nothing: such an expression is tried.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache, reduce
from importlib import import_module
from typing import Any, Final, NamedTuple

sre: Any
sre_parser: Any
try:  # the library's own reading of it, which it promises to nobody
    sre, sre_parser = import_module("re._constants"), import_module("re._parser")
except ImportError:  # a later Python has it elsewhere: then every expression is tried
    sre = sre_parser = None

CAPITALS: Final = frozenset(
    chr(c)
    for c in (*range(ord("A"), ord("Z") + 1), *range(0xC0, 0x250), *range(0x1EA0, 0x1EFA))
    if chr(c).isupper()
)
"""Capital letters as Vietnamese has them."""
_MOST: Final = 0x250
"""Letters of a range that are looked at one by one."""


class Needs(NamedTuple):
    """What stands in every text in which an expression matches.

    Attributes:
        capital: A capital letter, not in the first place.
        digit: A digit.
        literal: This text.
    """

    capital: bool = False
    digit: bool = False
    literal: str = ""

    def both(self, other: Needs) -> Needs:
        """What is needed where both are."""
        literal = max(self.literal, other.literal, key=len)
        return Needs(self.capital or other.capital, self.digit or other.digit, literal)

    def either(self, other: Needs) -> Needs:
        """What is needed whichever is."""
        literal = self.literal if self.literal == other.literal else ""
        return Needs(self.capital and other.capital, self.digit and other.digit, literal)


_NOTHING: Final = Needs()


def needs(expression: str) -> Needs:
    """What an expression needs. Raises: re.error: it is none."""
    return _NOTHING if sre_parser is None else _read(expression)


@lru_cache(maxsize=256)
def _read(expression: str) -> Needs:
    """Each takes milliseconds, and an edition has most of those of the one before it."""
    parsed = sre_parser.parse(expression)
    return _all_of(parsed, parsed.state.flags, inside=False)


def _all_of(parts: Any, flags: int, *, inside: bool) -> Needs:  # noqa: ANN401 - the library's
    """Of parts that stand one behind the other.

    Args:
        parts: They.
        flags: In force there.
        inside: Whether a character of the text stands before the first of them for sure.
    """
    found, run = _NOTHING, ""
    for n, (kind, said) in enumerate(parts):
        plain = kind is sre.LITERAL and not flags & re.IGNORECASE
        run = run + chr(said) if plain else ""
        found = found.both(_of(kind, said, flags, inside=inside)).both(Needs(literal=run))
        inside = inside or parts[n : n + 1].getwidth()[0] > 0
    return found


def _of(kind: object, said: Any, flags: int, *, inside: bool) -> Needs:  # noqa: ANN401
    """Of one part."""
    if kind is sre.LITERAL:
        return _one_of([chr(said)], flags, inside=inside)
    if kind is sre.IN:
        return reduce(Needs.either, (_item(k, v, flags, inside=inside) for k, v in said))
    if kind is sre.BRANCH:
        return reduce(Needs.either, (_all_of(one, flags, inside=inside) for one in said[1]))
    inner = None
    if kind is sre.SUBPATTERN:
        _, more, less, inner = said
        flags = (flags | more) & ~less
    elif kind in (sre.MAX_REPEAT, sre.MIN_REPEAT) and said[0] > 0:
        inner = said[2]
    elif kind is sre.ASSERT and said[0] > 0:  # what is looked for ahead stands in the text too
        inner = said[1]
    return _NOTHING if inner is None else _all_of(inner, flags, inside=inside)


def _item(kind: object, said: Any, flags: int, *, inside: bool) -> Needs:  # noqa: ANN401
    """Of what stands between brackets."""
    if kind is sre.LITERAL:
        return _one_of([chr(said)], flags, inside=inside)
    if kind is sre.RANGE and said[1] - said[0] <= _MOST:
        return _one_of([chr(c) for c in range(said[0], said[1] + 1)], flags, inside=inside)
    return Needs(digit=kind is sre.CATEGORY and said is sre.CATEGORY_DIGIT)


def _one_of(chars: Sequence[str], flags: int, *, inside: bool) -> Needs:
    capital = inside and not flags & re.IGNORECASE and CAPITALS.issuperset(chars)
    return Needs(capital, all(map(str.isdecimal, chars)))
