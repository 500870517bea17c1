"""Which flags of a case show at an instant.

Those fixed when an act took effect, and those that end or begin with time. guards.json, notes: a
flag shows for as long as its condition holds, and one that depends on time appears without a new
act. Most conditions speak of the moment of the act and hold for ever; those below can be made good.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

from ledger.regulation.acts.catalogue import catalogue_of
from ledger.regulation.case.counted_reports import last_change, unrestated
from ledger.regulation.case.other_cases_port import Cases
from ledger.regulation.case.state import RESULTS, Entry, StreamState
from ledger.regulation.case.suspected_names import dealt_with
from ledger.regulation.registry.clock_terms import term
from ledger.regulation.registry.registry import Registry

DISPUTED: Final = "SIGNATURE_DISPUTED"
"""No guard raises it: a revocation does, which says from when a key is not to be trusted. It shows
for as long as the statement can be read, since no rule says who may lift it."""
Raised = Mapping[str, Sequence[str]]
"""act_id to the codes of the flags its taking effect raised (`decide.raised`)."""


def standing(
    raised: Raised,
    stream: StreamState,
    registry: Registry,
    at: datetime,
    cases: Cases | None = None,
) -> list[tuple[str, str]]:
    """(code, act_id) of every flag that shows now, by act in the order of effect, then by code.

    Behind them the acts that have not taken effect and hold a disputed signature.

    Args:
        raised: Flags by act, as they were at effect.
        stream: The fold, as of the state looked at.
        registry: The registry of that state.
        at: The instant looked from.
        cases: Reports of article 9; None: only corrections inside the case end STATISTICS_RESTATED.
    """
    found: list[tuple[str, str]] = []
    for entry in stream.effective():
        act_id = entry.act.act_id
        shown = {
            c
            for c in raised.get(act_id, ())
            if c not in _BY_TIME and not _over(c, entry, stream, registry, cases)
        }
        if _untold(entry, stream, registry, at):
            shown.add("AFFECTED_NOT_TOLD")
        if _disputed(entry, registry):
            shown.add(DISPUTED)
        found.extend((code, act_id) for code in sorted(shown))
    found.extend(
        (DISPUTED, entry.act.act_id)
        for entry in stream.entries.values()
        if entry.effect is None and _disputed(entry, registry)
    )
    return found


def _disputed(entry: Entry, registry: Registry) -> bool:
    """Whether one of an act's statements has the verdict DISPUTED (formats.md §9)."""
    lines = ((registry.keyring.line(one.kid), one.recorded_at) for one in entry.signed)
    return any(line is not None and at is not None and line.disputes(at) for line, at in lines)


def _over(
    code: str, entry: Entry, stream: StreamState, registry: Registry, cases: Cases | None
) -> bool:
    ended = _ENDS.get(code)
    return ended is not None and ended(entry, stream, registry, cases)


_BY_TIME: Final = frozenset({"AFFECTED_NOT_TOLD"})


def _untold(entry: Entry, stream: StreamState, registry: Registry, at: datetime) -> bool:
    """AFFECTED_NOT_TOLD: from the end of INFORM_AFFECTED until a notice names the act.

    An act that informs the public owes nobody a notice.
    """
    kind = catalogue_of(entry.edition).types.get(entry.act.act)
    if kind is None or "AFFECTED_NOT_TOLD" not in kind.requires:
        return False
    if entry.act.facts.get("kind") == "INFORM_PUBLIC" or _told(entry, stream):
        return False
    limit = term("INFORM_AFFECTED", entry.act, registry)
    return limit is not None and limit.due is not None and at > limit.due


def _told(entry: Entry, stream: StreamState) -> bool:
    return any(
        entry.act.act_id in e.act.facts.get("about", ())
        for e in stream.effective("AffectedPartyInformed")
    )


def _confirmed(
    entry: Entry, stream: StreamState, _registry: Registry, _cases: Cases | None
) -> bool:
    """ORAL_UNCONFIRMED ends with a correction marked as confirmation, or an act that confirms."""
    act_id = entry.act.act_id
    return any(
        e.act.facts.get("mark") == "WRITTEN_CONFIRMATION" for e in stream.corrected_by(act_id)
    ) or any(e.act.facts.get("confirms") == act_id for e in stream.effective("LeadAgencyNotified"))


def _somebody_looked(
    entry: Entry, stream: StreamState, _registry: Registry, _cases: Cases | None
) -> bool:
    """MEASURE_UNCONFIRMED ends when somebody else confirms, reviews or lifts the measure."""
    return any(
        e.act.facts.get("measure") == entry.act.act_id
        for e in stream.effective("MeasureConfirmed", "MeasureReviewed", "MeasureLifted")
    )


def _name_dealt_with(
    entry: Entry, stream: StreamState, _registry: Registry, _cases: Cases | None
) -> bool:
    """NAME_SUSPECTED ends when the text was withdrawn, put right, or found to name nobody."""
    return dealt_with(entry, stream)


def _lead_told(
    _entry: Entry, stream: StreamState, registry: Registry, _cases: Cases | None
) -> bool:
    """LEAD_NOT_INFORMED ends when a LeadAgencyNotified reaches the lead."""
    return any(_reaches(e, "LEAD", registry) for e in stream.effective("LeadAgencyNotified"))


def _both_noticed(
    entry: Entry, stream: StreamState, registry: Registry, _cases: Cases | None
) -> bool:
    """RESULT_NOTICE_BOTH ends when report and notice have gone on one day after the last result.

    8.4.b, 9.
    """
    last = stream.last(*RESULTS)
    since = 0 if last is None or last.effect is None else last.effect.seq
    notices = [
        e
        for e in stream.effective("ResultNotified")
        if e.effect is not None and e.effect.seq > since
    ]
    upward = {e.act.day for e in notices if _reaches(e, "PPC", registry)}
    if registry.holds(entry.act.agency, "LEAD", entry.act.day):
        return bool(upward)
    return bool(upward & {e.act.day for e in notices if _reaches(e, "LEAD", registry)})


def _reaches(entry: Entry, function: str, registry: Registry) -> bool:
    day = entry.act.day
    return any(registry.holds(a, function, day) for a in entry.act.to)


def _restated(entry: Entry, stream: StreamState, _registry: Registry, cases: Cases | None) -> bool:
    """STATISTICS_RESTATED ends when every report that counted the case is set right (9).

    Each change has its own flag, ended by what comes after it.
    """
    if cases is not None:
        return not unrestated(stream, cases, last_change(stream, entry))
    after = entry.effect.seq if entry.effect is not None else 0
    return any(
        e.act.facts.get("restates_statistics")
        for e in stream.effective("RecordCorrected")
        if e.effect is not None and e.effect.seq > after
    )


_ENDS: Final[Mapping[str, Callable[[Entry, StreamState, Registry, Cases | None], bool]]] = {
    "ORAL_UNCONFIRMED": _confirmed,
    "LEAD_NOT_INFORMED": _lead_told,
    "MEASURE_UNCONFIRMED": _somebody_looked,
    "NAME_SUSPECTED": _name_dealt_with,
    "RESULT_NOTICE_BOTH": _both_noticed,
    "STATISTICS_RESTATED": _restated,
}
