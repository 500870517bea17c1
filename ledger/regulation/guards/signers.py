"""Guards on who signs: different persons, in the order and number the act type asks for (G8)."""

from __future__ import annotations

from datetime import date
from itertools import combinations

from ledger.regulation.acts.act import NamedSigner
from ledger.regulation.case.guard_input import GuardInput
from ledger.regulation.case.reading import day_of, fmt_day, founding, share_a_person
from ledger.regulation.case.stand_ins import (
    FOR_ANOTHER,
    body_of,
    borrows,
    heads,
    named_in,
    signed_before,
    signed_on,
    stand_ins_of,
)
from ledger.regulation.case.state import awaited, present_agency
from ledger.regulation.guards.breach import Breach
from ledger.regulation.registry.lines import KEEPER, REGISTERING
from ledger.regulation.registry.membership import APART
from ledger.regulation.words import vocabulary


def distinct_signers(q: GuardInput) -> Breach | None:
    """All signers are different natural persons (G8)."""
    officers = [s.officer for s in q.act.signers]
    if len(officers) == 1:
        return None
    if len(set(officers)) == len(officers) and not any(
        q.registry.same_person(a, b) for a, b in combinations(officers, 2)
    ):
        return None
    return Breach(pointers=("/signers",))


def signer_order(q: GuardInput) -> Breach | None:
    """AUTHOR, CHECKERs, APPROVER: as many as the class asks, each in its turn (formats.md §3)."""
    needed, roles = q.kind.signature(q.act, q.level, founding=_founding(q))
    named = tuple(s.role for s in q.act.signers)
    if _in_order(named) and len(named) >= needed and _contained(roles, named) and _turn(q):
        return None
    called = vocabulary("roles")
    return Breach(
        {
            "roles": ", ".join(called[r].vi for r in roles),
            "roles_en": ", ".join(called[r].en for r in roles),
        },
        ("/signers",),
    )


def signer_powers(q: GuardInput) -> Breach | None:
    """Each signer holds one of the powers that the act type asks of the role (G8; 4.3).

    Or signs by a delegation of somebody who does. While the founder signs alone, whoever signs
    beside them is asked for none.
    """
    done = signed_before(q)
    alone = _founding(q)
    for n, signer in enumerate(q.act.signers):
        codes = () if alone and signer.role != "AUTHOR" else _powers(q, signer.role)
        if n < done and signer.instead_of is not None:
            continue  # asked on the day of signing, which this is not
        if not codes or any(_empowered(q, signer, code) for code in codes):
            continue
        role, names = vocabulary("roles")[signer.role], [q.catalogue.roles[c] for c in codes]
        return Breach(
            {
                "date": fmt_day(q.day),
                "post": signer.post,
                "role": role.vi,
                "role_en": role.en,
                "powers": "; ".join(str(name["vi"]) for name in names),
                "powers_en": "; ".join(str(name["en"]) for name in names),
            },
            (f"/signers/{n}",),
        )
    return None


def _powers(q: GuardInput, role: str) -> tuple[str, ...]:
    """Of which a signer in a role holds one: what stands in only while nobody else could sign.

    Asked of the day of the act and of today, so that no act is dated to a day of absence.
    """
    codes = q.kind.signer_powers.get(role, ())
    days = {q.day, q.day_taken}
    for later in q.kind.in_absence.get(role, ()):
        if any(q.registry.can_sign(codes, on, q.act.author.officer) for on in days):
            break
        codes = (*codes, later)
    return codes


def _empowered(q: GuardInput, signer: NamedSigner, code: str) -> bool:
    on = q.day if signer.instead_of is None else signed_on(q)
    agency = body_of(q, signer)
    if agency is None or not _in_place(q, signer.role, code, agency, on):
        return False
    if q.registry.holds_code(code, agency, signer.post, signer.officer, on):
        return True
    return borrows(q, signer, code)


def _in_place(q: GuardInput, role: str, code: str, agency: str, on: date) -> bool:
    """Whoever stands in for an absent officer of the registry sits in the agency that keeps it."""
    if code in q.kind.signer_powers[role] or code in REGISTERING:
        return True
    return q.registry.holds(agency, KEEPER, on)


def capacity_of_last(q: GuardInput) -> Breach | None:
    """KT., TUQ. and by giao quyền: instead of somebody who then does not sign as well.

    So it is whoever signs last of an agency who signs so (30/2020/NĐ-CP, article 13).
    """
    if len(q.act.signers) == 1:
        return None
    bodies = [body_of(q, signer) for signer in q.act.signers]
    for n, signer in enumerate(q.act.signers):
        if signer.capacity in FOR_ANOTHER and bodies[n] in bodies[n + 1 :]:
            words = vocabulary("capacities")[str(signer.capacity)]
            return Breach(
                {"post": signer.post, "capacity": words.vi, "capacity_en": words.en},
                (f"/signers/{n}/capacity" if q.act.form > 1 else "/capacity",),
            )
    return None


def stand_in_entitled(q: GuardInput) -> Breach | None:
    """Who signs instead of an officer named holds the post now, or was let by that officer."""
    if q.stand_in is None:
        return None
    entry, on = q.standing, signed_on(q)
    if entry is None:
        return Breach({"post": q.stand_in["post"]}, ("/signers",))
    ways = stand_ins_of(q.registry, entry, str(q.officer), on)
    if any(way.member() == q.stand_in for way in ways):
        return None
    place = len(entry.signed)
    post = str(named_in(entry.act, place)["post"])
    return Breach({"post": post, "date": fmt_day(on)}, (f"/signers/{place}",))


def delegation_by_holder(q: GuardInput) -> Breach | None:
    """Who lets another sign holds the post in their own name, and lets somebody of the agency.

    Nobody passes on what they were given themselves (15/2012/QH13, article 54), and posts that
    stand apart (registrar, auditor, custodian …) are not lent.
    """
    author, officer, post = q.act.author, str(q.facts.get("officer")), str(q.facts.get("post"))
    if author.capacity in FOR_ANOTHER:
        return Breach(pointers=("/signers/0/capacity" if q.act.form > 1 else "/capacity",))
    own = q.registry.appointment(author.officer, q.act.agency, author.post, q.day)
    if own is None or own.powers & APART:
        return Breach(pointers=("/post",))
    if q.stream.kind == "agency" and q.stream.name != f"agency/{q.act.agency}":
        return Breach(pointers=("/agency", "/stream"))
    first = day_of(q.facts.get("valid_from")) or q.day
    held = q.registry.appointment(officer, q.act.agency, post, max(first, q.day))
    if held is None or held.powers & APART or share_a_person(q, [officer], [author.officer]):
        return Breach(pointers=("/facts/officer", "/facts/post"))
    return None


def delegation_to_deputy(q: GuardInput) -> Breach | None:
    """Giao quyền goes to a deputy: a post that signs KT. (15/2012/QH13, article 54)."""
    if q.facts.get("capacity") != "GQ":
        return None
    officer, post = str(q.facts.get("officer")), str(q.facts.get("post"))
    first = day_of(q.facts.get("valid_from")) or q.day
    held = q.registry.appointment(officer, q.act.agency, post, max(first, q.day))
    return (
        None
        if held is not None and "KT" in held.capacities
        else Breach(pointers=("/facts/capacity", "/facts/post"))
    )


def delegation_ended_by(q: GuardInput) -> Breach | None:
    """A delegation that runs is ended by who gave it, who holds that post now, or who took it."""
    line = q.registry.delegations.get(str(q.facts.get("delegation")))
    if line is None or line.ended is not None:
        return Breach(pointers=("/facts/delegation",))
    author = q.act.author
    if share_a_person(q, [author.officer], [line.giver, line.taker]):
        return None
    body = present_agency(q.registry, line.agency, q.day)
    holds = q.act.agency == body and (
        author.post == line.from_post or heads(q.registry, body, author.post, author.officer, q.day)
    )
    return None if holds else Breach(pointers=("/signers",))


def signatures_stand(q: GuardInput) -> Breach | None:
    """Who signed before is asked again when the next one signs (G8; formats.md §9).

    A signature recorded at or after its key's `invalid_from` is disputed: whoever had the key may
    have made it. One recorded before stands, whatever has ended since.
    """
    for n, signed in enumerate(() if q.standing is None else q.standing.signed):
        line, at = q.registry.keyring.line(signed.kid), signed.recorded_at
        if line is None or line.invalid_from is None or at is None:
            continue
        if at >= line.invalid_from:
            return Breach({"post": q.act.signers[n].post}, (f"/signers/{n}",))
    return None


def _founding(q: GuardInput) -> bool:
    if not q.kind.variants:
        return False
    found: bool | None = q.memo.get("founding")
    if found is None:
        found = q.memo["founding"] = founding(q)
    return found


def _in_order(named: tuple[str, ...]) -> bool:
    if named[0] != "AUTHOR":
        return False
    if len(named) == 1:
        return True
    return named[-1] == "APPROVER" and all(r == "CHECKER" for r in named[1:-1])


def _contained(roles: tuple[str, ...], named: tuple[str, ...]) -> bool:
    """Whether `roles` stands inside `named` in its order."""
    if roles == named:
        return True
    rest = iter(named)
    return all(role in rest for role in roles)


def _turn(q: GuardInput) -> bool:
    """Whether the act waits for this statement next: for this officer, in this role.

    An act that returns another has one signer (formats.md §3); the header may say RETURNER, which
    RETURNS_PENDING_ACT asks for.
    """
    signers = q.act.signers
    entry = q.stream.entries.get(q.act.act_id)
    if entry is not None and entry.act.signed != q.act.signed:
        return True  # other words under an id that is taken: CORRECT_NOT_EDIT answers
    waiting = awaited(q.stream, q.act)
    if not waiting or q.officer != waiting[0].officer:
        return False
    if q.act.act == "ActReturned":
        return len(signers) == 1 and q.role in ("RETURNER", "AUTHOR")
    return q.role == waiting[0].role
