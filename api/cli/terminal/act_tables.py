"""One act, whole, for a person at a terminal of 80 columns. Not: what is asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from api.cli.terminal import case_tables
from api.cli.terminal.shell import Shell, folded, in_lines
from api.client.connection import understood
from api.texts import act_words
from api.texts.case_words import act_named, signed_by, when
from api.texts.labels import verdict
from ledger.message import Message, Wording
from ledger.regulation import act_in_words

Json = Mapping[str, Any]
_LABEL: Final = 26
_VALUE: Final = 52


def act(shell: Shell, body: Json, bad: list[int]) -> None:
    """The sentence, then everything by headings; an empty part is left out but for signatures."""
    sentence = body["sentence"]
    if sentence is None:
        by = body["erased_by"]
        shell.say(Message("The content of this act was erased by {act_id}.", act_id=by))
    else:
        shell.say(in_lines(Wording(**sentence)))
        if told := act_in_words.ahead(str(body["act"])):
            shell.say(in_lines(told))
    with understood():  # what was signed has the form that its signer gave it
        head, grounds = [*_head(shell, body)], [*act_words.grounds(shell, body)]
        payload = body["payload"] or {}
        files = [_file(one) for one in payload.get("attachments", ())]
    shell.table(("field", "value"), head, widths=FIELD_WIDTHS)
    _pairs(shell, Message("Grounds"), grounds)
    named = {one["pointer"]: _named(shell, one) for one in body["names"]}
    _pairs(shell, Message("What the act says"), fact_rows(shell, body["facts"], named))
    _pairs(shell, Message("Files"), files)
    _signatures(shell, body, bad)
    if changes := body.get("changes"):
        shell.say(Message("What it changed:"))
        nothing = Message("It changed nothing in the file of the case.")
        case_tables.changes(shell, changes, body, nothing)
    for member, title in _RELATIONS.items():
        _pairs(shell, title, (_relation(shell, one) for one in body[member]))


FIELD_WIDTHS: Final = {"field": _LABEL, "value": _VALUE}
"""Of a table of two columns: what is told, and how it is."""
_RELATIONS: Final[Mapping[str, Message]] = {
    "names": Message("Acts that it names"),
    "named_by": Message("Acts of the case that name it"),
}


def _pairs(shell: Shell, title: Message, rows: Iterable[tuple[str, str]]) -> None:
    shell.table(("field", "value"), rows, title=shell.text(title), widths=FIELD_WIDTHS)


def _head(shell: Shell, body: Json) -> Iterator[tuple[str, object]]:
    yield shell.name("act_id"), body["act_id"]
    yield shell.name("stream"), body["stream"]
    yield from ((shell.name(member), value) for member, value in act_words.head(shell, body))


def fact_rows(
    shell: Shell, facts: Iterable[Json], named: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """A line a fact; what several lie within stands once above them, and they are set in.

    Args:
        shell: The reader's language.
        facts: Each with pointer, labels and value, both in each language.
        named: Acts that facts name, in words, by pointer.
    """
    for depth, label, one in act_words.facts_set_in([*facts]):
        value = "" if one is None else one[shell.lang]
        if one is not None and one["pointer"] in named:
            value = f"{named[one['pointer']]}\n{value}"
        elif one is not None and one.get("case_number"):  # of a draft nobody was asked
            value = f"{one['case_number']}\n{value}"
        yield _set_in(label[shell.lang], depth), value


def _set_in(label: str, depth: int) -> str:
    lines = folded(label, _LABEL - 2 * depth).split("\n")
    return "\n".join("  " * depth + line for line in lines)


def _file(one: Json) -> tuple[str, str]:
    return str(one["name"]), act_words.file(one)


_CHECKED_HERE: Final = Message(
    "The proofs are checked here; what the act says and its verdicts are the server's word. Its"
    " signatures are checked by the records of its case: socai case verify"
)


def _signatures(shell: Shell, body: Json, bad: list[int]) -> None:
    rows = [
        (
            f"{one['seq']}\n#{one['index']}",
            signed_by(shell, one),
            when(one["recorded_at"]),
            f"{verdict(one['verdict'], shell.lang)}\n{one['reason'][shell.lang]}",
            "✗" if one["index"] in bad else "✓" if "proof" in one else "…",
        )
        for one in body["statements"]
    ]
    widths = {"signed_by": 28, "recorded": 10, "verdict": 24}
    shell.table(("place", "signed_by", "recorded", "verdict", "proof"), rows, widths=widths)
    shell.say(in_lines(_CHECKED_HERE))


def _relation(shell: Shell, one: Json) -> tuple[str, str]:
    return _named(shell, one), f"{one['act_id']}\n{one['pointer']}"


def _named(shell: Shell, one: Json) -> str:
    """An act by its name and its place in the case."""
    kind = act_named(shell, one)
    return kind if one["seq"] is None else f"{kind} {one['seq']} (#{one['index']})"
