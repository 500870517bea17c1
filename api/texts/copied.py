"""What is typed or copied into a field or a command, as its author sees it.

What is copied from a page, a letter or a PDF brings along what nobody sees: a zero-width space, a
soft hyphen, a blank that is not broken. No id, number, day or code has any of it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

from ledger.regulation.acts.invisible_characters import without

_SHOWN: Final = re.compile(
    r"(\d{1,2}/\d{1,2}/\d{4})(?: (\d{1,2}:\d{2})(:\d{2})?(?: \((UTC|GMT\+7)\))?)?", re.ASCII
)
"""A day, or a time, as pages, prints and tables tell it."""


_MEANT: Final = {
    **dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"), "-"),
    **dict.fromkeys(map(ord, "\u2044\u2215\uff0f"), "/"),
}
"""What stands for a hyphen or a stroke in a letter or a PDF."""
_QUOTES: Final = "\"'`\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb"
_ID: Final = re.compile(r"[0-9a-f]{6,8}(?:-[0-9a-f]{0,12})*", re.IGNORECASE | re.ASCII)


def copied(text: str) -> str:
    """The same in NFC, its blanks plain and single, without what nobody sees."""
    seen: str = without(text)
    return " ".join(str(composed(seen)).split())


def meant(text: str) -> str:
    """An id or a number as it is written here, of one that was set in type, quoted or in capitals.

    A number that was given elsewhere may hold such a sign: it is looked for as it stands first.
    """
    said = copied(text).translate(_MEANT).strip(_QUOTES).strip()
    return said.lower() if _ID.fullmatch(said) else said


def composed(value: Any) -> Any:  # noqa: ANN401  any JSON value
    """The same JSON value, its texts in NFC."""
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)
    if isinstance(value, Mapping):
        return {composed(name): composed(one) for name, one in value.items()}
    return [composed(one) for one in value] if isinstance(value, list) else value


def moment_written(text: str, *, utc: bool = False) -> str:
    """A day or a time in the form of the API, of one that is written as it is told to people.

    Args:
        text: As it was typed; what is no such moment stays as it is, but for what nobody sees.
        utc: Whether a time that names no zone is in UTC; else in Vietnam's.
    """
    typed = copied(text)
    found = _SHOWN.fullmatch(typed)
    if found is None:
        return typed
    day, minute, second, zone = found.groups()
    with suppress(ValueError):
        if minute is None:
            return f"{datetime.strptime(day, '%d/%m/%Y'):%Y-%m-%d}"  # noqa: DTZ007  a day
        offset = "+0000" if zone == "UTC" or (zone is None and utc) else "+0700"
        moment = f"{day} {minute}{second or ':00'} {offset}"
        return datetime.strptime(moment, "%d/%m/%Y %H:%M:%S %z").isoformat()
    return typed
