"""Grants over time: participations, inspection orders and break-glass openings.

A grant runs from its act to its term, or to its revocation. What it lets an officer see is decided
where reading is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, NamedTuple, Self

from ledger.regulation.acts.act import Act
from ledger.regulation.acts.json_shape import parse_time


class LowerAct(NamedTuple):
    """An act of a lower log, as an act above names it (`facts.low_ref`).

    Attributes:
        log: Origin of the lower log.
        act_id: The act there.
    """

    log: str
    act_id: str


@dataclass(frozen=True, slots=True)
class Grant:
    """One officer's grant.

    Attributes:
        act_id: The granting act; an inspection order grants to several readers under one id.
        act: ParticipationGranted, InspectionOrdered or BreakGlassOpened.
        stream: Stream of the granting act.
        officer: Who may.
        scope: CASE, AGENCY, UNIT, or INSPECTION for an order.
        may: READ, HANDLE or APPROVE.
        unit: The document or annex, for scope UNIT.
        cases: Streams it reaches, where it names them.
        agencies: Agencies it reaches, where it names them.
        opened: First and last day of the cases of these agencies that an order reaches.
        body: Agency in whose post the reader of an order inspects; None for other grants.
        granted_by: Officers who signed it.
        starts_at: When the act happened.
        until: Its term, the first instant at which it is over.
        index: Record at which it took effect.
        revoked_at: When the revocation happened.
        reviewed_at: For a break-glass opening: when the ledger took its first review.
        below: The act of a lower log whose document a grant in a case above shows too.
        purpose: What it says that it is for; None: nothing.
        said: The granting act, which is never erased.
    """

    act_id: str
    act: str
    stream: str
    officer: str
    scope: str
    may: str
    unit: str | None
    cases: tuple[str, ...]
    agencies: tuple[str, ...]
    opened: tuple[date, date] | None
    body: str | None
    granted_by: tuple[str, ...]
    starts_at: datetime
    until: datetime
    index: int
    revoked_at: datetime | None = None
    reviewed_at: datetime | None = None
    below: LowerAct | None = None
    purpose: str | None = None
    said: Act | None = field(default=None, compare=False, repr=False)

    @property
    def reviewed(self) -> bool:
        """For a break-glass opening: whether it was reviewed."""
        return self.reviewed_at is not None

    def runs(self, at: datetime) -> bool:
        """Whether it runs at an instant: at its term it is over, as where rows are shown."""
        return self.starts_at <= at < self.until and not (self.revoked_at and self.revoked_at <= at)

    def covers(self, opened_on: date | None) -> bool:
        """Whether a case that was taken in on this day is within the period of an order."""
        if self.opened is None or opened_on is None:
            return False
        first, last = self.opened
        return first <= opened_on <= last


class Grants:
    """Grants in the order they took effect."""

    def __init__(
        self,
        grants: tuple[Grant, ...] = (),
        inspectors: frozenset[str] = frozenset(),
        let_in: frozenset[str] = frozenset(),
    ) -> None:
        self._grants = grants
        self._inspectors = inspectors
        self._let_in = let_in

    def copy(self) -> Self:
        """An independent list of the same grants."""
        return type(self)(self._grants, self._inspectors, self._let_in)

    @property
    def inspectors(self) -> frozenset[str]:
        """Officers whom any inspection order ever named as readers: most acts need ask no more."""
        return self._inspectors

    @property
    def let_in(self) -> frozenset[str]:
        """Officers to whom any order or emergency opening ever showed something."""
        return self._let_in

    def add(self, act: Act, index: int) -> None:
        """Adds what an effective granting act grants."""
        added = tuple(_granted(act, index))
        self._grants = (*self._grants, *added)
        self._inspectors |= {g.officer for g in added if g.scope == "INSPECTION"}
        self._let_in |= {g.officer for g in added if g.act != "ParticipationGranted"}

    def revoke(self, act_id: str, officer: str, at: datetime) -> None:
        """Ends an officer's grant; a grant that was ended before keeps its earlier end."""
        self._grants = tuple(
            replace(g, revoked_at=at)
            if g.act_id == act_id and g.officer == officer and g.revoked_at is None
            else g
            for g in self._grants
        )

    def review(self, act_id: str, at: datetime) -> None:
        """Marks a break-glass opening as reviewed; one that was keeps its earlier review."""
        self._grants = tuple(
            replace(g, reviewed_at=at) if g.act_id == act_id and not g.reviewed else g
            for g in self._grants
        )

    def find(
        self,
        *,
        officer: str | None = None,
        stream: str | None = None,
        unit: str | None = None,
        at: datetime | None = None,
    ) -> list[Grant]:
        """Grants that match every argument: `at`, running then; `stream`, what it reaches."""
        return [
            g
            for g in self._grants
            if (officer is None or g.officer == officer)
            and (unit is None or g.unit == unit)
            and (stream is None or stream == g.stream or stream in g.cases)
            and (at is None or g.runs(at))
        ]

    def purpose(self, act_id: str) -> str | None:
        """What a granting act says that it is for, empty where it does not; None: not granted."""
        return next((g.purpose or "" for g in self._grants if g.act_id == act_id), None)

    def said(self, act_id: str, stream: str) -> Act | None:
        """A granting act of a stream; None: none of this id granted anything there."""
        found = (g.said for g in self._grants if (g.act_id, g.stream) == (act_id, stream))
        return next(found, None)

    def ends_none(self, act: Act) -> bool:
        """Whether what an act revokes is no grant of any stream: a permit is of its case alone."""
        named = str(act.facts.get("grant"))
        return act.act == "ParticipationRevoked" and self.purpose(named) is None


def _granted(act: Act, index: int) -> Iterable[Grant]:
    facts = act.facts
    if act.act == "InspectionOrdered":
        for reader in facts["readers"]:
            ends = [t for t in (reader.get("until"), facts.get("until")) if t is not None]
            until = min(ends, key=parse_time)  # nobody reads longer than the order runs
            one = _grant(act, index, reader["officer"], "INSPECTION", "READ", until)
            yield replace(one, body=reader["agency"])
    elif act.act == "BreakGlassOpened":
        yield _grant(act, index, facts["officer"], "CASE", "READ", facts["until"])
    else:
        one = _grant(act, index, facts["officer"], facts["scope"], facts["may"], facts["until"])
        named = facts.get("low_ref")
        yield one if named is None else replace(one, below=LowerAct(named["log"], named["act_id"]))


def _grant(act: Act, index: int, officer: str, scope: str, may: str, until: str) -> Grant:
    facts: Any = act.facts
    cases = facts.get("cases", ())
    if "case" in facts:
        cases = (facts["case"],)
    elif scope == "CASE":
        cases = (act.stream,)
    return Grant(
        act_id=act.act_id,
        act=act.act,
        stream=act.stream,
        officer=officer,
        scope=scope,
        may=may,
        unit=facts.get("unit"),
        cases=tuple(cases),
        agencies=tuple(facts.get("agencies", ())),
        opened=_period(facts),
        body=None,
        granted_by=tuple(s.officer for s in act.signers),
        starts_at=act.occurred_at,
        until=parse_time(until),
        index=index,
        purpose=facts.get("purpose") or facts.get("emergency"),
        said=act,
    )


def _period(facts: Mapping[str, Any]) -> tuple[date, date] | None:
    if "period_from" not in facts:
        return None
    return date.fromisoformat(facts["period_from"]), date.fromisoformat(facts["period_to"])
