"""Who takes part in a case at an instant: a pure reading of the fold and the registry.

Agencies hold, and officers reach what they hold by their post (`membership.py`); an officer holds
by name where an act names one to sign, to help or to inspect. Whoever is shut out holds nothing,
by whatever ground. `sees.py` answers the same for one officer and one act, by its own way.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal, NamedTuple

from ledger.regulation.acts.act import ORDINARY
from ledger.regulation.acts.participation_rules import (
    NAMED,
    OF_THE_REGISTRY,
    STATED,
    UNIT,
    Gift,
    ParticipationRule,
    rules_of,
)
from ledger.regulation.case.exclusions import Exclusion, exclusions
from ledger.regulation.case.reviews import took_part
from ledger.regulation.case.stand_ins import is_for, named_in, next_holders, waiting_places
from ledger.regulation.case.state import Entry, present_agency
from ledger.regulation.participation.ends import end_of
from ledger.regulation.participation.selectors import Holder, holders, led_to, named_ends
from ledger.regulation.participation.units import acts_of_unit, units
from ledger.regulation.participation.viewpoint import Viewpoint, effective_at, taken_at
from ledger.regulation.registry.calendar import local_day
from ledger.regulation.registry.grants import Grant
from ledger.regulation.registry.membership import members, posts
from ledger.regulation.registry.registry import Registry

Scope = Literal["CASE", "ACT"]
WAITS: Final = "WAITS"


@dataclass(frozen=True, slots=True)
class Part:
    """One participation (access.md §1).

    Attributes:
        holder: Who holds it now: the successor, where the agency named has one.
        named: The agency or officer as the act names it.
        scope: CASE, the whole case but for units that are named (above ordinary), or ACT, the acts
            named.
        acts: For ACT: their ids. For CASE: empty.
        via: The act that gives it; a grant over an agency stands in that agency's stream.
        act: Its type.
        since: When it began.
        end: Code of its end (`participation.json`).
        until: When it is over; None: no end is known.
    """

    holder: Holder
    named: str
    scope: Scope
    acts: frozenset[str]
    via: str
    act: str
    since: datetime
    end: str
    until: datetime | None

    def runs(self, at: datetime) -> bool:
        """Whether it runs at an instant."""
        return self.since <= at and (self.until is None or at < self.until)

    def reaches(self, act_id: str) -> bool:
        """Whether an act of the case may be seen by it."""
        return self.scope == "CASE" or act_id in self.acts


@dataclass(frozen=True, slots=True)
class Participation:
    """Who takes part in a case at an instant.

    Attributes:
        parts: What is held, in the order of the acts that give it, then by grants.
        shut_out: Exclusions that run.
    """

    parts: tuple[Part, ...]
    shut_out: tuple[Exclusion, ...]


def participation(case: Viewpoint, running: Iterable[Part] | None = None) -> Participation:
    """Who takes part in a case at an instant, by which act and until when.

    Args:
        case: The case, and the instant.
        running: What `given_by_acts` says, where that was asked already.
    """
    running = list(given_by_acts(case) if running is None else running)
    held = [part for part in running if _stands(part.holder, case)]
    held += [*_while_waiting(running, case), *_granted(held, case)]
    shut = shut_out(case)
    return Participation(tuple(part for part in held if not _is_out(part.holder, shut, case)), shut)


def by_acts(case: Viewpoint, running: Iterable[Part]) -> Iterator[Part]:
    """What acts of the case give by themselves, one after the other; nobody is shut out yet."""
    return (part for part in running if _stands(part.holder, case))


def shut_out(case: Viewpoint) -> tuple[Exclusion, ...]:
    """Exclusions that run at the instant."""
    return tuple(one for one in exclusions(case.fold) if one.runs(case.at))


def given_by_acts(case: Viewpoint) -> Iterator[Part]:
    """What acts of the case give at the instant, also to whom there is no more."""
    given = (part for entry in case.fold.entries.values() for part in _given(entry, case))
    return (part for part in given if part.runs(case.at))


def readers(agency: str, now: Participation, case: Viewpoint) -> Iterator[str]:
    """Officers who reach what an agency holds by their post, without those shut out."""
    for officer in members(agency, case.registry, case.day):
        if not _is_out(Holder("officer", officer), now.shut_out, case):
            yield officer


# -- by acts ------------------------------------------------------------------------------------


def rule_of(entry: Entry) -> ParticipationRule | None:
    """The rule of an act: of the day it took effect, or while it waits of its first statement."""
    taken = taken_at(entry.effect or entry.signed[0])
    return rules_of(entry.edition).on(entry.act.act, local_day(taken))


def begins(gift: Gift, entry: Entry) -> datetime | None:
    """When what an act gives begins; None: not yet, or never."""
    if gift.begins == STATED:
        return taken_at(entry.signed[0])
    return effective_at(entry) if entry.status == "effective" else None


def gifts_of(entry: Entry, level: str) -> Iterator[tuple[ParticipationRule, Gift, datetime]]:
    """What an act gives in its case by now, by its rule, and since when."""
    rule = rule_of(entry)
    for gift in () if rule is None else rule.gifts:
        since = begins(gift, entry)
        here = gift.scope not in OF_THE_REGISTRY or (gift.scope == UNIT and level != ORDINARY)
        if rule is not None and since is not None and here and gift.meets(entry.act.facts):
            yield rule, gift, since


def ends_of(gift: Gift, entry: Entry, case: Viewpoint) -> Callable[[Holder], datetime | None]:
    """Until when each of those whom a line means holds what it gives; None: no end is known."""
    if gift.until == NAMED:
        named = named_ends(gift, entry)
        return lambda holder: named[holder.id]
    until = end_of(gift.until, entry, case)
    return lambda _: until


def _given(entry: Entry, case: Viewpoint) -> Iterator[Part]:
    for rule, gift, since in gifts_of(entry, case.level):
        until = ends_of(gift, entry, case)
        for holder in holders(gift, entry, case):
            yield Part(
                holder=_present(holder, case),
                named=holder.id,
                scope="CASE" if gift.scope == "CASE" else "ACT",
                acts=acts_of(gift, entry, rule, case),
                via=entry.act.act_id,
                act=entry.act.act,
                since=since,
                end=gift.until,
                until=until(holder),
            )


def acts_of(gift: Gift, entry: Entry, rule: ParticipationRule, case: Viewpoint) -> frozenset[str]:
    """Acts that a gift of scope ACT, ALONE or UNIT shows; none are named where it is the case."""
    if gift.scope == "CASE":
        return frozenset()
    if gift.scope == UNIT:
        unit = units(case.fold, case.level).get(entry.act.act_id)
        return acts_of_unit(unit, case.fold, case.level)
    if gift.scope == "ALONE":
        return frozenset({entry.act.act_id})
    return led_to(entry, case, rule.withholds)


def _present(holder: Holder, case: Viewpoint) -> Holder:
    """Who carries on for an agency holds what it held (W5)."""
    if holder.kind == "officer":
        return holder
    return holder._replace(id=present_agency(case.registry, holder.id, case.day))


def _stands(holder: Holder, case: Viewpoint) -> bool:
    """Whether an agency exists, or an officer is in office, at the instant."""
    if holder.kind == "officer":
        return bool(posts(holder.id, case.registry, case.day))
    if holder.kind == "agency" and case.level != ORDINARY:
        return False
    return case.registry.exists(holder.id, case.day)


def _is_out(holder: Holder, shut: Iterable[Exclusion], case: Viewpoint) -> bool:
    return holder.kind == "officer" and any(
        case.registry.same_person(holder.id, one.officer) for one in shut
    )


# -- by a signature that is asked ---------------------------------------------------------------


def _while_waiting(given: Collection[Part], case: Viewpoint) -> Iterator[Part]:
    """Who countersigns sees what the author's agency sees while the act waits (W1).

    Which agency that is, and what it carries on, is told by the day on which the author signed.
    """
    for entry in case.fold.pending.values():
        rule = rule_of(entry)
        since = taken_at(entry.signed[0])
        loan = Loan(entry.act.act_id, entry.act.act, since, WAITS, None)
        takers = list(_takers(entry, case))
        yield from (
            _to_taker(part, loan, taker)
            for part in given
            if part.via == loan.via
            for taker, giver in takers
            if part.holder == Holder("officer", giver)
        )
        if rule is None or not rule.whole_for_countersigners:
            continue
        author = present_agency(case.registry, entry.act.agency, local_day(since))
        seen = [
            part
            for part in given
            if part.holder.kind == "agency" and case.level == ORDINARY
            if present_agency(case.registry, part.named, local_day(since)) == author
        ]
        for taker, _ in takers:
            yield from _lent(seen, loan, taker, case)
        for signer in entry.act.signers[1:]:
            yield from _lent(seen, loan, signer.officer, case)
            if case.level != ORDINARY and _stands(Holder("officer", signer.officer), case):
                yield _led(signer.officer, led_to(entry, case, rule.withholds), loan)


def _takers(entry: Entry, case: Viewpoint) -> Iterator[tuple[str, str]]:
    """Whom those for whom it waits let sign instead, or who has their post since, each with them.

    Above ordinary nobody.
    """
    if case.level != ORDINARY or entry.edition.form == 1:
        return
    for place in waiting_places(entry):
        for taker in next_holders(case.registry, entry.act, place, case.day):
            yield taker, named_in(entry.act, place)["officer"]
    for line in case.registry.delegations.all():
        if case.registry.stands(line, case.day) and any(
            is_for(line, case.registry, entry.act, place) for place in waiting_places(entry)
        ):
            yield line.taker, line.giver


def _to_taker(part: Part, loan: Loan, taker: str) -> Part:
    """What somebody is shown by name because it waits for them, shown to whom they let sign."""
    return replace(part, holder=Holder("officer", taker), named=taker, end=loan.end)


def _led(officer: str, acts: frozenset[str], loan: Loan) -> Part:
    """Above ordinary agencies hold nothing that could be lent: the acts that it speaks of."""
    return Part(Holder("officer", officer), officer, "ACT", acts, *loan)


class Loan(NamedTuple):
    """What an agency sees, seen by one officer too: by which act, since when, until when."""

    via: str
    act: str
    since: datetime
    end: str
    until: datetime | None


def _lent(parts: Iterable[Part], loan: Loan, officer: str, case: Viewpoint) -> Iterator[Part]:
    """Parts of agencies as an officer reaches them, no longer than the agency does."""
    holder = Holder("officer", officer)
    if not _stands(holder, case):
        return
    for part in parts:
        ends = [e for e in (part.until, loan.until) if e is not None]
        yield replace(
            part,
            holder=holder,
            named=officer,
            via=loan.via,
            act=loan.act,
            since=max(part.since, loan.since),
            end=loan.end,
            until=min(ends, default=None),
        )


# -- by grants ----------------------------------------------------------------------------------


def _granted(held: Collection[Part], case: Viewpoint) -> Iterator[Part]:
    """Grants, inspection orders and openings that reach the case (A7, A9, A19)."""
    yield from _granted_by_name(case)
    for grant in grants_running(case.registry, case.at):
        holder = Holder("officer", grant.officer)
        if grant.scope == "INSPECTION" and not _may_inspect(grant, case):
            continue
        if names_case(grant, case.fold.name):
            if _stands(holder, case):
                yield _whole(holder, grant)
            continue
        loan = Loan(grant.act_id, grant.act, grant.starts_at, NAMED, grant.until)
        agencies = agencies_of_grant(grant, case)
        seen = [p for p in held if p.holder.kind == "agency" and p.holder.id in agencies]
        yield from _lent(seen, loan, grant.officer, case)


def _granted_by_name(case: Viewpoint) -> Iterator[Part]:
    """Units granted in the case itself, above ordinary (A7)."""
    for grant in units_running(case):
        holder = Holder("officer", grant.officer)
        if _stands(holder, case):
            acts = acts_of_unit(grant.unit, case.fold, case.level)
            yield replace(_whole(holder, grant), scope="ACT", acts=acts)


def units_running(case: Viewpoint) -> list[Grant]:
    """Grants of a unit of the case that run, above ordinary."""
    if case.level == ORDINARY:
        return []
    granted = case.registry.grants(stream=case.fold.name)
    return [g for g in granted if g.scope == UNIT and _runs(g, case.at)]


def _may_inspect(grant: Grant, case: Viewpoint) -> bool:
    """Whether a reader is in office in the body they inspect for, and took no part in the case."""
    body = present_agency(case.registry, grant.body or "", case.day)
    held = posts(grant.officer, case.registry, case.day)
    in_office = any(post.agency == body for post in held)
    return in_office and not took_part(grant.officer, case.fold, case.registry)


def _whole(holder: Holder, grant: Grant) -> Part:
    return Part(
        holder=holder,
        named=grant.officer,
        scope="CASE",
        acts=frozenset(),
        via=grant.act_id,
        act=grant.act,
        since=grant.starts_at,
        end=NAMED,
        until=grant.until,
    )


def grants_running(registry: Registry, at: datetime) -> list[Grant]:
    """Grants that run: one that the log knows to be revoked does not, from that record on (A8)."""
    return [g for g in registry.grants() if g.scope != UNIT and _runs(g, at)]


def _runs(grant: Grant, at: datetime) -> bool:
    return grant.revoked_at is None and grant.starts_at <= at < grant.until


def names_case(grant: Grant, stream: str) -> bool:
    """Whether a grant is for this case by name."""
    return stream in grant.cases


def agencies_of_grant(grant: Grant, case: Viewpoint) -> frozenset[str]:
    """Agencies of which a grant lets see what they hold, as they are called now.

    An order that names cases is for those alone; one that names agencies for cases opened in its
    period.
    """
    named: tuple[str, ...] = ()
    if grant.scope == "AGENCY":
        named = (grant.stream.removeprefix("agency/"),)
    elif grant.scope == "INSPECTION" and not grant.cases and grant.covers(case.fold.opened_on):
        named = grant.agencies
    return frozenset(present_agency(case.registry, a, case.day) for a in named)
