"""Takes the text of a segment apart before anybody who holds a key looks at it (access.md F12).

What is here runs in a process of its own, which has no key, no file and no network. It does to the
bytes everything that is done to them afterwards by whoever stores them: what kills a parser kills
this one, and its answer has nothing left to be taken apart.
"""

from __future__ import annotations

import contextlib
from typing import Final

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
    for item in found.items:
        if isinstance(item, Kept):
            _open(item.envelope, found.log, level)
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


def _open(envelope: bytes, log: str, level: str) -> None:
    with contextlib.suppress(Exception):  # whatever it is: this process outlives it
        parsed = record.parse_envelope(envelope, log=log)
        statement = parse_compact(parsed.statement)
        if statement.typ == ACT_TYP:
            parse_act(statement.members, level=level)
