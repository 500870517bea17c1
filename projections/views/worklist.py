"""View `worklist`: what waits for an officer or an agency, by which clock (http.md §4).

Nothing closes, lapses or is assigned by itself: a task is read off the fold, and goes when an act
makes it go. A passed limit is shown, never acted on.
"""

# ruff: noqa: S608 - pieces of SQL are constants of this file (LiteralString)
from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any, Final, LiteralString
from uuid import UUID

from psycopg.rows import class_row

from ledger.regulation.acts.act import ORDINARY
from ledger.regulation.acts.lifecycle import ENDED
from ledger.regulation.case.clocks import WINDOWS, ClockRun, asked, due_status, running, told_by
from ledger.regulation.case.documents import documents
from ledger.regulation.case.other_cases_port import REPORTS, Cases
from ledger.regulation.case.reading import time_of
from ledger.regulation.case.state import Entry, StreamState
from ledger.regulation.participation.units import own_part, units
from ledger.regulation.registry.calendar import VIETNAM, local_day
from ledger.regulation.registry.registry import Registry
from ledger.streams.names import is_case
from ledger.streams.stream import NIL_UNIT
from projections.fold.fold import last_recorded
from projections.fold.step import Step
from projections.views.base import Connection, Cursor, live, through_all
from projections.views.disputed import DisputedCase
from projections.views.new_rows import NewRows

NAME: Final = "worklist"
SIGN: Final = "SIGN"
SIGN_LATER: Final = "SIGN_LATER"
STARTED: Final = "STARTED"
"""The author's, with agency, post and role of whoever signs next."""
LEFT: Final = "LEFT"
SHUT_OUT: Final = "SHUT_OUT"
"""Why somebody's signature is waited for in vain; no row of the view: days and terms pass."""
RETURNED: Final = "RETURNED"
CLOCK: Final = "CLOCK"
ACCEPT: Final = "ACCEPT"
OPEN_CASE: Final = "OPEN_CASE"
HOLDING: Final = "HOLDING"
AWAITED: Final = "AWAITED"
DISPUTED: Final = "DISPUTED"
"""Whom it is told holds no row of the view: which key is trusted follows from the registry."""

#: Powers whose holders are told wherever their post is: an auditor of an emergency at once (A19).
TOLD: Final[Mapping[str, Sequence[str]]] = {"BREAK_GLASS_REVIEW": ("AUDITOR",)}

_CLEAR: Final[LiteralString] = "DELETE FROM proj.tasks WHERE gen = %s AND stream = ANY (%s)"
_RESTATE: Final[LiteralString] = """
SELECT DISTINCT stream FROM proj.tasks WHERE gen = %s AND code = 'STATISTICS_RESTATE'
"""
_PUT: Final = NewRows(
    "tasks",
    (
        "gen smallint", "stream text", "comp uuid", "unit uuid", "n int", "kind text",
        "act_id uuid",
        "act text", "officer text", "agency text", "role text", "power text",
        "code text", "sub text",
        "started_at timestamptz", "due_at timestamptz", "alarm_at timestamptz", "source text",
        "source_kind text", "certainty text", "case_number text", "register_no text",
        "state text", "last_at timestamptz", "post text", "waits_for text",
    ),
)  # fmt: skip
_LIVE: Final = live(NAME)
#: Whoever was sent an act is told what waits by it, and the case's number, by which a letter is
#: answered; not how the rest of the case goes on, nor what its intake was called: the row of its
#: file is for those alone who see it whole. Asked once: each naming of it would make the set of
#: what is seen anew.
_TASKS: Final[LiteralString] = (
    "SELECT kind, tasks.stream, act_id::text, act, officer, agency, role, power, code, sub,"
    " started_at, due_at, alarm_at, source, source_kind, certainty, case_number,"
    " CASE WHEN f.whole THEN register_no END AS register_no,"
    " CASE WHEN f.whole THEN state END AS state,"
    " CASE WHEN f.whole THEN tasks.last_at END AS last_at, post, waits_for, f.title"
    " FROM proj.tasks LEFT JOIN LATERAL (SELECT true AS whole, f.title FROM proj.case_file f"
    " WHERE f.stream = tasks.stream AND f." + live("case_file") + " OFFSET 0) f ON true"
    " WHERE tasks." + _LIVE
)
_OF_OFFICER: Final[LiteralString] = _TASKS + " AND officer = %s"
_OF_AGENCIES: Final[LiteralString] = _TASKS + " AND agency = ANY (%s)"
_OF_POWERS: Final[LiteralString] = _TASKS + " AND power = ANY (%s)"


class Worklist:
    """The view `worklist`."""

    name = NAME
    schema: LiteralString = "proj"
    tables: tuple[LiteralString, ...] = ("tasks",)
    flags = False

    def batch(self, cursor: Cursor, gen: int) -> WorklistBatch:
        """Begins a batch."""
        return WorklistBatch(cursor, gen)


class WorklistBatch:
    """Streams touched by a batch; their tasks are written anew."""

    def __init__(self, cursor: Cursor, gen: int) -> None:
        self._cursor = cursor
        self._gen = gen
        self._touched: dict[str, StreamState] = {}
        self._step: Step | None = None

    def take(self, step: Step) -> None:
        """Gathers the stream of one record."""
        self._step = step
        reports = step.effect and step.entry is not None and step.entry.act.act in REPORTS
        if step.renames or reports:
            self.write()
        if step.own:
            self._touched[step.stream.name] = step.stream
        for stream in step.refolded.values():
            self._touched[stream.name] = stream
        if reports:
            self._restate(step)

    def _restate(self, step: Step) -> None:
        """A report may end the task to restate it in any case that has one (article 9)."""
        for (name,) in self._cursor.execute(_RESTATE, [self._gen]).fetchall():
            if step.share.owns(name):
                self._touched[name] = step.load(name)

    def write(self) -> None:
        """Replaces the tasks of every stream touched."""
        if not self._touched or self._step is None:
            return
        registry, at = self._step.registry, self._step.opened.recorded_at
        self._cursor.execute(_CLEAR, [self._gen, list(self._touched)])
        rows = []
        for stream in self._touched.values():
            comp, whole = self._step.comp(stream.name), own_part(stream, self._step.level)
            last, stood = last_recorded(stream) or at, last_recorded(whole) or at
            named, own = units(stream, self._step.level), comp if is_case(stream.name) else NIL_UNIT
            found = list(tasks_of(whole, registry, stood, self._step.cases))
            if named:  # and what waits by an annex, for whom it is named to
                every = tasks_of(stream, registry, last, self._step.cases)
                found += [task for task in every if task.entry.act.act_id in named]
            for n, task in enumerate(found):
                unit = named.get(task.entry.act.act_id)
                place = (self._gen, stream.name, comp, own if unit is None else UUID(unit), n)
                numbered = self._step.level == ORDINARY  # else access.md G15
                rows.append((*place, *_columns(whole, task, stood, numbered=numbered)))
        _PUT.put(self._cursor, rows)
        self._touched = {}


@dataclass(frozen=True, slots=True)
class _Task:
    kind: str
    entry: Entry
    officer: str | None = None
    agency: str | None = None
    role: str | None = None
    power: str | None = None
    run: ClockRun | None = None
    ends: datetime | None = None
    post: str | None = None
    waits_for: str | None = None

    @property
    def due(self) -> datetime | None:
        """When it is due, or is over."""
        return self.ends if self.run is None else self.run.due


def tasks_of(
    stream: StreamState, registry: Registry, at: datetime, cases: Cases | None = None
) -> Iterator[_Task]:
    """What a stream asks of whom, as of its newest record and the reports of article 9 by then."""
    yield from _signatures(stream)
    handler = stream.handler(registry, local_day(at)) if stream.kind == "case" else None
    busy = False
    for run in running(stream, registry, at, cases):
        if run.code in WINDOWS:
            continue
        start, bodies = stream.entries[run.act_id], asked(run, stream, handler)
        for agency in bodies:
            busy = busy or agency == handler
            yield _Task(CLOCK, told_by(run, stream, agency), agency=agency, run=run)
        if handler is not None and handler not in bodies:  # the holder waits for them
            for agency in bodies:
                yield _Task(AWAITED, start, agency=handler, run=run, waits_for=agency)
        for power in TOLD.get(run.code, ()):
            yield _Task(CLOCK, start, power=power, run=run)
    yield from _referrals(stream)
    if handler is not None and not busy and stream.state not in ENDED:
        last = stream.state_since or next(iter(stream.entries.values()))
        yield _Task(OPEN_CASE, last, agency=handler)
    yield from _held(stream, at)


def _held(stream: StreamState, at: datetime) -> Iterator[_Task]:
    """Documents, to whom each is named: they are to know before it ends (access.md A7, A13)."""
    for document in documents(stream):
        for holder in document.holders:
            ends = time_of(holder.until)
            if holder.ended_by is None and ends is not None and at < ends:
                yield _Task(HOLDING, stream.entries[holder.via], holder.officer, ends=ends)


def _signatures(stream: StreamState) -> Iterator[_Task]:
    for entry in stream.pending.values():
        for turn, signer in enumerate(entry.waiting_for):
            kind = SIGN_LATER if turn else SIGN
            yield _Task(
                kind, entry, signer.officer, entry.act.agency, signer.role, post=signer.post
            )
        began, turn_of = entry.act.author.officer, entry.waiting_for[0]
        yield _Task(STARTED, entry, began, entry.act.agency, turn_of.role, post=turn_of.post)
    for entry in stream.entries.values():
        by = entry.returned_by
        sent_back = by is not None and by.act.act == "ActReturned"
        if sent_back and not _made_again(entry, stream):
            author = entry.act.author
            yield _Task(RETURNED, entry, author.officer, entry.act.agency, post=author.post)


def _referrals(stream: StreamState) -> Iterator[_Task]:
    for sub in stream.subs_in("referral", "SENT"):
        for agency in sub.opened_by.act.to:
            yield _Task(ACCEPT, sub.opened_by, agency=agency)


def _made_again(entry: Entry, stream: StreamState) -> bool:
    """Whether the author has since brought in another act of the type that was returned."""
    return any(
        later.number > entry.number
        and later.act.act == entry.act.act
        and later.act.author.officer == entry.act.author.officer
        for later in stream.entries.values()
    )


def _columns(
    stream: StreamState, task: _Task, last: datetime, *, numbered: bool
) -> tuple[Any, ...]:
    run, act = task.run, task.entry.act
    registered = stream.last("CaseRegistered") if numbered else None
    return (
        task.kind,
        UUID(act.act_id),
        act.act,
        task.officer,
        task.agency,
        task.role,
        task.power,
        None if run is None else run.code,
        None if run is None else run.sub,
        act.occurred_at if run is None else run.started_at,
        task.due,
        None if run is None else run.alarm,
        None if run is None else run.source,
        None if run is None else run.kind,
        None if run is None else run.certainty,
        None if registered is None else registered.register_number,
        stream.intake[0].register_number if numbered and stream.intake else None,
        stream.state,
        last,
        task.post if numbered else None,
        task.waits_for,
    )


# -- reading -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TaskRow:
    """One thing that waits. `status` is how its clock stands at the instant it was read.

    `next` is who signs next, of what waits for others to sign; `in_vain` why that is in vain.
    """

    kind: str
    stream: str
    act_id: str
    act: str
    officer: str | None
    agency: str | None
    role: str | None
    power: str | None
    code: str | None
    sub: str | None
    started_at: datetime | None
    due_at: datetime | None
    alarm_at: datetime | None
    source: str | None
    source_kind: str | None
    certainty: str | None
    case_number: str | None
    register_no: str | None
    state: str | None
    last_at: datetime | None
    post: str | None
    waits_for: str | None
    title: str | None
    next: str | None = None
    in_vain: str | None = None

    def status(self, at: datetime) -> str:
        """NONE_STATED, RUNNING, NEAR, DUE or OVERDUE; ALARM where only a reminder has passed."""
        if self.due_at is None:
            alarmed = self.alarm_at is not None and at > self.alarm_at
            return "ALARM" if alarmed else "NONE_STATED"
        return due_status(self.due_at, at)


@dataclass(frozen=True, slots=True)
class Tasks:
    """A worklist, each part in the order in which it presses.

    Attributes:
        sign: Waits for the officer's signature now.
        later: Will wait for it once others have signed.
        returned: Came back to its author.
        started: The officer began it, and it waits for others' signatures.
        overdue: A limit has passed.
        due: Ends today or within two days.
        running: Has a limit further off, or only a reminder, or none stated.
        referrals: Sent to the agency and not accepted yet.
        cases: Cases the agency holds in which nothing else asks for it.
        held: Documents that the officer holds by name, until their end is near.
        awaited: What other bodies are asked in cases that the agency holds.
        disputed: Cases with signatures of a revoked key that a supervisor has not signed off since.
    """

    sign: list[TaskRow] = field(default_factory=list)
    later: list[TaskRow] = field(default_factory=list)
    returned: list[TaskRow] = field(default_factory=list)
    started: list[TaskRow] = field(default_factory=list)
    overdue: list[TaskRow] = field(default_factory=list)
    due: list[TaskRow] = field(default_factory=list)
    running: list[TaskRow] = field(default_factory=list)
    referrals: list[TaskRow] = field(default_factory=list)
    cases: list[TaskRow] = field(default_factory=list)
    held: list[TaskRow] = field(default_factory=list)
    awaited: list[TaskRow] = field(default_factory=list)
    disputed: list[TaskRow] = field(default_factory=list)

    def every(self) -> Iterator[TaskRow]:
        """Each of them, part by part."""
        for part in fields(self):
            yield from getattr(self, part.name)


def disputed_case(found: DisputedCase, agency: str, revoked_at: datetime) -> TaskRow:
    """A case with a disputed signature, told to the supervisors of an agency."""
    return TaskRow(
        kind=DISPUTED,
        stream=found.stream,
        act_id=found.act_id,
        act=found.act,
        officer=None,
        agency=agency,
        role=None,
        power=None,
        code=None,
        sub=None,
        started_at=revoked_at,
        due_at=None,
        alarm_at=None,
        source=None,
        source_kind=None,
        certainty=None,
        case_number=found.case_number,
        register_no=found.register_no,
        state=found.state,
        last_at=found.last_at,
        post=None,
        waits_for=None,
        title=found.title,
    )


def worklist(
    connection: Connection,
    officer: str,
    agencies: Collection[str],
    of_others: Callable[[TaskRow], bool],
    powers: Collection[str],
    at: datetime,
) -> Tasks:
    """What waits for an officer and the agencies the officer acts for.

    Args:
        connection: As reader.
        officer: Officer id.
        agencies: As tasks name them, those that the officer acts for today (themselves, or as who
            carries on for them).
        of_others: Whether what waits for another officer of these agencies is asked for too.
        powers: Of the officer's posts today.
        at: How late a task is, is judged by this instant.
    """
    with connection.cursor(row_factory=class_row(TaskRow)) as cursor:
        own = cursor.execute(_OF_OFFICER, [officer]).fetchall()
    through_all(connection)
    with connection.cursor(row_factory=class_row(TaskRow)) as cursor:
        others = cursor.execute(_OF_AGENCIES, [list(agencies)]).fetchall()
        told = {one for named in TOLD.values() for one in named}.intersection(powers)
        if told:
            own += cursor.execute(_OF_POWERS, [list(told)]).fetchall()
    own += [
        task
        for task in others
        if task.officer is None or (task.officer != officer and of_others(task))
    ]
    signs = {(one.stream, one.act_id): one.officer for one in others if one.kind == SIGN}
    return _sorted([_waiting(task, signs) for task in own], at)


def _waiting(task: TaskRow, signs: Mapping[tuple[str, str], str | None]) -> TaskRow:
    """With who signs next, where others sign."""
    if task.kind == STARTED:
        return replace(task, next=signs.get((task.stream, task.act_id)))
    return replace(task, next=task.officer) if task.kind == SIGN else task


_FAR: Final = datetime.max.replace(tzinfo=VIETNAM)


def _sorted(tasks: Sequence[TaskRow], at: datetime) -> Tasks:
    found = Tasks()
    plain = {
        SIGN: found.sign,
        SIGN_LATER: found.later,
        RETURNED: found.returned,
        STARTED: found.started,
        ACCEPT: found.referrals,
        OPEN_CASE: found.cases,
        AWAITED: found.awaited,
    }
    for task in tasks:
        if task.kind == HOLDING and (task.due_at or at) <= at:
            continue  # it is over; another naming may go on
        bucket = plain.get(task.kind)
        if bucket is None:
            bucket = {
                "OVERDUE": found.overdue,
                "DUE": found.due,
                "NEAR": found.due,
            }.get(task.status(at), found.held if task.kind == HOLDING else found.running)
        bucket.append(task)
    for bucket in (*plain.values(), found.overdue, found.due, found.running, found.held):
        bucket.sort(key=lambda t: (t.due_at or t.alarm_at or _FAR, t.started_at or _FAR, t.stream))
    return found
