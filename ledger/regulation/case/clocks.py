"""Clocks: which time limits run on a stream, from which act, until when, and how they stand.

A pure reading of the fold: acts start and stop clocks (acts.json, `clock_start_stop.py`), the rule
of the day of the starting act says how long (`clock_terms.py`). Now comes in as `at`; nothing is
recorded when a clock runs out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from ledger.regulation.acts.catalogue import ActType, catalogue_of
from ledger.regulation.acts.lifecycle import OPEN_STATES, life_cycle_of
from ledger.regulation.case.clock_start_stop import OF_SUB_PROCESS, starts, stops
from ledger.regulation.case.counted_reports import unrestated
from ledger.regulation.case.other_cases_port import Cases
from ledger.regulation.case.state import Entry, StreamState
from ledger.regulation.registry.calendar import VIETNAM, local_day
from ledger.regulation.registry.clock_terms import term
from ledger.regulation.registry.registry import Registry

Status = Literal["NONE_STATED", "RUNNING", "NEAR", "DUE", "OVERDUE", "STOPPED", "EXTENDED", "ENDED"]

LIVE: Final = frozenset({"NONE_STATED", "RUNNING", "NEAR", "DUE", "OVERDUE"})
NEAR_BEFORE: Final = timedelta(hours=48)
"""How long before its end a clock is shown as near: a rule of this product, like the alarms."""

#: Windows that a right or a power has: past their end they are over, and nobody is late.
WINDOWS: Final = frozenset(
    {"COMPLAINT_LODGE", "COMPLAINT_LODGE_SECOND", "EXPLANATION", "SANCTION_LIMITATION"}
)

ADDRESSEE: Final = "ADDRESSEE"
"""Asked is whom the letter went to that opened the sub-process, also where another act goes on with
it (an acknowledgement, an acceptance)."""
AUTHOR: Final = "AUTHOR"
"""Asked is the body whose act began it: who received a complaint, who accepted it."""
ASKED: Final = (ADDRESSEE, AUTHOR)
"""What a clock of an edition may say in `asks`; all others ask the holder of the case."""
#: The first edition says it of no clock: this is how it was read, and is read for ever.
_OF_THE_FIRST: Final[Mapping[str, str]] = {
    "ANSWER_VERIFICATION": ADDRESSEE,
    "APPRAISAL_ANSWER": ADDRESSEE,
    "EXPERTISE_ANSWER": ADDRESSEE,
    "SECONDMENT_ANSWER": ADDRESSEE,
    "TAKEDOWN_ANSWER": ADDRESSEE,
    "TECHNICAL_REPORT": ADDRESSEE,
    "PLATFORM_REMOVAL": ADDRESSEE,
    "ACCEPT_REFERRAL": ADDRESSEE,
    "REFERRED_RESULT": ADDRESSEE,
    "CRIME_REPORT": ADDRESSEE,
    "STATISTICS_ANSWER": ADDRESSEE,
    "COMPLAINT_ACCEPT": AUTHOR,
    "COMPLAINT_DECIDE_FIRST": AUTHOR,
    "COMPLAINT_DECIDE_SECOND": AUTHOR,
}
_SEALED: Final = "sealed:"


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


def clock_runs(
    stream: StreamState, registry: Registry, at: datetime, cases: Cases | None = None
) -> list[ClockRun]:
    """Every run of every clock of a stream at this instant, in the order in which they began.

    Args:
        stream: The fold.
        registry: Rules and holidays by the day of the starting act.
        at: The instant looked from.
        cases: Reports of article 9, which stand in programme streams and stop STATISTICS_RESTATE;
            None: that clock is shown as it would run without them.
    """
    runs: list[ClockRun] = []
    still = _Running()
    for entry in stream.effective():
        kind = catalogue_of(entry.edition).types.get(entry.act.act)
        if kind is None:
            continue
        still.stop(kind.stops, entry, stream)
        begun = (
            *(_begin(code, entry, stream, registry) for code in kind.starts),
            *_begin_anew(kind, entry, stream, registry),
        )
        for started in begun:
            if started is not None:
                still.begin(started, entry)
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


def asked(run: ClockRun, stream: StreamState, handler: str | None) -> tuple[str, ...]:
    """Whose move it is: the bodies that a run asks, as acts name them.

    Args:
        run: Of `clock_runs` of that stream.
        stream: The fold.
        handler: Who holds the case.
    """
    entry = stream.entries[run.act_id]
    start = entry.act
    whom = (life_cycle_of(entry.edition).asks or _OF_THE_FIRST).get(run.code)
    if whom == AUTHOR:
        return (start.agency,)
    if whom == ADDRESSEE:
        sub = None if run.sub is None else stream.subs.get(run.sub)
        first = start if sub is None else sub.opened_by.act
        sent = _bodies(first.to)
        if start.agency in sent:  # they go on with what they were sent
            return sent
        others = tuple(to for to in _bodies(start.to) if start is first or to != first.agency)
        if others or sent:
            return others or sent
    return (handler or start.agency,)


def told_by(run: ClockRun, stream: StreamState, body: str) -> Entry:
    """By which act a body that a run asks knows of it: that which began it, or its own letter."""
    start = stream.entries[run.act_id]
    if body == start.act.agency or body in start.act.to or run.sub not in stream.subs:
        return start
    return stream.subs[run.sub].opened_by


def _bodies(addressees: Iterable[str]) -> tuple[str, ...]:
    return tuple(to for to in addressees if not to.startswith(_SEALED))


def _stop_restated(runs: Iterable[ClockRun], stream: StreamState, cases: Cases) -> None:
    """STATISTICS_RESTATE is over as soon as no report counts the case as it was (article 9)."""
    for run in runs:
        waits = run.code == "STATISTICS_RESTATE" and run.live
        if waits and not unrestated(stream, cases, stream.entries[run.act_id]):
            run.status = "STOPPED"


def _begin(code: str, entry: Entry, stream: StreamState, registry: Registry) -> ClockRun | None:
    if not starts(code, entry, stream, registry):
        return None
    sub = entry.moved[0].sub.id if code in OF_SUB_PROCESS and entry.moved else None
    return _run(code, entry, sub, registry)


def _begin_anew(
    kind: ActType, entry: Entry, stream: StreamState, registry: Registry
) -> Iterator[ClockRun | None]:
    """Clocks of the sub-process that the act names, to its own new end (an answer extended)."""
    named = stream.get(str(entry.act.facts.get(kind.restarts))) if kind.restarts else None
    first = None if named is None else catalogue_of(named.edition).types.get(named.act.act)
    if named is None or first is None or named.act.act_id not in stream.subs:
        return
    for code in first.starts:
        if code in OF_SUB_PROCESS:
            yield _run(code, entry, named.act.act_id, registry)


def _run(code: str, entry: Entry, sub: str | None, registry: Registry) -> ClockRun | None:
    found = term(code, entry.act, registry)
    if found is None:
        return None
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


class _Running:
    """Runs that no act has stopped yet, by their clock and by their sub-process.

    An act looks at those that it may stop and at no others: a case may have thousands.
    """

    def __init__(self) -> None:
        self._by_code: dict[str, list[ClockRun]] = {}
        self._by_sub: dict[str, list[ClockRun]] = {}

    def begin(self, started: ClockRun, entry: Entry) -> None:
        """A run begins; one of the same clock and sub-process has been extended by it."""
        if started.sub is not None:
            for run in _kept(self._by_sub, started.sub):
                if run.code == started.code:
                    _end(run, "EXTENDED", entry)
            self._by_sub[started.sub].append(started)
        self._by_code.setdefault(started.code, []).append(started)

    def stop(self, codes: Sequence[str], entry: Entry, stream: StreamState) -> None:
        """Ends what an act stops, and what belongs to a sub-process that it closes."""
        for moved in entry.moved:
            if moved.after not in OPEN_STATES[moved.sub.name]:
                for run in _kept(self._by_sub, moved.sub.id):
                    if run.code != "EXPLANATION":
                        _end(run, "STOPPED", entry)
        for code in codes:
            for run in _kept(self._by_code, code):
                if stops(code, run.act_id, run.sub, entry, stream):
                    _end(run, "STOPPED", entry)


def _kept(runs: dict[str, list[ClockRun]], name: str) -> list[ClockRun]:
    """Those of a name that still run; the others are let go of."""
    runs[name] = [run for run in runs.get(name, ()) if run.status == "RUNNING"]
    return runs[name]


def _end(run: ClockRun, status: Literal["STOPPED", "EXTENDED"], entry: Entry) -> None:
    run.status = status
    run.stopped_by, run.stopped_at = entry.act.act_id, entry.act.occurred_at


def _status(run: ClockRun, at: datetime) -> Status:
    if run.due is None:
        return "NONE_STATED"
    if at > run.due and run.code in WINDOWS:
        return "ENDED"
    return due_status(run.due, at)


def due_status(due: datetime, at: datetime) -> Literal["RUNNING", "NEAR", "DUE", "OVERDUE"]:
    """How something that is due stands at an instant."""
    if at > due:
        return "OVERDUE"
    if local_day(at) == local_day(due):
        return "DUE"
    return "NEAR" if due - at <= NEAR_BEFORE else "RUNNING"


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
