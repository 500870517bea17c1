"""One act, whole, for a person at a terminal of 80 columns. Not: what is asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from api.cli.terminal import case_tables
from api.cli.terminal.shell import Shell, folded, in_lines
from api.texts.case_words import coded_flag, day, ground, happened, signed_by, when
from api.texts.labels import standing, verdict
from ledger.message import Message, Wording
from ledger.regulation.words import vocabulary

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
    shell.table(("field", "value"), _head(shell, body), widths=FIELD_WIDTHS)
    _pairs(shell, Message("Grounds"), (_ground(shell, one) for one in body["basis"]))
    named = {one["pointer"]: _named(shell, one) for one in body["names"]}
    _pairs(shell, Message("What the act says"), fact_rows(shell, body["facts"], named))
    payload = body["payload"] or {}
    _pairs(shell, Message("Files"), (_file(one) for one in payload.get("attachments", ())))
    _signatures(shell, body, bad)
    if changes := body.get("changes"):
        shell.say(Message("What it changed:"))
        case_tables.changes(shell, changes, {})
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
    payload = body["payload"] or {}
    document = payload.get("document")
    said = {
        "act_id": body["act_id"],
        "stream": body["stream"],
        "status": standing(body["status"], shell.lang),
        "occurred": happened(body),
        "recorded": when(body["statements"][0]["recorded_at"]),
        "late_reason": payload.get("late_reason"),
        "to": "\n".join(one[shell.lang] for one in body["addressees"]) or None,
        "channel": _channel(shell, payload.get("channel")),
        "document": None if document is None else _document(document),
        "flags": "\n".join(coded_flag(one, shell.lang) for one in body["flags"]) or None,
    }
    yield from ((shell.name(name), value) for name, value in said.items() if value is not None)


def _channel(shell: Shell, code: str | None) -> str | None:
    return None if code is None else shell.text(vocabulary("channels")[code])


def _document(document: Json) -> str:
    number = f"{document['number']}/{document['symbol']}"
    return f"{document['type']} {number}, {day(document['date'])}\n{document['abstract']}"


def _ground(shell: Shell, one: Json) -> tuple[str, str]:
    term = [text for text in (day(one["valid_from"]), day(one["valid_to"])) if text]
    held = Message("in force on the day of the act") if one["in_force"] else _NOT_IN_FORCE
    told = shell.text(held) + (f" ({' – '.join(term)})" if term else "")
    lines = [shell.text(ground(one)), one["title"], told]
    return str(shell.local(one, "role")), "\n".join(line for line in lines if line)


_NOT_IN_FORCE: Final = Message("NOT in force on the day of the act, as far as the registry knows")


def fact_rows(
    shell: Shell, facts: Iterable[Json], named: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """A line a fact; what several lie within stands once above them, and they are set in.

    Args:
        shell: The reader's language.
        facts: Each with pointer, labels and value, both in each language.
        named: Acts that facts name, in words, by pointer.
    """
    above: list[str] = []
    for one in facts:
        labels = [label[shell.lang] for label in one["labels"]]
        for depth, label in enumerate(labels[:-1]):
            if above[: depth + 1] != labels[: depth + 1]:
                yield _set_in(label, depth), ""
        above = labels[:-1]
        value = one[shell.lang]
        if one["pointer"] in named:
            value = f"{named[one['pointer']]}\n{value}"
        yield _set_in(labels[-1], len(above)), value


def _set_in(label: str, depth: int) -> str:
    lines = folded(label, _LABEL - 2 * depth).split("\n")
    return "\n".join("  " * depth + line for line in lines)


def _file(one: Json) -> tuple[str, str]:
    return str(one["name"]), f"{one['digest']}\n{one['media_type']}, {one['size']} B"


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


def _relation(shell: Shell, one: Json) -> tuple[str, str]:
    return _named(shell, one), f"{one['act_id']}\n{one['pointer']}"


def _named(shell: Shell, one: Json) -> str:
    """An act by its name and its place in the case."""
    kind = shell.local(one, "act") or shell.text(Message("an act that you are not shown here"))
    return kind if one["seq"] is None else f"{kind} {one['seq']} (#{one['index']})"
