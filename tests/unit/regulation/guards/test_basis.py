"""Bases: competence and substance apart, and never the coordination regulation alone."""

from __future__ import annotations

from ledger.regulation.guards.table import guards_in
from tests.builders import DIGEST, DOCUMENT, MET_B, Story, a_basis, a_case_in, breaks, holds
from tests.rows import each, of

REGULATION = {"instrument": "90/QĐ-UBND", "article": "8", "clause": "1", "point": "d"}


def test_a_decision_without_a_substance_basis_is_refused() -> None:
    """G1: a deciding act says by which power and on which law, each for itself."""
    case = a_case_in("ASSESSING")
    holds("BASIS_COMPETENCE_AND_SUBSTANCE", case.asks("HandlingDecided"))
    for role in ("COMPETENCE", "SUBSTANCE"):
        bare = [b for b in a_basis() if b["role"] != role]
        breaks("BASIS_COMPETENCE_AND_SUBSTANCE", case.asks("HandlingDecided", basis=bare), "/basis")


def test_a_sanction_on_decision_90_alone_is_refused() -> None:
    """G1; regulation.md §1: Decision 90 grants no power over a person, in either role."""
    case = a_case_in("HANDLING")
    holds("NOT_DECISION_90_ALONE", case.asks("SanctionDecided"))
    alone = [{**REGULATION, "role": r} for r in ("COMPETENCE", "SUBSTANCE")]
    breaks("NOT_DECISION_90_ALONE", case.asks("SanctionDecided", basis=alone), "/basis")
    half = [{**REGULATION, "role": "COMPETENCE"}, *a_basis()[2:]]
    breaks("NOT_DECISION_90_ALONE", case.asks("SanctionDecided", basis=half), "/basis")


def test_each_act_that_decides_is_asked_for_its_bases() -> None:
    """regulation.md §7 G1 names them: a guard that one of them does not require asks it nothing."""
    case = a_case_in("HANDLING")
    alone = [{**REGULATION, "role": r} for r in ("COMPETENCE", "SUBSTANCE")]
    for act in each(
        (
            "HandlingDecided", "SanctionDecided", "TechnicalMeasureOrdered", "TakedownProposed",
            "ReferralSent", "PartialReferralSent", "CriminalReferralSent",
            "PartialCriminalReferralSent", "ReviewDecided",
        )
    ):  # fmt: skip
        for code, basis in (
            ("NOT_DECISION_90_ALONE", alone),
            ("BASIS_COMPETENCE_AND_SUBSTANCE", a_basis()[:1]),
        ):
            with of((act, code)):
                q = case.asks(act, basis=basis)
                asked = guards_in(q.edition).asked(q.kind, "case")
                assert code in {guard.code for guard in asked if guard.check(q) is not None}


def test_a_later_version_of_the_regulation_is_no_better_basis() -> None:
    """G1: a successor version coordinates as little as the first one."""
    programme = Story("programme/quy-che")
    programme.then("RegulationVersionAdopted")
    case = a_case_in("HANDLING", registry=programme.registry)
    basis = [
        {"instrument": "91/QĐ-UBND", "article": "8", "role": r} for r in ("COMPETENCE", "SUBSTANCE")
    ]
    breaks("NOT_DECISION_90_ALONE", case.asks("SanctionDecided", basis=basis))


def test_a_first_measure_without_a_legal_basis_is_recorded_and_shown() -> None:
    """5.2: refusing it would only push it off the record, so the flag says it."""
    case = a_case_in("RECEIVED")
    holds("BASIS_MISSING", case.asks("ImmediateMeasureTaken"))
    bare = [{**REGULATION, "role": "PROCEDURE"}]
    breaks("BASIS_MISSING", case.asks("ImmediateMeasureTaken", basis=bare))
    regulation = [{**REGULATION, "role": r} for r in ("COMPETENCE", "SUBSTANCE")]
    breaks("BASIS_MISSING", case.asks("ImmediateMeasureTaken", basis=regulation))


def test_a_power_or_a_limb_that_is_not_on_the_list_shows_to_who_approves() -> None:
    """4.3: an article that is none, a body that it gives nothing, law that was not mapped."""
    case = a_case_in("VERIFYING")
    holds("BASIS_UNCHECKED", case.asks("VerificationConcluded"))
    unknown = [*a_basis(), {"instrument": "24/2014/NĐ-CP", "article": "9999", "role": "COMPETENCE"}]
    breaks("BASIS_UNCHECKED", case.asks("VerificationConcluded", basis=unknown), "/basis/3")
    district = [{"instrument": "77/2015/QH13", "article": "28", "role": "COMPETENCE"}]
    breaks("BASIS_UNCHECKED", case.asks("VerificationConcluded", basis=district), "/basis/0")
    limbs = [MET_B[0], {**MET_B[1], "article": "12"}, MET_B[2]]
    asked = case.asks("VerificationConcluded", facts={"limbs": limbs})
    breaks("BASIS_UNCHECKED", asked, "/facts/limbs/1")


def test_what_another_body_said_comes_with_its_paper_or_shows() -> None:
    """6.1: the ministry itself needs none; the lead that records it does."""
    case = a_case_in("HANDLING")
    proposed = case.then("TakedownProposed")
    named = {"facts": {"takedown": proposed.act.act_id}}
    holds("RECORDED_FOR_OTHER", case.asks("TakedownAnswered", by="bo", **named))
    breaks("RECORDED_FOR_OTHER", case.asks("TakedownAnswered", by="cv", **named), "/document")
    file = {"digest": f"sha-256:{DIGEST}", "media_type": "application/pdf", "size": 12,
            "name": "tra-loi.pdf"}  # fmt: skip
    papers = {"document": DOCUMENT, "attachments": [file]}
    holds("RECORDED_FOR_OTHER", case.asks("TakedownAnswered", by="cv", **papers, **named))
