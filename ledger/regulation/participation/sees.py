"""Which acts of a case one officer sees: the rule of `participation.py`, from the officer.

It goes from the officer to the ground, as a row policy does, and makes no list of who takes part;
the two are held against each other, and both against the rows that the database asks: it is the
second implementation (access.md §4), and no answer is made by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ledger.regulation.acts.act import ORDINARY
from ledger.regulation.acts.participation_rules import OF_THE_REGISTRY, UNIT, Gift
from ledger.regulation.case.exclusions import shut_out
from ledger.regulation.case.reviews import took_part
from ledger.regulation.case.stand_ins import has_power, stand_ins
from ledger.regulation.case.state import Entry, present_agency
from ledger.regulation.participation.ends import end_of
from ledger.regulation.participation.participation import (
    agencies_of_grant,
    begins,
    grants_running,
    names_case,
    rule_of,
    units_running,
)
from ledger.regulation.participation.selectors import Holder, holders, led_to, named_ends
from ledger.regulation.participation.units import units
from ledger.regulation.participation.viewpoint import Viewpoint, taken_at
from ledger.regulation.registry.calendar import local_day
from ledger.regulation.registry.grants import Grant
from ledger.regulation.registry.membership import agencies_of, posts


@dataclass(frozen=True, slots=True)
class _Given:
    """What an act gives at the instant: whom it means, and which acts it shows them."""

    holders: tuple[Holder, ...]
    acts: frozenset[str]

    @property
    def agencies(self) -> Iterator[str]:
        """Agencies among the holders, as the act names them."""
        return (holder.id for holder in self.holders if holder.kind == "agency")


def acts_seen(officers: Iterable[str], case: Viewpoint) -> dict[str, frozenset[str]]:
    """By officer the acts of a case that may be seen, also ones that wait or were returned."""
    given = list(_given(case))
    return {officer: frozenset(_acts(officer, given, case)) for officer in officers}


def _acts(officer: str, given: Sequence[_Given], case: Viewpoint) -> Iterator[str]:
    registry = case.registry
    if not posts(officer, registry, case.day):
        return
    if shut_out(officer, case.fold, registry, case.at) is not None:
        return
    yield from _by_post(agencies_of(officer, registry, case.day), given, case)
    yield from _by_name(officer, given, case)
    yield from _by_grant(officer, given, case)
    for entry in _waits_for(officer, case):
        yield from _lent(entry, given, case)
    for entry in _lets_sign(officer, case):
        yield from _as_signer(entry, given, case)


def _by_post(agencies: frozenset[str], given: Sequence[_Given], case: Viewpoint) -> Iterator[str]:
    """Acts shown by what one of these agencies holds."""
    if not agencies or case.level != ORDINARY:
        return
    for one in given:
        if any(_carried_on_by(agency, case) in agencies for agency in one.agencies):
            yield from one.acts


def _carried_on_by(agency: str, case: Viewpoint) -> str | None:
    now = present_agency(case.registry, agency, case.day)
    return now if case.registry.exists(now, case.day) else None


def _by_name(officer: str, given: Sequence[_Given], case: Viewpoint) -> Iterator[str]:
    """Acts shown by acts that name this officer, or a power the officer has."""
    for one in given:
        if any(_is(officer, holder, case) for holder in one.holders):
            yield from one.acts


def _is(officer: str, holder: Holder, case: Viewpoint) -> bool:
    if holder.kind == "officer":
        return holder.id == officer
    return holder.kind == "power" and any(
        post.agency == _carried_on_by(holder.id, case) and holder.power in post.powers
        for post in posts(officer, case.registry, case.day)
    )


def _given(case: Viewpoint) -> Iterator[_Given]:
    """What acts give at the instant."""
    for entry in case.fold.entries.values():
        rule = rule_of(entry)
        for gift in () if rule is None else rule.gifts:
            since = begins(gift, entry)
            if since is None or since > case.at:
                continue
            if gift.scope == UNIT and case.level != ORDINARY:
                yield from _by_unit(gift, entry, case)
            if gift.scope in OF_THE_REGISTRY:
                continue
            end = end_of(gift.until, entry, case)
            if (end is None or case.at < end) and gift.meets(entry.act.facts):
                yield _Given(tuple(holders(gift, entry, case)), _shown(gift, entry, case))


def _by_unit(gift: Gift, entry: Entry, case: Viewpoint) -> Iterator[_Given]:
    """Above ordinary: the document that an act hands to each of those it names, until when."""
    unit = units(case.fold, case.level).get(entry.act.act_id)
    shown = _acts_with(unit, case)
    for officer, until in named_ends(gift, entry).items():
        if case.at < until:
            yield _Given((Holder("officer", officer),), shown)


def _acts_with(unit: str | None, case: Viewpoint) -> frozenset[str]:
    """Acts of one unit; of None, all that are of no unit with a name."""
    named = units(case.fold, case.level)
    return frozenset(act_id for act_id in case.fold.entries if named.get(act_id) == unit)


def _shown(gift: Gift, entry: Entry, case: Viewpoint) -> frozenset[str]:
    """Acts that what an act gives shows."""
    if gift.scope == "CASE":
        return _acts_with(None, case)
    rule = rule_of(entry)
    if gift.scope == "ACT" and rule is not None:
        return led_to(entry, case, rule.withholds)
    return frozenset({entry.act.act_id})


def _waits_for(officer: str, case: Viewpoint) -> Iterator[Entry]:
    """Acts that wait for this officer's signature, or for one after it (W1)."""
    for entry in case.fold.pending.values():
        rule = rule_of(entry)
        if rule is None or not rule.whole_for_countersigners:
            continue
        if officer in [signer.officer for signer in entry.act.signers[1:]]:
            yield entry


def _lets_sign(officer: str, case: Viewpoint) -> Iterator[Entry]:
    """Acts that wait for somebody who lets this officer sign instead, or whose post they have."""
    for entry in case.fold.pending.values() if case.level == ORDINARY else ():
        places = range(max(1, len(entry.signed)), len(entry.act.signers))
        if entry.edition.form > 1 and any(
            _may_sign_in(place, officer, entry, case) for place in places
        ):
            yield entry


def _may_sign_in(place: int, officer: str, entry: Entry, case: Viewpoint) -> bool:
    """Whether by a delegation, or by a post with a power."""
    return any(
        way.delegation is not None or has_power(case.registry, way, case.day)
        for way in stand_ins(case.registry, entry.act, place, officer, case.day)
    )


def _as_signer(entry: Entry, given: Sequence[_Given], case: Viewpoint) -> Iterator[str]:
    """What the act shows whom it names as a signer, and while it waits what its author sees."""
    rule = rule_of(entry)
    for gift in () if rule is None else rule.gifts:
        if gift.who == "signers":
            yield from _shown(gift, entry, case)
    if rule is not None and rule.whole_for_countersigners:
        yield from _lent(entry, given, case)


def _lent(waiting: Entry, given: Sequence[_Given], case: Viewpoint) -> Iterator[str]:
    """Acts that the author's agency sees; which that is, goes by the day it was signed on.

    Above ordinary it sees nothing, and the act itself leads to what it speaks of.
    """
    rule = rule_of(waiting)
    if case.level != ORDINARY:
        yield from () if rule is None else led_to(waiting, case, rule.withholds)
        return
    day = local_day(taken_at(waiting.signed[0]))
    author = present_agency(case.registry, waiting.act.agency, day)
    for one in given:
        if any(present_agency(case.registry, agency, day) == author for agency in one.agencies):
            yield from one.acts


def _reads_by(grant: Grant, case: Viewpoint) -> bool:
    """Whether an order still is its reader's: inspecting for that body, apart from the case (S7).

    Any other grant is, while the officer is in office.
    """
    if grant.scope != "INSPECTION":
        return True
    inspecting = {post.agency for post in posts(grant.officer, case.registry, case.day)}
    works = took_part(grant.officer, case.fold, case.registry)
    return not works and _carried_on_by(grant.body or "", case) in inspecting


def _by_grant(officer: str, given: Sequence[_Given], case: Viewpoint) -> Iterator[str]:
    """Acts shown by a grant, an order or an opening (A7, A9, A19)."""
    for grant in grants_running(case.registry, case.at):
        if grant.officer != officer or not _reads_by(grant, case):
            continue
        if names_case(grant, case.fold.name):
            yield from _acts_with(None, case)
        else:
            yield from _by_post(agencies_of_grant(grant, case), given, case)
    for grant in units_running(case):
        if grant.officer == officer:
            yield from _acts_with(grant.unit, case)
