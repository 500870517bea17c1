"""A table of agencies, as `RegistryLinesAdded` says them, with every fault at its line."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from keys import canonical
from ledger.message import Message
from ledger.regulation.edition import Edition
from ledger.regulation.registry import added_lines
from ledger.regulation.registry.agencies import Agencies
from ledger.regulation.sheets.draft import RuleDraft, SheetFault, TablePlace, rows
from ledger.regulation.sheets.tables import REGISTRY
from ledger.regulation.words import vocabulary

MOST_BYTES: Final = 60_000
"""Of the lines of one act: a payload has at most 65,536 (formats.md §1), the rest is little."""
Line = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RegistryRows:
    """What a table comes to.

    Attributes:
        lines: As the act says them, but for those that are known already.
        known: Agencies that are left out, since the registry has them.
        faults: What is wrong, with file and line; then nothing is to be recorded.
    """

    lines: Sequence[Line]
    known: Sequence[str]
    faults: Sequence[SheetFault]


def read(file: str, text: str, edition: Edition, there: Collection[str] = ()) -> RegistryRows:
    """The lines of a table.

    Args:
        file: Its name, for faults.
        text: What stands in it: commas, headings in the first row.
        edition: The rules in force.
        there: Ids that the registry of the log has by now.
    """
    draft = RuleDraft()
    found = [(row.place, row.cells) for row in rows(REGISTRY, text, draft)]
    bad = {fault.place for fault in draft.faults}
    for place, cells in found if not bad else ():
        for column in REGISTRY.columns:
            if column.needed and column.member not in cells:
                wrong = Message("the column “{heading}” is empty", heading=column.heading)
                draft.wrong(place, wrong)
    if not found and not draft.faults:
        draft.wrong(TablePlace(file, 1), Message("there is no line in it"))
    if draft.faults:
        return RegistryRows((), (), [_in(file, fault) for fault in draft.faults])
    shipped = {entry["id"] for entry in edition.registry["agencies"]}
    known = [c["agency"] for _, c in found if c["agency"] in there and c["agency"] not in shipped]
    new = [(place, cells) for place, cells in found if cells["agency"] not in known]
    wrong_lines = added_lines.faults([c for _, c in new], Agencies.of(edition), edition)
    words = vocabulary("line_faults")
    faults = [
        SheetFault(TablePlace(file, new[at][0].line), words[code]) for at, code in wrong_lines
    ]
    return RegistryRows([dict(cells) for _, cells in new], known, faults)


def _in(file: str, fault: SheetFault) -> SheetFault:
    place = None if fault.place is None else TablePlace(file, fault.place.line)
    return SheetFault(place, fault.text)


def shares(lines: Sequence[Line]) -> list[list[Line]]:
    """The lines in acts that each fit into a payload.

    No act waits for another: lines that name each other stand in one, in their order. Only what
    is too large for one goes on in the next, which is taken once the first is in effect.
    """
    found: list[list[Line]] = []
    size = MOST_BYTES
    for family in _families(lines):
        added = [len(canonical.encode(dict(line))) + 1 for line in family]
        if found and size + sum(added) > MOST_BYTES >= sum(added):
            size = MOST_BYTES
        for line, more in zip(family, added, strict=True):
            if size + more > MOST_BYTES:
                found.append([])
                size = 0
            found[-1].append(line)
            size += more
    return found


def _families(lines: Sequence[Line]) -> list[list[Line]]:
    """Lines with those that they name as parent or model, by the first of each."""
    first: dict[str, str] = {}
    for line in lines:
        named = (line.get("parent"), line.get("posts_as"))
        own = [first[name] for name in named if name in first]
        root = own[0] if own else line["agency"]
        first[line["agency"]] = root
        for other in own[1:]:
            first = {agency: root if at == other else at for agency, at in first.items()}
    families: dict[str, list[Line]] = {}
    for line in lines:
        families.setdefault(first[line["agency"]], []).append(line)
    return list(families.values())
