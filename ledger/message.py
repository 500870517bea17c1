"""What is said to a reader: an English sentence with named parameters, or words of the rulebook.

`Message` carries no other language: the catalogue of `api/texts` has it in each, and an official
reviews it there. `Wording` is for what the rulebook's own dated data say in both languages: law is
no matter of translation.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, final


@final
class Message:
    """A sentence in English, to be looked up in a catalogue and filled in the reader's language.

    Its text is a literal, so that Babel finds it: `Message("record {index} is missing", index=7)`.
    In a text with parameters a brace that stands for itself is doubled.

    Args:
        text: The English, with a `{name}` for each parameter.
        params: What is filled in; a `Text` among them is said in the language of the whole, and so
            is what the system says of a file.

    Attributes:
        context: Which of two meanings, where one English text has two (`meaning`).
        many: The English for any number but one (`plural`).
    """

    __slots__ = ("context", "many", "params", "text")

    def __init__(self, text: str, /, **params: object) -> None:
        self.text = text
        # an error is said, not kept: two alike are equal, and its frames are let go
        self.params: Mapping[str, object] = {
            name: _said(value) if isinstance(value, BaseException) else value
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


def system_fault(error: OSError) -> Text:
    """What the system says of a file, a disk or an address, without its name.

    The numbers that people meet are in the catalogue; of any other the system's own words are left.
    """
    known = _SYSTEM.get(error.errno or 0)
    own = error.strerror or str(error)
    return Wording(own, own) if known is None else known


def _said(error: BaseException) -> object:
    if not isinstance(error, OSError):
        return str(error)
    if not isinstance(error.filename, str):
        return system_fault(error)
    return Message("{what}: {path}", what=system_fault(error), path=error.filename)


#: As the system itself says it, so that it is found where people look for it.
_SYSTEM: Final[Mapping[int, Message]] = {
    errno.ENOENT: Message("No such file or directory"),
    errno.EACCES: Message("Permission denied"),
    errno.EPERM: Message("Operation not permitted"),
    errno.EEXIST: Message("File exists"),
    errno.EISDIR: Message("Is a directory"),
    errno.ENOTDIR: Message("Not a directory"),
    errno.ENOTEMPTY: Message("Directory not empty"),
    errno.ENAMETOOLONG: Message("File name too long"),
    errno.ELOOP: Message("Too many levels of symbolic links"),
    errno.ENOSPC: Message("No space left on device"),
    errno.EDQUOT: Message("Disk quota exceeded"),
    errno.EFBIG: Message("File too large"),
    errno.EROFS: Message("Read-only file system"),
    errno.EBUSY: Message("Device or resource busy"),
    errno.EIO: Message("Input/output error"),
    errno.EINVAL: Message("Invalid argument"),
    errno.EMFILE: Message("Too many open files"),
    errno.EPIPE: Message("Broken pipe"),
    errno.ECONNREFUSED: Message("Connection refused"),
    errno.EADDRNOTAVAIL: Message("Cannot assign requested address"),
    socket.EAI_NONAME: Message("Name or service not known"),
    socket.EAI_AGAIN: Message("Temporary failure in name resolution"),
}
