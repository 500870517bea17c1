"""Guards on who may see (G8).

Grants have a term, inspectors stand apart; break-glass, erasure, withdrawal and signed-off checks
have limits of their own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from ledger.regulation.case.guard_input import GuardInput
from ledger.regulation.case.reading import (
    agency_of,
    day_of,
    filled,
    limit_words,
    named_as,
    no_registrar,
    objects,
    share_a_person,
    term_end,
    texts,
    time_of,
    within,
)
from ledger.regulation.case.stand_ins import answerable
from ledger.regulation.case.state import Entry, awaited, present_agency
from ledger.regulation.guards.breach import Breach
from ledger.regulation.registry.clock_terms import ends
from ledger.regulation.registry.grants import Grant
from ledger.regulation.registry.kept_apart import KEY_POST
from ledger.regulation.registry.membership import stands_apart
from ledger.regulation.registry.officers import Appointment

GRANTING: Final = ("ParticipationGranted", "InspectionOrdered", "BreakGlassOpened")
WORKING: Final = frozenset({"HANDLE", "APPROVE"})
#: What a revocation ends: a grant, or a permit to take copies out (access.md A23).
REVOCABLE: Final = (*GRANTING, "ExportPermitted")
#: Powers of a post that make its holder an inspector or overseer in this log.
INSPECTING: Final = frozenset({"INSPECTION_HEAD", "AUDITOR"})
COMMON_GROUNDS: Final = frozenset(
    {"PERSONAL_DATA", "ENTERED_IN_ERROR", "NOT_FOR_THIS_LOG", "COURT"}
)
#: Facts that a withdrawal may hold: the ground says nothing more (access.md F6, A16).
WITHDRAWAL_FACTS: Final = frozenset({"withdrawn", "ground", "replaced_by", "seen", "low_ref"})
#: Role of each signer of an erasure, by the powers that make them so.
ERASING: Final = {
    "AUTHOR": frozenset({"ERASURE_AUTHORITY"}),
    "CHECKER": frozenset({"KEY_CUSTODIAN", "KEY_ADMINISTRATOR"}),
    "APPROVER": frozenset({"AUDITOR"}),
}


def grant_not_to_self(q: GuardInput) -> Breach | None:
    """G8 (access.md A7). Nobody grants access to themselves."""
    own = share_a_person(q, [str(q.facts.get("officer"))], named_as(q))
    return Breach(pointers=("/signers", "/facts/officer")) if own else None


def grant_by_holder(q: GuardInput) -> Breach | None:
    """access.md A7. Who holds a case grants it; what an agency sees is granted in its own stream.

    Before registration whoever took the case in grants it. A unit is granted by the post competent
    to provide it, wherever that is. Nothing is refused where who took it in cannot be known: a
    grant behind an erased record is judged alone.
    """
    in_case = q.stream.kind == "case"
    if (q.facts.get("scope") == "AGENCY") == in_case:
        return Breach(pointers=("/facts/scope",))
    if q.facts.get("scope") == "UNIT":
        return None
    if not in_case:
        own = q.stream.name == f"agency/{q.act.agency}"
        return None if own else Breach(pointers=("/agency",))
    handler = q.stream.handler(q.registry, q.day)
    holders = q.stream.finders(q.registry, q.day) if handler is None else {handler}
    known = not holders or q.act.agency in holders
    return None if known else Breach(pointers=("/agency",))


def grant_has_term(q: GuardInput) -> Breach | None:
    """access.md A7, A9, A19.

    A grant says why and ends; one for a unit names it, and only that one does.
    """
    ends = [time_of(q.facts.get("until"))]
    ends += [time_of(r.get("until")) for r in objects(q.facts.get("readers"))]
    if any(e is None or e <= q.act.occurred_at for e in ends):
        return Breach(pointers=("/facts/until",))
    if not any(filled(q.facts.get(m)) for m in ("ground", "purpose", "emergency")):
        return Breach(pointers=("/facts/ground",))
    if (q.facts.get("scope") == "UNIT") != ("unit" in q.facts):
        return Breach(pointers=("/facts/unit",))
    return None


def grant_stands(q: GuardInput) -> Breach | None:
    """access.md A8. What is revoked is a grant of this stream that runs, and that officer's."""
    entry, officer = q.ref("grant", *REVOCABLE), str(q.facts.get("officer"))
    if entry is None:
        return Breach(pointers=("/facts/grant",))
    facts = entry.act.facts
    lines = [r for r in objects(facts.get("readers")) if r.get("officer") == officer]
    lines += [one for one in (facts, *_holder(facts)) if one.get("officer") == officer]
    ends = [time_of(line.get("until")) for line in lines]
    revoked = any(
        e.act.facts.get("grant") == entry.act.act_id and e.act.facts.get("officer") == officer
        for e in q.stream.effective("ParticipationRevoked")
    )
    if not revoked and any(e is not None and q.act.occurred_at <= e for e in ends):
        return None
    return Breach(pointers=("/facts/grant", "/facts/officer"))


def _holder(facts: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Whom a permit names, and until when."""
    return objects([facts.get("holder")])


# -- inspectors ---------------------------------------------------------------------------------


def inspector_separate(q: GuardInput) -> Breach | None:
    """G8 (access.md S7).

    Whoever inspects or oversees takes no part in a case, and whoever takes part does not inspect
    it.
    """
    if q.act.act == "InspectionOrdered":
        readers = dict.fromkeys(str(r.get("officer")) for r in objects(q.facts.get("readers")))
        bad = _took_part(q, readers) or any(_works_in(q, r) or _is_of(q, r) for r in readers)
        return Breach(pointers=("/facts/readers",)) if bad else None
    if q.facts.get("may") not in WORKING:
        return None
    inspects = _inspects(q, str(q.facts.get("officer")))
    return Breach(pointers=("/facts/officer",)) if inspects else None


def _took_part(q: GuardInput, readers: Collection[str]) -> bool:
    """Whether a reader signed an act in a case concerned; each case is asked about once."""
    cases = dict.fromkeys(texts(q.facts.get("cases")))
    return any(share_a_person(q, readers, set(q.cases.signers(case))) for case in cases)


def _works_in(q: GuardInput, officer: str) -> bool:
    """Whether a reader holds a running grant to handle or approve where the order reaches."""
    cases, agencies = texts(q.facts.get("cases")), texts(q.facts.get("agencies"))
    reached = {*cases, *(f"agency/{a}" for a in agencies)}
    return any(
        g.may in WORKING and (g.stream in reached or bool(reached & set(g.cases)) or not reached)
        for g in _grants_of(q, officer)
    )


def _is_of(q: GuardInput, officer: str) -> bool:
    """Whether a reader served in an agency inspected, at any time from the period's first day on.

    Whoever reads its cases by their post takes part in them, then as now (W6).
    """
    inspected = {present_agency(q.registry, a, q.day) for a in texts(q.facts.get("agencies"))}
    first = day_of(q.facts.get("period_from"))
    return any(
        present_agency(q.registry, held.agency, q.day) in inspected
        and not stands_apart(held)
        and held.valid_from <= q.day
        and (held.valid_to is None or first is None or first <= held.valid_to)
        for held in (_posts_ever(q, officer) if inspected else ())
    )


def inspector_separate_v2(q: GuardInput) -> Breach | None:
    """G8 (access.md S7).

    As before; a post from which one was called back is asked about until the day on which that was
    said, however early it is to have ended: until then its holder read the agency's cases.
    """
    breach = inspector_separate(q)
    if breach is not None or q.act.act != "InspectionOrdered":
        return breach
    readers = dict.fromkeys(str(r.get("officer")) for r in objects(q.facts.get("readers")))
    bad = any(_was_of(q, reader) for reader in readers)
    return Breach(pointers=("/facts/readers",)) if bad else None


def _was_of(q: GuardInput, officer: str) -> bool:
    """Whether a reader held a post of an agency inspected until a day of the period, or later."""
    inspected = {present_agency(q.registry, a, q.day) for a in texts(q.facts.get("agencies"))}
    first = day_of(q.facts.get("period_from"))
    return any(
        present_agency(q.registry, held.agency, q.day) in inspected
        and not stands_apart(held)
        and held.valid_from <= q.day
        and (first is None or first <= held.end_said_on)
        for held in (_posts_ever(q, officer) if inspected else ())
        if held.end_said_on is not None
    )


def _posts_ever(q: GuardInput, officer: str) -> Iterator[Appointment]:
    """Every appointment of the natural person, by whatever id."""
    ids = set(q.registry.officers.ids_of(officer))
    for one in q.registry.officers.all():
        if one.uuid in ids:
            yield from one.appointments


def _grants_of(q: GuardInput, officer: str) -> list[Grant]:
    """Running grants of the natural person behind an officer."""
    return [
        g
        for g in q.registry.grants(at=q.act.occurred_at)
        if share_a_person(q, [officer], [g.officer])
    ]


def _inspects(q: GuardInput, officer: str) -> bool:
    """Whether an officer inspects or oversees here: by an order, a power or the agency."""
    if any(g.scope == "INSPECTION" for g in _grants_of(q, officer)):
        return True
    return any(
        a.powers & INSPECTING or q.registry.holds(a.agency, "OVERSEER", q.day)
        for a in q.registry.appointments(officer, q.day)
    )


def order_by_body(q: GuardInput) -> Breach | None:
    """Added (G8; access.md A9). The inspecting body orders, and nobody orders for themselves."""
    if q.stream.name != f"agency/{q.act.agency}":
        return Breach(pointers=("/stream", "/agency"))
    for n, signer in enumerate(q.act.signers):
        if q.registry.appointment(signer.officer, q.act.agency, signer.post, q.day) is None:
            return Breach(pointers=(f"/signers/{n}",))
    for n, reader in enumerate(objects(q.facts.get("readers"))):
        officer, agency, post = (str(reader.get(m)) for m in ("officer", "agency", "post"))
        if q.registry.appointment(officer, agency, post, q.day) is None:
            return Breach(pointers=(f"/facts/readers/{n}",))
        if share_a_person(q, [officer], named_as(q)):
            return Breach(pointers=("/signers", f"/facts/readers/{n}"))
    return None


# -- break-glass --------------------------------------------------------------------------------


def break_glass_signers(q: GuardInput) -> Breach | None:
    """Added (G8; access.md A19).

    Whoever asks is who reads; a supervisor approves who sees the case without any opening, since
    the requester cannot look for it.
    """
    if q.stream.name != f"agency/{q.act.agency}":
        return Breach(pointers=("/stream", "/agency"))
    if q.facts.get("officer") != q.act.author.officer:
        return Breach(pointers=("/facts/officer",))
    case = str(q.facts.get("case"))
    for n, signer in enumerate(q.act.signers):
        if signer.role != "APPROVER":
            continue
        agency = agency_of(q, signer.officer, signer.post)
        powers = q.registry.powers(signer.officer, agency or "", signer.post, q.day)
        if "SUPERVISOR" not in powers:
            return Breach(pointers=(f"/signers/{n}",))
        if not q.cases.takes_part(case, signer.officer, q.at, q.level):
            return Breach(pointers=("/facts/case", f"/signers/{n}"))
    return None


def break_glass_limit(q: GuardInput) -> Breach | None:
    """access.md A19, S8.

    An opening is short, never renewed by the same pair, and waits for the review of the last one.
    """
    until, start = time_of(q.facts.get("until")), q.act.occurred_at
    limit = limit_words(q, "BREAK_GLASS_MAX")
    if until is None or not within(q, "BREAK_GLASS_MAX", start, until):
        return Breach(limit, ("/facts/until",))
    named = named_as(q)
    if any(share_a_person(q, [a], named[n + 1 :]) for n, a in enumerate(named)):
        return Breach(limit, ("/signers",))
    case = q.facts.get("case")
    for grant in q.registry.grants():
        if grant.act != "BreakGlassOpened" or grant.act_id == q.act.act_id:
            continue
        if case in grant.cases and _same_pair(q, grant):
            return Breach(limit, ("/signers",))
        if _overdue(q, grant):
            return Breach(limit, ("/facts/officer",))
    return None


def break_glass_limit_v2(q: GuardInput) -> Breach | None:
    """access.md A19, S8.

    As before; how long the review of an opening has says the rule of the day of that opening, as
    its clock does: a rule that is set meanwhile makes nothing overdue.
    """
    until, start = time_of(q.facts.get("until")), q.act.occurred_at
    limit, named = limit_words(q, "BREAK_GLASS_MAX"), named_as(q)
    if until is None or not within(q, "BREAK_GLASS_MAX", start, until):
        return Breach(limit, ("/facts/until",))
    if any(share_a_person(q, [a], named[n + 1 :]) for n, a in enumerate(named)):
        return Breach(limit, ("/signers",))
    requesters = [named[0], str(q.facts.get("officer"))]
    for grant in _openings(q):
        if grant.act_id == q.act.act_id:
            continue
        if q.facts.get("case") in grant.cases and _same_pair(q, grant):
            return Breach(limit, ("/signers",))
        asked = [grant.officer, *grant.granted_by[:1]]
        if _unreviewed(q, grant) and share_a_person(q, requesters, asked):
            return Breach(limit, ("/facts/officer",))
    return None


def _openings(q: GuardInput) -> list[Grant]:
    return [grant for grant in q.registry.grants() if grant.act == "BreakGlassOpened"]


def _unreviewed(q: GuardInput, grant: Grant) -> bool:
    """Whether nobody reviewed an opening by the end that its clock shows."""
    end = ends("BREAK_GLASS_REVIEW", grant.starts_at, q.registry)
    return not grant.reviewed and end is not None and max(q.at, q.act.occurred_at) > end


def _same_pair(q: GuardInput, grant: Grant) -> bool:
    """Whether the same two persons opened before, in whichever order."""
    return all(share_a_person(q, [o], grant.granted_by) for o in named_as(q))


def _overdue(q: GuardInput, grant: Grant) -> bool:
    """Whether the requester has an earlier opening whose review is overdue."""
    requesters = [named_as(q)[0], str(q.facts.get("officer"))]
    if not share_a_person(q, requesters, [grant.officer, *grant.granted_by[:1]]):
        return False
    return _late(q, grant)


def _late(q: GuardInput, grant: Grant) -> bool:
    """Whether nobody has reviewed an opening in time: also for an act that is dated back."""
    end = term_end(q, "BREAK_GLASS_REVIEW", grant.starts_at)
    return not grant.reviewed and end is not None and max(q.at, q.act.occurred_at) > end


def opening_unreviewed(q: GuardInput) -> Breach | None:
    """Added (G8; access.md A19). Whoever approved what nobody reviewed in time grants no more."""
    overdue = [g for g in q.registry.grants() if g.act == "BreakGlassOpened" and _late(q, g)]
    approvers = {officer for grant in overdue for officer in grant.granted_by[1:]}
    for signer in awaited(q.stream, q.act) if approvers else ():
        if share_a_person(q, [signer.officer], approvers):
            place = q.act.signers.index(signer)
            return Breach({"post": signer.post}, (f"/signers/{place}",))
    return None


def opening_unreviewed_v2(q: GuardInput) -> Breach | None:
    """Added (G8; access.md A19). As before, by the rule of the day of the opening."""
    overdue = [grant for grant in _openings(q) if _unreviewed(q, grant)]
    approvers = {officer for grant in overdue for officer in grant.granted_by[1:]}
    for signer in awaited(q.stream, q.act) if approvers else ():
        if share_a_person(q, [signer.officer], approvers):
            place = q.act.signers.index(signer)
            return Breach({"post": signer.post}, (f"/signers/{place}",))
    return None


def break_glass_third_person(q: GuardInput) -> Breach | None:
    """G8 (access.md A19, S8). An opening is reviewed by a third person."""
    opened = q.ref("opened", "BreakGlassOpened")
    if opened is None:
        return Breach(pointers=("/facts/opened",))
    part = (*opened.signed_by(), str(opened.act.facts.get("officer")))
    same = share_a_person(q, named_as(q), part)
    return Breach(pointers=("/signers",)) if same else None


def break_glass_third_person_v2(q: GuardInput) -> Breach | None:
    """G8 (access.md A19, S8). Whoever lent the power to approve an opening is no third person."""
    opened = q.ref("opened", "BreakGlassOpened")
    if opened is None:
        return Breach(pointers=("/facts/opened",))
    part = (*answerable(q, opened), str(opened.act.facts.get("officer")))
    same = share_a_person(q, named_as(q), part)
    return Breach(pointers=("/signers",)) if same else None


# -- erasure, withdrawal, checks ----------------------------------------------------------------


def erasure_signers(q: GuardInput) -> Breach | None:
    """access.md A20, S5, S6.

    The authority decides, the key administrator carries out, the auditor is witness.
    """
    for role, powers in ERASING.items():
        signer = next((s for s in q.act.signers if s.role == role), None)
        agency = agency_of(q, signer.officer, signer.post) if signer is not None else None
        if signer is None or agency is None:
            return Breach(pointers=("/signers",))
        keeps_keys = role == "CHECKER" and signer.post == KEY_POST
        if not keeps_keys and not powers & q.registry.powers(
            signer.officer, agency, signer.post, q.day
        ):
            return Breach(pointers=("/signers",))
    return None


def erasure_no_open_clock(q: GuardInput) -> Breach | None:
    """access.md A20.

    Nothing is erased while a complaint, a review or their window is open; every entry named exists.
    """
    bad = []
    for n, named in enumerate(objects(q.facts.get("entries"))):
        index, digest = named.get("index"), str(named.get("entry")).removeprefix("sha-256:")
        stream = q.cases.record(index, digest) if isinstance(index, int) else None
        if stream is None or q.cases.running(stream, q.at):
            bad.append(f"/facts/entries/{n}")
    return Breach(pointers=tuple(bad)) if bad else None


def erasure_keeps_registry(q: GuardInput) -> Breach | None:
    """access.md A20.

    What other signatures are judged by is never erased: no stream but those of cases and programmes
    is touched, and there nothing by which the registry changed.
    """
    bad, seen = [], set[int]()
    for n, named in enumerate(objects(q.facts.get("entries"))):
        index, digest = named.get("index"), str(named.get("entry")).removeprefix("sha-256:")
        if not isinstance(index, int):
            continue
        stream = q.cases.record(index, digest) or ""
        kept = stream.startswith(("ledger", "agency/", "officer/"))
        if kept or index in seen or q.cases.changes_registry(index):
            bad.append(f"/facts/entries/{n}")
        seen.add(index)
    return Breach(pointers=tuple(bad)) if bad else None


def voiding_signers(q: GuardInput) -> Breach | None:
    """Added (G8; formats.md §3). Who voids a record keeps the registry, each of the signers."""
    n = no_registrar(q)
    return None if n is None else Breach(pointers=(f"/signers/{n}",))


def voided_stands_not(q: GuardInput) -> Breach | None:
    """Added (G13; formats.md §3). Only what is set aside is voided, once, by index and entry."""
    left = dict(q.stream.aside)
    for n, named in enumerate(objects(q.facts.get("entries"))):
        index = named.get("index")
        entry = left.pop(index, None) if isinstance(index, int) else None
        if entry is None or str(named.get("entry")).removeprefix("sha-256:") != entry:
            return Breach({"index": str(index)}, (f"/facts/entries/{n}",))
    return None


def withdrawal_common_ground(q: GuardInput) -> Breach | None:
    """access.md F6, A16.

    A withdrawal gives a ground of the common list and no more; what it names stands till then.
    """
    if q.facts.get("ground") not in COMMON_GROUNDS:
        return Breach(pointers=("/facts/ground",))
    more = sorted(set(q.facts) - WITHDRAWAL_FACTS)
    if more or q.act.attachments:
        return Breach(pointers=tuple(f"/facts/{m}" for m in more) or ("/attachments",))
    gone = {
        i for e in q.stream.effective("ContentWithdrawn") for i in texts(e.act.facts["withdrawn"])
    }
    bad = [
        f"/facts/withdrawn/{n}"
        for n, act_id in enumerate(texts(q.facts.get("withdrawn")))
        if act_id in gone or q.stream.get(act_id) is None
    ]
    return Breach(pointers=tuple(bad)) if bad else None


def verifier_separate(q: GuardInput) -> Breach | None:
    """G8 (access.md A12).

    Whoever signs off a check did not act in the case, and the verdict says what the failures say.
    """
    acted: tuple[str, ...] = ()
    if q.facts.get("scope") == "CASE":
        acted = _acted(q)
    if share_a_person(q, named_as(q), acted):
        return Breach(pointers=("/signers",))
    if (q.facts.get("verdict") == "VALID") == bool(texts(q.facts.get("failures"))):
        return Breach(pointers=("/facts/failures",))
    size, last = q.facts.get("checkpoint_size"), q.facts.get("checked_to")
    inside = isinstance(size, int) and isinstance(last, int) and last < size
    return None if inside else Breach(pointers=("/facts/checked_to",))


def verifier_separate_v2(q: GuardInput) -> Breach | None:
    """G8 (access.md A12). Nor did they lend a power by which something in the case was signed."""
    if q.facts.get("scope") == "CASE" and q.stream.kind == "case":
        acts = [e for e in q.stream.effective() if e.act.act != "VerificationSignedOff"]
        acted = [o for e in acts for o in answerable(q, e, "AUTHOR", "APPROVER")]
        if share_a_person(q, named_as(q), acted):
            return Breach(pointers=("/signers",))
    return verifier_separate(q)


def _acted(q: GuardInput) -> tuple[str, ...]:
    """Who signed in the case as author or approver; an earlier check is no part taken in it."""
    if q.stream.kind != "case":
        return ()
    acts: list[Entry] = [e for e in q.stream.effective() if e.act.act != "VerificationSignedOff"]
    return tuple(o for e in acts for o in e.signed_by("AUTHOR", "APPROVER"))
