"""Clocks: which time limit runs on a stream, from which act, until when, by which dated rule.

A pure reading of the fold: acts start and stop clocks (acts.json, clocks), the rule of the day of
the starting act says how long (registry.json, life_cycle.json, ClockRuleSet). "None stated" is a
value, not a missing one (regulation.md §8, row 1). Now comes in as `at`; nothing is recorded when a
clock runs out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal

from ledger.regulation.catalogue import load as load_catalogue
from ledger.regulation.deadline import VIETNAM, add_months, as_instant, deadline, end_of, local_day
from ledger.regulation.guards.counted import unrestated
from ledger.regulation.lifecycle import OPEN_STATES
from ledger.regulation.reporters import tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from ledger.regulation.cases import Cases
    from ledger.regulation.registry import Registry
    from ledger.regulation.rules import Rule
    from ledger.regulation.stream import Entry, StreamState, SubProcess

Status = Literal["NONE_STATED", "RUNNING", "NEAR", "DUE", "OVERDUE", "STOPPED", "EXTENDED", "ENDED"]

LIVE: Final = frozenset({"NONE_STATED", "RUNNING", "NEAR", "DUE", "OVERDUE"})
NEAR_BEFORE: Final = timedelta(hours=48)
"""How long before its end a clock is shown as near: a rule of this product, like the alarms."""

#: Windows that a right or a power has: past their end they are over, and nobody is late.
WINDOWS: Final = frozenset(
    {"COMPLAINT_LODGE", "COMPLAINT_LODGE_SECOND", "EXPLANATION", "SANCTION_LIMITATION"}
)

#: The fact of the starting act that states the end itself ("as in the letter", life_cycle.json).
DUE_FACTS: Final[Mapping[str, tuple[str, ...]]] = {
    "EXTERNAL_REQUEST_ANSWER": ("answer_by",),
    "REVIEW_MEASURE": ("review_at", "end_at"),
    "ANSWER_VERIFICATION": ("answer_by",),
    "APPRAISAL_ANSWER": ("answer_by",),
    "EXPERTISE_ANSWER": ("answer_by",),
    "SECONDMENT_ANSWER": ("answer_by",),
    "DIRECTION_CONFIRM": ("confirm_by",),
    "TECHNICAL_REPORT": ("report_by",),
    "CRIME_REPORT": ("until",),
    "EXPLANATION": ("explanation_until",),
    "COPY_RETURN": ("return_by",),
    "STATISTICS_ANSWER": ("answer_by",),
}

#: Clocks of one sub-process: a later start for the same one takes the place of the earlier.
OF_SUB_PROCESS: Final = frozenset(
    {
        "REVIEW_MEASURE",
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


@dataclass(slots=True)
class ClockRun:
    """One run of one clock.

    Attributes:
        code: Clock of life_cycle.json.
        act_id: The act that started it.
        started_at: When it began.
        due: Its last instant; None where no length is stated.
        alarm: When this product reminds, where no length is stated.
        status: How it stands at the instant asked for.
        source: Provision or document that gives the length.
        kind: REGULATION, LAW or PRODUCT_RULE.
        certainty: How sure the line is.
        sub: Sub-process it belongs to, None where it belongs to the case.
        stopped_by: The act that stopped it or took its place.
        stopped_at: When that act happened.
    """

    code: str
    act_id: str
    started_at: datetime
    due: datetime | None
    alarm: datetime | None
    status: Status
    source: str
    kind: str
    certainty: str
    sub: str | None = None
    stopped_by: str | None = None
    stopped_at: datetime | None = None

    @property
    def live(self) -> bool:
        """Whether it still runs."""
        return self.status in LIVE


@dataclass(frozen=True, slots=True)
class Term:
    """What a rule makes of one starting act: end, reminder and where they come from."""

    start: datetime
    due: datetime | None
    alarm: datetime | None
    source: str
    kind: str
    certainty: str


# -- the term of one run --------------------------------------------------------------------------


def term(code: str, entry: Entry, registry: Registry) -> Term | None:
    """The term of this clock when this act starts it.

    None where no rule of that day knows the clock.
    """
    rule = registry.rule(code, entry.act.occurred_at.date())
    stated = _stated(code, entry.act.facts)
    if rule is None and stated is None:
        return None
    start = _start(code, entry)
    source, kind, sure = (
        ("", "REGULATION", "CONFIRMED")
        if rule is None
        else (rule.source, rule.kind, rule.certainty)
    )
    if stated is not None:
        return Term(start, stated, None, source, kind, sure)
    assert rule is not None  # noqa: S101 - narrowed above
    return Term(
        start,
        _length(code, rule, entry, start, registry),
        _alarm(rule, start, registry),
        source,
        kind,
        sure,
    )


def _stated(code: str, facts: Mapping[str, Any]) -> datetime | None:
    for name in DUE_FACTS.get(code, ()):
        value = facts.get(name)
        if isinstance(value, str):
            return as_instant(value)
    return None


def _start(code: str, entry: Entry) -> datetime:
    facts = entry.act.facts
    if code == "SANCTION_LIMITATION" and isinstance(facts.get("breach_ended_on"), str):
        # 15/2012/QH13 Art. 6: the limitation runs from the end of the conduct.
        return end_of(date.fromisoformat(facts["breach_ended_on"]))
    if code == "COMPLAINT_ACCEPT" and isinstance(facts.get("received_at"), str):
        return as_instant(facts["received_at"])
    return entry.act.occurred_at


def _length(
    code: str, rule: Rule, entry: Entry, start: datetime, registry: Registry
) -> datetime | None:
    days = registry.edition.calendar
    if rule.value is None or rule.none_stated:
        return None
    if code == "SANCTION_LIMITATION" and "breach_ended_on" not in entry.act.facts:
        return None
    if rule.before_expiry:
        until = entry.act.facts.get("protect_until")
        return (
            deadline(as_instant(until), -int(rule.value), rule.unit, days)
            if isinstance(until, str)
            else None
        )
    if rule.from_end_of_year:
        # 33/2024/QH15: counted from the end of the year in which the file was closed.
        months = int(rule.value) * (12 if rule.unit == "y" else 1)
        return end_of(add_months(date(local_day(start).year, 12, 31), months))
    value, unit = _variant(code, rule, entry)
    return deadline(start, value, unit, days)


#: Decrees on press and publishing, for which 15/2012/QH13 Art. 6 gives two years.
_PRESS_DECREES: Final = frozenset({"119/2020/NĐ-CP"})


def _variant(code: str, rule: Rule, entry: Entry) -> tuple[int, str]:
    """Length by the case at hand, as far as the facts tell which case it is (variants)."""
    case: str | None = None
    facts = entry.act.facts
    if code == "SANCTION_DECISION" and facts.get("explanation_open"):
        case = "EXPLANATION_OR_VERIFICATION"
    elif (
        code == "SANCTION_LIMITATION"
        and facts.get("provision", {}).get("instrument") in _PRESS_DECREES
    ):
        case = "PRESS_PUBLISHING"
    found = None if case is None else rule.variant(case, entry.act.occurred_at.date())
    if found is not None:
        return found.value, found.unit
    return int(rule.value or 0), str(rule.unit)


def _alarm(rule: Rule, start: datetime, registry: Registry) -> datetime | None:
    if rule.alarm_value is None or rule.alarm_unit is None:
        return None
    return deadline(start, int(rule.alarm_value), rule.alarm_unit, registry.edition.calendar)


def lapses_at(sub: SubProcess, registry: Registry) -> datetime | None:
    """When a measure that nobody confirms lapses (life_cycle.json: clock REVIEW_MEASURE)."""
    found = term("REVIEW_MEASURE", sub.opened_by, registry)
    # A measure with an end and no review date lapses at its end; one with neither is refused at the
    # door.
    return None if found is None else found.due


# -- which acts start and stop what ---------------------------------------------------------------


def _starts(code: str, entry: Entry, stream: StreamState, registry: Registry) -> bool:
    check = _STARTS_WHERE.get(code)
    return check is None or check(entry, stream, registry)


def _instance(entry: Entry, stream: StreamState) -> str | None:
    complaint = stream.get(str(entry.act.facts.get("complaint")), "ComplaintReceived")
    return None if complaint is None else complaint.act.facts.get("instance")


def _reporters(stream: StreamState) -> frozenset[str | None]:
    """Tokens of those who reported, None for a report without one."""
    return frozenset(token for _, token in tokens(stream))


def _touches_somebody(entry: Entry, stream: StreamState) -> bool:
    """Whether there is somebody to tell.

    The act names a subject, or an earlier act of the case does.
    """
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
    "NOTIFY_LEAD": lambda e, _s, r: not r.holds(e.act.agency, "LEAD", e.act.occurred_at.date()),
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


def _stops(run: ClockRun, entry: Entry, stream: StreamState) -> bool:
    """Whether this act, one that stops clocks of this code, stops this run."""
    if run.code in OF_SUB_PROCESS:
        return any(m.sub.id == run.sub for m in entry.moved) and not _only_partly(entry)
    check = _STOPS_WHERE.get(run.code)
    return check is None or check(run, entry, stream)


def _only_partly(entry: Entry) -> bool:
    facts = entry.act.facts
    return facts.get("completeness") == "PARTIAL" or (
        entry.act.act == "SanctionExecuted" and facts["status"] == "PARTLY"
    )


def _told_affected(run: ClockRun, entry: Entry, stream: StreamState) -> bool:
    """Named in `about`; a follow-up that names no subject is covered by a notice given after it."""
    if run.act_id in entry.act.facts.get("about", ()):
        return True
    start = stream.entries[run.act_id]
    return start.act.act in _FOLLOW_UPS and start.act.act != "ReviewDecided"


def _told_reporters(run: ClockRun, entry: Entry, stream: StreamState) -> bool:
    """The notice with which every reporter of the case has been told of this or of more."""
    begun = _position(stream, run.act_id)
    told = {
        e.act.facts.get("reporter")
        for e in stream.effective("ReporterInformed")
        if begun < _effect(e) <= _effect(entry) and _covers(e, stream.entries[run.act_id])
    }
    return _reporters(stream) <= told


def _covers(notice: Entry, start: Entry) -> bool:
    about = notice.act.facts.get("about")
    if start.act.act in ("ReferralSent", "CriminalReferralSent"):
        return about != "RECEIPT"
    return about in ("RESULT", "REVIEW")


def _effect(entry: Entry) -> int:
    return entry.effect.seq if entry.effect is not None else 0


def _position(stream: StreamState, act_id: str) -> int:
    return _effect(stream.entries[act_id])


_STOPS_WHERE: Final[Mapping[str, Callable[[ClockRun, Entry, StreamState], bool]]] = {
    "INFORM_AFFECTED": _told_affected,
    "INFORM_REPORTER": _told_reporters,
    "COMPLAINT_LODGE": lambda run, e, _s: e.act.facts.get("against") == run.act_id,
    "COMPLAINT_LODGE_SECOND": lambda run, e, _s: (
        run.act_id in (e.act.facts.get("earlier"), e.act.facts.get("against"))
    ),
    "DIRECTION_CONFIRM": lambda run, e, _s: (
        e.act.corrects == run.act_id and e.act.facts.get("mark") == "WRITTEN_CONFIRMATION"
    ),
    "STATISTICS_ANSWER": lambda run, e, _s: e.act.facts.get("request") in (None, run.act_id),
    "BREAK_GLASS_REVIEW": lambda run, e, _s: e.act.facts.get("opened") == run.act_id,
    "SECRET_NOTICE": lambda run, e, s: (
        e.act.facts.get("result_ref") == run.act_id
        or s.get(str(e.act.facts.get("result_ref"))) is None
    ),
}


# -- the runs -------------------------------------------------------------------------------------


def clock_runs(
    stream: StreamState, registry: Registry, at: datetime, cases: Cases | None = None
) -> list[ClockRun]:
    """Every run of every clock of a stream, as each stands at this instant.

    In the order they began.

    Args:
        stream: The fold.
        registry: Rules and holidays by the day of the starting act.
        at: The instant looked from.
        cases: Reports of article 9, which stand in programme streams and stop STATISTICS_RESTATE;
            None: that clock is shown as it would run without them.
    """
    types = load_catalogue().types
    runs: list[ClockRun] = []
    for entry in stream.effective():
        kind = types.get(entry.act.act)
        if kind is None:
            continue
        _stop(runs, kind.stops, entry, stream)
        for code in kind.starts:
            started = _begin(code, entry, stream, registry)
            if started is not None:
                _replace(runs, started, entry)
                runs.append(started)
    for run in runs:
        if run.status == "RUNNING":
            run.status = _status(run, at)
    if cases is not None:
        _stop_restated(runs, stream, cases)
    return runs


def running(
    stream: StreamState, registry: Registry, at: datetime, cases: Cases | None = None
) -> list[ClockRun]:
    """The runs that still run at this instant; a window that is over is none of them.

    Args: as for `clock_runs`.
    """
    return [run for run in clock_runs(stream, registry, at, cases) if run.live]


def _stop_restated(runs: Iterable[ClockRun], stream: StreamState, cases: Cases) -> None:
    """STATISTICS_RESTATE is over as soon as no report counts the case as it was (article 9)."""
    for run in runs:
        waits = run.code == "STATISTICS_RESTATE" and run.live
        if waits and not unrestated(stream, cases, stream.entries[run.act_id]):
            run.status = "STOPPED"


def _begin(code: str, entry: Entry, stream: StreamState, registry: Registry) -> ClockRun | None:
    if not _starts(code, entry, stream, registry):
        return None
    found = term(code, entry, registry)
    if found is None:
        return None
    sub = entry.moved[0].sub.id if code in OF_SUB_PROCESS and entry.moved else None
    return ClockRun(
        code,
        entry.act.act_id,
        found.start,
        found.due,
        found.alarm,
        "RUNNING",
        found.source,
        found.kind,
        found.certainty,
        sub,
    )


def _stop(
    runs: Iterable[ClockRun], codes: Sequence[str], entry: Entry, stream: StreamState
) -> None:
    closed = {m.sub.id for m in entry.moved if m.after not in OPEN_STATES[m.sub.name]}
    for run in runs:
        if run.status != "RUNNING":
            continue
        ended = run.sub in closed and run.code != "EXPLANATION"
        if ended or (run.code in codes and _stops(run, entry, stream)):
            run.status = "STOPPED"
            run.stopped_by, run.stopped_at = entry.act.act_id, entry.act.occurred_at


def _replace(runs: Iterable[ClockRun], started: ClockRun, entry: Entry) -> None:
    for run in runs:
        if (
            run.status == "RUNNING"
            and run.code == started.code
            and run.sub is not None
            and run.sub == started.sub
        ):
            run.status = "EXTENDED"
            run.stopped_by, run.stopped_at = entry.act.act_id, entry.act.occurred_at


def _status(run: ClockRun, at: datetime) -> Status:
    if run.due is None:
        return "NONE_STATED"
    if at > run.due:
        return "ENDED" if run.code in WINDOWS else "OVERDUE"
    if at.astimezone(VIETNAM).date() == local_day(run.due):
        return "DUE"
    return "NEAR" if run.due - at <= NEAR_BEFORE else "RUNNING"


def changes(runs: Iterable[ClockRun], at: datetime) -> Iterator[datetime]:
    """Instants after `at` at which the status of one of these runs changes or its alarm sounds."""
    for run in runs:
        if not run.live:
            continue
        for instant in _thresholds(run):
            if instant > at:
                yield instant


def _thresholds(run: ClockRun) -> Iterator[datetime]:
    if run.alarm is not None:
        yield run.alarm
    if run.due is not None:
        yield run.due - NEAR_BEFORE
        yield datetime.combine(local_day(run.due), datetime.min.time(), VIETNAM)
        yield run.due + timedelta(seconds=1)
