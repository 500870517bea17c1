"""View `audience`: who is in which case, as the policies of the database ask it (access.md §3).

Rows of a case follow from its records and the registry, rows of officers from the registry alone
(`ledger.regulation.participation`). Each batch leaves both as the last record has them; what the
registry changes in cases that the batch did not touch is found by the days to which it reaches
back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, LiteralString
from uuid import UUID

from ledger.log.moment import EPOCH
from ledger.mirror.unit import ref_of
from ledger.regulation.acts.act import Act
from ledger.regulation.case.state import StreamState
from ledger.regulation.edition import ADOPTION
from ledger.regulation.participation import principals
from ledger.regulation.participation.audience import (
    CaseAudience,
    InspectionReach,
    audience,
    reaching,
)
from ledger.regulation.participation.members import after, inspections, members, stands_in
from ledger.regulation.participation.viewpoint import Viewpoint
from ledger.regulation.registry.grants import LowerAct
from ledger.regulation.registry.registry import Registry
from ledger.streams.names import is_case
from projections.fold.step import Step
from projections.views.base import Cursor
from projections.views.changed_rows import ChangedRows

NAME: Final = "audience"
NIL: Final = UUID(int=0)
TOTALS: Final = UUID(int=(1 << 128) - 1)
"""`principals.TOTALS` (RFC 9562's Max UUID): no officer, no stream has it."""
AT_ONCE: Final = 0
"""Generation of exclusions that the writer has put in force before they were folded."""
_MOST: Final = 200
"""Cases whose rows are written together, where the registry changes many."""
_DAY: Final = timedelta(days=1)
_FIRST_YEAR: Final = 1
_LAST_YEAR: Final = 9999
_EVER: Final = datetime(2, 1, 1, tzinfo=UTC)

_CASES: Final = ChangedRows(
    "audience",
    (
        ("comp", "uuid"),
        ("who", "uuid"),
        ("act", "uuid"),
        ("via", "uuid"),
        ("opened", "date"),
        ("until", "timestamptz"),
    ),
    key=4,
)
_OFFICERS: Final = ChangedRows(
    "members",
    (
        ("officer", "uuid"),
        ("who", "uuid"),
        ("via", "text"),
        ("since", "timestamptz"),
        ("until", "timestamptz"),
        ("rule", "text"),
    ),
    key=4,
)
_SHUT_OUT: Final = ChangedRows(
    "excluded",
    (
        ("comp", "uuid"),
        ("officer", "uuid"),
        ("via", "uuid"),
        ("until", "timestamptz"),
        ("index", "bigint"),
    ),
    key=3,
)

_FOLLOWING: Final[LiteralString] = """
SELECT s.name FROM log.streams s WHERE s.stream_id IN (
  SELECT a.comp FROM sec.audience a WHERE a.gen = %s AND a.who = ANY (%s))
"""
#: Cases with a row for one of these and a record since an instant, and those with a record.
_HAVING: Final[LiteralString] = """
SELECT s.name FROM log.streams s
WHERE s.stream_id IN (SELECT a.comp FROM sec.audience a WHERE a.gen = %s AND a.who = ANY (%s))
  AND (SELECT r.recorded_at FROM log.records r WHERE r.stream_id = s.stream_id
       ORDER BY r.seq DESC LIMIT 1) >= %s
"""
_SINCE: Final[LiteralString] = """
SELECT s.name FROM log.streams s
WHERE EXISTS (SELECT FROM sec.audience a WHERE a.gen = %s AND a.comp = s.stream_id)
  AND (SELECT r.recorded_at FROM log.records r WHERE r.stream_id = s.stream_id
       ORDER BY r.seq DESC LIMIT 1) >= %s
"""
_ENDING: Final[LiteralString] = """
SELECT s.name FROM log.streams s WHERE s.stream_id IN (
  SELECT a.comp FROM sec.audience a WHERE a.gen = %s AND a.until >= %s AND a.until < 'infinity')
"""
_SHUTTING_OUT: Final[LiteralString] = """
SELECT s.name FROM log.streams s WHERE s.stream_id IN (
  SELECT x.comp FROM sec.excluded x WHERE x.gen = %s AND x.officer = ANY (%s))
"""
#: Cases that name one of these officers: whoever signed in one is named by it.
_NAMING: Final[LiteralString] = _FOLLOWING
#: But for those that name the reader, which are written from their records (access.md S7).
_OPENED: Final[LiteralString] = """
SELECT DISTINCT s.name, s.stream_id FROM log.streams s JOIN sec.audience a ON a.comp = s.stream_id
WHERE a.gen = %s AND a.who = ANY (%s) AND a.opened BETWEEN %s AND %s
  AND NOT EXISTS (SELECT FROM sec.audience n
    WHERE n.gen = a.gen AND n.who = ANY (%s) AND n.comp = a.comp)
"""
_ORDERED: Final[LiteralString] = """
INSERT INTO sec.audience (gen, comp, who, act, via, opened, until)
SELECT a.gen, a.comp, o.reader, a.act, a.via, a.opened, a.until
FROM sec.audience a JOIN unnest(%s::uuid[], %s::uuid[]) AS o (agency, reader) ON o.agency = a.who
WHERE a.gen = %s AND a.comp = ANY (%s)
ON CONFLICT DO NOTHING
"""
_REVOKED: Final[LiteralString] = "DELETE FROM sec.audience WHERE gen = %s AND who = ANY (%s)"


class Audience:
    """The view `audience`."""

    name = NAME
    schema: LiteralString = "sec"
    tables: tuple[LiteralString, ...] = ("audience", "members", "excluded")
    flags = False

    def batch(self, cursor: Cursor, gen: int) -> AudienceBatch:
        """Begins a batch."""
        return AudienceBatch(cursor, gen)


class AudienceBatch:
    """Cases and officers touched by a batch; their rows are made to be as of its last record."""

    def __init__(self, cursor: Cursor, gen: int) -> None:
        self._cursor = cursor
        self._gen = gen
        self._touched: dict[str, StreamState] = {}
        self._changes: list[tuple[Act, datetime]] = []
        self._orders: list[InspectionReach] = []  # as the batch found them
        self._linked: set[str] = set()  # to whom the batch says something of who they are
        self._step: Step | None = None

    def take(self, step: Step) -> None:
        """Gathers one record; the registry still is as the record found it."""
        self._step = step
        opened = step.opened
        if opened.registry and opened.act is not None:
            if not self._changes:
                self._orders = inspections(step.registry)
            self._changes.append((opened.act, opened.recorded_at))
            for officer in _of_whom(opened.act):
                self._linked.update(step.registry.officers.linked(officer))
        # What is set aside gives nobody anything, and takes nothing: junk writes no row.
        if step.own and step.stream.kind == "case" and step.status != "set_aside":
            self._touched[step.stream.name] = step.stream
        for stream in step.refolded.values():
            if stream.kind == "case":
                self._touched[stream.name] = stream

    def write(self) -> None:
        """Replaces what has changed."""
        step = self._step
        if step is None:
            return
        orders = inspections(step.registry)
        more = {name for name in self._names(step) if step.owns(name)} - self._touched.keys()
        self._write_cases(self._touched.values(), orders, step)
        names = sorted(more)
        for start in range(0, len(names), _MOST):
            cases = [step.load(name) for name in names[start : start + _MOST]]
            self._write_cases(cases, orders, step)
        if self._changes:
            self._reorder(orders, step)
            if step.share.owns(""):  # what stands in no case
                self._write_officers(step)
        self._touched, self._changes, self._linked = {}, [], set()

    # -- rows ----------------------------------------------------------------------------------

    def _write_cases(
        self, cases: Collection[StreamState], orders: Sequence[InspectionReach], step: Step
    ) -> None:
        if not cases:
            return
        rows: list[tuple[Any, ...]] = []
        shut: list[tuple[Any, ...]] = []
        for fold in cases:
            comp, found = step.comp(fold.name), self._audience(fold, orders, step)
            for who, act, via, until in found.rows:
                shown, by = _uuid(act), _uuid(via)
                rows.append((comp, self._id(who, step), shown, by, found.opened, _kept(until)))
            shut += [
                (comp, UUID(officer), UUID(via), _kept(until), index)
                for officer, via, until, index in found.excluded
            ]
        comps = [step.comp(fold.name) for fold in cases]
        _CASES.replace(self._cursor, self._gen, comps, rows)
        _SHUT_OUT.replace(self._cursor, self._gen, comps, shut)

    def _audience(
        self, fold: StreamState, orders: Sequence[InspectionReach], step: Step
    ) -> CaseAudience:
        at = step.opened.recorded_at
        handler = lambda name: step.load(name).handler_raw  # noqa: E731 - asked for few
        return audience(Viewpoint(fold, step.registry, at, step.level, handler), orders)

    def _write_officers(self, step: Step) -> None:
        whom = _officers_of([act for act, _ in self._changes], step.registry)
        rows = [
            (
                UUID(one.officer),
                self._id(one.who, step),
                one.via,
                _kept(one.since),
                _kept(one.until),
                one.rule,
            )
            for one in members(step.registry, whom)
        ]
        owners = None if whom is None else [UUID(officer) for officer in whom]
        _OFFICERS.replace(self._cursor, self._gen, owners, rows)

    def _id(self, who: str, step: Step) -> UUID:
        """The id of a principal: an officer's own, else as of a stream of the name."""
        if who == principals.TOTALS:
            return TOTALS
        if who.startswith(principals.OFFICER):
            return UUID(who.removeprefix(principals.OFFICER))
        return step.comp(who)

    # -- what changes in cases that the batch did not touch --------------------------------------

    def _names(self, step: Step) -> Iterator[str]:
        """Cases whose rows may read otherwise now."""
        if self._touched:
            handlers = [step.comp(principals.handler(name)) for name in self._touched]
            yield from self._ask(_FOLLOWING, handlers)
        for act, at in self._changes:
            yield from self._reached(act, at, step)

    def _reached(self, act: Act, at: datetime, step: Step) -> Iterator[str]:
        """Cases in which a change of the registry gives somebody else something else.

        Which agency an officer signs for, and who leads or carries on, is asked of the day of an
        act or of its record: a change reaches the cases with a record since its first day.
        """
        facts = act.facts
        if act.act == "ClockRuleSet" and facts["rule"] == "PARTICIPATION_OVERLAP":
            yield from self._ask(_ENDING, _start(facts["valid_from"]))
            return
        if act.act == "InspectionOrdered":
            own = (name for name in facts.get("cases") or () if is_case(name) and step.owns(name))
            yield from (name for name in own if step.load(name).seq)
            for reader in facts["readers"]:
                known = step.registry.officers.linked(reader["officer"])
                yield from self._ask(_NAMING, [UUID(one) for one in known])
            return
        if _of_whom(act) and (act.act != "OfficerAppointed" or facts.get("person") is not None):
            linked = step.registry.officers.linked(facts["officer"])
            yield from self._ask(_SHUTTING_OUT, [UUID(one) for one in linked])
            changed = self._linked.union(linked)  # as they were and as they are
            if not step.registry.granted.inspectors.isdisjoint(changed):
                yield from self._ask(_NAMING, [UUID(one) for one in changed])
        first = _first_day(act)
        if first is None or first > at:
            return
        if act.act in _OF_OFFICERS:
            officer = facts.get("officer")
            named = [] if officer is None else [UUID(officer)]
            yield from self._ask(_HAVING, named, first)
        else:
            yield from self._ask(_SINCE, first)

    def _ask(self, query: LiteralString, *more: object) -> list[str]:
        return [row[0] for row in self._cursor.execute(query, [self._gen, *more]).fetchall()]

    def _reorder(self, orders: Sequence[InspectionReach], step: Step) -> None:
        """Rows for the readers of new orders, and none for those of orders that are revoked."""
        before, now = _principals(self._orders), _principals(orders)
        gone = [self._id(who, step) for who in before - now]
        if gone:
            self._cursor.execute(_REVOKED, [self._gen, gone])
        for order in orders:
            new = {a: who for a, who in reaching(order).items() if who not in before}
            if not new:
                continue
            agencies = [self._id(agency, step) for agency in new]
            named = [UUID(one) for one in step.registry.officers.linked(order.reader)]
            found = self._cursor.execute(
                _OPENED, [self._gen, agencies, order.first, order.last, named]
            ).fetchall()
            comps = [comp for name, comp in found if step.owns(name)]
            readers = [self._id(who, step) for who in new.values()]
            self._cursor.execute(_ORDERED, [agencies, readers, self._gen, comps])


def _of_whom(act: Act) -> tuple[str, ...]:
    """Officers of whom an act says which human they are."""
    if act.act == "PersonLinked":
        return act.facts["officer"], act.facts["other"]
    return (act.facts["officer"],) if act.act == "OfficerAppointed" else ()


def _principals(orders: Iterable[InspectionReach]) -> set[str]:
    """As whom the readers of orders see what these reach."""
    return {
        who
        for order in orders
        for who in (
            *reaching(order).values(),
            *(principals.order(order.act_id, order.reader, case) for case in order.cases),
        )
    }


def _kept(at: datetime | None) -> datetime | None:
    """An instant as a row can give it back; None where it is as good as never or always."""
    return None if at is None or not _FIRST_YEAR < at.year < _LAST_YEAR else at


def _uuid(act: str | LowerAct | None) -> UUID:
    if isinstance(act, LowerAct):
        return ref_of(act.log, act.act_id)
    return NIL if act is None else UUID(act)


# -- registry acts ------------------------------------------------------------------------------

_OF_OFFICERS: Final = frozenset({"OfficerAppointed", "OfficerEnded", "KeyRevoked"})
#: Of which no membership depends.
_OF_NO_MEMBER: Final = frozenset(
    {"ClockRuleSet", "InstrumentRegistered", "RegulationVersionAdopted", "LogRecovered",
     "KeyEnrolled", "BreakGlassReviewed"}
)  # fmt: skip


def _first_day(act: Act) -> datetime | None:
    """The first day of which the registry says something else by an act; None: of no act's day."""
    facts = act.facts
    if act.act == ADOPTION:  # names, holdings and terms of every case may read otherwise
        return EPOCH
    if act.act in {"OfficerAppointed", "FunctionAssigned"}:
        return _start(facts["valid_from"])
    if act.act == "OfficerEnded":
        return _start(facts["ended_on"])
    if act.act == "AgencySuccessionRecorded":
        return _start(facts["effective_on"])
    return _start(act.day.isoformat()) if act.act == "KeyRevoked" else None


def _start(day: str) -> datetime:
    """Before the day began anywhere, and before any record of an act that is dated on it."""
    return max(datetime.combine(date.fromisoformat(day), time.min, UTC), _EVER) - 2 * _DAY


def _officers_of(acts: Iterable[Act], registry: Registry) -> set[str] | None:
    """Officers of whom acts say something; None: perhaps of all."""
    found: set[str] = set()
    for act in acts:
        facts = act.facts
        if act.act in _OF_NO_MEMBER:
            continue
        if act.act == "InspectionOrdered":
            found |= {reader["officer"] for reader in facts["readers"]}
        elif act.act in {"AgencyRegistered", "FunctionAssigned", "AgencySuccessionRecorded",
                         "LedgerOpened"}:  # fmt: skip
            return None
        elif act.act == "DelegationEnded":
            line = registry.delegations.get(facts["delegation"])
            found |= set() if line is None else {line.taker}
        elif facts.get("officer") is not None:
            found.add(facts["officer"])
            found |= {line.taker for line in registry.delegations.given_by(facts["officer"])}
            if act.act in {"OfficerAppointed", "OfficerEnded"}:
                found |= after(facts["officer"], registry)
    return None if any(stands_in(officer, registry) for officer in found) else found
