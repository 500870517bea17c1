"""Agencies that an act adds many of at once: what is wrong with a line, and what each one adds.

Asked by the door (LINES_FIT) and, before anybody signs, by whoever makes the act of a file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Final, NamedTuple

from ledger.regulation.edition import Edition, optional_date
from ledger.regulation.registry.agencies import Agencies, Agency, Holding, Name

ADDING: Final = "RegistryLinesAdded"
Line = Mapping[str, Any]


class LineFault(NamedTuple):
    """What is wrong with a line: its place, from 0, and a code of `words.json`, `line_faults`."""

    place: int
    code: str


def faults(lines: Iterable[Line], agencies: Agencies, edition: Edition) -> list[LineFault]:
    """What is wrong with lines that are to follow what is known, each by those before it too.

    Args:
        lines: As `RegistryLinesAdded` has them, with what their form asks.
        agencies: What is known; not changed.
        edition: The rules in force.
    """
    known, found = agencies.copy(), []
    functions = {line["code"] for line in edition.registry["functions"]}
    for place, line in enumerate(lines):
        found += [LineFault(place, code) for code in _wrong(line, known, functions)]
        add(known, line, basis="", index=-1)
    return found


def _wrong(line: Line, known: Agencies, functions: set[str]) -> Iterable[str]:
    if known.get(line["agency"]) is not None:
        yield "used"
    if line.get("valid_to") is not None and line["valid_to"] < line["valid_from"]:
        yield "dates"
    if line.get("parent") is not None and known.get(line["parent"]) is None:
        yield "parent"
    if line.get("posts_as") is not None and known.get(line["posts_as"]) is None:
        yield "posts"
    if not {line["kind"], *line.get("functions", ())} <= functions | _KINDS:
        yield "function"
    within = line.get("within", ())
    described = (
        line.get("territory_name") is not None and within and all(map(known.reaches, within))
    )
    if not known.reaches(line["territory"]) and not described:
        yield "territory"


_KINDS: Final = frozenset({"INSPECTORATE", "COURT", "PROCURACY", "COUNCIL", "PARTY_BOARD"})
"""Kinds of bodies that are no function of the regulation."""


def add(agencies: Agencies, line: Line, *, basis: str, index: int) -> None:
    """Adds a line to what is known.

    Args:
        agencies: Changed.
        line: The line.
        basis: The document that the act rests on.
        index: Record of the act.
    """
    first, last = date.fromisoformat(line["valid_from"]), optional_date(line.get("valid_to"))
    model = agencies.get(line.get("posts_as") or "")
    if line.get("within"):
        agencies.place(line["territory"], line["within"])
    agencies.add(
        Agency(
            id=line["agency"],
            kind=line["kind"],
            names=(Name(line["name"], line.get("short_name"), first, last),),
            territory=line["territory"],
            parent=line.get("parent"),
            valid_from=first,
            valid_to=last,
            posts={} if model is None else model.posts,
            fictitious=False,
            certainty=line["certainty"],
            index=index,
        )
    )
    for function in line.get("functions", ()):
        agencies.assign(
            Holding(
                agency=line["agency"],
                function=function,
                territory=line["territory"],
                valid_from=first,
                valid_to=last,
                basis=basis or line["source"],
                certainty=line["certainty"],
                assumed=line["certainty"] == "UNCONFIRMED",
                index=index,
            )
        )
