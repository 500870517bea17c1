"""Whether one officer sees one act of a case: the rule of `participation.py`, from the officer.

It goes from the officer to the ground, as a row policy does, and makes no list of who takes part;
the two are held against each other, and each against the database once that enforces it.
"""

from __future__ import annotations

from collections.abc import Iterator

from ledger.regulation.case.exclusions import shut_out
from ledger.regulation.case.state import Entry, present_agency
from ledger.regulation.participation.ends import end_of
from ledger.regulation.participation.participation import (
    agencies_of_grant,
    begins,
    grants_running,
    names_case,
    rule_of,
)
from ledger.regulation.participation.rules import OF_THE_REGISTRY, Gift
from ledger.regulation.participation.selectors import Holder, holders, led_to
from ledger.regulation.participation.viewpoint import Viewpoint
from ledger.regulation.registry.membership import agencies_of, posts


def sees(officer: str, act_id: str, case: Viewpoint) -> bool:
    """Whether an officer may see an act of a case, also one that waits or was returned."""
    fold, registry = case.fold, case.registry
    if act_id not in fold.entries or not posts(officer, registry, case.day):
        return False
    if shut_out(officer, fold, registry, case.at) is not None:
        return False
    return (
        _by_post(agencies_of(officer, registry, case.day), act_id, case)
        or _by_name(officer, act_id, case)
        or _by_grant(officer, act_id, case)
        or any(_by_post(author, act_id, case) for author in _waits_for(officer, case))
    )


def _by_post(agencies: frozenset[str], act_id: str, case: Viewpoint) -> bool:
    """Whether one of these agencies holds what shows the act."""
    if not agencies or case.level != "ordinary":
        return False
    for entry, gift in _live_gifts(case):
        if not _shows(gift, entry, act_id, case):
            continue
        for holder in holders(gift, entry, case):
            if holder.kind == "agency" and _carried_on_by(holder.id, case) in agencies:
                return True
    return False


def _carried_on_by(agency: str, case: Viewpoint) -> str | None:
    now = present_agency(case.registry, agency, case.day)
    return now if case.registry.exists(now, case.day) else None


def _by_name(officer: str, act_id: str, case: Viewpoint) -> bool:
    """Whether an act names this officer, or a power the officer has, and shows the act."""
    return any(
        _shows(gift, entry, act_id, case)
        and any(_is(officer, holder, case) for holder in holders(gift, entry, case))
        for entry, gift in _live_gifts(case)
    )


def _is(officer: str, holder: Holder, case: Viewpoint) -> bool:
    if holder.kind == "officer":
        return holder.id == officer
    return holder.kind == "power" and any(
        post.agency == _carried_on_by(holder.id, case) and holder.power in post.powers
        for post in posts(officer, case.registry, case.day)
    )


def _live_gifts(case: Viewpoint) -> Iterator[tuple[Entry, Gift]]:
    """What acts give at the instant."""
    for entry in case.fold.entries.values():
        rule = rule_of(entry)
        for gift in () if rule is None else rule.gifts:
            since = begins(gift, entry)
            if since is None or since > case.at or gift.scope in OF_THE_REGISTRY:
                continue
            end = end_of(gift.until, entry, case)
            if (end is None or case.at < end) and gift.meets(entry.act.facts):
                yield entry, gift


def _shows(gift: Gift, entry: Entry, act_id: str, case: Viewpoint) -> bool:
    if gift.scope == "CASE" or act_id == entry.act.act_id:
        return True
    rule = rule_of(entry)
    return (
        gift.scope == "ACT" and rule is not None and act_id in led_to(entry, case, rule.withholds)
    )


def _waits_for(officer: str, case: Viewpoint) -> Iterator[frozenset[str]]:
    """Agencies whose acts wait for this officer's signature, or for one after it (W1)."""
    for entry in case.fold.pending.values():
        rule = rule_of(entry)
        if rule is None or not rule.whole_for_countersigners:
            continue
        if officer in [signer.officer for signer in entry.act.signers[1:]]:
            yield frozenset({present_agency(case.registry, entry.act.agency, case.day)})


def _by_grant(officer: str, act_id: str, case: Viewpoint) -> bool:
    """Whether a grant, an order or an opening shows the act (A7, A9, A19)."""
    for grant in grants_running(case.registry, case.at):
        if grant.officer != officer:
            continue
        if names_case(grant, case.fold.name) or _by_post(
            agencies_of_grant(grant, case), act_id, case
        ):
            return True
    return False
