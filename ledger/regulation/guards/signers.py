"""Guards on who signs: different persons, in the order and number the act type asks for (G8)."""

from __future__ import annotations

from itertools import combinations

from ledger.regulation.acts.act import NamedSigner
from ledger.regulation.case.guard_input import GuardInput
from ledger.regulation.case.reading import agency_of, fmt_day, founding
from ledger.regulation.case.state import awaited
from ledger.regulation.guards.breach import Breach
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
    """Each signer holds one of the powers that the act type asks of the role (G8; 4.3)."""
    for n, signer in enumerate(q.act.signers):
        codes = q.kind.signer_powers.get(signer.role, ())
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


def _empowered(q: GuardInput, signer: NamedSigner, code: str) -> bool:
    agency = agency_of(q, signer.officer, signer.post)
    return agency is not None and q.registry.holds_code(
        code, agency, signer.post, signer.officer, q.day
    )


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
    return bool(q.kind.variants) and founding(q)


def _in_order(named: tuple[str, ...]) -> bool:
    if named[0] != "AUTHOR":
        return False
    if len(named) == 1:
        return True
    return named[-1] == "APPROVER" and all(r == "CHECKER" for r in named[1:-1])


def _contained(roles: tuple[str, ...], named: tuple[str, ...]) -> bool:
    """Whether `roles` stands inside `named` in its order."""
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
