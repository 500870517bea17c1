"""Whole histories that the scenario files do not tell, each act judged by every guard it meets."""

from __future__ import annotations

from datetime import date
from typing import Any

from ledger.regulation.case.other_cases_port import CountedReport
from tests.builders import (
    REPORTER,
    SUBJECT,
    Others,
    Story,
    a_basis,
    a_case_in,
    a_case_in_conflict,
    an_id,
    at,
)

CHECKLIST: dict[str, Any] = {
    "measures_lifted": True,
    "reporter": "INFORMED",
    "affected": "INFORMED",
    "complaint_window_shown": True,
    "parts_answered": True,
}


def test_a_sanction_is_overturned_and_everything_it_touched_is_put_right() -> None:
    """8.1.d, 9; regulation.md §9: complaint, review by others, annulment, correction, restating."""
    quarter = CountedReport(an_id("report"), date(2024, 4, 1), date(2024, 6, 30), index=50)
    case = Story(cases=Others(counted=[quarter]))
    case.then("ReportReceived", facts={"identity_given": True, "reporter": REPORTER})
    case.then("ReporterIdentitySealed")
    for name in ("CaseRegistered", "CompetenceDetermined", "VerificationConcluded"):
        case.then(name)
    case.then("HandlingDecided")
    case.then("OfficialInformationReleased")
    case.then("ViolationRecordMade")
    case.then("ExplanationReceived", by="ttv")
    case.then("SanctionProposed")
    sanction = case.then("SanctionDecided")
    case.then("ResultDetermined", facts={"outcome": "SANCTIONED"})
    case.then("ResultNotified")
    case.then("ReporterInformed", facts={"reporter": REPORTER})
    case.later(days=20)
    complaint = case.then("ComplaintReceived", facts={"against": sanction.act.act_id})
    case.then("ComplaintAccepted")
    opened = case.then(
        "ReviewOpened",
        facts={
            "ground": "COMPLAINT",
            "complaint": complaint.act.act_id,
            "under_review": [sanction.act.act_id],
        },
    )
    case.then(
        "ReviewDecided",
        disposition="overturned",
        by="ubcv",
        also=["ct"],
        facts={
            "decision": "OVERTURNED",
            "instance": "FIRST",
            "complaint": complaint.act.act_id,
            "acts_overturned": [sanction.act.act_id],
        },
    )
    assert case.decision.flags == ("STATISTICS_RESTATED",)
    assert case.stream.outcome == "OVERTURNED"
    case.then("SanctionAnnulled", facts={"ground": "REVIEW", "review": opened.act.act_id})
    case.then("CorrectionPublished")
    case.then("ResultNotified")
    case.then("ReporterInformed", facts={"reporter": REPORTER, "about": "REVIEW"})
    case.then("AffectedPartyInformed", facts={"about": [sanction.act.act_id]})
    case.then(
        "CaseClosed",
        facts={"reason": "OVERTURNED", "checklist": CHECKLIST, "complaint_until": "2024-07-31"},
    )
    assert case.stream.state == "CLOSED"


def test_two_agencies_decline_and_the_committee_decides() -> None:
    """4.3, 8.1.d, 8.4.b (gap 5): conflict, direction, the referral it names, its result."""
    case, referral = a_case_in_conflict()
    conflict = {"subject_matter": "COMPETENCE_CONFLICT", "referral": referral}
    case.then("ProposalSubmitted", facts=conflict)
    to = {"competent_agency": "bacninh.syt", "referral": referral}
    case.then("DirectionReceived", disposition="assign", facts=to)
    case.then("ReferralSent")
    case.then("ReferralAccepted")
    case.then("ReferredResultReceived")
    case.then("ResultNotified")
    case.then("ReporterInformed")
    closed = {"reason": "REFERRED_FINAL", "checklist": {**CHECKLIST, "affected": "NONE"}}
    case.then("CaseClosed", facts=closed)
    assert case.stream.outcome == "REFERRED_RESULT"


def test_a_commune_handles_after_the_reorganisation_and_tells_the_lead() -> None:
    """8.4.b, law.md §13: its own sanction power, and report and notice on one day."""
    case = Story(start=at("2025-09-03 08:00"))
    day = case.now.date()
    commune: dict[str, Any] = {"by": "xcv", "also": ["xct"]}
    seen = [{"where": "SOCIAL_NETWORK", "seen_at": "2025-09-03T07:30:00+07:00"}]
    case.then("DetectionRecorded", by="xcv", facts={"content": seen})
    case.then("CaseRegistered", by="xcv", facts={"handling_agency": "bacninh2025.x-q"})
    case.then("LeadAgencyNotified", by="xcv", to=["bacninh2025.svhttdl"])
    case.then("CompetenceDetermined", **commune)
    case.then("VerificationConcluded", **commune)
    plan = [
        {
            "act": "SanctionDecided",
            "object": "Một bài đăng",
            "competence": {"instrument": "189/2025/NĐ-CP", "article": "4"},
            "substance": {"instrument": "15/2020/NĐ-CP", "article": "101"},
        }
    ]
    case.then("HandlingDecided", facts={"plan": plan}, **commune)
    recent = {"breach_ended_on": "2025-09-02"}
    case.then("ViolationRecordMade", facts=recent, **commune)
    case.then("ExplanationReceived", by="xcv")
    case.then("SanctionProposed", by="xcv")
    case.then("SanctionDecided", facts={"decider_post": "chu-tich"}, **commune)
    assert case.decision.flags == ()
    case.then("ResultDetermined", facts={"outcome": "SANCTIONED"}, **commune)
    both = ["bacninh2025.ubnd", "bacninh2025.svhttdl"]
    case.then("ResultNotified", to=both, facts={"kind": "BOTH"}, **commune)
    assert case.decision.flags == ()
    result = case.stream.result
    assert result is not None
    case.then("AffectedPartyInformed", facts={"subject": SUBJECT}, **commune)
    checklist = {**CHECKLIST, "reporter": "NO_REPORTER"}
    facts = {"reason": "HANDLED", "checklist": checklist, "complaint_until": "2025-12-02"}
    case.then("CaseClosed", facts=facts, **commune)
    assert case.stream.state == "CLOSED"
    assert a_basis(day)[1]["instrument"] == "150/2025/NĐ-CP"


def test_a_returned_criminal_referral_is_sanctioned_at_last() -> None:
    """8.1.d; G6: transferred with the record, returned for sanction, proposed and decided."""
    case = a_case_in("HANDLING")
    record = case.then("ViolationRecordMade")
    stopped = {"sanction_stopped": [record.act.act_id]}
    case.then("CriminalReferralSent", facts=stopped)
    case.then("CriminalReferralAcknowledged")
    back = {"result": "RETURNED_FOR_SANCTION"}
    case.then("CriminalResultReceived", disposition="returned", facts=back)
    case.then("HandlingDecided")
    case.then("SanctionProposed")
    case.then("SanctionDecided")
    assert case.decision.flags == ("NO_EXPLANATION_HEARD",)


def test_a_duplicate_is_merged_and_its_reporter_still_answered() -> None:
    """Added (gap 30): the file closes as a duplicate that names the case that goes on."""
    other = f"case/{an_id('another case')}"
    case = a_case_in("SCREENING", cases=Others(states={other: "VERIFYING"}))
    case.then("CaseMerged", facts={"surviving_case": other})
    case.then("ReporterInformed", facts={"about": "RECEIPT"})
    facts = {
        "reason": "DUPLICATE",
        "surviving_case": other,
        "checklist": {**CHECKLIST, "affected": "NONE"},
    }
    case.then("CaseClosed", facts=facts)
    assert case.stream.state == "CLOSED"


def test_a_measure_lapses_unless_somebody_else_confirms_it_in_time() -> None:
    """4.2; regulation.md §9.6: and is lifted by one competent approver."""
    case = a_case_in("VERIFYING")
    measure = case.then("ImmediateMeasureTaken", by="tp", also=["gd"])
    sub = case.stream.sub("measure", measure.act.act_id)
    assert sub is not None
    assert case.stream.sub_state(sub, case.now, case.registry) == "TAKEN"
    case.later(days=2)
    assert case.stream.sub_state(sub, case.now, case.registry) == "LAPSED"
    case.then("MeasureLifted", by="tp")
    assert case.stream.sub_state(sub, case.now, case.registry) == "LIFTED"


def test_the_file_goes_to_the_archive_and_comes_back_for_a_late_complaint() -> None:
    """Added (gap 31): a complaint is recordable in every state, and the review reopens the file."""
    case = a_case_in("ARCHIVED")
    late = case.then("ComplaintReceived")
    assert case.decision.flags == ("COMPLAINT_LATE",)
    facts = {
        "ground": "COMPLAINT",
        "complaint": late.act.act_id,
        "opened_from": "ARCHIVED",
    }
    case.then("ReviewOpened", facts=facts)
    assert case.stream.state == "UNDER_REVIEW"
