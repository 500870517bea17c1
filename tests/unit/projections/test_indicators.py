"""The oversight indicators of regulation.md §9: all of them, in order, each from a history."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from uuid import UUID

import pytest

from ledger.regulation.registry.calendar import as_instant
from projections.views.statistics.counted_events import CountedEvent, counted_events_of
from projections.views.statistics.indicators import INDICATORS
from tests.builders import SUBJECT, Story, a_case_in, enter
from tests.play_pure import player_for, scenario, steps

#: The order of the page; volumes come last.
ORDER = (
    "CORRECTIONS",
    "BASIS_MISSING",
    "OVERTURNED",
    "NO_VIOLATION",
    "MEASURE_BEFORE_VERIFICATION",
    "MEASURE_LAPSED",
    "SAME_DECIDER",
    "NO_EXPLANATION_HEARD",
    "REFERRAL_NOT_ACCEPTED",
    "PROPOSAL_UNANSWERED",
    "OLD_CASES",
    "NO_FUNCTION",
)


def played(name: str) -> Mapping[str, list[CountedEvent]]:
    """Marks of the first case of a scenario, by code, with its flags as they were raised."""
    file = scenario(name)
    player, cast = player_for(file)
    for step in steps(file):
        player.step(step, cast)
    stream = player.stream(player.cases[next(iter(file["cases"]))])
    flags = [(code, act) for act, codes in player.raised.items() for code in codes]
    return by_code(
        counted_events_of(stream, [f for f in flags if f[1] in stream.entries], player.registry)
    )


def by_code(marks: list[CountedEvent]) -> Mapping[str, list[CountedEvent]]:
    """Marks by code."""
    found: dict[str, list[CountedEvent]] = {}
    for mark in marks:
        found.setdefault(mark.code, []).append(mark)
    return found


def marks(case: Story) -> Mapping[str, list[CountedEvent]]:
    """Marks of a case in progress, without flags."""
    return by_code(counted_events_of(case.stream, (), case.registry))


def test_indicators_stand_in_the_order_of_the_page() -> None:
    """§9: errors first; what is added comes after them, and volumes last."""
    codes = [i.code for i in INDICATORS]
    assert codes[: len(ORDER)] == list(ORDER)
    assert len({str(i.title) for i in INDICATORS}) == len(INDICATORS)


def test_an_error_that_was_put_right_is_counted_and_a_confirmation_is_none() -> None:
    """Errors and corrections: SC4 corrects an entry, SC8 confirms an oral order in writing."""
    corrected = {m.entry.act.act: m.entry.act for m in played("SC4")["CORRECTION"]}
    assert corrected["RecordCorrected"].facts["mark"] == "NOT_JUSTIFIED"
    assert [m.entry.act.act for m in played("SC8")["CORRECTION"]] == ["CorrectionPublished"]


def test_missing_basis_and_a_measure_before_verification_are_counted_as_raised() -> None:
    """5.2, 7.2.a: SC4 takes a measure nobody could base on a power."""
    found = played("SC4")
    assert len(found["BASIS_MISSING"]) == 1
    assert len(found["MEASURE_BEFORE_VERIFICATION"]) == 1


def test_what_fell_is_counted_by_the_basis_it_stood_on() -> None:
    """Decisions overturned, by basis: of the acts named, not of whatever came later."""
    case = a_case_in("HANDLING")
    case.then("ViolationRecordMade")
    case.then("ExplanationReceived", by="ttv")
    case.then("SanctionProposed")
    basis = [
        {"instrument": "15/2012/QH13", "article": "46", "role": "COMPETENCE"},
        {"instrument": "15/2020/NĐ-CP", "article": "101", "role": "SUBSTANCE"},
    ]
    sanction = case.then("SanctionDecided", basis=basis)
    case.then("ResultDetermined", facts={"outcome": "SANCTIONED"})
    case.then("ReviewOpened", facts={"under_review": [sanction.act.act_id]})
    case.then(
        "ReviewDecided",
        disposition="overturned",
        facts={"decision": "OVERTURNED", "acts_overturned": [sanction.act.act_id]},
    )
    case.then(
        "SanctionAnnulled",
        facts={"ground": "REVIEW", "review": case.stream.subs_in("review")[0].id},
    )
    assert [m.basis for m in marks(case)["OVERTURNED"]] == ["15/2020/NĐ-CP 101"]


def test_a_sanction_annulled_without_a_review_is_counted_as_well() -> None:
    """SC10: remanded, found to be an opinion, annulled by its issuer."""
    found = played("SC10")
    assert [(m.entry.act.act, m.basis) for m in found["OVERTURNED"]] == [
        ("SanctionAnnulled", "15/2020/NĐ-CP 101")
    ]
    assert len(found["SAME_DECIDER"]) == 1


def test_no_violation_counts_once_the_case_is_closed() -> None:
    """Cases closed with no violation: a good result, counted as such."""
    assert "NO_VIOLATION" in played("SC8")
    assert "NO_VIOLATION" in played("SC11")
    assert "NO_VIOLATION" not in played("SC1")
    case = a_case_in("VERIFYING")
    nothing = [{"limb": x, "result": "NOT_MET", "reasons": "Không có căn cứ."} for x in "abc"]
    case.then("VerificationConcluded", facts={"finding": "OPINION_NOT_FACT", "limbs": nothing})
    case.then("ResultDetermined", facts={"outcome": "NO_VIOLATION"})
    assert "NO_VIOLATION" not in marks(case)


def test_a_measure_nobody_confirms_counts_as_lapsed_from_its_review_date() -> None:
    """4.2: a review in time carries it to the end which that names; once lifted, never."""
    case = a_case_in("VERIFYING")
    measure = case.then("ImmediateMeasureTaken", by="tp", also=["gd"])
    (lapsed,) = marks(case)["MEASURE_LAPSED"]
    assert lapsed.entry is measure
    assert lapsed.until is not None
    assert lapsed.until > measure.act.occurred_at
    reviewed = case.then("MeasureReviewed", by="cv2", also=["pgd"])
    (carried,) = marks(case)["MEASURE_LAPSED"]
    assert carried.entry is measure
    assert carried.until == as_instant(reviewed.act.facts["review_at"])
    assert carried.until > lapsed.until
    case.then("MeasureLifted", facts={"measure": measure.act.act_id})
    assert "MEASURE_LAPSED" not in marks(case)


def test_a_measure_that_holds_without_a_finding_is_counted_until_its_end() -> None:
    """G4, 7.2.a: from taking it to what was found, its lifting, or the end that it names."""
    case = a_case_in("VERIFYING")
    measure = case.then("ImmediateMeasureTaken", by="tp", also=["gd"])
    (holds,) = marks(case)["MEASURE_NO_FINDING"]
    (lapses,) = marks(case)["MEASURE_LAPSED"]
    assert holds.entry is measure
    assert holds.until == lapses.until  # from one end on it is the other
    case.then("MeasureReviewed", by="cv2", also=["pgd"])
    (narrowed,) = marks(case)["MEASURE_NO_FINDING"]
    assert narrowed.until != holds.until
    case.then("MeasureLifted", facts={"measure": measure.act.act_id})
    assert "MEASURE_NO_FINDING" not in marks(case)


def test_a_finding_ends_what_is_counted_without_one() -> None:
    """The rumour of SC2: the public is informed at 19:50, and what is true is found at 21:10."""
    file = scenario("SC2")
    player, cast = player_for(file)
    counted = {}
    for step in steps(file):
        player.step(step, cast)
        stream = player.stream(player.cases[next(iter(file["cases"]))])
        found = by_code(counted_events_of(stream, (), player.registry))
        counted[step["n"]] = [m.entry.act.act for m in found.get("MEASURE_NO_FINDING", ())]
    taken = [n for n, acts in counted.items() if acts == ["ImmediateMeasureTaken"]]
    assert taken == list(range(2, 8))
    assert not any(acts for n, acts in counted.items() if n not in taken)


def test_sanction_without_an_explanation_is_counted() -> None:
    """Flag NO_EXPLANATION_HEARD, as it was raised."""
    case = a_case_in("HANDLING")
    case.then("ViolationRecordMade")
    case.then("SanctionProposed")
    sanction = case.then("SanctionDecided")
    flags = [(code, sanction.act.act_id) for code in case.decision.flags]
    found = by_code(counted_events_of(case.stream, flags, case.registry))
    assert [m.entry for m in found["NO_EXPLANATION_HEARD"]] == [sanction]


def test_referrals_that_wait_or_came_back_are_counted_and_accepted_ones_are_not() -> None:
    """8.4.b para 2: SC9 was returned twice and accepted in the end."""
    case = a_case_in("REFERRED")
    assert len(marks(case)["REFERRAL_NOT_ACCEPTED"]) == 1
    case.then("ReferralAccepted")
    assert "REFERRAL_NOT_ACCEPTED" not in marks(case)
    found = played("SC9")
    assert len(found["REFERRAL_RETURNED"]) == 2
    assert "REFERRAL_NOT_ACCEPTED" not in found


def test_a_proposal_counts_until_it_is_answered() -> None:
    """8.1.a, 8.1.g, 8.1.h: to the committee, to the ministry, and for an expert council."""
    case = a_case_in("ESCALATED")
    assert len(marks(case)["PROPOSAL_UNANSWERED"]) == 1
    case.then("DirectionReceived")
    assert "PROPOSAL_UNANSWERED" not in marks(case)
    asked = a_case_in("VERIFYING")
    asked.then("ExpertCouncilProposed", facts={"expertise": None})
    assert len(marks(asked)["PROPOSAL_UNANSWERED"]) == 1


def test_act_of_an_agency_without_the_function_shows_once_the_registry_knows() -> None:
    """4.3, law.md §13: lawful as the registry stood, counted when a late line says otherwise."""
    case = a_case_in("HANDLING")
    assert "NO_FUNCTION" not in marks(case)
    moved = {
        "kind": "FUNCTION_TRANSFER",
        "effective_on": "2024-06-01",
        "predecessors": ["bacninh.stttt"],
        "successors": ["bacninh.svhttdl"],
        "map": [
            {
                "function": "LEAD",
                "territory": "BACNINH_2023",
                "from_agency": "bacninh.stttt",
                "to_agency": "bacninh.svhttdl",
                "assumed": False,
            }
        ],
        "basis_document": "Quyết định ghi muộn",
        "assumed": False,
    }
    case.then("ExpertiseRequested")
    enter(case.registry, "AgencySuccessionRecorded", moved, stream="programme/2024")
    assert [m.entry.act.act for m in marks(case)["NO_FUNCTION"]] == ["ExpertiseRequested"]


@pytest.mark.parametrize("name", ["SC1", "SC2", "SC3", "SC4", "SC6", "SC7", "SC8", "SC9", "SC10"])
def test_lawful_histories_hold_no_act_without_a_function(name: str) -> None:
    """What the door let in stands, as long as the registry says the same."""
    assert "NO_FUNCTION" not in played(name)


def test_marks_name_no_person_and_rank_nobody() -> None:
    """§9: an indicator counts acts and cases; officers and tokens are in none of its columns."""
    case = a_case_in("SCREENING")
    case.then("ImmediateMeasureTaken", by="cv", also=["gd"], facts={"subject": SUBJECT})
    assert marks(case)
    for mark in counted_events_of(case.stream, (), case.registry):
        for value in mark.row:
            assert isinstance(value, (str, date, datetime, UUID, bool, type(None)))
            assert "sealed:" not in str(value)
            assert str(value) not in {o for e in case.stream.effective() for o in e.signed_by()}
