"""Who takes part in a case, as JSON-able values: holders with what they hold, and who is shut out.

A reading of `ledger.regulation.participation` for people; who may ask is not decided here. Officers
are told by id and post: the registry knows no names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from ledger.log.moment import stamp
from ledger.regulation.acts.catalogue import load as load_catalogue
from ledger.regulation.acts.participation_rules import load
from ledger.regulation.case.exclusions import Exclusion
from ledger.regulation.participation.participation import (
    WAITS,
    Part,
    Participation,
    participation,
    readers,
)
from ledger.regulation.participation.selectors import Holder
from ledger.regulation.participation.viewpoint import Viewpoint
from ledger.regulation.registry.calendar import local_day
from ledger.regulation.registry.membership import agencies_of, empowered, posts

Json = dict[str, Any]
_KINDS: Final = {"agency": 0, "power": 1, "officer": 2}


def participants(case: Viewpoint) -> Json:
    """`participants`, whole files first, and `excluded`, of a case at an instant.

    An officer is named where a name shows more than the post: who signed for an agency is its.
    """
    now = participation(case)
    by_holder: dict[Holder, list[Part]] = {}
    for part in now.parts:
        by_holder.setdefault(part.holder, []).append(part)
    shown = [
        _participant(holder, parts, now, case)
        for holder, parts in by_holder.items()
        if not _by_post_too(holder, parts, now, case)
    ]
    shown.sort(key=lambda one: (one["scope"] != "CASE", _KINDS[one["kind"]], one["since"]))
    return {
        "participants": shown,
        "excluded": [_excluded(one, case) for one in now.shut_out],
    }


def _by_post_too(
    holder: Holder, parts: Iterable[Part], now: Participation, case: Viewpoint
) -> bool:
    """Whether an officer reaches nothing by name but what their agencies show them by post."""
    if holder.kind != "officer":
        return False
    own = agencies_of(holder.id, case.registry, case.day)
    by_post = [p for p in now.parts if p.holder.kind == "agency" and p.holder.id in own]
    return all(_covered(part, by_post) for part in parts)


def _covered(part: Part, others: Iterable[Part]) -> bool:
    if any(other.scope == "CASE" for other in others):
        return True
    shown = frozenset[str]().union(*(other.acts for other in others))
    return part.scope == "ACT" and part.acts <= shown


def _participant(
    holder: Holder, parts: Sequence[Part], now: Participation, case: Viewpoint
) -> Json:
    """One holder; who holds the whole case is shown by what gives that, not by each letter."""
    whole = [part for part in parts if part.scope == "CASE"]
    shown = list(_distinct(whole or parts))
    reached = frozenset[str]().union(*(part.acts for part in shown))
    return {
        "kind": holder.kind,
        "scope": "CASE" if whole else "ACT",
        "acts": len(case.fold.entries) if whole else len(reached),
        "since": stamp(min(part.since for part in shown)),
        "until": _latest(shown),
        **_who(holder, case),
        "officers": _officers(holder, now, case),
        "grounds": [_ground(part) for part in shown],
    }


def _distinct(parts: Sequence[Part]) -> Iterator[Part]:
    """Without what the same act gives by another line as well."""
    for n, part in enumerate(parts):
        same = [*parts[:n], *(p for p in parts[n + 1 :] if p.acts != part.acts)]
        if not any(p.via == part.via and part.acts <= p.acts for p in same if p.end == part.end):
            yield part


def _latest(parts: Iterable[Part]) -> str | None:
    """When the last of them is over; None where one has no end that is known."""
    ends = [part.until for part in parts]
    known = [end for end in ends if end is not None]
    return None if len(known) < len(ends) or not known else stamp(max(known))


def _who(holder: Holder, case: Viewpoint) -> Json:
    if holder.kind == "officer":
        return {"officer": holder.id, "power": None, **_post(holder.id, case)}
    return {
        "officer": None,
        "power": holder.power,
        "post": None,
        "post_vi": None,
        "agency": holder.id,
        "agency_name": case.registry.name(holder.id, case.day),
    }


def _post(officer: str, case: Viewpoint) -> Json:
    """The post an officer holds on the day, the first of several."""
    held = next(iter(posts(officer, case.registry, case.day)), None)
    return {
        "post": None if held is None else held.post,
        "post_vi": None if held is None else case.registry.post_name(held.agency, held.post),
        "agency": None if held is None else held.agency,
        "agency_name": None if held is None else case.registry.name(held.agency, case.day),
    }


def _officers(holder: Holder, now: Participation, case: Viewpoint) -> int:
    """How many officers reach it."""
    if holder.kind == "officer":
        return 1
    if holder.kind == "agency":
        return sum(1 for _ in readers(holder.id, now, case))
    out = {one.officer for one in now.shut_out}
    found = empowered(holder.id, holder.power or "", case.registry, case.day)
    return sum(1 for officer in found if officer not in out)


def _ground(part: Part) -> Json:
    """One thing that lets take part: by which act, since and until when, and why."""
    kind = load_catalogue().types[part.act]
    rule = load().on(part.act, local_day(part.since))
    end_vi, end_en = load().ends[part.end]
    why_vi, why_en = ("", "") if rule is None else (rule.vi, rule.en)
    if part.end == WAITS:
        why_vi, why_en = load().countersigners
    return {
        "scope": part.scope,
        "act_id": part.via,
        "act": part.act,
        "act_vi": kind.vi,
        "act_en": kind.en,
        "named": part.named,
        "acts": sorted(part.acts),
        "since": stamp(part.since),
        "until": None if part.until is None else stamp(part.until),
        "end": part.end,
        "end_vi": end_vi,
        "end_en": end_en,
        "why_vi": why_vi,
        "why_en": why_en,
    }


def _excluded(exclusion: Exclusion, case: Viewpoint) -> Json:
    act = exclusion.entry.act
    return {
        "officer": exclusion.officer,
        **_post(exclusion.officer, case),
        "act_id": act.act_id,
        "ground": exclusion.ground,
        "by": act.author.officer,
        "by_agency": act.agency,
        "since": None if exclusion.since is None else stamp(exclusion.since),
        "until": None if exclusion.until is None else stamp(exclusion.until),
    }
