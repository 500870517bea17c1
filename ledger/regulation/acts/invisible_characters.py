"""Characters that nobody sees or that turn text round: what is read must be what is signed.

A rule of the door and not of the canonical form (formats.md §1): what an earlier log took verifies
for ever. Hidden are controls but tab and line end, format characters, line and paragraph
separators, and what Unicode calls default-ignorable. A joiner or an emoji selector is let through
only where it is part of an emoji sequence (UTS #51), as a citizen's own words may hold one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from keys import canonical
from ledger.errors import Fault, Rejected
from ledger.json_pointer import child
from ledger.message import Message

#: Cc but TAB and LF, Cf, Zl, Zp and Default_Ignorable_Code_Point, as Unicode 14 assigns them.
HIDDEN: Final = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2"
    "\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_hidden: Final = re.compile(f"[{HIDDEN}]")
_PICTURE: Final = (
    "[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u24c2\u25a0-\u27bf\u2934\u2935"
    "\u2b00-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]"
)
_TONE: Final = "[\U0001f3fb-\U0001f3ff]"
_ELEMENT: Final = f"{_PICTURE}\ufe0f?{_TONE}?"
_emoji: Final = re.compile(f"{_ELEMENT}(?:\u200d{_ELEMENT})*|[0-9#*]\ufe0f?\u20e3")
_JOINING: Final = re.compile("[\u200d\ufe0f]")
_PLAIN_ESCAPES: Final = (b'\\"', b"\\n", b"\\t")


def positions(text: str) -> list[int]:
    """Where a text holds a character that nobody sees, counted from 0."""
    if not _hidden.search(text):  # nearly always
        return []
    if _JOINING.search(text):
        text = _emoji.sub(lambda found: "x" * len(found[0]), text)
    return [found.start() for found in _hidden.finditer(text)]


def without(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """The same value, its texts without what nobody sees."""
    if isinstance(value, str):
        gone = frozenset(positions(value))
        return "".join(c for n, c in enumerate(value) if n not in gone) if gone else value
    if isinstance(value, Mapping):
        return {without(name): without(one) for name, one in value.items()}
    return [without(one) for one in value] if isinstance(value, list) else value


def faults(members: Mapping[str, Any]) -> list[Fault]:
    """A fault for each text of a payload that holds such a character, with its first position."""
    return [_fault(pointer, text, found) for pointer, text, found in _texts(members, "")]


def require_visible(members: Mapping[str, Any], payload: bytes | None = None) -> None:
    """Refuses what is read otherwise than it is signed.

    Args:
        members: Of a payload.
        payload: Its canonical bytes, where there are any: most are told to be sound by these.

    Raises:
        Rejected: `invisible_characters`, with a fault for each text.
    """
    if payload is not None and all_visible(payload):
        return
    found = faults(members)
    if found:
        raise Rejected(
            "invisible_characters",
            Message(
                "Nothing was recorded: the text holds characters that nobody sees, so that what is"
                " read is not what is signed; take them out."
            ),
            faults=found,
        )


def all_visible(payload: bytes) -> bool:
    """Whether canonical bytes hold no such character for sure; where they may, texts are looked at.

    A control stands there as an escape, and those of line end, tab and quotation mark hide nothing.
    Among everyday letters only DEL and some of U+0080-00BF (lead byte 0xC2) are hidden.
    """
    if payload.count(b"\\") != sum(map(payload.count, _PLAIN_ESCAPES)):
        return False
    if canonical.is_everyday(payload) and b"\xc2" not in payload and b"\x7f" not in payload:
        return True
    return not _hidden.search(payload.decode())


def _texts(value: object, pointer: str) -> Iterator[tuple[str, str, Sequence[int]]]:
    if isinstance(value, str):
        found = positions(value)
        if found:
            yield pointer, value, found
    elif isinstance(value, Mapping):
        for name, one in value.items():
            yield from _texts(name, pointer)
            yield from _texts(one, child(pointer, name))
    elif isinstance(value, list):
        for n, one in enumerate(value):
            yield from _texts(one, child(pointer, n))


def _fault(pointer: str, text: str, found: Sequence[int]) -> Fault:
    first, more = found[0], len(found) - 1
    named = f"U+{ord(text[first]):04X}"
    if more:
        several = Message(
            "{named} at character {at}, and {more} more", named=named, at=first + 1, more=more
        )
        return Fault(pointer, several)
    return Fault(pointer, Message("{named} at character {at}", named=named, at=first + 1))
