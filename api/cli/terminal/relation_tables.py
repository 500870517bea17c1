"""What a case has to do with others, at a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from api.cli.terminal.shell import Shell
from api.client.connection import understood
from api.texts.case_words import RELATED, happened
from api.texts.labels import standing
from ledger.message import Message

Json = Mapping[str, Any]
_CASES: Final = {"what": 20, "case": 14, "title": 20, "act": 14, "occurred": 10}
_STEPS: Final = {"occurred": 10, "act": 22, "from": 16, "to": 16, "state": 12}


def relations(shell: Shell, body: Json, *, even_none: bool = True) -> None:
    """Other cases, then the way of each referral, then who handed the case over."""
    if body["cases"]:
        with understood():
            rows = [
                (
                    shell.text(RELATED[one["kind"]]),
                    one["case_number"] or one["register_no"] or one["id"],
                    one["title"],
                    shell.local(one, "act"),
                    happened(one),
                )
                for one in body["cases"]
            ]
        shell.table(tuple(_CASES), rows, widths=_CASES, whole=("case",))
    elif even_none:
        shell.say(Message("No other case that you see as a whole has to do with this one."))
    if body["more"]:
        shell.say(Message("More acts of other cases name this one than are looked through here."))
    for one in body["referrals"]:
        name = shell.local(one)
        part = Message("{name}, of a part: {state}", name=name, state=_stands(shell, one["state"]))
        whole = Message("{name}: {state}", name=name, state=_stands(shell, one["state"]))
        shell.say(part if one["part"] else whole)
        _steps(shell, one["steps"])
    if body["custody"]:
        shell.say(Message("Handed over:"))
        _steps(shell, body["custody"])


def _steps(shell: Shell, steps: Iterable[Json]) -> None:
    rows = [
        (
            happened(one),
            shell.local(one, "act"),
            one["label"],
            "\n".join(to["label"] for to in one["to"]) or None,
            None if one["state"] is None else _stands(shell, one["state"]),
        )
        for one in steps
    ]
    shell.table(tuple(_STEPS), rows, widths=_STEPS)


def _stands(shell: Shell, code: str) -> str:
    return standing(code, shell.lang)
