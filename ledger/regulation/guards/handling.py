"""Guards on deciding: bases of each chosen act, proposals, directions, who may send a team."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from ledger.regulation.case.guard_input import GuardInput
from ledger.regulation.case.places import reaches
from ledger.regulation.case.reading import filled, fmt_day, objects, share_a_person
from ledger.regulation.case.roles import agencies_of_role
from ledger.regulation.case.state import Entry
from ledger.regulation.guards.breach import Breach
from ledger.regulation.guards.registry_day import competent
from ledger.regulation.words import vocabulary

INSPECTORATES = ("DEPT_INSPECTORATE", "PROVINCIAL_INSPECTORATE")
#: The decree on checks that a kiểm tra team has to rest on while it is in force (law.md §6).
CHECK_DECREE = "217/2025/NĐ-CP"
CONFLICT = "COMPETENCE_CONFLICT"


def chosen_acts_have_bases(q: GuardInput) -> Breach | None:
    """5.4, 8.1.d (added).

    Each chosen act has a competence and a substance basis of its own, in force, not both Decision
    90.
    """
    plan = objects(q.facts.get("plan"))
    kinds = [i.get("act") for i in plan]
    if not plan or ("NONE" in kinds and len(kinds) > 1):
        return Breach(pointers=("/facts/plan",))
    bad = [n for n, item in enumerate(plan) if not _grounded(q, item)]
    return Breach(pointers=tuple(f"/facts/plan/{n}" for n in bad)) if bad else None


def _grounded(q: GuardInput, item: Mapping[str, Any]) -> bool:
    bases = [b for m in ("competence", "substance") if isinstance(b := item.get(m), Mapping)]
    both = 2
    if len(bases) < both or not all(_in_force(q, b) for b in bases):
        return False
    return not all(q.registry.is_decision90(str(b.get("instrument"))) for b in bases)


def _in_force(q: GuardInput, basis: Mapping[str, Any]) -> bool:
    return q.registry.in_force(
        str(basis.get("instrument")),
        q.day,
        basis.get("article"),
        basis.get("clause"),
        basis.get("point"),
    )


def proposal_from_screening(q: GuardInput) -> Breach | None:
    """8.1.a, 8.1.d.

    From screening only a conflict of competence goes up: a referral that was returned twice.
    """
    if q.stream.state != "SCREENING":
        return None
    if q.facts.get("subject_matter") == CONFLICT and _in_conflict(q):
        return None
    return Breach(pointers=("/facts/subject_matter", "/facts/referral"))


def _in_conflict(q: GuardInput) -> bool:
    """Whether facts.referral names a referral of the case that stands in CONFLICT."""
    referral = q.stream.sub("referral", str(q.facts.get("referral")))
    return referral is not None and referral.state == "CONFLICT"


def direction_disposition(q: GuardInput) -> Breach | None:
    """8.1.d.

    The direction answers what was proposed: a finding to handle, a conflict to assign, an
    assessment to go back to.
    """
    branch, proposal = q.act.disposition, q.stream.last("ProposalSubmitted")
    if branch == "own":
        fits = q.stream.finding is not None
    elif branch == "assign":
        fits = (
            filled(q.facts.get("competent_agency"))
            and proposal is not None
            and proposal.act.facts.get("subject_matter") == CONFLICT
            and _in_conflict(q)
        )
    else:
        fits = proposal is not None and proposal.state_before == "ASSESSING"
    return None if fits else Breach(pointers=("/disposition",))


def direction_disposition_v2(q: GuardInput) -> Breach | None:
    """8.1.d; 4.1. As before; what was proposed while verifying goes back to it."""
    proposal = q.stream.last("ProposalSubmitted")
    before = None if proposal is None else proposal.state_before
    if q.act.disposition == "verify":
        return None if before == "VERIFYING" else Breach(pointers=("/disposition",))
    if before == "HANDLING" and q.act.disposition in ("refer", "reassess"):
        return None
    return direction_disposition(q)


DIRECTING = ("PPC", "PPC_OFFICE", "STEERING")


def direction_giver(q: GuardInput) -> Breach | None:
    """4.1; 8.1.a. Who directs is the committee, its office or the steering board, here; or above.

    A direction that nobody asked for is noted in any state; it moves nothing by itself.
    """
    giver = str(q.facts.get("given_by"))
    directs = any(reaches(q, [giver], function, q.day) for function in DIRECTING)
    if directs or giver in agencies_of_role("SUPERIOR", q.act, q.stream, q.registry, q.day):
        return None
    return Breach(competent(q, [*DIRECTING, "SUPERIOR"]), ("/facts/given_by",))


def team_kind_by_date(q: GuardInput) -> Breach | None:
    """6.3, 8.1.d (gap 14).

    Who may send a thanh tra or a kiểm tra team is a question of the day, answered by the registry.
    """
    kind = str(q.facts.get("kind"))
    if kind == "THANH_TRA":
        fits = any(q.registry.holds(q.act.agency, f, q.day) for f in INSPECTORATES)
    else:
        due = q.registry.in_force(CHECK_DECREE, q.day)
        fits = not due or any(b.instrument == CHECK_DECREE for b in q.act.basis)
    if fits:
        return None
    called = team.vi if (team := vocabulary("teams").get(kind)) else kind
    return Breach({"date": fmt_day(q.day), "kind": called}, ("/facts/kind",))


def team_ground_thin(q: GuardInput) -> Breach | None:
    """Added.

    Between the end of department inspectorates and the decree on checks, a department's check rests
    on little.
    """
    if q.facts.get("kind") != "KIEM_TRA" or not q.registry.holds(q.act.agency, "DEPT", q.day):
        return None
    decree = q.registry.instrument(CHECK_DECREE)
    starts: date | None = decree.valid_from if decree is not None else None
    between = starts is not None and q.day < starts
    return Breach() if between and not q.registry.holders("DEPT_INSPECTORATE", q.day) else None


def seconded_no_conflict(q: GuardInput) -> Breach | None:
    """G8; 8.3.c, 8.4.c.

    Nobody joins a team who is complained about or a party, or whose conflict was not looked for.
    """
    if q.act.act != "MemberSeconded":
        members = objects(q.facts.get("members"))
        bad = [n for n, m in enumerate(members) if not _may_join(q, m)]
        return Breach(pointers=tuple(f"/facts/members/{n}" for n in bad)) if bad else None
    if q.facts.get("refused") is True:
        return None if filled(q.facts.get("reason")) else Breach(pointers=("/facts/reason",))
    if not filled(q.facts.get("member_post")):
        return Breach(pointers=("/facts/member_post",))
    return None if _may_join(q, q.facts) else Breach(pointers=("/facts/conflict",))


def _may_join(q: GuardInput, member: Mapping[str, Any]) -> bool:
    if member.get("conflict_checked") is not True or member.get("conflict") is not False:
        return False
    officer = member.get("officer")
    if not isinstance(officer, str):
        return True
    complained = [o for c in q.stream.effective("ComplaintReceived") for o in _signers(q, c)]
    return not share_a_person(q, [officer], complained) and not _party(q, officer)


def _signers(q: GuardInput, complaint: Entry) -> tuple[str, ...]:
    """Officers who signed the act a complaint is against."""
    against = q.stream.get(str(complaint.act.facts.get("against")))
    return against.signed_by() if against is not None else ()


def _party(q: GuardInput, officer: str) -> bool:
    """Whether the officer is a party: their person token stands in the case."""
    known = q.registry.officer(officer)
    token = known.person if known is not None else None
    return token is not None and any(
        e.act.facts.get(m) == token
        for e in q.stream.effective()
        for m in ("subject", "reporter", "complainant", "person")
    )
