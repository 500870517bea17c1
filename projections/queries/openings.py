"""Grants, inspection orders and emergency openings, one line each (access.md A11): no content.

A line is what the registry knows: who, by which act, of what, until when, whether it was reviewed.
Why stands in the act.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from ledger.regulation.acts.catalogue import load
from ledger.regulation.participation.reach import OPENING
from ledger.regulation.registry.calendar import local_day, local_time
from ledger.regulation.registry.clock_terms import ends
from ledger.regulation.registry.grants import Grant
from ledger.regulation.registry.registry import Registry
from ledger.streams.names import is_case

GRANT: Final = "A7"
"""Rule of what is neither an order nor an opening (access.md §4)."""
EMERGENCY: Final = "A19"
AUDITOR: Final = "AUDITOR"
REVIEW: Final = "BREAK_GLASS_REVIEW"
"""The clock of the review of an opening."""
IN_TIME: Final = "REVIEWED_IN_TIME"
LATE: Final = "REVIEWED_LATE"
NOT_REVIEWED: Final = "NOT_REVIEWED"
REVIEWS: Final = (IN_TIME, LATE, NOT_REVIEWED)
"""How emergency openings are counted."""


def audits(registry: Registry, officer: str, at: datetime) -> bool:
    """Whether an officer's post is that of an auditor at an instant."""
    held = registry.appointments(officer, local_day(at))
    return any(AUDITOR in post.powers for post in held)


def openings(registry: Registry, at: datetime, *, of_cases: bool) -> Iterator[dict[str, Any]]:
    """Lines in the order in which they took effect.

    Args:
        registry: As of the moment looked at.
        at: By which it is told what runs and what is late.
        of_cases: Whether grants that stand in cases are told; the rest stands in agencies' streams,
            which everybody in the enclave reads.
    """
    for grant in registry.grants():
        if of_cases or not is_case(grant.stream):
            yield _line(grant, registry, at)


def by_month(lines: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """How many emergency openings each month had, newest first, and how they were reviewed."""
    found: dict[str, Counter[str]] = {}
    for line in lines:
        if line["rule"] == EMERGENCY:
            found.setdefault(line["since"][:7], Counter())[_standing(line)] += 1
    return [
        {
            "month": month,
            "opened": counts.total(),
            **{code.lower(): counts[code] for code in REVIEWS},
        }
        for month, counts in sorted(found.items(), reverse=True)
    ]


def _standing(line: Mapping[str, Any]) -> str:
    """How an emergency opening stands: by when the ledger took its review, however it is dated."""
    if line["reviewed_at"] is None:
        return NOT_REVIEWED
    due = line["review_due"]
    moment = datetime.fromisoformat
    return LATE if due and moment(line["reviewed_at"]) > moment(due) else IN_TIME


def _line(grant: Grant, registry: Registry, at: datetime) -> dict[str, Any]:
    rule = OPENING.get(grant.act, GRANT)
    due = ends(REVIEW, grant.starts_at, registry) if rule == EMERGENCY else None
    first, last = grant.opened or (None, None)
    kind = load().types.get(grant.act)
    return {
        "act_id": grant.act_id,
        "act": grant.act,
        "act_vi": kind.vi if kind else grant.act,
        "act_en": kind.en if kind else grant.act,
        "rule": rule,
        "stream": grant.stream,
        "officer": grant.officer,
        "scope": grant.scope,
        "may": grant.may,
        "cases": list(grant.cases),
        "agencies": list(grant.agencies),
        "period_from": None if first is None else first.isoformat(),
        "period_to": None if last is None else last.isoformat(),
        "granted_by": list(grant.granted_by),
        "since": local_time(grant.starts_at),
        "until": local_time(grant.until),
        "revoked_at": None if grant.revoked_at is None else local_time(grant.revoked_at),
        "running": grant.revoked_at is None and grant.starts_at <= at < grant.until,
        "review": _review(grant, due, at) if rule == EMERGENCY else None,
        "reviewed_at": None if grant.reviewed_at is None else local_time(grant.reviewed_at),
        "review_due": None if due is None else local_time(due),
        "index": grant.index,
    }


def _review(grant: Grant, due: datetime | None, at: datetime) -> str:
    if grant.reviewed:
        return "REVIEWED"
    return "OVERDUE" if due is not None and at > due else "DUE"
