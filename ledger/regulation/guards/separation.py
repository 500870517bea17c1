"""Guards that keep roles of one natural person apart when they are used (access.md, Separation).

Grants and appointments are asked as well; what was given before the other role came is caught
here, at each signature that is still to be made. One thing is always left: returning an act that
waits for whoever may not sign it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Final

from ledger.regulation.acts.act import NamedSigner
from ledger.regulation.case.guard_input import GuardInput
from ledger.regulation.case.reading import day_of, objects, share_a_person
from ledger.regulation.case.state import awaited, present_agency
from ledger.regulation.guards.breach import Breach
from ledger.regulation.guards.exclusion import gives_back
from ledger.regulation.registry.grants import Grant
from ledger.regulation.registry.kept_apart import (
    AUDITOR,
    CUSTODIAN,
    KEY_POST,
    beside_keys,
    keeps_keys,
)
from ledger.regulation.registry.officers import Appointment

PROTECTOR: Final = "VAULT_KEEPER"
DISCLOSING: Final = "ReporterIdentityDisclosed"
CHECKING: Final = "VerificationSignedOff"
#: What an auditor signs: checks, reviews, and as witness where others decide (access.md S6).
WITNESSED: Final = frozenset(
    {
        CHECKING,
        "BreakGlassReviewed",
        "RecordErased",
        "KeyCeremonyRecorded",
        "KeyRevoked",
        "AccessLogged",
        "ActReturned",
    }
)
#: Acts whose author administers: who keeps keys may sign them, and no others (access.md S5).
ADMINISTERING: Final = frozenset({"REGISTRY_KEEPER", "FOUNDER", "KEY_HOLDER", CUSTODIAN})
#: Signed as key administrator where another decides.
CARRIED_OUT: Final = "RecordErased"
#: One's own key that was lost is reported whatever else one holds.
LOST: Final = "KeyRevoked"
#: By these a matter comes into the log and becomes a case.
TAKING_IN: Final = (
    "ReportReceived",
    "DetectionRecorded",
    "ExternalRequestReceived",
    "CaseRegistered",
)
#: By these it goes on: whose the matter is, what was found, what is to be done, what came of it.
STEPS: Final = (
    "CompetenceDetermined",
    "VerificationConcluded",
    "HandlingDecided",
    "ResultDetermined",
)
#: Whether the decider may review is a question of its own (S3).
REVIEWING: Final = "review"
WORKING: Final = frozenset({"HANDLE", "APPROVE"})
#: Who ends a grant that somebody else gave.
REVOKING: Final = ("SUPERVISOR", "SECURITY_OFFICER")


# -- at use ---------------------------------------------------------------------------------------


def inspector_signs_not(q: GuardInput) -> Breach | None:
    """G8 (access.md S7). Who inspects writes in no case meanwhile, and never in one inspected."""
    ordered = q.registry.granted.inspectors
    if not ordered or q.act.act == CHECKING or gives_back(q):
        return None
    for signer in awaited(q.stream, q.act):
        if share_a_person(q, [signer.officer], ordered) and _inspects(q, signer.officer):
            return _by(q, signer)
    return None


def _inspects(q: GuardInput, officer: str) -> bool:
    """Whether an order runs for the person, or any ever let them read this case."""
    return any(
        grant.runs(q.at) or grant.runs(q.act.occurred_at) or _reached(grant, q)
        for grant in _grants_of(q, officer)
        if grant.scope == "INSPECTION"
    )


def _reached(grant: Grant, q: GuardInput) -> bool:
    """Whether an order names this case, or an agency of it and a period that it was opened in."""
    if grant.cases or not grant.covers(q.stream.opened_on):
        return q.stream.name in grant.cases
    raw = {q.stream.handler_raw, *(entry.act.agency for entry in q.stream.effective())} - {None}
    held = {present_agency(q.registry, str(agency), q.day) for agency in raw}
    return any(present_agency(q.registry, agency, q.day) in held for agency in grant.agencies)


def auditor_signs_not(q: GuardInput) -> Breach | None:
    """G8 (access.md S6). An auditor writes nothing and keeps no key; a witness may sign."""
    if q.act.act in WITNESSED:
        return None
    for signer in awaited(q.stream, q.act):
        for post in _held(q, signer.officer):
            if AUDITOR in post.powers:
                return _by(q, signer)
    return None


def key_keeper_signs_not(q: GuardInput) -> Breach | None:
    """G8 (access.md S5). Who keeps keys writes and approves no content; who does either keeps none.

    Also where both came before the rule was asked: then neither is used.
    """
    if q.act.act == LOST or gives_back(q):
        return None
    administers = q.act.act == CARRIED_OUT or not ADMINISTERING.isdisjoint(q.kind.who)
    for signer in awaited(q.stream, q.act):
        held = _held(q, signer.officer)
        if not any(keeps_keys(post) for post in held):
            continue
        if not administers or not all(beside_keys(post.powers) for post in held):
            return _by(q, signer)
    return None


def intake_approves_not(q: GuardInput) -> Breach | None:
    """G8 (access.md S2). Who took a matter in or registered it approves nothing in the case."""
    if gives_back(q):
        return None
    approvers = [one for one in awaited(q.stream, q.act) if one.role == "APPROVER"]
    takers = _wrote(q, *TAKING_IN) if approvers else ()
    for signer in approvers:
        if share_a_person(q, [signer.officer], takers):
            return _by(q, signer)
    return None


def handler_approves_not(q: GuardInput) -> Breach | None:
    """G8 (access.md S2). Who wrote a step of a case approves no later one, and no measure in it.

    Only forward: the head of a division who approves what a clerk found, and then writes the plan
    for the director, is how offices work.
    """
    moves_on = q.kind.moves is not None and q.kind.group != REVIEWING
    if not (moves_on or q.kind.restrictive) or gives_back(q):
        return None
    approvers = [one for one in awaited(q.stream, q.act) if one.role == "APPROVER"]
    handled = _wrote(q, *STEPS) if approvers else ()
    for signer in approvers:
        if share_a_person(q, [signer.officer], handled):
            return _by(q, signer)
    return None


def _wrote(q: GuardInput, *names: str) -> tuple[str, ...]:
    """Authors of effective acts of these types."""
    return tuple(o for e in q.stream.effective(*names) for o in e.signed_by("AUTHOR"))


def discloser_signs_not(q: GuardInput) -> Breach | None:
    """G8 (access.md S9).

    Who disclosed a reporter in a case neither handles nor approves there; who did either is
    refused by DISCLOSURE_OUTSIDE_SIGNER.
    """
    if q.act.act == DISCLOSING or gives_back(q):
        return None
    disclosed = _wrote(q, DISCLOSING)
    for signer in awaited(q.stream, q.act) if disclosed else ():
        if share_a_person(q, [signer.officer], disclosed):
            return _by(q, signer)
    return None


# -- when it is granted ---------------------------------------------------------------------------


def grant_keeps_apart(q: GuardInput) -> Breach | None:
    """G8 (access.md S2, S9). A grant to work gives nobody two roles of one case.

    Who took the case in or wrote a step of it gets none to approve, who may handle none to approve
    and the reverse, and who keeps reporters' identities none of either.
    """
    may, officer = q.facts.get("may"), str(q.facts.get("officer"))
    if may not in WORKING:
        return None
    protects = any(PROTECTOR in a.powers for a in _posts(q, officer, q.day))
    both = any(
        g.may in WORKING and g.may != may and g.stream == q.stream.name and g.runs(q.at)
        for g in _grants_of(q, officer)
    )
    wrote = may == "APPROVE" and share_a_person(q, [officer], _wrote(q, *TAKING_IN, *STEPS))
    disclosed = share_a_person(q, [officer], _wrote(q, DISCLOSING))
    apart = not (protects or both or wrote or disclosed)
    return None if apart else Breach(pointers=("/facts/officer", "/facts/may"))


def auditor_apart(q: GuardInput) -> Breach | None:
    """G8 (access.md S6). An auditor holds no other post while in that one, nor the reverse."""
    powers = frozenset(q.facts.get("powers", ()))
    officer, first = str(q.facts.get("officer")), day_of(q.facts.get("valid_from"))
    if first is None:
        return None
    if AUDITOR in powers and powers != {AUDITOR}:
        return Breach(pointers=("/facts/powers",))
    last = day_of(q.facts.get("valid_to"))
    audits = AUDITOR in powers
    for held in _appointments(q, officer):
        if (AUDITOR in held.powers) is not audits and _meet(held, first, last):
            return Breach(pointers=("/facts/officer", "/facts/powers"))
    return None


def keys_apart(q: GuardInput) -> Breach | None:
    """G8 (access.md S5). Nobody who keeps keys is appointed to content, or let into it.

    Nor the reverse, by whatever id. A registrar may keep keys.
    """
    if q.act.act != "OfficerAppointed":
        readers = [*objects(q.facts.get("readers")), *objects([q.facts.get("holder")]), q.facts]
        named = [str(one["officer"]) for one in readers if "officer" in one]
        keeps = any(keeps_keys(post) for one in named for post in _posts(q, one, q.day))
        return Breach(pointers=("/facts",)) if keeps else None
    powers, first = frozenset(q.facts.get("powers", ())), day_of(q.facts.get("valid_from"))
    if first is None:
        return None
    keeps = CUSTODIAN in powers or q.facts.get("post") == KEY_POST
    if keeps and not beside_keys(powers):
        return Breach(pointers=("/facts/powers",))
    last = day_of(q.facts.get("valid_to"))
    for held in _appointments(q, str(q.facts.get("officer"))):
        apart = (keeps and not beside_keys(held.powers)) or (
            keeps_keys(held) and not beside_keys(powers)
        )
        if apart and _meet(held, first, last):
            return Breach(pointers=("/facts/officer", "/facts/powers"))
    return None


def _meet(held: Appointment, first: date, last: date | None) -> bool:
    return (last is None or held.valid_from <= last) and (
        held.valid_to is None or first <= held.valid_to
    )


def _appointments(q: GuardInput, officer: str) -> Iterator[Appointment]:
    """Every appointment of the person, also by the token that this act says first."""
    person = q.facts.get("person")
    ids = {*q.registry.officers.ids_of(officer)}
    if isinstance(person, str):
        ids |= {*q.registry.officers.of_person(person)}
    for one in q.registry.officers.all():
        if one.uuid in ids:
            yield from one.appointments


# -- revocation -----------------------------------------------------------------------------------


def revoker_in_charge(q: GuardInput) -> Breach | None:
    """access.md A8. A grant is revoked by the agency that granted it, or that handles the case.

    An order or an opening is the issuer's alone: no agency calls off its own inspection.
    """
    entry = q.ref("grant")
    if entry is None:
        return None  # GRANT_STANDS answers
    concerned = {entry.act.agency, present_agency(q.registry, entry.act.agency, q.day)}
    if entry.act.act in ("ParticipationGranted", "ExportPermitted") and q.stream.kind == "case":
        handler = q.stream.handler(q.registry, q.day)
        concerned |= q.stream.finders(q.registry, q.day) if handler is None else {handler}
    return None if q.act.agency in concerned else Breach(pointers=("/agency",))


def revoker_in_charge_v2(q: GuardInput) -> Breach | None:
    """access.md A8. So does whoever named an officer to a unit: they need ask no supervisor.

    That alone, though: a classifier ends no other's grant, and none of a whole case. Behind an
    erased record nobody can tell who holds the case: the door has asked, and nothing is refused.
    """
    entry = q.ref("grant")
    if entry is None:
        return None  # GRANT_STANDS answers
    author = q.act.author
    by_name = entry.act.facts.get("scope") == "UNIT"
    if by_name and share_a_person(q, [author.officer], entry.signed_by()):
        return None
    answers_for_it = any(
        q.registry.holds_code(code, q.act.agency, author.post, author.officer, q.day)
        for code in REVOKING
    )
    if not answers_for_it:
        return Breach(pointers=("/signers/0",))
    return None if q.stream.supposed else revoker_in_charge(q)


# -- persons --------------------------------------------------------------------------------------


def _by(q: GuardInput, signer: NamedSigner) -> Breach:
    place = q.act.signers.index(signer)
    return Breach({"post": signer.post}, (f"/signers/{place}",))


def _posts(q: GuardInput, officer: str, day: date) -> Iterator[Appointment]:
    """Posts of the natural person on a day, by whatever id."""
    for one in q.registry.officers.ids_of(officer):
        yield from q.registry.appointments(one, day)


def _held(q: GuardInput, officer: str) -> Sequence[Appointment]:
    """Posts of the person on the day of the act and today."""
    key = f"held {officer}"
    found: Sequence[Appointment] | None = q.memo.get(key)
    if found is None:
        days = (q.day,) if q.day_taken == q.day else (q.day, q.day_taken)
        found = q.memo[key] = [post for day in days for post in _posts(q, officer, day)]
    return found


def _grants_of(q: GuardInput, officer: str) -> Iterable[Grant]:
    """Every grant of the natural person, by whatever id."""
    for one in q.registry.officers.ids_of(officer):
        yield from q.registry.grants(officer=one)
