"""Days, moments, keys and addresses as people type them, refused before anybody is asked."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime, time
from typing import Any, Final, TypeVar

import click
import httpx

from api.cli.terminal.shell import misuse
from api.texts.copied import copied, moment_written
from ledger.log.moment import stamp
from ledger.message import Message
from ledger.regulation.registry.calendar import VIETNAM

T = TypeVar("T")
SIGNED: Final = frozenset({"payload", "protected", "signature"})
"""Members of a statement, which is no draft any more."""
SIGNED_ALREADY: Final = Message(
    "Nothing was signed: this file is a statement that is signed already. Send it: socai act submit"
    " FILE"
)
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_INDEX: Final = re.compile(r"[0-9]{1,15}", re.ASCII)
_KEY: Final = re.compile(r"[A-Za-z0-9_-]{6,43}", re.ASCII)


class Typed(click.ParamType[T]):
    """What one function reads out of a word of a command.

    Args:
        name: What help calls it.
        read: What was typed, without what nobody sees, as it is meant; None: it is none such.
        refusal: Said then, with `{value}` for what was typed.
    """

    def __init__(self, name: str, read: Callable[[str], T | None], refusal: Message) -> None:
        self.name = name
        self._read = read
        self._refusal = refusal

    def convert(
        self,
        value: Any,  # noqa: ANN401  click's signature
        param: click.Parameter | None,  # noqa: ARG002  click's signature
        ctx: click.Context | None,  # noqa: ARG002  click's signature
    ) -> T:
        """What was typed."""
        found = self._read(copied(str(value)))
        if found is None:
            misuse(self._refusal.filled(value=value))
        return found


def saved_text(data: bytes) -> bytes:
    """The UTF-8 of a file, also as Windows saves it: with a mark before it, or in UTF-16.

    Notepad writes the one, `>` of its PowerShell the other; what is no text stays as it is.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        with suppress(UnicodeDecodeError):
            return data.decode("utf-16").encode()
    return data.removeprefix(codecs.BOM_UTF8)


def _day(text: str) -> date | None:
    said = moment_written(text)
    try:
        return date.fromisoformat(said) if _DAY.fullmatch(said) else None
    except ValueError:
        return None


def _time(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(moment_written(text))
    except ValueError:
        return None
    return None if moment.tzinfo is None else moment


def _day_text(text: str) -> str | None:
    day = _day(text)
    return None if day is None else day.isoformat()


def _moment_text(text: str) -> str | None:
    """As the server takes it: seconds and an offset, or the milliseconds of a record's time."""
    moment = None if _day(text) else _time(text)
    if moment is None:
        return _day_text(text)
    return stamp(moment) if moment.microsecond else moment.isoformat()


def _end_of_day(text: str) -> datetime | None:
    day = _day(text)
    return _time(text) if day is None else datetime.combine(day, time(23, 59, 59), VIETNAM)


def _address(text: str) -> str | None:
    try:
        url = httpx.URL(text)
        return text if url.scheme in ("http", "https") and url.host.encode("idna") else None
    except (httpx.InvalidURL, ValueError):
        return None


# What they mean is the server's to say: a day goes on as one.
DAY_TEXT: Final = Typed(
    "day",
    _day_text,
    Message(
        "Nothing was asked: {value} is no day that there is; write it as 04/06/2024 or 2024-06-04."
    ),
)
MOMENT_TEXT: Final = Typed(
    "time|day",
    _moment_text,
    Message(
        "Nothing was asked: {value} is neither a day, e.g. 2024-06-04, nor a time with"
        " an offset, e.g. 2023-03-21T08:00:00+07:00."
    ),
)
AS_OF_TEXT: Final = Typed(
    "time|day|index",
    lambda text: text if _INDEX.fullmatch(text) else _moment_text(text),
    Message(
        "Nothing was asked: {value} is none of these: a record's number in the log, e.g. 41, a day,"
        " e.g. 2024-06-04, a time with an offset, e.g. 2023-03-21T08:00:00+07:00."
    ),
)
KEY_ID: Final = Typed(
    "kid",
    lambda text: text if _KEY.fullmatch(text) else None,
    Message(
        "Nothing was asked: {value} is no key; its 43 characters, of which the first"
        " six may do, stand in: socai registry keys"
    ),
)
SERVER_URL: Final = Typed(
    "url",
    _address,
    Message("Nothing was done: {value} is no address of a server, e.g. http://127.0.0.1:8000."),
)
_NO_TIME: Final = Message(
    "Nothing was done: {value} is no time with an offset, e.g. 2023-03-21T08:00:00+07:00."
)
MOMENT: Final = Typed("time", _time, _NO_TIME)
LAST_DAY: Final = Typed(
    "day|time",
    _end_of_day,
    Message(
        "Nothing was done: {value} is neither a day, e.g. 2024-06-04, nor a time with an offset,"
        " e.g. 2023-03-21T08:00:00+07:00."
    ),
)
"""A time, or a day, which means its end in Vietnam."""
