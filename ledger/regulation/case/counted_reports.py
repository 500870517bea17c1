"""Reports of article 9 that counted a case before its result changed, and were not restated.

The guard, the flag and the views ask for them.
"""

from __future__ import annotations

import math
from datetime import date, timedelta
from typing import Final

from ledger.regulation.acts.act import Act
from ledger.regulation.case.other_cases_port import Cases, CountedReport
from ledger.regulation.case.registers import signed_number
from ledger.regulation.case.state import RESULTS, Entry, StreamState

_QUARTER: Final = 3
SMALLEST: Final = 5
"""The smallest number that figures show: of fewer, but of none, somebody may be known."""
CHANGED: Final = frozenset({"OVERTURNED", "AMENDED"})
"""What a review decides where the result does not stand as it was counted."""


def changes_result(act: Act) -> bool:
    """Whether statistics that counted the case before this act are wrong after it."""
    overturns = act.act == "ReviewDecided" and act.facts.get("decision") in CHANGED
    return overturns or act.act == "SanctionAnnulled"


def last_change(stream: StreamState, upto: Entry | None = None) -> Entry | None:
    """The newest act that changed what was counted; with `upto`, of those up to that act."""
    newest = _seq(upto) if upto is not None else stream.seq
    found = [
        e
        for e in stream.effective("ReviewDecided", "SanctionAnnulled")
        if changes_result(e.act) and _seq(e) <= newest
    ]
    return max(found, key=_seq, default=None)


def unrestated(stream: StreamState, cases: Cases, change: Entry | None) -> tuple[str, ...]:
    """The reports that counted this case before a change and are not restated after it.

    A case is counted in a period in which it came in, was open or had its result (article 9). A
    report is restated by a later one that names it in `restates` and the case in
    `restated_because`, or by a correction in the case that names its period: what was restated
    before the change counted the case as it no longer is.

    Args:
        stream: The case.
        cases: Where the reports are asked for.
        change: The act that changed what was counted; None: it is about to be recorded.

    Returns:
        Their act ids.
    """
    span = _span(stream)
    if span is None:
        return ()
    since = _index(change)
    reports = tuple(cases.reports())
    again = _restating(stream, reports, since)
    corrected = {
        text
        for e in stream.effective("RecordCorrected")
        if _index(e) > since
        for text in e.act.facts.get("restates_statistics", ())
    }
    return tuple(
        r.act_id
        for r in reports
        if r.restates is None
        and r.index < since
        and r.period_from <= span[1]
        and span[0] <= r.period_to
        and again.isdisjoint(_chain(r, reports))
        and not corrected & _names(r)
    )


def _restating(stream: StreamState, reports: tuple[CountedReport, ...], since: float) -> set[str]:
    """Reports after the change that restate another because of the case."""
    names = _case_names(stream)
    return {
        r.act_id
        for r in reports
        if r.restates is not None and r.index > since and not names.isdisjoint(r.restated_because)
    }


def _chain(report: CountedReport, reports: tuple[CountedReport, ...]) -> set[str]:
    """A report, those that restate it, and those that restate these."""
    chain, grown = {report.act_id}, True
    while grown:
        more = {r.act_id for r in reports if r.restates in chain} - chain
        grown = bool(more)
        chain |= more
    return chain


def _index(entry: Entry | None) -> float:
    """Where it took effect in the log; past every record where it has not been recorded."""
    recorded = None if entry is None or entry.effect is None else entry.effect.index
    return math.inf if recorded is None else recorded


def _seq(entry: Entry) -> int:
    return 0 if entry.effect is None else entry.effect.seq


def _case_names(stream: StreamState) -> frozenset[str]:
    """The ways in which a report may name a case: its stream, its uuid, the number signed.

    Not the number that the ledger gives: another agency has one of the same year and place.
    """
    signed = (signed_number(e.act) for e in stream.effective("CaseRegistered"))
    numbers = {number for number in signed if number is not None}
    return frozenset({stream.name, stream.name.partition("/")[2], *numbers})


def _names(report: CountedReport) -> set[str]:
    """How a correction may name a report: its act id, its two days, its year, quarter or month."""
    start, end = report.period_from, report.period_to
    ends = {f"{start}{between}{end}" for between in ("/", "..", " - ")}
    return {report.act_id, *ends, *_calendar_name(start, end)}


def _calendar_name(start: date, end: date) -> set[str]:
    """A whole year, quarter or month as it is usually written; nothing for another span."""
    after = end + timedelta(days=1)
    if start.day != 1 or after.day != 1:
        return set()
    months = (after.year - start.year) * 12 + after.month - start.month
    names = {1: f"{start:%Y-%m}", 12: f"{start:%Y}"}
    if months == _QUARTER and start.month % _QUARTER == 1:
        return {f"{start.year}-Q{(start.month + 2) // _QUARTER}"}
    return {names[months]} if months in names else set()


def _span(stream: StreamState) -> tuple[date, date] | None:
    """From the day the case came in to the day of its last result, None where it has none."""
    counted = [e.act.day for e in stream.effective(*RESULTS, "SanctionDecided")]
    came = [e.act.day for e in stream.intake]
    return (min([*came, *counted]), max(counted)) if counted else None
