"""Reporters of a case by token: the one a report states, or the one its sealing brought.

A report is never refused, so it may say that an identity was given and hold no token. The sealing
that must come next then brings it (added; regulation.md §9, rule 10).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import orjson

from ledger.regulation.acts.act import Act
from ledger.regulation.case.state import Entry, StreamState

TOKEN: Final = re.compile(r"sealed:[0-9a-f-]{36}")
"""What stands for a person, as a whole string of an act."""
_WRITTEN: Final = re.compile(rb'"(sealed:(?<!\\"sealed:)[0-9a-f-]{36})"(?!:)')
"""The same in JSON: no part of a string, before whose quotes a backslash stands, and no name.

It begins with what it is looked for by, and looks back from there: so the engine passes by all else
at once.
"""


def tokens_named(members: Mapping[str, Any]) -> frozenset[str]:
    """Every token that is a whole string of an act, wherever it stands there."""
    written = orjson.dumps(members)  # to look at each string in turn takes three times as long
    if b'"sealed:' not in written:
        return frozenset()
    return frozenset([found.decode() for found in _WRITTEN.findall(written)])


def tokens(stream: StreamState) -> list[tuple[Entry, str | None]]:
    """Every report of the case with its reporter's token; None: nameless, or not yet sealed."""
    found: list[tuple[Entry, str | None]] = []
    for report, brought in _with_sealing(stream):
        stated = report.act.facts.get("reporter")
        found.append((report, stated if stated is not None or brought is None else brought))
    return found


def owed(stream: StreamState) -> list[tuple[Entry, str | None]]:
    """The same without those who took their report back: they are owed no answer any more."""
    back = {e.act.facts.get("report") for e in stream.effective("ReportWithdrawn")}
    return [(report, token) for report, token in tokens(stream) if report.act.act_id not in back]


def may_bring(act: Act, stream: StreamState) -> bool:
    """Whether a sealing may bring its own token: for the report without one that it names.

    Where only one waits, refers_to may be left out.
    """
    waiting = [
        report.act.act_id
        for report, brought in _with_sealing(stream)
        if _needs_token(report) and brought is None
    ]
    if act.refers_to is None:
        return len(waiting) == 1
    return act.refers_to in waiting


def _needs_token(report: Entry) -> bool:
    facts = report.act.facts
    return facts.get("identity_given") is True and "reporter" not in facts


def _with_sealing(stream: StreamState) -> list[tuple[Entry, str | None]]:
    """Each report with the token that a sealing brought for it."""
    reports = list(stream.effective("ReportReceived"))
    if not any(_needs_token(r) for r in reports):
        return [(r, None) for r in reports]
    stated = {r.act.facts.get("reporter") for r in reports}
    brought: dict[str, str] = {}
    for sealing in stream.effective("ReporterIdentitySealed"):
        token = sealing.act.facts.get("reporter")
        if token in stated or not isinstance(token, str):
            continue
        for report in reports:
            meant = sealing.act.refers_to in (None, report.act.act_id)
            if _needs_token(report) and report.act.act_id not in brought and meant:
                brought[report.act.act_id] = token
                break
    return [(r, brought.get(r.act.act_id)) for r in reports]
