"""What a shape refuses, as faults: marshmallow's messages in both languages, with JSON Pointers.

Each kind of message has its row; a text of its own in one language never stands in the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

from ledger.errors import Fault
from ledger.json_pointer import child
from ledger.message import Message, meaning

_MOST_VALUES: Final = 20
MOST_FAULTS: Final = 100
PLUS: Final = "A plus became a space."
"""What a shape is told of a parameter whose `+` was not written as an address writes it."""


def faults(messages: Any) -> tuple[Fault, ...]:  # noqa: ANN401  marshmallow's tree
    """Marshmallow's nested messages as faults with JSON Pointers (RFC 6901): the first hundred.

    A stranger says how many there are, and each takes ten times the room of what it is about.
    """
    return tuple(islice(_faults("", messages), MOST_FAULTS))


def _faults(pointer: str, messages: Any) -> Iterator[Fault]:  # noqa: ANN401  marshmallow's tree
    if isinstance(messages, Mapping):
        for name, inner in messages.items():
            yield from _faults(pointer if name == "_schema" else child(pointer, name), inner)
    else:
        for text in messages if isinstance(messages, list) else [messages]:
            yield Fault(pointer, _words(str(text)))


def _words(text: str) -> Message:
    for form, words in _WORDS:
        found = form.fullmatch(text)
        if found is not None:
            given = {name: _few(value) for name, value in found.groupdict().items()}
            return words.filled(**given)
    return meaning("value", "{detail}", detail=text)


def _few(values: str) -> str:
    """The first of a long list; a short one, and a number, as it is."""
    each = values.split(", ")
    return values if len(each) <= _MOST_VALUES else ", ".join([*each[:_MOST_VALUES], "…"])


_WORDS: Final = tuple(
    (re.compile(form), words)
    for form, words in (
        (r"Unknown field\.", Message("Unknown field.")),
        (
            r"Missing data for required field\.",
            Message("Missing data for required field."),
        ),
        (
            r"Field may not be null\.",
            Message("May not be null; leave it out."),
        ),
        (r"Not a valid string\.", Message("Must be a string.")),
        (
            r"Not a valid integer\.",
            Message("Must be a whole number, 0 or more."),
        ),
        (r"Not a valid boolean\.", Message("Must be true or false.")),
        (r"Not a valid list\.", Message("Must be a list.")),
        (r"Not a valid mapping type\.", Message("Must be a JSON object.")),
        (r"Invalid (?:input )?type\.", Message("Is of the wrong type.")),
        (r"Number too large\.", Message("The number is too large.")),
        (
            r"String does not match expected pattern\.",
            Message("Does not have the documented form."),
        ),
        (
            re.escape(PLUS),
            Message("In an address `+` means a space: write it as %2B."),
        ),
        (
            r"Must look like (?P<like>.+)\.",
            Message("Does not have the documented form; write it like {like}."),
        ),
        (
            r"Must be one of: (?P<values>.+)\.",
            Message("Must be one of: {values}."),
        ),
        (
            (
                r"Must be greater than or equal to (?P<low>\d+)"
                r" and less than or equal to (?P<high>\d+)\."
            ),
            Message("Must be from {low} to {high}."),
        ),
        (
            r"Length must be between (?P<low>\d+) and (?P<high>\d+)\.",
            Message("Must have {low} to {high} characters."),
        ),
    )
)
