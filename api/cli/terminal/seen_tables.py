"""What one officer sees, for a person at a terminal: the cases, and how much of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from api.cli.terminal import case_tables
from api.cli.terminal.shell import Shell
from ledger.message import Message, Text, plural

Json = Mapping[str, Any]
FileAndActs = tuple[Json | None, Sequence[Json]]
"""The case file, where the whole case is seen, and the timeline as far as it is."""


def seen(shell: Shell, who: str, listed: Sequence[Json], cases: Mapping[str, FileAndActs]) -> None:
    """The list of cases, and of each case by id its file and timeline as far as they are seen."""
    shell.say(Message("── As seen by {who} ──", who=who))
    if not listed and not cases:
        shell.say(Message("{who} sees no case: nothing in this log is for them.", who=who))
        return
    if listed:
        case_tables.case_lines(shell, listed)
    for case, (file, acts) in cases.items():
        if file is None:
            shell.say(Message("Case {number}, in part: {part}", number=case, part=part(file, acts)))
        else:
            case_tables.case_file(shell, file)
        case_tables.timeline(shell, acts)


def part(file: Json | None, acts: Sequence[Json]) -> Text:
    """How much of a case that is, in words."""
    if file is not None:
        return plural("the whole case: {n} act", "the whole case: {n} acts", n=len(acts))
    if not acts:
        return Message("nothing")
    return plural("{n} act", "{n} acts", n=len(acts))
