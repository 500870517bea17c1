"""Grants over time: participations, inspection orders and break-glass openings.

A grant runs from its act to its term, or to its revocation. What it lets an officer see is decided
where reading is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Self

from ledger.regulation.acts.act import Act
from ledger.regulation.acts.json_shape import parse_time


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
        granted_by: Officers who signed it.
        starts_at: When the act happened.
        until: Its term.
        index: Record at which it took effect.
        revoked_at: When the revocation happened.
        reviewed: For a break-glass opening: whether it was reviewed.
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
    granted_by: tuple[str, ...]
    starts_at: datetime
    until: datetime
    index: int
    revoked_at: datetime | None = None
    reviewed: bool = False

    def runs(self, at: datetime) -> bool:
        """Whether it runs at an instant; a term is its last instant."""
        return self.starts_at <= at <= self.until and not (
            self.revoked_at and self.revoked_at <= at
        )


class Grants:
    """Grants in the order they took effect."""

    def __init__(self, grants: tuple[Grant, ...] = ()) -> None:
        self._grants = grants

    def copy(self) -> Self:
        """An independent list of the same grants."""
        return type(self)(self._grants)

    def add(self, act: Act, index: int) -> None:
        """Adds what an effective granting act grants."""
        self._grants = (*self._grants, *_granted(act, index))

    def revoke(self, act_id: str, officer: str, at: datetime) -> None:
        """Ends an officer's grant; a grant that was ended before keeps its earlier end."""
        self._grants = tuple(
            replace(g, revoked_at=at)
            if g.act_id == act_id and g.officer == officer and g.revoked_at is None
            else g
            for g in self._grants
        )

    def review(self, act_id: str) -> None:
        """Marks a break-glass opening as reviewed."""
        self._grants = tuple(
            replace(g, reviewed=True) if g.act_id == act_id else g for g in self._grants
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


def _granted(act: Act, index: int) -> Iterable[Grant]:
    facts = act.facts
    if act.act == "InspectionOrdered":
        for reader in facts["readers"]:
            yield _grant(act, index, reader["officer"], "INSPECTION", "READ", reader["until"])
    elif act.act == "BreakGlassOpened":
        yield _grant(act, index, facts["officer"], "CASE", "READ", facts["until"])
    else:
        yield _grant(act, index, facts["officer"], facts["scope"], facts["may"], facts["until"])


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
        granted_by=tuple(s.officer for s in act.signers),
        starts_at=act.occurred_at,
        until=parse_time(until),
        index=index,
    )


def _period(facts: Mapping[str, Any]) -> tuple[date, date] | None:
    if "period_from" not in facts:
        return None
    return date.fromisoformat(facts["period_from"]), date.fromisoformat(facts["period_to"])
