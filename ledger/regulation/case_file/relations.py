"""What a case has to do with others, and the way of what was passed on between agencies.

Read off the fold: which cases its own acts name, and each referral with every step that it took.
Which other cases name this one, and who may be told of which, is not known here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal

from ledger.regulation.acts.act import Act
from ledger.regulation.acts.catalogue import catalogue_of
from ledger.regulation.acts.json_shape import fmt_time
from ledger.regulation.acts.lifecycle import OPEN_STATES, life_cycle_of
from ledger.regulation.case.state import Entry, StreamState, SubProcess
from ledger.regulation.registry.registry import Registry

Kind = Literal["MERGED", "DUPLICATE"]
MERGING: Final = ("CaseMerged", "ResultDetermined", "CaseClosed")
NAMING: Final = (*MERGING, "CaseRegistered")
"""Acts that may name another case."""
_REFERRALS: Final = ("referral", "criminal_referral")
_CUSTODY: Final = "CaseCustodyTransferred"


@dataclass(frozen=True, slots=True)
class NamedCase:
    """That an act names another case.

    Attributes:
        kind: MERGED: what is left of the case goes on there; DUPLICATE: it was looked at as perhaps
            the same incident.
        case: The other one as it is named: `case/<uuid>`, or its number.
    """

    kind: Kind
    case: str


def named_in(act: Act) -> Iterator[NamedCase]:
    """Cases that an act names."""
    survivor = act.facts.get("surviving_case")
    if act.act in MERGING and isinstance(survivor, str) and survivor != act.stream:
        yield NamedCase("MERGED", survivor)
    if act.act == "CaseRegistered":
        for one in act.facts.get("possible_duplicates", ()):
            yield NamedCase("DUPLICATE", str(one))


def referrals(stream: StreamState, registry: Registry, today: date) -> list[dict[str, Any]]:
    """The way of each referral, whole or of a part, in the order in which they were sent.

    Args:
        stream: The fold of the case.
        registry: Names of agencies.
        today: What they are called now.
    """
    found = [sub for sub in stream.subs.values() if sub.name in _REFERRALS]
    found.sort(key=lambda sub: sub.opened_by.number)
    return [_way(sub, registry, today) for sub in found]


def custody(stream: StreamState, registry: Registry, today: date) -> list[dict[str, Any]]:
    """By which acts the case itself passed from one agency to another."""
    return [_step(entry, None, registry, today) for entry in stream.effective(_CUSTODY)]


def _way(sub: SubProcess, registry: Registry, today: date) -> dict[str, Any]:
    vi, en = life_cycle_of(sub.opened_by.edition).sub_labels[sub.name]
    return {
        "id": sub.id,
        "name": sub.name,
        "vi": vi,
        "en": en,
        "part": sub.opened_by.act.act.startswith("Partial"),
        "state": sub.state,
        "open": sub.state in OPEN_STATES[sub.name],
        "steps": [_step(entry, state, registry, today) for entry, state in sub.moves],
    }


def _step(entry: Entry, state: str | None, registry: Registry, today: date) -> dict[str, Any]:
    act = entry.act
    kind = catalogue_of(entry.edition).types.get(act.act)

    def body(agency: str) -> dict[str, str]:
        return {"agency": agency, "label": registry.label(agency, act.day, max(act.day, today))}

    return {
        "act_id": act.act_id,
        "act": act.act,
        "act_vi": act.act if kind is None else kind.vi,
        "act_en": act.act if kind is None else kind.en,
        "occurred_at": fmt_time(act.occurred_at),
        "precision": act.precision,
        **body(act.agency),
        "to": [body(to) for to in act.to if not to.startswith("sealed:")],
        "state": state,
    }
