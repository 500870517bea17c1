"""Codes of the rulebook as people type them: in any case, completed by the shell.

The installed program knows those of the editions it ships; the server may know others, but none of
these differs in its letters' case alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any, Final, NoReturn

import click
from click.shell_completion import CompletionItem

from api.cli.terminal.shell import misuse
from api.texts.copied import meant
from ledger.message import Message

_FEW: Final = 40
"""Codes that a help page names; of more it says where they stand."""


class Code(click.ParamType[str]):
    """One of the codes of a kind.

    Args:
        kind: What `socai catalogue` lists them by; None: it does not, and a refusal names them all.
        known: The codes; called when one is typed.
    """

    name = "code"

    def __init__(self, kind: str | None, known: Callable[[], Iterable[str]]) -> None:
        self._kind = kind
        self._known = known

    def few(self) -> list[str]:
        """The codes, where a help page has room for them."""
        codes = list(self._known())
        return codes if len(codes) <= _FEW else []

    def convert(
        self,
        value: Any,  # noqa: ANN401  click's signature
        param: click.Parameter | None,
        ctx: click.Context | None,  # noqa: ARG002  click's signature
    ) -> str:
        """The code as the rulebook writes it."""
        codes = {code.upper(): code for code in self._known()}
        typed = meant(str(value))
        found = codes.get(typed.upper().replace("-", "_"), codes.get(typed.upper()))
        if found is None:
            self._refuse(typed, param, codes)
        return found

    def _refuse(
        self, typed: str, param: click.Parameter | None, codes: Mapping[str, str]
    ) -> NoReturn:
        """With the codes that are near, and where all of them stand."""
        option = (self._kind or "") if param is None else max(param.opts, key=len)
        near = [codes[one] for one in get_close_matches(typed.upper(), codes, cutoff=0.5)]
        if self._kind is None:
            misuse(
                Message(
                    "Nothing was asked: {value} is no code for {option}; there is: {near}.",
                    value=typed,
                    option=option,
                    near=", ".join(codes.values()),
                ),
            )
        if near:
            misuse(
                Message(
                    "Nothing was asked: {value} is no code for {option}; there is: {near}. All of"
                    " them: socai catalogue {kind}",
                    value=typed,
                    option=option,
                    near=", ".join(near),
                    kind=self._kind,
                ),
            )
        misuse(
            Message(
                "Nothing was asked: {value} is no code for {option}. All of them: socai catalogue"
                " {kind}",
                value=typed,
                option=option,
                kind=self._kind,
            ),
        )

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002  click's signature
        param: click.Parameter,  # noqa: ARG002  click's signature
        incomplete: str,
    ) -> list[CompletionItem]:
        """Codes that begin so."""
        typed = incomplete.upper()
        return [CompletionItem(code) for code in self._known() if code.upper().startswith(typed)]


class CodeOption(click.Option):
    """An option whose help page names its codes, where they are few."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Names and text, the codes behind it as click shows a default."""
        record = super().get_help_record(ctx)
        if record is None or not isinstance(self.type, Code) or not self.type.few():
            return record
        names, text = record
        return names, f"{text}  [{', '.join(self.type.few())}]"
