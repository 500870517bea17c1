"""Which acts start and stop which clocks, where acts.json alone does not say it.

An act type lists the clocks it starts and stops; here stand the conditions on the act and the case.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from ledger.regulation.case.reporters import owed
from ledger.regulation.case.state import Entry, StreamState
from ledger.regulation.case.suspected_names import dealt_with, names_somebody
from ledger.regulation.registry.registry import Registry

#: Clocks of one sub-process: a later start for the same one takes the place of the earlier.
OF_SUB_PROCESS: Final = frozenset(
    {
        "REVIEW_MEASURE",
        "MEASURE_CONFIRM",
        "REVIEW_TAKEDOWN",
        "PLATFORM_REMOVAL",
        "TECHNICAL_REPORT",
        "ANSWER_VERIFICATION",
        "APPRAISAL_ANSWER",
        "EXPERTISE_ANSWER",
        "SECONDMENT_ANSWER",
        "TAKEDOWN_ANSWER",
        "ACCEPT_REFERRAL",
        "REFERRED_RESULT",
        "CRIME_REPORT",
        "EXPLANATION",
        "SANCTION_DECISION",
        "SANCTION_LIMITATION",
        "SANCTION_EXECUTION",
        "COMPLAINT_ACCEPT",
        "COMPLAINT_DECIDE_FIRST",
        "COMPLAINT_DECIDE_SECOND",
        "SECRET_EXTEND",
        "COPY_RETURN",
    }
)


def starts(code: str, entry: Entry, stream: StreamState, registry: Registry) -> bool:
    """Whether this act, one that starts clocks of this code, starts one."""
    check = _STARTS_WHERE.get(code)
    return check is None or check(entry, stream, registry)


def _instance(entry: Entry, stream: StreamState) -> str | None:
    complaint = stream.get(str(entry.act.facts.get("complaint")), "ComplaintReceived")
    return None if complaint is None else complaint.act.facts.get("instance")


def _reporters(stream: StreamState) -> frozenset[str | None]:
    """Tokens of those who reported, None for a report without one."""
    return frozenset(token for _, token in owed(stream))


def _touches_somebody(entry: Entry, stream: StreamState) -> bool:
    """Whether the act, or an earlier act of the case, names a subject who is to be told."""
    if entry.act.act == "ImmediateMeasureTaken" and entry.act.facts.get("kind") == "INFORM_PUBLIC":
        return False
    return entry.act.act not in _FOLLOW_UPS or any(
        "subject" in e.act.facts for e in stream.effective()
    )


#: Acts that start INFORM_AFFECTED and name no subject of their own: they follow an act that does.
_FOLLOW_UPS: Final = frozenset(
    {"MeasureReviewed", "MeasureLifted", "SanctionAnnulled", "ResultDetermined", "ReviewDecided"}
)

_STARTS_WHERE: Final[Mapping[str, Callable[[Entry, StreamState, Registry], bool]]] = {
    "REGISTER_CASE": lambda e, _s, _r: e.state_before in (None, "RECEIVED"),
    "NAME_CLEAR": lambda e, _s, _r: names_somebody(e),
    "REVIEW_MEASURE": lambda e, _s, _r: e.act.facts.get("decision") != "LIFT",
    "NOTIFY_LEAD": lambda e, _s, r: not r.holds(e.act.agency, "LEAD", e.act.day),
    "INFORM_REPORTER": lambda _e, s, _r: bool(_reporters(s)),
    "INFORM_AFFECTED": lambda e, s, _r: _touches_somebody(e, s),
    "EXPLANATION": lambda e, _s, _r: (
        bool(e.act.facts.get("explanation_open")) and not e.act.facts.get("explanation_waived")
    ),
    "EXPERTISE_ANSWER": lambda e, _s, _r: e.act.facts.get("established") is not False,
    "DIRECTION_CONFIRM": lambda e, _s, _r: e.act.facts.get("form") == "ORAL",
    "COMPLAINT_DECIDE_FIRST": lambda e, s, _r: (
        e.act.facts.get("answer") == "ACCEPTED" and _instance(e, s) == "FIRST"
    ),
    "COMPLAINT_DECIDE_SECOND": lambda e, s, _r: (
        e.act.facts.get("answer") == "ACCEPTED" and _instance(e, s) == "SECOND"
    ),
    "COMPLAINT_LODGE_SECOND": lambda e, _s, _r: e.act.facts.get("instance") == "FIRST",
    "RETURN_FOR_SANCTION_DECISION": lambda e, _s, _r: (
        e.act.facts.get("result") == "RETURNED_FOR_SANCTION"
    ),
    "STATISTICS_RESTATE": lambda e, _s, _r: (
        e.act.act == "SanctionAnnulled" or e.act.facts.get("decision") in ("OVERTURNED", "AMENDED")
    ),
    "SANCTION_EXECUTION": lambda e, _s, _r: e.act.facts.get("decision") == "SANCTION",
}


def stops(code: str, start: str, sub: str | None, entry: Entry, stream: StreamState) -> bool:
    """Whether this act, one that stops clocks of this code, stops the run.

    Args:
        code: Clock of the run.
        start: The act that started it.
        sub: Sub-process it belongs to.
        entry: The act.
        stream: The fold.
    """
    if code in OF_SUB_PROCESS:
        return any(m.sub.id == sub for m in entry.moved) and not _only_partly(entry)
    check = _STOPS_WHERE.get(code)
    return check is None or check(start, entry, stream)


def _only_partly(entry: Entry) -> bool:
    facts = entry.act.facts
    return facts.get("completeness") == "PARTIAL" or (
        entry.act.act == "SanctionExecuted" and facts["status"] == "PARTLY"
    )


def _told_affected(start: str, entry: Entry, stream: StreamState) -> bool:
    """Named in `about`; a follow-up that names no subject is covered by a notice given after it."""
    if start in entry.act.facts.get("about", ()):
        return True
    begun = stream.entries[start].act.act
    return begun in _FOLLOW_UPS and begun != "ReviewDecided"


def _told_reporters(start: str, entry: Entry, stream: StreamState) -> bool:
    """The notice with which every reporter of the case has been told of this or of more."""
    begun = stream.entries[start]
    told = {
        e.act.facts.get("reporter")
        for e in stream.effective("ReporterInformed")
        if _effect(begun) < _effect(e) <= _effect(entry) and _covers(e, begun)
    }
    return _reporters(stream) <= told


def _covers(notice: Entry, start: Entry) -> bool:
    about = notice.act.facts.get("about")
    if start.act.act in ("ReferralSent", "CriminalReferralSent"):
        return about != "RECEIPT"
    return about in ("RESULT", "REVIEW")


def _effect(entry: Entry) -> int:
    return entry.effect.seq if entry.effect is not None else 0


def _tells_of(start: str, entry: Entry, stream: StreamState) -> bool:
    """A notice of this act; one of a result that is none of this stream is of every one."""
    facts = entry.act.facts
    if "about" in facts:
        return bool(facts["about"] == start)
    result = facts.get("result_ref")
    return result == start or stream.get(str(result)) is None


_STOPS_WHERE: Final[Mapping[str, Callable[[str, Entry, StreamState], bool]]] = {
    "NAME_CLEAR": lambda start, e, s: (
        start in (e.act.corrects, *e.act.facts.get("withdrawn", ()))
        and dealt_with(s.entries[start], s)
    ),
    "INFORM_AFFECTED": _told_affected,
    "INFORM_REPORTER": _told_reporters,
    "COMPLAINT_LODGE": lambda start, e, _s: e.act.facts.get("against") == start,
    "COMPLAINT_LODGE_SECOND": lambda start, e, _s: (
        start in (e.act.facts.get("earlier"), e.act.facts.get("against"))
    ),
    "DIRECTION_CONFIRM": lambda start, e, _s: (
        e.act.corrects == start and e.act.facts.get("mark") == "WRITTEN_CONFIRMATION"
    ),
    "STATISTICS_ANSWER": lambda start, e, _s: e.act.facts.get("request") in (None, start),
    "BREAK_GLASS_REVIEW": lambda start, e, _s: e.act.facts.get("opened") == start,
    "SECRET_LOSS": lambda start, e, _s: e.act.facts.get("about") == start,
    "SECRET_NOTICE": _tells_of,
}
