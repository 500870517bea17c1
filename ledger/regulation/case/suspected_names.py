"""Who an act seems to name: a report is taken as it comes, and what it names is dealt with after.

A list of patterns knows no person. It warns while one types, and what is recorded with a name in it
is flagged and waits to be withdrawn, put right, or looked at and found harmless; only numbers and
addresses that are a person's for sure are refused, and of a report nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ledger.regulation.acts import text_lint
from ledger.regulation.acts.act import Act
from ledger.regulation.acts.catalogue import catalogue_of
from ledger.regulation.acts.text_lint import Suspect
from ledger.regulation.case.state import Entry, StreamState
from ledger.regulation.edition import Edition

HARMLESS: Final = "NAMES_NOBODY"
"""Mark of a correction that says: this text was read by two, and names nobody."""
_OUTSIDE: Final = ("attachments", "document", "late_reason")
_DOCUMENT: Final = ("number", "symbol", "abstract")


def texts_of(act: Act, edition: Edition) -> Iterator[tuple[str, str]]:
    """(pointer, text) of everything free that an act says, in and outside its facts."""
    kind = catalogue_of(edition).types.get(act.act)
    if kind is not None:
        yield from kind.texts(act.facts)
    yield from texts_outside(act.members)


def texts_outside(members: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The same of what stands outside the facts; of members that nobody has looked at yet too."""
    if members.keys().isdisjoint(_OUTSIDE):
        return
    files = members.get("attachments")
    for n, one in enumerate(files if isinstance(files, (list, tuple)) else ()):
        if isinstance(one, Mapping) and isinstance(one.get("name"), str):
            yield f"/attachments/{n}/name", one["name"]
    document = members.get("document")
    if isinstance(document, Mapping):
        for name in _DOCUMENT:
            if isinstance(document.get(name), str):
                yield f"/document/{name}", document[name]
    if isinstance(members.get("late_reason"), str):
        yield "/late_reason", members["late_reason"]


def suspects_in(act: Act, edition: Edition) -> list[tuple[str, Suspect]]:
    """(pointer, what and where) of each part of an act that seems to name a person."""
    return [
        (pointer, suspect)
        for pointer, text in texts_of(act, edition)
        for suspect in text_lint.suspects(text, edition)
    ]


def names_somebody(entry: Entry) -> bool:
    """Whether an act, as it stands with its corrections, seems to name a person."""
    if entry.named is None:
        entry.named = bool(suspects_in(entry.act, entry.edition))
    return entry.named


def dealt_with(entry: Entry, stream: StreamState) -> bool:
    """Whether what an act named was withdrawn, put right, or found to be no name."""
    act_id = entry.act.act_id
    if not names_somebody(entry):
        return True
    withdrawn = stream.effective("ContentWithdrawn")
    return any(act_id in e.act.facts.get("withdrawn", ()) for e in withdrawn) or any(
        e.act.facts.get("mark") == HARMLESS for e in stream.corrected_by(act_id)
    )
