"""What is said to a reader: an English sentence with named parameters, or words of the rulebook.

`Message` carries no other language: the catalogue of `api/texts` has it in each, and an official
reviews it there. `Wording` is for what the rulebook's own dated data say in both languages: law is
no matter of translation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import final


@final
class Message:
    """A sentence in English, to be looked up in a catalogue and filled in the reader's language.

    Its text is a literal, so that Babel finds it: `Message("record {index} is missing", index=7)`.
    In a text with parameters a brace that stands for itself is doubled.

    Args:
        text: The English, with a `{name}` for each parameter.
        params: What is filled in; a `Text` among them is said in the language of the whole.

    Attributes:
        context: Which of two meanings, where one English text has two (`meaning`).
        many: The English for any number but one (`plural`).
    """

    __slots__ = ("context", "many", "params", "text")

    def __init__(self, text: str, /, **params: object) -> None:
        self.text = text
        # an error is said, not kept: two alike are equal, and its frames are let go
        self.params: Mapping[str, object] = {
            name: str(value) if isinstance(value, BaseException) else value
            for name, value in params.items()
        }
        self.context: str | None = None
        self.many: str | None = None

    def filled(self, **params: object) -> Message:
        """The same with these parameters, for a text that stands in a table."""
        message = Message(self.text, **params)
        message.context, message.many = self.context, self.many
        return message

    def fill(self, template: str, show: Callable[[object], str]) -> str:
        """A template with the parameters as `show` says them; one without any is not read."""
        if not self.params:
            return template
        return template.format_map({name: show(value) for name, value in self.params.items()})

    def __str__(self) -> str:
        """The English sentence, for logs."""
        one = self.many is None or self.params["n"] == 1
        return self.fill(self.text if one else str(self.many), str)

    def __repr__(self) -> str:
        return f"Message({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Message) and self._parts() == other._parts()

    def __hash__(self) -> int:
        return hash((self.context, self.text))

    def _parts(self) -> tuple[object, ...]:
        return self.context, self.text, self.many, self.params


def meaning(context: str, text: str, /, **params: object) -> Message:
    """A message whose English means something else elsewhere: `meaning("column", "case")`."""
    message = Message(text, **params)
    message.context = context
    return message


def plural(one: str, many: str, /, n: int, **params: object) -> Message:
    """A message whose form depends on a number, which is its parameter `n`."""
    message = Message(one, n=n, **params)
    message.many = many
    return message


@dataclass(frozen=True, slots=True)
class Wording:
    """What is there in both languages already: words of the rulebook, a mark kept on disk."""

    vi: str
    en: str

    def __str__(self) -> str:
        return self.en


Text = Message | Wording
"""Anything that is said to a reader in their own language."""
