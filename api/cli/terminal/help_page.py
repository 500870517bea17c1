"""The help page in the reader's language: click's own, with every text from the catalogue.

The English stands where the command does; a test holds that none is untranslated. Not: what a
command says when it runs.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

import click

from api.texts.catalogue import known, translate
from ledger.message import Message

_EXTRA: Final = re.compile(r"(?:^|  )\[[^\]]*\]$")
"""What click adds behind an option's text: its default, its range, whether it is needed."""
_SECTIONS: Final = {"Options": Message("Options"), "Commands": Message("Commands")}
_EXTRAS: Final = {"default: ": Message("default: "), "required": Message("required")}


class Vietnamese(click.HelpFormatter):
    """Click's help page with every text looked up.

    Attributes:
        listed: Help of the commands that the page lists, in full.
    """

    listed: Iterable[str] = ()

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """The first line."""
        super().write_usage(prog, args, prefix or translate(Message("Usage: "), "vi"))

    def write_text(self, text: str) -> None:
        """What a command does."""
        super().write_text(self.said(text))

    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2
    ) -> None:
        """Options or commands."""
        super().write_dl([(name, self.said(text)) for name, text in rows], col_max, col_spacing)

    @contextmanager
    def section(self, name: str) -> Iterator[None]:
        """A heading."""
        text = _SECTIONS.get(name)
        with super().section(name if text is None else translate(text, "vi")):
            yield

    def said(self, text: str) -> str:
        """The Vietnamese of a help text, or of its first sentence; the text where none is."""
        found = _EXTRA.search(text)
        told, extra = (text[: found.start()], found[0]) if found else (text, "")
        for word, message in _EXTRAS.items():
            extra = extra.replace(word, translate(message, "vi"))
        return f"{known(told, 'vi') or self._first(told)}{extra}"

    def _first(self, text: str) -> str:
        """A list of commands shows the first sentence."""
        begins = first_sentence(text)
        whole = next((one for one in self.listed if begins and first_sentence(one) == begins), "")
        found = known(whole, "vi")
        return text if found is None else first_sentence(found)


def first_sentence(text: str) -> str:
    """What a list of commands shows of a command's help."""
    return " ".join(text.partition("\n\n")[0].partition(". ")[0].rstrip(".").split())


def help_of(command: click.Command) -> str:
    """What `--help` of a command begins with, as it stands in the catalogue."""
    return inspect.cleandoc(command.help or "")
