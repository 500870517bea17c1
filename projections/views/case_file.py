"""View `case_file`: one row a case, its file right after its newest statement; and the case list.

A row is a function of the log alone: it is rendered at the time the newest statement was recorded.
What time changes without an act is folded again by the reader from `changes_at` on.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Final, LiteralString
from uuid import UUID

import orjson
from psycopg import sql
from psycopg.rows import class_row

from ledger.regulation.acts.act import ORDINARY
from ledger.regulation.acts.json_shape import parse_time
from ledger.regulation.acts.lifecycle import life_cycle
from ledger.regulation.case.clocks import LIVE, WINDOWS
from ledger.regulation.case.other_cases_port import REPORTS, Cases
from ledger.regulation.case.outcomes import words
from ledger.regulation.case.state import StreamState
from ledger.regulation.case_file.flags import DISPUTED
from ledger.regulation.case_file.render import case_file, case_file_until
from ledger.regulation.participation.units import own_part
from ledger.regulation.registry.calendar import VIETNAM
from ledger.regulation.registry.registry import Registry
from projections.fold.fold import last_recorded
from projections.fold.statement_check import WAYS_ON
from projections.fold.step import Step
from projections.views import disputed, search_terms
from projections.views.base import Connection, Cursor, by_values, live, through_all
from projections.views.disputed import Dispute
from projections.views.new_rows import NewRows
from projections.views.statistics.behind import Behind

NAME: Final = "case_file"
_CLEAR: Final[LiteralString] = """
DELETE FROM proj.case_file WHERE gen = %s AND stream = ANY (%s)
RETURNING stream, raised::text, first_index, last_index
"""
_PUT: Final = NewRows(
    "case_file",
    (
        "gen smallint", "stream text", "comp uuid", "case_id uuid", "body json", "raised json",
        "at timestamptz", "changes_at timestamptz", "first_index bigint", "last_index bigint",
        "seq bigint", "state text", "outcome text", "agency text", "agencies text[]",
        "acts text[]", "flags text[]", "case_number text", "register_no text", "title text",
        "handler_label text", "opened_at timestamptz", "last_at timestamptz",
        "due_at timestamptz", "words tsvector",
    ),
)  # fmt: skip
RESTATED: Final = "STATISTICS_RESTATED"
"""A flag that a report in another stream may end: a file that had it is folded again when read."""


class CaseFiles:
    """The view `case_file`."""

    name = NAME
    schema: LiteralString = "proj"
    tables: tuple[LiteralString, ...] = ("case_file",)
    flags = True

    def batch(self, cursor: Cursor, gen: int) -> CaseFileBatch:
        """Begins a batch."""
        return CaseFileBatch(cursor, gen)


@dataclass(slots=True)
class _Touched:
    """A case with something new: its fold, its first and its newest record of those that came by.

    Above ordinary what is of a named unit is no record of it: it has a hand in no row that whoever
    takes part in the case is shown (access.md A1).
    """

    stream: StreamState
    first: int | None
    last: int | None
    raised: dict[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class _Before:
    """What the row of a case said: flags by act, its first record and its newest one."""

    raised: Mapping[str, Sequence[str]]
    first: int
    last: int


def _begun(stream: StreamState) -> bool:
    """Whether there is a case: one that nobody began holds nothing but what is set aside."""
    if not stream.aside and not stream.entries:
        return True  # all of it is erased
    return any(entry.act.act not in WAYS_ON for entry in stream.entries.values())


class CaseFileBatch:
    """Cases touched by a batch; each is rendered once, before anything is called otherwise."""

    def __init__(self, cursor: Cursor, gen: int) -> None:
        self._cursor = cursor
        self._gen = gen
        self._touched: dict[str, _Touched] = {}
        self._step: Step | None = None

    def take(self, step: Step) -> None:
        """Gathers the case of one record."""
        self._step = step
        if step.renames or step.revokes or (step.effect and _is_report(step)):
            self.write()
        self._touch(step)
        for index, stream in step.refolded.items():
            if stream.kind == "case":
                self._mark(stream, index if step.level == ORDINARY else None)

    def _touch(self, step: Step) -> None:
        if step.stream.kind != "case" or not step.owns(step.stream.name):
            return
        touched = self._mark(step.stream, step.opened.index if step.of_whole else None)
        touched.last = step.opened.index if step.of_whole else touched.last
        if step.flags and step.entry is not None:
            touched.raised[step.entry.act.act_id] = step.flags

    def _mark(self, stream: StreamState, index: int | None) -> _Touched:
        touched = self._touched.get(stream.name)
        if touched is None:
            touched = self._touched[stream.name] = _Touched(stream, index, index, {})
        touched.stream = stream
        if touched.first is None:
            touched.first = touched.last = index
        return touched

    def write(self) -> None:
        """Renders and writes the cases gathered so far."""
        if not self._touched or self._step is None:
            return
        before = self._cleared()
        rows = [
            self._row(touched, kept)
            for name, touched in self._touched.items()
            if (kept := _kept(touched, before.get(name))) is not None and _begun(touched.stream)
        ]
        _PUT.put(self._cursor, rows)
        self._touched = {}

    def _cleared(self) -> dict[str, _Before]:
        """What is kept of the rows that are written anew."""
        found = self._cursor.execute(_CLEAR, [self._gen, list(self._touched)]).fetchall()
        return {
            name: _Before(orjson.loads(raised), first, last) for name, raised, first, last in found
        }

    def _row(self, touched: _Touched, before: _Before) -> tuple[Any, ...]:
        assert self._step is not None  # noqa: S101 - set by `take`, and `write` asks
        registry = self._step.registry
        stream = own_part(touched.stream, self._step.level)
        raised = {**before.raised, **touched.raised}
        known = {act: codes for act, codes in raised.items() if act in stream.entries}
        flags = {code for codes in known.values() for code in codes}
        at = last_recorded(stream) or self._step.opened.recorded_at
        body, until = case_file_until(stream, known, registry, at, self._step.cases)
        if self._step.level != ORDINARY:
            return self._bare_row(stream, before, body, at)
        return (
            self._gen,
            stream.name,
            self._step.comp(stream.name),
            UUID(stream.name.partition("/")[2]),
            orjson.dumps(body).decode(),
            orjson.dumps(known).decode(),
            at,
            at if RESTATED in flags else until,
            before.first,
            before.last,
            stream.seq,
            *_columns(stream, body),
            sorted(flags),
            *_numbers(body),
            at,
            _due(body),
            search_terms.vector(search_terms.searchable(stream, registry)),
        )

    def _bare_row(
        self, stream: StreamState, before: _Before, body: Mapping[str, Any], at: datetime
    ) -> tuple[Any, ...]:
        """Above ordinary: where a case stands and whose it is (access.md G15).

        Its file is folded when it is read: the one stored reads otherwise from the first instant
        on, so nobody is given it.
        """
        assert self._step is not None  # noqa: S101 - as in `_row`
        state, outcome, agency, agencies, _ = _columns(stream, body)
        return (
            self._gen,
            stream.name,
            self._step.comp(stream.name),
            UUID(stream.name.partition("/")[2]),
            "{}",
            "{}",
            at,
            at,
            before.first,
            before.last,
            stream.seq,
            state,
            outcome,
            agency,
            agencies,
            [],
            [],
            None,
            None,
            None,
            None,
            _numbers(body)[-1],
            at,
            _due(body),
            "",
        )


def _kept(touched: _Touched, before: _Before | None) -> _Before | None:
    """What the row goes on from; None where nothing that it is made of has come by."""
    if before is None:
        if touched.first is None or touched.last is None:
            return None
        return _Before({}, touched.first, touched.last)
    return before if touched.last is None else replace(before, last=max(before.last, touched.last))


def bare_line(line: Mapping[str, Any]) -> dict[str, Any]:
    """A line of `line_then` as the view has it above ordinary."""
    nothing = dict.fromkeys(("case_number", "register_no", "title", "handler_label"))
    return {**line, **nothing, "acts": [], "flags": [], "words": ""}


def _is_report(step: Step) -> bool:
    return step.entry is not None and step.entry.act.act in REPORTS


def _columns(stream: StreamState, body: Mapping[str, Any]) -> tuple[Any, ...]:
    handler = body["handler"]
    names = {stream.handler_raw, None if handler is None else handler["agency"]}
    return (
        stream.state,
        stream.outcome,
        None if handler is None else handler["agency"],
        sorted(name for name in names if name is not None),
        sorted({entry.act.act for entry in stream.effective()}),
    )


def _numbers(body: Mapping[str, Any]) -> tuple[Any, ...]:
    handler, opened = body["handler"], body["opened_at"]
    return (
        body["case_number"],
        body["register_no"],
        body.get("title"),
        None if handler is None else handler["label"],
        None if opened is None else parse_time(opened),
    )


def _due(body: Mapping[str, Any]) -> datetime | None:
    """The nearest end of a clock that asks somebody for something, as in the worklist.

    Only an act of the case changes it: what is overdue stays due, and windows ask nobody.
    """
    ends = [
        parse_time(clock["due"])
        for clock in body["clocks"]
        if clock["due"] is not None and clock["status"] in LIVE and clock["code"] not in WINDOWS
    ]
    return min(ends, default=None)


# -- reading -----------------------------------------------------------------------------------

_LIVE: Final = live(NAME)
_LINE: Final[LiteralString] = (
    "SELECT case_id::text AS id, stream, state, outcome, agency, case_number, opened_at, last_at,"
    " due_at, flags, last_index, seq, register_no, title, handler_label, changes_at FROM "
)
_LIST: Final[LiteralString] = _LINE + "proj.case_file WHERE " + _LIVE
_NUMBER: Final[LiteralString] = (
    _LIST + " AND (case_number = %(number)s OR register_no = %(number)s)"
    " AND (%(agency)s::text IS NULL OR %(agency)s = ANY (agencies)) ORDER BY last_index DESC"
)
_STREAMS: Final[LiteralString] = "SELECT stream FROM "
_FIRST: Final = UUID(int=0)
"""Before every id of a case."""
_SCOPE: Final[LiteralString] = (
    _STREAMS  # noqa: S608  a constant
    + "proj.case_file WHERE "
    + _LIVE
    + " AND case_id > %(after)s AND last_index > %(behind)s AND first_index <= %(upto)s"
    " AND (%(agency)s::text IS NULL OR agencies @> ARRAY[%(agency)s]::text[])"
    " AND (%(kid)s::text IS NULL OR stream IN (SELECT d.stream FROM proj.acts d WHERE d."
    + live("acts")
    + " AND d.kid = %(kid)s)) ORDER BY case_id LIMIT %(limit)s"
)
_ASKED: Final[LiteralString] = (
    "SELECT case_id, stream, state, outcome, agency, agencies, acts, flags, case_number,"
    " register_no, title, handler_label, opened_at, last_at, due_at, words, first_index,"
    " last_index, seq, changes_at FROM "
)
#: The same at a snapshot: cases with newer records come as they stood, by `%(then)s`.
_LIST_THEN: Final[LiteralString] = (
    _LINE + "(" + _ASKED + "proj.case_file WHERE " + _LIVE + " AND last_index <= %(snapshot)s"
    " UNION ALL "
    + _ASKED
    + """jsonb_to_recordset(%(then)s::jsonb) AS stood (case_id uuid, stream text, state text,
    outcome text, agency text, agencies text[], acts text[], flags text[], case_number text,
    register_no text, title text, handler_label text, opened_at timestamptz, last_at timestamptz,
    due_at timestamptz, words tsvector, first_index bigint, last_index bigint, seq bigint,
    changes_at timestamptz)) listed WHERE true"""
)
#: When a case began; where its first report is erased, its newest act. Never NULL, for the pages.
_BEGAN: Final[LiteralString] = "coalesce(opened_at, last_at)"
#: A case without a deadline, or without a number, is behind those that have one.
_ENDS: Final[LiteralString] = "coalesce(due_at, 'infinity')"
_AFTER_END: Final[LiteralString] = "coalesce(%(after)s::timestamptz, 'infinity')"
_NUMBER_ORDERED: Final = 64
"""Characters of a number by which a list is ordered, as its index is."""
_BEGINNING: Final[LiteralString] = "left(coalesce(case_number, ''), 64)"
_NUMBERED: Final[LiteralString] = "case_number IS NULL, " + _BEGINNING
_NUMBERED_DOWN: Final[LiteralString] = "case_number IS NULL DESC, " + _BEGINNING + " DESC"
_AFTER_NUMBER: Final[LiteralString] = "%(after)s::text IS NULL, coalesce(%(after)s::text, '')"
_ORDER: Final[Mapping[str, tuple[LiteralString, LiteralString]]] = {
    # sort: (condition behind a row, order)
    "opened_at": (
        " AND (" + _BEGAN + ", case_id) > (%(after)s, %(after_id)s)",
        " ORDER BY " + _BEGAN + ", case_id",
    ),
    "-opened_at": (
        " AND (" + _BEGAN + ", case_id) < (%(after)s, %(after_id)s)",
        " ORDER BY " + _BEGAN + " DESC, case_id DESC",
    ),
    "last_act": (
        " AND (last_at, case_id) > (%(after)s, %(after_id)s)",
        " ORDER BY last_at, case_id",
    ),
    "-last_act": (
        " AND (last_at, case_id) < (%(after)s, %(after_id)s)",
        " ORDER BY last_at DESC, case_id DESC",
    ),
    "due": (
        " AND (" + _ENDS + ", case_id) > (" + _AFTER_END + ", %(after_id)s)",
        " ORDER BY " + _ENDS + ", case_id",
    ),
    "-due": (
        " AND (" + _ENDS + ", case_id) < (" + _AFTER_END + ", %(after_id)s)",
        " ORDER BY " + _ENDS + " DESC, case_id DESC",
    ),
    "case_number": (
        " AND (" + _NUMBERED + ", case_id) > (" + _AFTER_NUMBER + ", %(after_id)s)",
        " ORDER BY " + _NUMBERED + ", case_id",
    ),
    "-case_number": (
        " AND (" + _NUMBERED + ", case_id) < (" + _AFTER_NUMBER + ", %(after_id)s)",
        " ORDER BY " + _NUMBERED_DOWN + ", case_id DESC",
    ),
}
SORTS: Final = tuple(_ORDER)
_CONDITIONS: Final[Mapping[str, LiteralString]] = {
    "agency": " AND agencies @> ARRAY[%(agency)s]::text[]",
    "outcome": " AND outcome = %(outcome)s",
    "act": " AND acts @> ARRAY[%(act)s]::text[]",
    "flag": " AND flags @> ARRAY[%(flag)s]::text[]",
    "disputed": disputed.IN_CASE,
    "due_before": " AND " + _ENDS + " < %(due_before)s",
    "opened_from": " AND opened_at IS NOT NULL AND " + _BEGAN + " >= %(opened_from)s",
    "opened_to": " AND opened_at IS NOT NULL AND " + _BEGAN + " < %(opened_to)s",
    "begins": " AND starts_with(stream, %(begins)s)",
    "question": " AND words @@ %(question)s::tsquery",
}
_ASKED_AFTER_POLICY: Final = ("agency", "act", "flag", "disputed", "begins", "question")
#: What few rows may have, or many.
_ASKED_BY_VALUE: Final = ("outcome", "due_before", "opened_from", "opened_to")
_SORT_COLUMN: Final = {
    "opened_at": "opened_at",
    "last_act": "last_at",
    "due": "due_at",
    "case_number": "case_number",
}


@dataclass(frozen=True, slots=True)
class CaseLine:
    """One line of the case list."""

    id: str
    stream: str
    state: str | None
    outcome: str | None
    agency: str | None
    case_number: str | None
    opened_at: datetime | None
    last_at: datetime
    due_at: datetime | None
    flags: list[str]
    last_index: int
    seq: int
    register_no: str | None
    title: str | None
    handler_label: str | None
    changes_at: datetime | None

    @property
    def state_vi(self) -> str | None:
        """Name of the state in Vietnamese."""
        return life_cycle().labels.get(self.state or "", (None, None))[0]

    @property
    def state_en(self) -> str | None:
        """Name of the state in English."""
        return life_cycle().labels.get(self.state or "", (None, None))[1]

    @property
    def outcome_vi(self) -> str | None:
        """The outcome in Vietnamese."""
        return None if self.outcome is None else words(self.outcome).vi

    @property
    def outcome_en(self) -> str | None:
        """The outcome in English."""
        return None if self.outcome is None else words(self.outcome).en

    def key(self, sort: str) -> tuple[Any, str]:
        """Where a page that ends with this line goes on."""
        column = _SORT_COLUMN[sort.removeprefix("-")]
        value = getattr(self, column)
        if value is None and column == "opened_at":  # `_BEGAN`
            value = self.last_at
        if isinstance(value, str):
            value = value[:_NUMBER_ORDERED]
        return (value.isoformat() if isinstance(value, datetime) else value), self.id


@dataclass(frozen=True, slots=True)
class Filter:
    """What a listing asks for; all given must hold.

    Attributes:
        state: Main state.
        agency: Agency that holds the case, as registered or as it is called when rendered.
        outcome: Outcome.
        act: Has an effective act of this type.
        flag: Has had this flag; of DISPUTED, whether it shows.
        due_before: Has a clock that ends or has ended before this and still asks for something.
        opened_from: First act on this day (in Vietnam) or later.
        opened_to: First act on this day or earlier.
        begins: Id begins so.
        q: Words without regard to tone marks.
        sort: One of `SORTS`.
        behind: Is counted by a figure.
    """

    state: str | None = None
    agency: str | None = None
    outcome: str | None = None
    act: str | None = None
    flag: str | None = None
    due_before: datetime | None = None
    opened_from: date | None = None
    opened_to: date | None = None
    begins: str | None = None
    q: str | None = None
    sort: str = "-last_act"
    behind: Behind | None = None


def numbered(connection: Connection, number: str, agency: str | None) -> list[CaseLine]:
    """Cases that have this number, or came in under it; above ordinary no view holds numbers.

    Args:
        connection: As reader.
        number: As it stands.
        agency: Holds the case, as registered or as it is called when rendered; None: any.
    """
    asked = {"number": number, "agency": agency}
    with connection.cursor(row_factory=class_row(CaseLine)) as cursor:
        return cursor.execute(_NUMBER, asked).fetchall()


def listed(  # noqa: PLR0913 - a question, its parts named
    connection: Connection,
    wanted: Filter,
    *,
    limit: int,
    after: tuple[Any, str] | None = None,
    snapshot: int | None = None,
    then: Sequence[Mapping[str, Any]] = (),
    disputes: Collection[Dispute] = (),
) -> list[CaseLine]:
    """One page of the case list.

    Args:
        connection: As reader.
        wanted: Filters and order.
        limit: Most lines.
        after: `CaseLine.key` of the last line of the page before.
        snapshot: Cases that began behind this index are left out, so that pages fit together.
        then: `line_then` of every case with a record behind the snapshot.
        disputes: Revocations up to the snapshot that may dispute something.

    Raises:
        ValueError: No such sort, or `after` is not a key of it.
    """
    if wanted.sort not in _ORDER:
        raise ValueError(f"no such sort: {wanted.sort}")
    values: dict[str, Any] = {
        "agency": wanted.agency,
        "outcome": wanted.outcome,
        "act": wanted.act,
        "flag": None if wanted.flag == DISPUTED else wanted.flag,
        "disputed": True if wanted.flag == DISPUTED else None,
        "due_before": wanted.due_before,
        "opened_from": _midnight(wanted.opened_from),
        "opened_to": _midnight(wanted.opened_to, days=1),
        "begins": None if wanted.begins is None else f"case/{wanted.begins}",
        "question": None if wanted.q is None else search_terms.question(wanted.q),
    }
    if _asks_for_none(wanted, values["question"]):
        return []
    parts: list[LiteralString] = [_LIST_THEN if then else _LIST]
    values |= disputed.parameters(disputes)
    values["then"] = orjson.dumps(list(then)).decode()
    for name, condition in _CONDITIONS.items():
        if values[name] is not None:
            parts.append(condition)
    if wanted.behind is not None:
        parts.append(wanted.behind.condition)
        values |= wanted.behind.values
    behind, order = _ORDER[wanted.sort]
    if snapshot is not None:
        parts.append(" AND first_index <= %(snapshot)s")
    if after is not None:
        parts.append(behind)
        values["after"], values["after_id"] = _key(wanted.sort, after[0]), UUID(after[1])
    _plan(connection, values, through=wanted.behind is not None)
    # Said in the text, so that a plan made once knows how many stand there, and are wanted.
    in_state = sql.SQL("" if wanted.state is None else " AND state = {}").format(wanted.state)
    query = sql.SQL("").join([*map(sql.SQL, parts), in_state, sql.SQL(order)])
    query += sql.SQL(" LIMIT {}").format(limit)
    with connection.cursor(row_factory=class_row(CaseLine)) as cursor:
        return cursor.execute(query, values | {"snapshot": snapshot}).fetchall()


def flagged(
    connection: Connection, lines: list[CaseLine], disputes: Collection[Dispute], upto: int
) -> list[CaseLine]:
    """Lines, of which those with a disputed signature carry its flag."""
    named = disputed.streams(connection, disputes, [line.stream for line in lines], upto)
    return [
        replace(line, flags=sorted({*line.flags, DISPUTED})) if line.stream in named else line
        for line in lines
    ]


@dataclass(frozen=True, slots=True)
class Scope:
    """Which cases are to be verified, of those that the asker sees whole; all given must hold.

    Attributes:
        agency: Holds them.
        kid: Signed in them.
        behind: Something of them was recorded behind this index.
    """

    agency: str | None = None
    kid: str | None = None
    behind: int = -1


def in_scope(
    connection: Connection, scope: Scope, *, upto: int, after: str, limit: int
) -> list[str]:
    """Streams of the next cases of a scope, by id: a comparison of text goes by no index (ADR 107).

    Args:
        connection: As reader.
        scope: Which.
        upto: Cases that began behind this index are left out, so that pages fit together.
        after: Stream of the last one before; empty for none.
        limit: Most of them.
    """
    through_all(connection)
    asked = {
        "agency": scope.agency,
        "kid": scope.kid,
        "behind": scope.behind,
        "upto": upto,
        "after": UUID(after.partition("/")[2]) if after else _FIRST,
        "limit": limit,
    }
    return [row[0] for row in connection.execute(_SCOPE, asked).fetchall()]


def _asks_for_none(wanted: Filter, question: str | None) -> bool:
    """Whether no case can be meant: there is no such state, or nothing to look for."""
    unknown = wanted.state is not None and wanted.state not in life_cycle().labels
    return unknown or (wanted.q is not None and question is None)


def _plan(connection: Connection, values: Mapping[str, object], *, through: bool) -> None:
    """Says how the question is planned, where that is not once for whatever is asked."""
    if through or any(values[name] is not None for name in _ASKED_AFTER_POLICY):
        through_all(connection)
    elif any(values[name] is not None for name in _ASKED_BY_VALUE):
        by_values(connection)


def line_then(
    stream: StreamState,
    raised: Mapping[str, Sequence[str]],
    registry: Registry,
    spans: tuple[int, int],
    cases: Cases | None = None,
) -> dict[str, Any]:
    """What the list holds of a case as it stood after its newest record, for `listed`.

    Args:
        stream: The fold.
        raised: Flags by act.
        registry: The registry of that moment.
        spans: Its first record and the newest of the fold.
        cases: Reports of article 9.
    """
    at = last_recorded(stream)
    assert at is not None  # noqa: S101 - a fold of one record at least
    body = case_file(stream, raised, registry, at, cases)
    state, outcome, agency, agencies, acts = _columns(stream, body)
    case_number, register_no, title, label, opened_at = _numbers(body)
    return {
        "case_id": stream.name.partition("/")[2],
        "stream": stream.name,
        "state": state,
        "outcome": outcome,
        "agency": agency,
        "agencies": agencies,
        "acts": acts,
        "flags": sorted({code for codes in raised.values() for code in codes}),
        "case_number": case_number,
        "register_no": register_no,
        "title": title,
        "handler_label": label,
        "opened_at": opened_at,
        "last_at": at,
        "due_at": _due(body),
        "words": search_terms.vector(search_terms.searchable(stream, registry)),
        "first_index": spans[0],
        "last_index": spans[1],
        "seq": stream.seq,
        "changes_at": None,
    }


def _midnight(day: date | None, days: int = 0) -> datetime | None:
    if day is None:
        return None
    return datetime(day.year, day.month, day.day, tzinfo=VIETNAM) + timedelta(days=days)


def _key(sort: str, value: object) -> object:
    if value is None or sort.endswith("case_number"):
        return value
    return datetime.fromisoformat(str(value))
