"""Where a case is, and which territory a function is asked for (9: "Ủy ban nhân dân tỉnh"; 4.3).

A role of the edition says where it is asked (`where`): CASE, in the territory of the case; INSIDE,
there or in a part of it; ISSUER, in that of whoever issued what is complained about or reviewed.
One that says nothing is asked anywhere: an operator, an expert. A holding serves where its
territory contains the one asked for, or is part of it at the same level (`Agencies.serves`): no
commune speaks for a province, and no province for another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Final

from ledger.regulation.acts.act import Act
from ledger.regulation.case.guard_input import GuardInput
from ledger.regulation.case.roles import issuers
from ledger.regulation.case.state import StreamState
from ledger.regulation.edition import Edition
from ledger.regulation.registry.agencies import Asked
from ledger.regulation.registry.registry import Registry

REGISTERED: Final = "CaseRegistered"
ISSUER: Final = "ISSUER"
INSIDE: Final = "INSIDE"


def asked_in(
    code: str, act: Act, stream: StreamState, registry: Registry, day: date
) -> Asked | None:
    """Where a function is asked for an act; None: anywhere."""
    where = registry.edition.of(_where).get(code)
    if where is None:
        return None
    if where == ISSUER:
        wrote = issuers(act, stream, registry, day)
        if wrote:
            return Asked(frozenset(_of(agency, registry) for agency in wrote))
    return Asked(territories(act, stream, registry, day), inside=where == INSIDE)


def territories(act: Act, stream: StreamState, registry: Registry, day: date) -> frozenset[str]:
    """Where the matter of an act is.

    A case: as its registration says, else where the agency sits that registered it or took it in,
    and where its handler sits, so that what is referred to a commune is the commune's. An act of
    the programme that states a territory: there. Everything else: where its author sits.
    """
    if stream.kind != "case":
        stated = act.facts.get("territory") if stream.kind == "programme" else None
        return frozenset({stated if isinstance(stated, str) else _of(act.agency, registry)})
    found = {home(act, stream, registry)}
    handler = stream.handler(registry, day)
    if handler is not None:
        found.add(_of(handler, registry))
    return frozenset(found)


def home(act: Act, stream: StreamState, registry: Registry) -> str:
    """The territory of a case: stated when it was registered, or that of whoever wrote first."""
    registered = stream.last(REGISTERED)
    first = registered or next(iter(stream.intake), None)
    opened = act if first is None else first.act
    stated = opened.facts.get("territory") if opened.act == REGISTERED else None
    return stated if isinstance(stated, str) else _of(opened.agency, registry)


def asked_here(q: GuardInput, code: str) -> Asked | None:
    """As `asked_in`, for the act in question: its guards ask for few places, and often."""
    where = q.registry.edition.of(_where).get(code)
    if where is None:
        return None
    key = f"asked {where}"
    found: Asked | None = q.memo.get(key)
    if found is None:
        found = q.memo[key] = asked_in(code, q.act, q.stream, q.registry, q.day)
    return found


def lead(q: GuardInput) -> str:
    """The lead agency on the day of the act, here; empty where nobody held it."""
    found: str | None = q.memo.get("lead")
    if found is None:
        held = q.registry.holders("LEAD", q.day)
        found = next((a for a in held if reaches(q, [a], "LEAD", q.day)), "")
        q.memo["lead"] = found
    return found


def reaches(q: GuardInput, addressees: Iterable[str], function: str, day: date) -> bool:
    """Whether one addressee held the function on a day, where the case is."""
    same = day == q.day
    asked = (
        asked_here(q, function) if same else asked_in(function, q.act, q.stream, q.registry, day)
    )
    return any(q.registry.agencies.holds_in(a, function, day, asked) for a in addressees)


def _of(agency: str, registry: Registry) -> str:
    line = registry.agency(agency)
    return "" if line is None else line.territory


def stands_below(agency: str, other: str, registry: Registry) -> bool:
    """Whether an agency stands under another: in its line, or at a lower level."""
    one, above = registry.agency(agency), registry.agency(other)
    if one is None or above is None or agency == other:
        return False
    seen: set[str] = set()
    parent = one.parent
    while parent is not None and parent not in seen:
        if parent == other:
            return True
        seen.add(parent)
        line = registry.agency(parent)
        parent = None if line is None else line.parent
    level = registry.agencies.level
    return level(one.territory) > level(above.territory)


def _where(edition: Edition) -> Mapping[str, str]:
    roles: list[Mapping[str, Any]] = edition.acts["roles"]
    return {role["code"]: role["where"] for role in roles if "where" in role}
