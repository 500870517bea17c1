"""Which reports of article 9 counted a case and were not restated since.

Asked by the guard, the flag and the views.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from ledger.regulation.stream import RESULTS

if TYPE_CHECKING:
    from ledger.regulation.cases import Cases, Report
    from ledger.regulation.stream import StreamState

_QUARTER: Final = 3


def unrestated(stream: StreamState, cases: Cases) -> tuple[str, ...]:
    """The reports that counted this case and that no later report restates for it (article 9).

    A case is counted in a period in which it came in, was open or had its result. A report is
    restated by a later one that names it in `restates` and the case in `restated_because`, or by a
    correction in the case that names its period.

    Returns:
        Their act ids.
    """
    span = _span(stream)
    if span is None:
        return ()
    reports = tuple(cases.reports())
    names = _case_names(stream)
    corrected = {
        text
        for e in stream.effective("RecordCorrected")
        for text in e.act.facts.get("restates_statistics", ())
    }
    return tuple(
        r.act_id
        for r in reports
        if r.restates is None
        and r.period_from <= span[1]
        and span[0] <= r.period_to
        and not _restated(r, reports, names)
        and not corrected & _names(r)
    )


def _restated(report: Report, reports: tuple[Report, ...], case: frozenset[str]) -> bool:
    """Whether a later report in the chain restates this one because of the case."""
    chain, grown = {report.act_id}, True
    while grown:
        more = {r.act_id for r in reports if r.restates in chain} - chain
        grown = bool(more)
        chain |= more
    return any(
        r.act_id in chain and r.act_id != report.act_id and not case.isdisjoint(r.restated_because)
        for r in reports
    )


def _case_names(stream: StreamState) -> frozenset[str]:
    """The ways in which a report may name a case: its stream, its uuid, its number."""
    numbers = {str(e.act.facts.get("case_number")) for e in stream.effective("CaseRegistered")}
    return frozenset({stream.name, stream.name.partition("/")[2], *numbers})


def _names(report: Report) -> set[str]:
    """The ways in which a correction may name a report.

    Its act id, its two days, its year, quarter or month.
    """
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
    counted = [e.act.occurred_at.date() for e in stream.effective(*RESULTS, "SanctionDecided")]
    came = [e.act.occurred_at.date() for e in stream.intake]
    return (min([*came, *counted]), max(counted)) if counted else None
