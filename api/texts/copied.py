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


def copied(text: str) -> str:
    """The same in NFC, its blanks plain and single, without what nobody sees."""
    seen: str = without(text)
    return " ".join(str(composed(seen)).split())


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
