"""Takes the text of a segment apart before anybody who holds a key looks at it (access.md F12).

What is here runs in a process of its own, which has no key, no file and no network. It does to the
bytes everything that is done to them afterwards by whoever stores them: what kills a parser kills
this one, and its answer has nothing left to be taken apart.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Final, TypeVar

from keys import canonical, sealed_segment
from keys.errors import KeysError
from ledger.log import record
from ledger.log.statement import ACT_TYP, parse_compact
from ledger.message import Message
from ledger.mirror import segment as segments
from ledger.mirror.refusal import SegmentRefused
from ledger.mirror.segment import Kept, Segment, unreadable
from ledger.regulation.acts.act import parse_act

_GOOD: Final = b"\0"
_REFUSED: Final = b"\1"
_MOST_WORDS: Final = 300
_PAGE: Final = 64
"""Records that are read together: a page stays in the processor's cache beside its parsers."""
_In = TypeVar("_In")
_Out = TypeVar("_Out")


def load() -> None:
    """Reads what is read late otherwise: afterwards no file can be opened."""
    canonical.is_assigned(ord("a"))


def answered(framed: bytes, level: str) -> bytes:
    """What the process says of a framed text.

    Args:
        framed: Text and padding.
        level: Of the log it says it is of; other levels have other acts.
    """
    try:
        found = segments.parse(sealed_segment.unframe(framed))
    except (SegmentRefused, KeysError) as error:
        return _REFUSED + str(error).encode()[:_MOST_WORDS]
    kept = [item.envelope for item in found.items if isinstance(item, Kept)]
    for first in range(0, len(kept), _PAGE):
        _open(kept[first : first + _PAGE], found.log, level)
    return _GOOD + segments.packed(found)


def heard(answer: bytes) -> Segment:
    """What was said, where it came to an end; it is not believed. Raises: SegmentRefused."""
    if answer.startswith(_REFUSED):
        words = answer[1 : 1 + _MOST_WORDS].decode("ascii", "replace")
        detail = "".join(one for one in words if one.isprintable())
        raise SegmentRefused(
            "malformed", Message("it has not the form of a segment: {detail}", detail=detail)
        )
    if not answer.startswith(_GOOD):
        raise unreadable()
    return segments.unpacked(answer[1:])


def _open(envelopes: Sequence[bytes], log: str, level: str) -> None:
    """As `taking_in` reads them: one step after the other, each of all of them."""
    parsed = _tried(partial(record.parse_envelope, log=log), envelopes)
    statements = _tried(lambda one: parse_compact(one.statement), parsed)
    acts = [one.members for one in statements if one.typ == ACT_TYP]
    _tried(partial(parse_act, level=level), acts)


def _tried(step: Callable[[_In], _Out], things: Iterable[_In]) -> list[_Out]:
    """What came of those that the step could be done to."""
    done: list[_Out] = []
    for one in things:
        with contextlib.suppress(Exception):  # whatever it is: this process outlives it
            done.append(step(one))
    return done
