"""Who takes part in a case at an instant: a pure reading of the fold and the registry.

Agencies hold, and officers reach what they hold by their post (`membership.py`); an officer holds
by name where an act names one to sign, to help or to inspect. Whoever is shut out holds nothing,
by whatever ground. `sees.py` answers the same for one officer and one act, by its own way.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal, NamedTuple

from ledger.regulation.case.exclusions import Exclusion, exclusions
from ledger.regulation.case.state import Entry, StreamState, present_agency
from ledger.regulation.participation.ends import end_of
from ledger.regulation.participation.rules import (
    OF_THE_REGISTRY,
    STATED,
    Gift,
    ParticipationRule,
    load,
)
from ledger.regulation.participation.selectors import Holder, holders, led_to
from ledger.regulation.participation.viewpoint import Viewpoint, effective_at, taken_at
from ledger.regulation.registry.calendar import local_day
from ledger.regulation.registry.grants import Grant
from ledger.regulation.registry.membership import members, posts
from ledger.regulation.registry.registry import Registry

Scope = Literal["CASE", "ACT"]
WAITS: Final = "WAITS"
NAMED: Final = "NAMED"


@dataclass(frozen=True, slots=True)
class Part:
    """One participation (access.md §1).

    Attributes:
        holder: Who holds it now: the successor, where the agency named has one.
        named: The agency or officer as the act names it.
        scope: CASE, the whole case, or ACT, the acts named.
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


def participation(case: Viewpoint) -> Participation:
    """Who takes part in a case at an instant, by which act and until when."""
    given = [part for entry in case.fold.entries.values() for part in _given(entry, case)]
    held = [part for part in given if part.runs(case.at) and _stands(part.holder, case)]
    held += [*_while_waiting(held, case), *_granted(held, case)]
    shut = tuple(one for one in exclusions(case.fold) if one.runs(case.at))
    return Participation(tuple(part for part in held if not _is_out(part.holder, shut, case)), shut)


def readers(agency: str, now: Participation, case: Viewpoint) -> Iterator[str]:
    """Officers who reach what an agency holds by their post, without those shut out."""
    for officer in members(agency, case.registry, case.day):
        if not _is_out(Holder("officer", officer), now.shut_out, case):
            yield officer


# -- by acts ------------------------------------------------------------------------------------


def rule_of(entry: Entry) -> ParticipationRule | None:
    """The rule of an act: of the day it took effect, or while it waits of its first statement."""
    taken = taken_at(entry.effect or entry.signed[0])
    return load().on(entry.act.act, local_day(taken))


def begins(gift: Gift, entry: Entry) -> datetime | None:
    """When what an act gives begins; None: not yet, or never."""
    if gift.begins == STATED:
        return taken_at(entry.signed[0])
    return effective_at(entry) if entry.status == "effective" else None


def _given(entry: Entry, case: Viewpoint) -> Iterator[Part]:
    rule = rule_of(entry)
    for gift in () if rule is None else rule.gifts:
        since = begins(gift, entry)
        if rule is None or since is None or gift.scope in OF_THE_REGISTRY:
            continue
        if not gift.meets(entry.act.facts):
            continue
        until = end_of(gift.until, entry, case)
        for holder in holders(gift, entry, case):
            yield Part(
                holder=_present(holder, case),
                named=holder.id,
                scope="CASE" if gift.scope == "CASE" else "ACT",
                acts=_acts(gift, entry, rule, case),
                via=entry.act.act_id,
                act=entry.act.act,
                since=since,
                end=gift.until,
                until=until,
            )


def _acts(gift: Gift, entry: Entry, rule: ParticipationRule, case: Viewpoint) -> frozenset[str]:
    if gift.scope == "CASE":
        return frozenset()
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
    if holder.kind == "agency" and case.level != "ordinary":
        return False
    return case.registry.exists(holder.id, case.day)


def _is_out(holder: Holder, shut: Iterable[Exclusion], case: Viewpoint) -> bool:
    return holder.kind == "officer" and any(
        case.registry.same_person(holder.id, one.officer) for one in shut
    )


# -- by a signature that is asked ---------------------------------------------------------------


def _while_waiting(held: Iterable[Part], case: Viewpoint) -> Iterator[Part]:
    """Who countersigns sees what the author's agency sees while the act waits (W1)."""
    for entry in case.fold.pending.values():
        rule = rule_of(entry)
        if rule is None or not rule.whole_for_countersigners:
            continue
        loan = Loan(entry.act.act_id, entry.act.act, taken_at(entry.signed[0]), WAITS, None)
        author = present_agency(case.registry, entry.act.agency, case.day)
        for signer in entry.act.signers[1:]:
            yield from _lent(held, loan, signer.officer, {author}, case)


class Loan(NamedTuple):
    """What an agency sees, seen by one officer too: by which act, since when, until when."""

    via: str
    act: str
    since: datetime
    end: str
    until: datetime | None


def _lent(
    held: Iterable[Part], loan: Loan, officer: str, agencies: Collection[str], case: Viewpoint
) -> Iterator[Part]:
    """The parts of some agencies as an officer reaches them, no longer than the agency does."""
    holder = Holder("officer", officer)
    if not _stands(holder, case):
        return
    for part in held:
        if part.holder.kind == "agency" and part.holder.id in agencies:
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


def _granted(held: Iterable[Part], case: Viewpoint) -> Iterator[Part]:
    """Grants, inspection orders and openings that reach the case (A7, A9, A19)."""
    for grant in grants_running(case.registry, case.at):
        holder = Holder("officer", grant.officer)
        if names_case(grant, case.fold.name):
            if _stands(holder, case):
                yield _whole(holder, grant)
            continue
        loan = Loan(grant.act_id, grant.act, grant.starts_at, NAMED, grant.until)
        yield from _lent(held, loan, grant.officer, agencies_of_grant(grant, case), case)


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
    return [
        g
        for g in registry.grants()
        if g.revoked_at is None and g.starts_at <= at < g.until and g.scope != "UNIT"
    ]


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
    elif grant.scope == "INSPECTION" and not grant.cases and opened_within(grant, case.fold):
        named = grant.agencies
    return frozenset(present_agency(case.registry, a, case.day) for a in named)


def opened_within(grant: Grant, fold: StreamState) -> bool:
    """Whether a case was taken in within the period of an inspection order."""
    if grant.opened is None or not fold.intake:
        return False
    first, last = grant.opened
    return first <= fold.intake[0].act.day <= last
