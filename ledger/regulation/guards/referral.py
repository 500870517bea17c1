"""Guards on competence and referral: to whom, why, what comes back, when the committee decides."""

from __future__ import annotations

from ledger.regulation.case.guard_input import GuardInput
from ledger.regulation.case.places import reaches
from ledger.regulation.case.reading import filled, inherited, share_a_person, texts
from ledger.regulation.case.stand_ins import answerable
from ledger.regulation.case.state import Entry, present_agency
from ledger.regulation.guards.breach import Breach

FINAL_RESULTS = frozenset({"OPENED", "NOT_OPENED", "SUSPENDED"})
RETURNED = "RETURNED_FOR_SANCTION"


def competence_addressees(q: GuardInput) -> Breach | None:
    """8.4.b.

    Shared names with whom, another's names whose, outside says that articles 2 and 3 do not reach
    it.
    """
    branch, agency = q.act.disposition, q.facts.get("competent_agency")
    if branch == "shared" and not texts(q.facts.get("shared_with")):
        return Breach(pointers=("/facts/shared_with",))
    if branch == "other" and (not filled(agency) or agency == q.act.agency):
        return Breach(pointers=("/facts/competent_agency",))
    if branch == "outside" and q.facts.get("out_of_articles") is not True:
        return Breach(pointers=("/facts/out_of_articles",))
    return None


def referral_competence(q: GuardInput) -> Breach | None:
    """8.4.b, 4.3 (gap 29).

    Why a case goes on: determined in screening, reasoned in the referral itself later.
    """
    agency = q.facts.get("competent_agency")
    if agency == q.act.agency:
        return Breach(pointers=("/facts/competent_agency",))
    if q.stream.state == "SCREENING":
        determined = q.stream.last("CompetenceDetermined")
        outside = determined is not None and determined.act.disposition in ("other", "outside")
        assigned = _last_assign(q)
        named = assigned is not None and _same_agency(q, assigned, str(agency))
        return None if outside or named else Breach(pointers=("/facts/competent_agency",))
    if filled(q.facts.get("competence_reason")):
        return None
    return Breach(pointers=("/facts/competence_reason",))


def _last_assign(q: GuardInput) -> Entry | None:
    """The committee's last decision on a conflict of competence."""
    found = [e for e in q.stream.effective("DirectionReceived") if e.act.disposition == "assign"]
    return found[-1] if found else None


def _same_agency(q: GuardInput, assign: Entry, agency: str) -> bool:
    """Whether this is the agency the committee named, or one that inherited from it since."""
    named = str(assign.act.facts.get("competent_agency"))
    return agency in inherited(q, named, assign.act.day)


def taken_over_by_another(q: GuardInput) -> Breach | None:
    """4.3; G8 (added). Who hands over or asks as one agency is not alone who answers as another.

    One of those who sign for the other agency did not sign, nor lend the power to sign, what it
    answers. What an agency records of the answer to its own act is RECORDED_FOR_OTHER's.
    """
    sent = q.ref("referral") or q.ref("request")
    if sent is None or q.act.agency == present_agency(q.registry, sent.act.agency, q.day):
        return None
    gave = answerable(q, sent)
    if any(not share_a_person(q, [signer.officer], gave) for signer in q.act.signers):
        return None
    return Breach(pointers=("/signers",))


def lead_not_informed(q: GuardInput) -> Breach | None:
    """8.4.b.

    Whoever passes a case on tells the lead as well: as an addressee, or by an earlier notice.
    """
    if reaches(q, [q.act.agency, *q.act.to], "LEAD", q.day):
        return None
    told = any(
        reaches(q, e.act.to, "LEAD", e.act.day) for e in q.stream.effective("LeadAgencyNotified")
    )
    return None if told else Breach(pointers=("/to",))


def referral_scope(q: GuardInput) -> Breach | None:
    """8.4.b.

    What comes back is of the whole case if the case is away on that very referral, else of a part.
    """
    sent = q.stream.last("ReferralSent")
    away = (
        q.stream.state == "REFERRED"
        and sent is not None
        and sent.act.act_id == q.facts.get("referral")
    )
    fits = q.act.disposition == ("whole" if away else "part")
    return None if fits else Breach(pointers=("/disposition",))


def second_return_escalates(q: GuardInput) -> Breach | None:
    """4.3, 8.1.d (gap 5).

    The second return of the whole case is a conflict that the provincial committee decides.
    """
    if q.act.act == "ReferralReturned":
        before = any(e.act.disposition == "whole" for e in q.stream.effective("ReferralReturned"))
        conflict = before and q.act.disposition == "whole"
        fits = q.facts.get("conflict") is conflict
        return None if fits else Breach(pointers=("/facts/conflict",))
    if q.stream.subs_in("referral", "CONFLICT"):
        return Breach(pointers=("/act",))
    assigned = _last_assign(q) if q.stream.state == "SCREENING" else None
    if assigned is None or not _unanswered(q, assigned):
        return None
    named = _same_agency(q, assigned, str(q.facts.get("competent_agency")))
    return None if named else Breach(pointers=("/facts/competent_agency",))


def _unanswered(q: GuardInput, assign: Entry) -> bool:
    """Whether no referral was sent since the committee's decision."""
    order, sent = q.stream.effective(), q.stream.last("ReferralSent")
    return sent is None or order.index(sent) < order.index(assign)


def criminal_result_disposition(q: GuardInput) -> Breach | None:
    """8.1.d.

    A result ends the case, brings it back, or is only noted, as the referral and the finding stand.
    """
    branch, result = q.act.disposition, q.facts.get("result")
    whole = q.ref("referral", "CriminalReferralSent") is not None
    sent = q.stream.last("CriminalReferralSent")
    away = (
        q.stream.state == "REFERRED_CRIMINAL"
        and sent is not None
        and sent.act.act_id == q.facts.get("referral")
    )
    found = q.stream.finding is not None
    fits = {
        "final": away and result in FINAL_RESULTS,
        "returned": whole and result == RETURNED and found,
        "returned_unverified": whole and result == RETURNED and not found,
        "noted": not away,
    }
    return None if fits.get(str(branch), False) else Breach(pointers=("/disposition",))
