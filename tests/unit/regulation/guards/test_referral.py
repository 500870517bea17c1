"""Referrals: whose competence, what comes back, and when the committee decides."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.errors import Rejected
from tests.builders import Story, a_case_in, a_case_in_conflict, an_id, breaks, hire, holds


@pytest.mark.parametrize(
    ("branch", "facts", "member"),
    [
        ("shared", {}, "shared_with"),
        ("other", {}, "competent_agency"),
        ("other", {"competent_agency": "bacninh.stttt"}, "competent_agency"),
        ("outside", {"out_of_articles": False}, "out_of_articles"),
    ],
)
def test_competence_elsewhere_names_whose_it_is(
    branch: str, facts: dict[str, Any], member: str
) -> None:
    """8.4.b: shared with whom, whose instead, or outside articles 2 and 3."""
    case = a_case_in("SCREENING")
    holds("COMPETENCE_ADDRESSEES", case.asks("CompetenceDetermined"))
    full = {
        "shared_with": ["bacninh.syt"],
        "competent_agency": "bacninh.syt",
        "out_of_articles": True,
    }
    lawful = case.asks("CompetenceDetermined", disposition=branch, facts=full)
    holds("COMPETENCE_ADDRESSEES", lawful)
    asked = case.asks("CompetenceDetermined", disposition=branch, facts=facts)
    breaks("COMPETENCE_ADDRESSEES", asked, f"/facts/{member}")


def test_a_referral_says_why_the_case_goes_on() -> None:
    """8.4.b, 4.3 (gap 29): determined in screening, reasoned in the referral itself later."""
    late = a_case_in("ASSESSING")
    holds("REFERRAL_COMPETENCE", late.asks("ReferralSent"))
    silent = {"competence_reason": None}
    breaks("REFERRAL_COMPETENCE", late.asks("ReferralSent", facts=silent))
    itself = {"competent_agency": "bacninh.stttt"}
    breaks("REFERRAL_COMPETENCE", late.asks("ReferralSent", facts=itself))
    early = a_case_in("SCREENING")
    breaks("REFERRAL_COMPETENCE", early.asks("ReferralSent"), "/facts/competent_agency")
    early.then("CompetenceDetermined", disposition="outside", facts={"out_of_articles": True})
    holds("REFERRAL_COMPETENCE", early.asks("ReferralSent"))


def assigned() -> Story:
    """A case whose conflict the committee has decided for the health department."""
    case, referral = a_case_in_conflict()
    conflict = {"subject_matter": "COMPETENCE_CONFLICT", "referral": referral}
    case.then("ProposalSubmitted", facts=conflict)
    to = {"competent_agency": "bacninh.syt", "referral": referral}
    case.then("DirectionReceived", disposition="assign", facts=to)
    return case


def test_after_an_assignment_the_case_goes_to_the_agency_named() -> None:
    """4.3, 8.1.d: by the direction itself, without another determination."""
    case = assigned()
    holds("REFERRAL_COMPETENCE", case.asks("ReferralSent"))
    holds("SECOND_RETURN_ESCALATES", case.asks("ReferralSent"))
    elsewhere = {"competent_agency": "bacninh.sgddt"}
    asked = case.asks("ReferralSent", facts=elsewhere)
    breaks("SECOND_RETURN_ESCALATES", asked, "/facts/competent_agency")


def test_a_second_returned_referral_without_escalation_is_refused() -> None:
    """4.3, 8.1.d (gap 5): the second return is a conflict, and nothing is sent while it stands."""
    case = a_case_in("REFERRED")
    holds("SECOND_RETURN_ESCALATES", case.asks("ReferralReturned"))
    early = {"conflict": True}
    breaks("SECOND_RETURN_ESCALATES", case.asks("ReferralReturned", facts=early))
    case.then("ReferralReturned")
    other = {"competent_agency": "bacninh.syt"}
    case.then("CompetenceDetermined", disposition="other", facts=other)
    holds("SECOND_RETURN_ESCALATES", case.asks("ReferralSent"))
    case.then("ReferralSent")
    breaks("SECOND_RETURN_ESCALATES", case.asks("ReferralReturned"), "/facts/conflict")
    case.then("ReferralReturned", facts={"conflict": True})
    breaks("SECOND_RETURN_ESCALATES", case.asks("ReferralSent"), "/act")


def test_a_part_that_comes_back_is_no_conflict_about_the_case() -> None:
    """4.3: only whole returns count towards the second one."""
    case = a_case_in("REFERRED")
    case.then("ReferralReturned")
    part = case.then("PartialReferralSent")
    named = {"referral": part.act.act_id}
    asked = case.asks("ReferralReturned", disposition="part", facts=named)
    holds("SECOND_RETURN_ESCALATES", asked)


def two_posts(case: Story, *aliases: str) -> None:
    """These ids are one human, in post in as many agencies."""
    for alias in aliases:
        hire(case.registry, alias, person=an_id("one human"))


@pytest.mark.parametrize(
    ("state", "act"), [("REFERRED", "ReferralAccepted"), ("VERIFYING", "VerificationAnswered")]
)
@pytest.mark.parametrize("giver", ["cv", "gd"])
def test_who_hands_over_as_one_agency_does_not_take_over_alone_as_another(
    state: str, act: str, giver: str
) -> None:
    """4.3; G8: author or approver there, by whatever id; a second human signs, or signs as well."""
    case = a_case_in(state)
    if state == "VERIFYING":
        case.then("VerificationRequested")
    holds("TAKEN_OVER_BY_ANOTHER", case.asks(act, by="yt"))
    two_posts(case, giver, "yt")
    breaks("TAKEN_OVER_BY_ANOTHER", case.asks(act, by="yt"), "/signers")
    with pytest.raises(Rejected) as refused:
        case.then(act, by="yt")
    assert refused.value.guard == "TAKEN_OVER_BY_ANOTHER"
    holds("TAKEN_OVER_BY_ANOTHER", case.asks(act, by="ytcv"))
    case.then(act, by="yt", also=["ytcv"])


def test_two_who_hand_over_are_not_the_two_who_give_back_or_tell_the_result() -> None:
    """4.3; G8: also where two sign, one of them is somebody else."""
    case = a_case_in("REFERRED")
    two_posts(case, "cv", "ytcv")
    holds("TAKEN_OVER_BY_ANOTHER", case.asks("ReferralReturned"))
    for one, other in (("cv", "ytcv"), ("gd", "yt")):
        hire(case.registry, one, person=an_id(f"human {one}"))
        hire(case.registry, other, person=an_id(f"human {one}"))
    for act in ("ReferralReturned", "ReferredResultReceived"):
        breaks("TAKEN_OVER_BY_ANOTHER", case.asks(act), "/signers")


def test_what_an_agency_records_of_an_answer_to_its_own_is_its_own_officers() -> None:
    """6.1: the clerk who sent it files the receiver's paper; without one it shows."""
    case = a_case_in("REFERRED")
    holds("TAKEN_OVER_BY_ANOTHER", case.asks("ReferralAccepted", by="cv"))
    breaks("RECORDED_FOR_OTHER", case.asks("ReferralAccepted", by="cv"))


def test_passing_a_case_on_without_telling_the_lead_shows() -> None:
    """8.4.b: as an addressee, or by an earlier notice; the lead itself has nobody to tell."""
    case = a_case_in("ASSESSING")
    holds("LEAD_NOT_INFORMED", case.asks("ReferralSent"))
    breaks("LEAD_NOT_INFORMED", case.asks("ReferralSent", by="hcv"), "/to")
    both = ["bacninh.syt", "bacninh.stttt"]
    holds("LEAD_NOT_INFORMED", case.asks("ReferralSent", by="hcv", to=both))
    case.forced("LeadAgencyNotified")
    holds("LEAD_NOT_INFORMED", case.asks("ReferralSent", by="hcv"))


@pytest.mark.parametrize("act", ["ReferralReturned", "ReferredResultReceived"])
def test_a_part_cannot_bring_the_whole_case_back(act: str) -> None:
    """8.4.b: whole only for the referral the case is away on."""
    case = a_case_in("REFERRED")
    holds("REFERRAL_SCOPE", case.asks(act))
    breaks("REFERRAL_SCOPE", case.asks(act, disposition="part"), "/disposition")
    part = case.then("PartialReferralSent")
    named = {"referral": part.act.act_id}
    holds("REFERRAL_SCOPE", case.asks(act, disposition="part", facts=named))
    breaks("REFERRAL_SCOPE", case.asks(act, facts=named))


@pytest.mark.parametrize(
    ("branch", "result", "fits"),
    [
        ("final", "OPENED", True),
        ("final", "NOT_OPENED", True),
        ("final", "SUSPENDED", True),
        ("final", "RETURNED_FOR_SANCTION", False),
        ("returned", "RETURNED_FOR_SANCTION", True),
        ("returned", "OPENED", False),
        ("returned_unverified", "RETURNED_FOR_SANCTION", False),
        ("noted", "OPENED", False),
    ],
)
def test_a_criminal_result_takes_the_branch_it_fits(
    branch: str, result: str, *, fits: bool
) -> None:
    """8.1.d: a whole referral with a finding ends or returns, and is not merely noted."""
    case = a_case_in("REFERRED_CRIMINAL")
    asked = case.asks("CriminalResultReceived", disposition=branch, facts={"result": result})
    (holds if fits else breaks)("CRIMINAL_RESULT_DISPOSITION", asked)


def test_a_case_returned_before_it_was_verified_goes_back_to_verifying() -> None:
    """8.1.d: without a finding there is nothing to assess."""
    case = a_case_in("VERIFYING")
    case.then("CriminalReferralSent")
    back = {"result": "RETURNED_FOR_SANCTION"}
    unverified = {"disposition": "returned_unverified", "facts": back}
    holds("CRIMINAL_RESULT_DISPOSITION", case.asks("CriminalResultReceived", **unverified))
    found = {"disposition": "returned", "facts": back}
    breaks("CRIMINAL_RESULT_DISPOSITION", case.asks("CriminalResultReceived", **found))


def test_the_result_of_a_part_is_noted_and_ends_nothing() -> None:
    """8.1.d: so is a later decision after the case has left."""
    case = a_case_in("HANDLING")
    case.then("PartialCriminalReferralSent")
    holds("CRIMINAL_RESULT_DISPOSITION", case.asks("CriminalResultReceived", disposition="noted"))
    breaks("CRIMINAL_RESULT_DISPOSITION", case.asks("CriminalResultReceived"), "/disposition")
    whole = a_case_in("REFERRED_CRIMINAL")
    whole.then("CriminalResultReceived")
    holds("CRIMINAL_RESULT_DISPOSITION", whole.asks("CriminalResultReceived", disposition="noted"))
