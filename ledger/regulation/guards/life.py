"""Guards on the life of the case: state, sub-processes, and a given identity sealed first."""

from __future__ import annotations

from collections.abc import Iterable

from ledger.regulation.acts.lifecycle import STAYS, LifeCycle, SubMove, life_cycle_of
from ledger.regulation.case.guard_input import GuardInput
from ledger.regulation.case.reporters import tokens
from ledger.regulation.case.state import VOIDING
from ledger.regulation.guards.breach import Breach
from ledger.regulation.registry.calendar import as_instant
from ledger.regulation.words import vocabulary

_SHOWN = 12


def state_illegal(q: GuardInput) -> Breach | None:
    """A row of transitions moves the case, or the act moves nothing and this state takes it."""
    cycle = life_cycle_of(q.edition)
    state = q.stream.state
    legal, _ = cycle.next_state(q.act.act, q.act.disposition, state)
    if legal and not _without_case(q):
        return None
    no_case = vocabulary("sentences")["no_case"]
    vi, en = cycle.labels.get(state or "", (no_case.vi, no_case.en))
    possible = _moving_first(cycle, cycle.allowed(state))
    types = q.catalogue.types
    return Breach(
        {
            "state": vi,
            "state_en": en,
            "act": q.kind.vi,
            "act_en": q.kind.en,
            "allowed": _listed(types[a].vi for a in possible),
            "allowed_en": _listed(types[a].en for a in possible),
        },
        ("/disposition",) if q.act.act in cycle.moving else (),
    )


def state_illegal_v2(q: GuardInput) -> Breach | None:
    """As before; told is what comes first on the way to this act, and not all that there could be.

    Where no way leads to it, what moves the case from here; above ordinary, that none begins here.
    """
    breach = state_illegal(q)
    if breach is None:
        return None
    cycle, types = life_cycle_of(q.edition), q.catalogue.types
    if _without_case(q):
        below = vocabulary("sentences")["case_below"]
        params = {**breach.params, "allowed": below.vi, "allowed_en": below.en}
        return Breach(params, breach.pointers)
    ways = cycle.first_steps(q.act.act, q.stream.state)
    moving = [a for a in cycle.allowed(q.stream.state) if a in cycle.moving]
    nothing = vocabulary("sentences")["nothing"]
    first = {
        "allowed": _listed(types[a].vi for a in ways or moving) or nothing.vi,
        "allowed_en": _listed(types[a].en for a in ways or moving) or nothing.en,
    }
    return Breach({**breach.params, **first}, breach.pointers)


def _without_case(q: GuardInput) -> bool:
    """A stream of a higher log that is joined to no lower case takes no act of a case state.

    life_cycle.json, notes: it has no state and takes only acts with states_from null.
    """
    joined = q.stream.state is not None
    return q.above_ordinary() and not joined and q.kind.states_from is not None


def _moving_first(cycle: LifeCycle, acts: Iterable[str]) -> list[str]:
    return sorted(acts, key=lambda a: a not in cycle.moving)


def _listed(names: Iterable[str]) -> str:
    shown = list(names)
    return "; ".join(shown[:_SHOWN]) + (" …" if len(shown) > _SHOWN else "")


def sub_process_illegal(q: GuardInput) -> Breach | None:
    """Each sub-process the act names exists and has a row for this move.

    life_cycle.json, notes: sub-processes run beside the main state, each with an id of its own.
    """
    cycle = life_cycle_of(q.edition)
    for move in cycle.sub_moves[q.act.act]:
        breach = _move(q, cycle, move)
        if breach is not None:
            return breach
    if q.act.act == "ClassificationExtended" and _term_over(q):
        # guards.json, EXTENSION_LATE: past protect_until the item is declassified and cannot be
        # extended.
        return _wrong(cycle, move, "DECLASSIFIED")
    return None


def _move(q: GuardInput, cycle: LifeCycle, move: SubMove) -> Breach | None:
    act = q.act.act
    target = move.to(q.facts)
    if target is None:
        return _wrong(cycle, move, None)
    named = move.ids(q.facts)
    if not named:
        if move.id_fact is None and cycle.opens(move.name, act) != target:
            return _wrong(cycle, move, None)
        return None
    for act_id in named:
        sub = q.stream.sub(move.name, act_id)
        if sub is None:
            return _wrong(cycle, move, None)
        state = q.stream.sub_state(sub, q.act.occurred_at, q.registry)
        if not cycle.has_row(move.name, state, act, state if target == STAYS else target):
            return _wrong(cycle, move, state)
    return None


def _wrong(cycle: LifeCycle, move: SubMove, state: str | None) -> Breach:
    vi, en = cycle.sub_labels[move.name]
    not_open = vocabulary("sentences")["not_open"]
    return Breach(
        {
            "sub_process": vi,
            "sub_process_en": en,
            "state": state or not_open.vi,
            "state_en": state or not_open.en,
        },
        (f"/facts/{move.id_fact}",) if move.id_fact else (),
    )


def _term_over(q: GuardInput) -> bool:
    """Whether the protection term of the classification named has ended before this act."""
    named = q.facts.get("classification")
    ends = [
        e.act.facts["protect_until"]
        for e in q.stream.effective(
            "ClassificationAssigned", "ClassificationAdjusted", "ClassificationExtended"
        )
        if (e.act.act_id == named or e.act.facts.get("classification") == named)
        and "protect_until" in e.act.facts
    ]
    return bool(ends) and q.act.occurred_at > as_instant(ends[-1])


def identity_sealed_first(q: GuardInput) -> Breach | None:
    """Where a reporter gave an identity, nothing follows before it is sealed.

    regulation.md §9, rule 10. Returning a pending act stays possible, so that a refused sealing
    does not block the case for good; so does voiding what no rule explains.
    """
    act = q.act
    reports = q.stream.effective("ReportReceived")
    if act.act in ("ActReturned", VOIDING) or not any(
        report.act.facts.get("identity_given") is True for report in reports
    ):
        return None
    for report, token in tokens(q.stream):
        if report.act.facts.get("identity_given") is not True or _sealed(q, token):
            continue
        if act.act != "ReporterIdentitySealed" or token not in (None, act.facts.get("reporter")):
            return Breach()
    return None


def _sealed(q: GuardInput, token: str | None) -> bool:
    return token is not None and any(
        e.act.facts.get("reporter") == token for e in q.stream.effective("ReporterIdentitySealed")
    )
