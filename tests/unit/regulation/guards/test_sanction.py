"""Sanctions: record, explanation, proposal, power, limitation, and a way to complain."""
# ruff: noqa: ANN401 - facts are JSON

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from ledger.regulation.case.guard_input import GuardInput
from tests.builders import Story, a_case_in, a_registry, a_token, at, breaks, enter, holds, officer


def recorded(**facts: Any) -> Story:
    """A case in which a violation record stands."""
    case = a_case_in("HANDLING")
    case.then("ViolationRecordMade", facts=facts)
    return case


def proposed(**facts: Any) -> Story:
    """The same with a proposal."""
    case = recorded(**facts)
    case.then("SanctionProposed")
    return case


def test_a_sanction_without_record_or_proposal_is_refused() -> None:
    """G5: first the record, then the proposal, then the decision."""
    bare = a_case_in("HANDLING")
    breaks("RECORD_BEFORE_SANCTION", bare.asks("SanctionProposed"), "/facts/sanction")
    case = recorded()
    holds("RECORD_BEFORE_SANCTION", case.asks("SanctionProposed"))
    breaks("RECORD_BEFORE_SANCTION", case.asks("SanctionDecided"))
    case.then("SanctionProposed")
    holds("RECORD_BEFORE_SANCTION", case.asks("SanctionDecided"))


def test_a_sanction_inside_the_explanation_window_is_refused() -> None:
    """G5: it is over, waived, or the explanation came before the proposal."""
    window = {"explanation_open": True, "explanation_until": "2024-06-11"}
    case = proposed(**window)
    params = breaks("EXPLANATION_WINDOW_OVER", case.asks("SanctionDecided"))
    assert params["date"] == "11/06/2024"
    case.now = at("2024-06-11 17:00")
    breaks("EXPLANATION_WINDOW_OVER", case.asks("SanctionDecided"))
    case.now = at("2024-06-12 08:00")
    holds("EXPLANATION_WINDOW_OVER", case.asks("SanctionDecided"))
    waived = proposed(**window, explanation_waived=True)
    holds("EXPLANATION_WINDOW_OVER", waived.asks("SanctionDecided"))
    holds("EXPLANATION_WINDOW_OVER", proposed().asks("SanctionDecided"))


def test_an_explanation_after_the_proposal_has_to_be_weighed_again() -> None:
    """G5: the proposal comes after the explanation it weighs."""
    case = proposed(explanation_open=True, explanation_until="2024-06-11")
    case.then("ExplanationReceived")
    breaks("EXPLANATION_WINDOW_OVER", case.asks("SanctionDecided"))
    case.then("SanctionProposed")
    holds("EXPLANATION_WINDOW_OVER", case.asks("SanctionDecided"))


def test_a_window_without_an_end_takes_it_from_the_rule_of_the_day() -> None:
    """G5 (15/2012/QH13 Art. 61): five working days where the record states none."""
    case = proposed(explanation_open=True)
    assert breaks("EXPLANATION_WINDOW_OVER", case.asks("SanctionDecided"))["date"] == "11/06/2024"


def test_a_decision_with_no_explanation_heard_shows() -> None:
    """G5: whether or not the law opened a window."""
    case = recorded()
    breaks("NO_EXPLANATION_HEARD", case.asks("SanctionDecided"))
    case.then("ExplanationReceived")
    holds("NO_EXPLANATION_HEARD", case.asks("SanctionDecided"))


def test_a_sanction_after_a_whole_case_criminal_referral_is_refused() -> None:
    """G6: until the file comes back for sanction."""
    holds("NO_SANCTION_AFTER_CRIMINAL_REFERRAL", recorded().asks("SanctionProposed"))
    case = a_case_in("REFERRED_CRIMINAL")
    case.forced("ViolationRecordMade")
    breaks("NO_SANCTION_AFTER_CRIMINAL_REFERRAL", case.asks("SanctionProposed"))
    back = {"result": "RETURNED_FOR_SANCTION"}
    case.then("CriminalResultReceived", disposition="returned", facts=back)
    holds("NO_SANCTION_AFTER_CRIMINAL_REFERRAL", case.asks("SanctionProposed"))


def test_not_opened_is_no_return_until_the_case_is_taken_up_again() -> None:
    """G6: a refusal to open a case says nothing about the file."""
    case = a_case_in("REFERRED_CRIMINAL")
    case.then("CriminalResultReceived", facts={"result": "NOT_OPENED"})
    case.forced("ViolationRecordMade")
    breaks("NO_SANCTION_AFTER_CRIMINAL_REFERRAL", case.asks("SanctionProposed"))
    case.then("ReviewOpened")
    case.forced("ReviewDecided", disposition="remanded", facts={"decision": "REMANDED"})
    holds("NO_SANCTION_AFTER_CRIMINAL_REFERRAL", case.asks("SanctionProposed"))


def test_a_sanction_that_went_with_a_part_waits_for_its_return() -> None:
    """G6: the part that stopped this sanction, and no other part."""
    case = recorded()
    record = case.stream.last("ViolationRecordMade")
    assert record is not None
    case.then("PartialCriminalReferralSent")
    holds("NO_SANCTION_AFTER_CRIMINAL_REFERRAL", case.asks("SanctionProposed"))
    stopped = {"sanction_stopped": [record.act.act_id]}
    case.then("PartialCriminalReferralSent", facts=stopped)
    breaks("NO_SANCTION_AFTER_CRIMINAL_REFERRAL", case.asks("SanctionProposed"))
    back = {"result": "RETURNED_FOR_SANCTION"}
    case.then("CriminalResultReceived", disposition="noted", facts=back)
    holds("NO_SANCTION_AFTER_CRIMINAL_REFERRAL", case.asks("SanctionProposed"))


@pytest.mark.parametrize(
    "facts",
    [
        {"amount_band": "ABOVE_100M"},
        {"amount_band": None},
        {"decider_post": "giam-doc"},
        {"competence_article": {"instrument": "189/2025/NĐ-CP", "article": "4"}},
    ],
    ids=["above its band", "a fine without a band", "another post", "a decree of later on"],
)
def test_a_post_sanctions_only_as_far_as_its_power_of_that_day(facts: dict[str, Any]) -> None:
    """8.1.d: by dated lines for post, function, band, and an article in force."""
    case = proposed()
    holds("SANCTION_POWER", case.asks("SanctionDecided"))
    asked = case.asks("SanctionDecided", facts=facts)
    assert breaks("SANCTION_POWER", asked)["date"] == "04/06/2024"


def test_the_power_moves_with_the_reorganisation() -> None:
    """8.1.d: from 01/7/2025 the director, no longer an inspector, and the commune."""
    case = Story(start=at("2025-07-10 09:00"))
    director = {"decider_post": "giam-doc"}
    by = {"by": "ncv", "also": ["ngd"]}
    holds("SANCTION_POWER", case.asks("SanctionDecided", facts=director, **by))
    chair: dict[str, Any] = {"decider_post": "chu-tich", "amount_band": "TO_30M"}
    commune = {"by": "xcv", "also": ["xct"]}
    holds("SANCTION_POWER", case.asks("SanctionDecided", facts=chair, **commune))
    high = {**chair, "amount_band": "TO_100M"}
    breaks("SANCTION_POWER", case.asks("SanctionDecided", facts=high, **commune))
    health = {"decider_post": "pho-giam-doc"}
    breaks("SANCTION_POWER", case.asks("SanctionDecided", by="ytcv", also=["yt"], facts=health))


def test_a_post_sanctions_only_in_the_forms_of_its_power() -> None:
    """Q22: a commune fines and warns, and takes no licence; the committee does."""
    case = Story(start=at("2025-07-10 09:00"))
    commune: dict[str, Any] = {"by": "xcv", "also": ["xct"]}

    def facts(*forms: str) -> dict[str, Any]:
        return {"decider_post": "chu-tich", "amount_band": "UP_TO_10M", "forms": list(forms)}

    holds("SANCTION_POWER", case.asks("SanctionDecided", facts=facts("FINE"), **commune))
    both = facts("FINE", "CONFISCATION")
    holds("SANCTION_POWER", case.asks("SanctionDecided", facts=both, **commune))
    licence = case.asks("SanctionDecided", facts=facts("FINE", "LICENCE"), **commune)
    breaks("SANCTION_POWER", licence, "/facts/forms")


def given(case: Story, capacity: str) -> str:
    """The chief inspector lets somebody else sign for a month; the act's id."""
    facts = {
        "officer": officer("tp"), "post": "truong-phong", "capacity": capacity, "ground": "LEAVE",
        "scope": "Xử phạt trong thời gian nghỉ phép.", "valid_from": "2024-06-01",
        "valid_to": "2024-06-30", "basis_document": "QĐ 3/QĐ-TTr",
    }  # fmt: skip
    signers = [{"officer": officer("ctt"), "post": "chanh-thanh-tra", "role": "AUTHOR"}]
    return enter(
        case.registry, "DelegationGiven", facts, stream="agency/bacninh.stttt",
        agency="bacninh.stttt", post="chanh-thanh-tra", signers=signers,
    ).act_id  # fmt: skip


def test_somebody_else_sanctions_by_giao_quyen_and_by_nothing_less() -> None:
    """15/2012/QH13, article 54: the power of the post that gave it, no other, while it runs."""
    case = proposed()
    case.registry = a_registry()

    def asked(capacity: str, decider: str = "truong-phong", **facts: Any) -> GuardInput:
        return case.asks(
            "SanctionDecided", by="ttv", also=["tp"], capacities=["TRUC_TIEP", capacity],
            facts={"decider_post": decider, **facts},
        )  # fmt: skip

    breaks("SANCTION_POWER", asked("GQ"), "/facts/decider_post")
    lesser = given(case, "TUQ")
    breaks("SANCTION_POWER", asked("TUQ"), "/facts/decider_post")
    ending = {"delegation": lesser, "reason": "Chánh Thanh tra đã về."}
    enter(case.registry, "DelegationEnded", ending, stream="agency/bacninh.stttt")
    line = given(case, "GQ")
    holds("SANCTION_POWER", asked("GQ"))
    holds("SANCTION_POWER", asked("GQ", "chanh-thanh-tra"))
    breaks("SANCTION_POWER", asked("GQ", "giam-doc"), "/facts/decider_post")
    breaks("SANCTION_POWER", asked("GQ", amount_band="ABOVE_100M"), "/facts/decider_post")
    later = {"instrument": "189/2025/NĐ-CP", "article": "4"}
    breaks("SANCTION_POWER", asked("GQ", competence_article=later))
    enter(
        case.registry, "DelegationEnded", {**ending, "delegation": line},
        stream="agency/bacninh.stttt",
    )  # fmt: skip
    breaks("SANCTION_POWER", asked("GQ"), "/facts/decider_post")


def test_what_cuts_somebody_off_is_approved_by_head_or_deputy() -> None:
    """Q22: powers are limited by kind of measure; what only labels needs no such power."""
    case = a_case_in("HANDLING")
    for also in ("gd", "pgd"):
        asked = case.asks("TechnicalMeasureOrdered", by="cv", also=[also])
        holds("MEASURE_POWER", asked)
    division = {"by": "cv", "also": ["tp"]}
    block = case.asks("TechnicalMeasureOrdered", facts={"kind": "BLOCK_DOMAIN"}, **division)
    breaks("MEASURE_POWER", block, "/signers/1")
    label = case.asks("TechnicalMeasureOrdered", facts={"kind": "LABEL"}, **division)
    holds("MEASURE_POWER", label)


def test_a_decision_after_the_limitation_period_shows() -> None:
    """Added (15/2012/QH13 Art. 6): so does one whose period cannot be counted."""
    holds("LIMITATION_PASSED", proposed().asks("SanctionDecided"))
    breaks("LIMITATION_PASSED", proposed(breach_ended_on="2023-05-31").asks("SanctionDecided"))
    breaks("LIMITATION_PASSED", proposed(breach_ended_on=None).asks("SanctionDecided"))


def test_a_decision_without_the_way_to_complain_shows() -> None:
    """Added (regulation.md §9.8): a decision not to sanction needs none."""
    case = proposed()
    holds("COMPLAINT_ROUTE_MISSING", case.asks("SanctionDecided"))
    silent: dict[str, Any] = {"complaint_route_printed": False}
    breaks("COMPLAINT_ROUTE_MISSING", case.asks("SanctionDecided", facts=silent))
    dropped = {**silent, "decision": "NO_SANCTION"}
    holds("COMPLAINT_ROUTE_MISSING", case.asks("SanctionDecided", facts=dropped))
    breaks("COMPLAINT_ROUTE_MISSING", case.asks("AffectedPartyInformed", facts=silent))


def test_a_sanction_falls_only_on_a_ground() -> None:
    """Added: a review that changed it, a court, or an error that is named."""
    case = proposed()
    decided = case.then("SanctionDecided")
    case.then("ResultDetermined", facts={"outcome": "SANCTIONED"})
    holds("ANNULMENT_HAS_GROUND", case.asks("SanctionAnnulled"))
    review = {"ground": "REVIEW"}
    breaks("ANNULMENT_HAS_GROUND", case.asks("SanctionAnnulled", facts=review), "/facts/review")
    opened = case.then("ReviewOpened", facts={"under_review": [decided.act.act_id]})
    named = {**review, "review": opened.act.act_id}
    breaks("ANNULMENT_HAS_GROUND", case.asks("SanctionAnnulled", facts=named))
    court = {"ground": "COURT", "review": opened.act.act_id}
    holds("ANNULMENT_HAS_GROUND", case.asks("SanctionAnnulled", facts=court))
    overturned = {"decision": "OVERTURNED", "acts_overturned": [decided.act.act_id]}
    case.then("ReviewDecided", disposition="overturned", facts=overturned)
    holds("ANNULMENT_HAS_GROUND", case.asks("SanctionAnnulled", facts=named))


def test_an_officer_who_left_the_post_decides_nothing() -> None:
    """8.1.d: the power is that of a post held on that day."""
    case = proposed()
    left = {
        "officer": officer("ctt"),
        "agency": "bacninh.stttt",
        "post": "chanh-thanh-tra",
        "ended_on": (case.now - timedelta(days=1)).date().isoformat(),
        "reason": "MOVED",
        "keys_end": False,
    }
    enter(case.registry, "OfficerEnded", left, stream=f"officer/{officer('ctt')}")
    breaks("SANCTION_POWER", case.asks("SanctionDecided"))


def test_one_act_of_one_subject_is_sanctioned_once() -> None:
    """15/2012/QH13 Art. 3: of another subject or provision, or later, it is another act."""
    case = a_case_in("HANDLING")
    case.then("ViolationRecordMade", facts={"record_date": "2024-06-04"})
    breaks("ONE_SANCTION", case.asks("ViolationRecordMade"), "/facts/subject")
    for other in (
        {"subject": a_token("somebody else")},
        {"provision": {"instrument": "15/2020/NĐ-CP", "article": "102"}},
        {"breach_ended_on": "2024-06-20"},
    ):
        holds("ONE_SANCTION", case.asks("ViolationRecordMade", facts=other))
    # the clause of the article that was cited is the same provision, more finely said
    finer = {"instrument": "15/2020/NĐ-CP", "article": "101", "clause": "1", "point": "a"}
    asked = case.asks("ViolationRecordMade", facts={"provision": finer})
    breaks("ONE_SANCTION", asked, "/facts/subject")
    second = case.forced("ViolationRecordMade")
    decided = {"sanction": second.act.act_id}
    breaks("ONE_SANCTION", case.asks("SanctionDecided", facts=decided), "/facts/sanction")
    dropped = {**decided, "decision": "NO_SANCTION"}
    holds("ONE_SANCTION", case.asks("SanctionDecided", facts=dropped))


def test_two_clauses_of_an_article_are_two_acts() -> None:
    """15/2012/QH13 Art. 3: each act of several is sanctioned; one said more finely is one."""
    case = a_case_in("HANDLING")
    clause = {"instrument": "15/2020/NĐ-CP", "article": "101", "clause": "1"}
    case.then("ViolationRecordMade", facts={"record_date": "2024-06-04", "provision": clause})
    other = {"provision": {**clause, "clause": "2"}}
    holds("ONE_SANCTION", case.asks("ViolationRecordMade", facts=other))
    point = {"provision": {**clause, "point": "b"}}
    breaks("ONE_SANCTION", case.asks("ViolationRecordMade", facts=point))
