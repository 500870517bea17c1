"""What a reader types into the fields of a page, as the call behind it knows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from marshmallow import Schema

from api.http.framework import page_cookies
from api.http.schemas.base import AS_OF, DAY, DUE, LIKE, form_of
from api.texts.copied import copied, moment_written
from ledger.message import Message, Text

_MOMENTS: Final = frozenset({DAY, DUE, AS_OF})
_LIKE: Final = {
    LIKE[DAY]: "04/06/2024",
    LIKE[DUE]: "04/06/2024 | 04/06/2024 08:12",
    LIKE[AS_OF]: "41 | 04/06/2024 | 04/06/2024 08:12",
}
"""How a moment is written on a page, for what a program is told to write."""
_SAID: Final = {
    "Must be one of: {values}.": Message("Choose it from the list; what was asked for is none."),
    "the registry has no such agency; see GET /v1/agencies": Message(
        "The registry has no such agency; choose one from the list."
    ),
}
"""What is wrong with a field, where the call's own words are for whoever writes a program."""


def filled_in(query: Mapping[str, str], shape: Schema) -> dict[str, str]:
    """A query as its call knows it, without what is empty.

    Args:
        query: As it was typed, copied or linked.
        shape: The call's own, which says what is a moment.
    """
    forms = {one.data_key or name: form_of(one) for name, one in shape.fields.items()}
    typed = {
        name: moment_typed(text) if forms.get(name) in _MOMENTS else copied(text)
        for name, text in query.items()
    }
    return {name: text for name, text in typed.items() if text}


def fault_told(text: Text) -> Text:
    """What is wrong with a field, by what its reader sees and writes."""
    if not isinstance(text, Message):
        return text
    like = _LIKE.get(str(text.params.get("like")))
    return _SAID.get(text.text, text if like is None else text.filled(like=like))


def day_typed(text: str) -> str:
    """The day of a moment, as a field for days takes it."""
    return moment_typed(text)[: len("2024-06-04")]


def moment_typed(text: str) -> str:
    """A moment as the call knows it, of one that was typed as these pages tell one.

    What is no such moment stays as it is, and is the call's to refuse.
    """
    return moment_written(text, utc=page_cookies.in_utc())
