"""Guards on who is shut out of a case: by whom, for how long, and that the rest can go on."""

from __future__ import annotations

from datetime import datetime

from ledger.regulation.case.exclusions import EXCLUDING, Exclusion, concerned, exclusions, shut_out
from ledger.regulation.case.guard_input import GuardInput
from ledger.regulation.case.reading import agency_of, fmt_day, named_as, share_a_person, time_of
from ledger.regulation.case.state import awaited, present_agency
from ledger.regulation.guards.breach import Breach
from ledger.regulation.registry.calendar import local_day
from ledger.regulation.registry.membership import agencies_of


def excluded_signs_not(q: GuardInput) -> Breach | None:
    """G8 (36/2018/QH14 Art. 23). Who is shut out of a case signs nothing more in it.

    Who signs later is asked with the first statement, so that nothing waits for an officer who may
    not sign. What waits already may be returned by that officer.
    """
    if not q.stream.effective(EXCLUDING) or gives_back(q):
        return None
    for signer in awaited(q.stream, q.act):
        found = _out_at(q, signer.officer)
        if found is not None:
            place = q.act.signers.index(signer)
            since = q.at if found.since is None else found.since
            words = {"post": signer.post, "date": fmt_day(local_day(since))}
            return Breach(words, (f"/signers/{place}",))
    return None


def concerned_signs_not(q: GuardInput) -> Breach | None:
    """4.3; G8 (added). Whom a case is about takes no part in it, nor does the agency it is about.

    An act type says what is left to them: to be heard, to hand the case on, to put things back.
    """
    leaves = q.kind.by_concerned
    agencies, officers = concerned(q.stream, q.registry, q.day)
    if leaves == "OFFICER" or not (agencies or officers):
        return None
    for signer in awaited(q.stream, q.act):
        at = f"/signers/{q.act.signers.index(signer)}"
        if share_a_person(q, (signer.officer,), officers):
            return Breach(pointers=(at,))
        if leaves is None and agency_of(q, signer.officer, signer.post) in agencies:
            return Breach(pointers=(at,))
    return None


def gives_back(q: GuardInput) -> bool:
    """Whether the act returns one that waits: whoever may not sign may do that."""
    return q.act.act == "ActReturned" and q.act.refers_to in q.stream.pending


def _out_at(q: GuardInput, officer: str) -> Exclusion | None:
    """An exclusion that runs when the statement is taken, or ran when the act happened."""
    moments: tuple[datetime, ...] = (q.at, q.act.occurred_at)
    found = (shut_out(officer, q.stream, q.registry, moment) for moment in moments)
    return next((one for one in found if one is not None), None)


def excluder_in_charge(q: GuardInput) -> Breach | None:
    """G8 (36/2018/QH14 Art. 23). Whoever is in charge of an officer shuts out, or lets in again.

    The agency itself or the one directly above; who has the conflict reports it and decides
    nothing.
    """
    officer = str(q.facts.get("officer"))
    if share_a_person(q, [officer], named_as(q)):
        return Breach(pointers=("/signers", "/facts/officer"))
    return None if q.act.agency in _in_charge_of(q, officer) else Breach(pointers=("/agency",))


def _in_charge_of(q: GuardInput, officer: str) -> set[str]:
    own = {a.agency for a in q.registry.appointments(officer, q.day)}
    above = {p for a in own if (p := q.registry.parent(a)) is not None}
    return own | {present_agency(q.registry, a, q.day) for a in above}


def exclusion_has_term(q: GuardInput) -> Breach | None:
    """Added. What ends ends later than it began, and nobody is shut out twice."""
    until = time_of(q.facts.get("until"))
    if until is not None and until <= q.act.occurred_at:
        return Breach(pointers=("/facts/until",))
    twice = shut_out(str(q.facts.get("officer")), q.stream, q.registry, q.at)
    return None if twice is None else Breach(pointers=("/facts/officer",))


def exclusion_leaves_one(q: GuardInput) -> Breach | None:
    """Added. No agency loses the last officer who can act in the case: it would stand still."""
    officer = str(q.facts.get("officer"))
    for agency in sorted(_works_for(q, officer)):
        if not any(_remains(q, other, officer, agency) for other in _officers(q)):
            return Breach({"agency": q.registry.name(agency, q.day)}, ("/facts/officer",))
    return None


def _officers(q: GuardInput) -> list[str]:
    return [o.uuid for o in q.registry.officers.all()]


def _works_for(q: GuardInput, officer: str) -> frozenset[str]:
    return agencies_of(officer, q.registry, q.day)


def _remains(q: GuardInput, other: str, officer: str, agency: str) -> bool:
    return (
        agency in _works_for(q, other)
        and not q.registry.same_person(other, officer)
        and _has_key(q, other)
        and shut_out(other, q.stream, q.registry, q.at) is None
    )


def _has_key(q: GuardInput, officer: str) -> bool:
    return any(
        line.revoked_index is None and (line.valid_to is None or q.at < line.valid_to)
        for line in q.registry.keyring.lines(officer)
    )


def exclusion_stands(q: GuardInput) -> Breach | None:
    """Added. What is lifted shuts this officer out of this case still."""
    for one in exclusions(q.stream):
        if one.entry.act.act_id == q.facts.get("exclusion"):
            own = one.officer == q.facts.get("officer")
            if own and (one.until is None or q.act.occurred_at < one.until):
                return None
    return Breach(pointers=("/facts/exclusion", "/facts/officer"))
