"""Results and endings: the path, the finding behind them, both notices, the checklist."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.builders import (
    LAW,
    NONE_MET,
    REPORTER,
    SUBJECT,
    Others,
    Story,
    a_case_in,
    a_token,
    an_id,
    at,
    breaks,
    holds,
)

OTHER = f"case/{an_id('another case')}"
CHECKLIST: Mapping[str, Any] = {
    "measures_lifted": True,
    "reporter": "INFORMED",
    "affected": "NONE",
    "complaint_window_shown": True,
    "parts_answered": True,
}


# -- results ------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["VERIFYING", "ASSESSING"])
def test_nothing_adverse_skips_handling(state: str) -> None:
    """G12: straight to a result only what accuses nobody."""
    case = a_case_in(state)
    for outcome in ("NO_VIOLATION", "INSUFFICIENT_BASIS", "OUT_OF_SCOPE", "DUPLICATE"):
        holds("RESULT_PATH", case.asks("ResultDetermined", facts={"outcome": outcome}))
    for outcome in ("HANDLED_REMOVED", "SANCTIONED", "REMINDED", "OVERTURNED"):
        asked = case.asks("ResultDetermined", facts={"outcome": outcome})
        assert breaks("RESULT_PATH", asked)["outcome_en"] == outcome


def test_only_a_review_overturns() -> None:
    """G12: no handler declares a case overturned."""
    case = a_case_in("HANDLING")
    holds("RESULT_PATH", case.asks("ResultDetermined", facts={"outcome": "REMINDED"}))
    breaks("RESULT_PATH", case.asks("ResultDetermined", facts={"outcome": "OVERTURNED"}))


@pytest.mark.parametrize(
    ("finding", "allowed"),
    [
        ("TRUE_NO_BREACH", {"NO_VIOLATION", "OUT_OF_SCOPE", "DUPLICATE"}),
        ("OPINION_NOT_FACT", {"NO_VIOLATION", "OUT_OF_SCOPE", "DUPLICATE"}),
        ("FALSE", {"NO_VIOLATION", "OUT_OF_SCOPE", "DUPLICATE"}),
        ("UNVERIFIABLE", {"INSUFFICIENT_BASIS", "OUT_OF_SCOPE", "DUPLICATE"}),
    ],
)
def test_an_outcome_says_no_more_than_the_finding(finding: str, allowed: set[str]) -> None:
    """3.3 (gaps 11, 16): truth and opinion end in no violation."""
    case = a_case_in("VERIFYING")
    case.then("VerificationConcluded", facts={"finding": finding, "limbs": NONE_MET})
    for outcome in ("NO_VIOLATION", "INSUFFICIENT_BASIS", "OUT_OF_SCOPE", "DUPLICATE", "REMINDED"):
        asked = case.asks("ResultDetermined", facts={"outcome": outcome})
        if outcome in allowed:
            holds("RESULT_MATCHES_FINDING", asked)
        else:
            assert breaks("RESULT_MATCHES_FINDING", asked)["finding_en"] == finding


def test_handled_needs_a_limb_or_another_law() -> None:
    """3.3 (gap 12): nothing is handled on a finding that carries nothing."""
    case = a_case_in("HANDLING")
    holds("RESULT_MATCHES_FINDING", case.asks("ResultDetermined"))
    bare = a_case_in("VERIFYING")
    breaks("RESULT_MATCHES_FINDING", bare.asks("ResultDetermined"))
    other = {"finding": "TRUE_BUT_BREACH", "limbs": NONE_MET, "other_law": [LAW]}
    bare.then("VerificationConcluded", facts=other)
    holds("RESULT_MATCHES_FINDING", bare.asks("ResultDetermined"))


def test_sanctioned_needs_a_sanction_that_stands() -> None:
    """3.3: decided, executed or suspended."""
    case = a_case_in("HANDLING")
    sanctioned = {"outcome": "SANCTIONED"}
    breaks("RESULT_MATCHES_FINDING", case.asks("ResultDetermined", facts=sanctioned))
    case.then("ViolationRecordMade")
    case.then("SanctionProposed")
    breaks("RESULT_MATCHES_FINDING", case.asks("ResultDetermined", facts=sanctioned))
    case.then("SanctionDecided")
    holds("RESULT_MATCHES_FINDING", case.asks("ResultDetermined", facts=sanctioned))


@pytest.mark.parametrize(
    ("outcome", "part"),
    [
        ("REFERRED_RESULT", "PartialReferralSent"),
        ("CRIMINAL_REFERRED", "PartialCriminalReferralSent"),
    ],
)
def test_referred_needs_a_part_that_is_away(outcome: str, part: str) -> None:
    """8.4.b, 8.1.d: a part referral of that kind stands."""
    case = a_case_in("HANDLING")
    breaks("RESULT_MATCHES_FINDING", case.asks("ResultDetermined", facts={"outcome": outcome}))
    case.then(part)
    holds("RESULT_MATCHES_FINDING", case.asks("ResultDetermined", facts={"outcome": outcome}))


def test_a_duplicate_names_the_case_that_goes_on() -> None:
    """Added (gap 30): another case of this log."""
    case = a_case_in("VERIFYING", cases=Others(states={OTHER: "VERIFYING"}))
    duplicate = {"outcome": "DUPLICATE"}
    breaks("DUPLICATE_NAMES_SURVIVOR", case.asks("ResultDetermined", facts=duplicate))
    named = {**duplicate, "surviving_case": OTHER}
    holds("DUPLICATE_NAMES_SURVIVOR", case.asks("ResultDetermined", facts=named))
    itself = {**duplicate, "surviving_case": case.stream.name}
    breaks("DUPLICATE_NAMES_SURVIVOR", case.asks("ResultDetermined", facts=itself))
    holds("DUPLICATE_NAMES_SURVIVOR", case.asks("ResultDetermined"))


def test_report_and_notice_go_out_together() -> None:
    """8.4.b, 9, "đồng thời": whoever handles and is not the lead tells the lead the same day."""
    case = a_case_in("RESULT_RECORDED")
    holds("RESULT_NOTICE_BOTH", case.asks("ResultNotified"))
    breaks("RESULT_NOTICE_BOTH", case.asks("ResultNotified", to=["bacninh.syt"]), "/to")
    breaks("RESULT_NOTICE_BOTH", case.asks("ResultNotified", by="yt"))
    both = ["bacninh.ubnd", "bacninh.stttt"]
    holds("RESULT_NOTICE_BOTH", case.asks("ResultNotified", by="yt", to=both))
    case.forced("ResultNotified", by="yt")
    holds("RESULT_NOTICE_BOTH", case.asks("ResultNotified", by="yt", to=["bacninh.stttt"]))
    case.later(days=1)
    breaks("RESULT_NOTICE_BOTH", case.asks("ResultNotified", by="yt", to=["bacninh.stttt"]))


# -- closing ------------------------------------------------------------------------------------


def resulted(**report: Any) -> Story:  # noqa: ANN401 - facts are JSON
    """A case with a result, both notices sent and its reporter answered."""
    case = Story()
    case.then("ReportReceived", facts=report)
    for name in ("CaseRegistered", "CompetenceDetermined", "VerificationConcluded"):
        case.then(name)
    case.then("HandlingDecided")
    return case


def finish(case: Story, *leave_out: str) -> Story:
    """The steps between a result and the closing, less those left out."""
    case.then("ResultDetermined")
    for name in ("ResultNotified", "ReporterInformed"):
        if name not in leave_out:
            case.then(name)
    return case


def test_closing_before_the_result_notice_is_refused() -> None:
    """G7: after the last result, to the committee and, where another handles, to the lead."""
    holds("CLOSING_CHECKLIST", finish(resulted()).asks("CaseClosed"))
    missing = breaks("CLOSING_CHECKLIST", finish(resulted(), "ResultNotified").asks("CaseClosed"))
    assert missing["missing_en"] == "the result notices"
    elsewhere = resulted()
    elsewhere.stream.handler_raw = "bacninh.syt"
    finish(elsewhere)
    assert "cơ quan chủ trì" in breaks("CLOSING_CHECKLIST", elsewhere.asks("CaseClosed"))["missing"]


def test_a_case_does_not_close_over_a_live_measure() -> None:
    """G7; 4.2: taken, confirmed, narrowed or lapsed, a measure is lifted first."""
    case = resulted()
    case.then("TechnicalMeasureOrdered", facts={"subject": None})
    finish(case)
    assert breaks("CLOSING_CHECKLIST", case.asks("CaseClosed"))["missing_en"] == (
        "the lifting of live measures"
    )
    case.later(days=10)
    breaks("CLOSING_CHECKLIST", case.asks("CaseClosed"))
    case.then("MeasureLifted")
    holds("CLOSING_CHECKLIST", case.asks("CaseClosed"))


def test_every_reporter_is_answered_before_a_case_closes() -> None:
    """G7 (gap 2): each token and each nameless report, after the result and about it."""
    case = resulted(reporter=REPORTER)
    finish(case)
    assert "the reporter" in breaks("CLOSING_CHECKLIST", case.asks("CaseClosed"))["missing_en"]
    named = {"reporter": REPORTER}
    case.then("ReporterInformed", facts={**named, "about": "RECEIPT"})
    breaks("CLOSING_CHECKLIST", case.asks("CaseClosed"))
    case.then("ReporterInformed", facts={**named, "status": "UNTRACEABLE"})
    holds("CLOSING_CHECKLIST", case.asks("CaseClosed"))


def test_a_case_whose_reports_were_taken_back_closes_with_nobody_who_reported() -> None:
    """G7: who took their report back is owed no answer, and nobody has to say they were given one.

    Where one of several is left, the checklist says what became of that one.
    """
    nobody = {"checklist": {**CHECKLIST, "reporter": "NO_REPORTER"}}
    case = resulted()
    case.then("ReportWithdrawn")
    finish(case, "ReporterInformed")
    holds("CLOSING_CHECKLIST", case.asks("CaseClosed", facts=nobody))
    breaks("CLOSING_CHECKLIST", case.asks("CaseClosed"))
    case = resulted()
    case.then("ReportReceived")
    case.then("ReportWithdrawn")
    finish(case)
    holds("CLOSING_CHECKLIST", case.asks("CaseClosed"))
    breaks("CLOSING_CHECKLIST", case.asks("CaseClosed", facts=nobody))


def test_an_answer_before_the_result_does_not_count() -> None:
    """G7: the reporter hears the result, not a promise of it."""
    case = resulted()
    case.then("ReporterInformed")
    finish(case, "ReporterInformed")
    breaks("CLOSING_CHECKLIST", case.asks("CaseClosed"))


def test_whoever_was_touched_is_told_before_a_case_closes() -> None:
    """G7 (gap 3): by a notice, or by the sanction decision itself."""
    case = resulted()
    case.then("TakedownProposed")
    finish(case)
    assert "affected" in breaks("CLOSING_CHECKLIST", case.asks("CaseClosed"))["missing_en"]
    case.then("AffectedPartyInformed")
    told = {"checklist": {**CHECKLIST, "affected": "INFORMED"}}
    holds("CLOSING_CHECKLIST", case.asks("CaseClosed", facts=told))
    strange = resulted()
    strange.then("TakedownProposed", facts={"subject": a_token("somebody else")})
    strange.then("ResultDetermined")
    for name in ("ResultNotified", "ReporterInformed", "AffectedPartyInformed"):
        strange.then(name)
    breaks("CLOSING_CHECKLIST", strange.asks("CaseClosed", facts=told))


def test_the_complaint_window_is_shown_where_a_decision_opened_one() -> None:
    """G7: a sanction or a review has an end of the window."""
    case = resulted()
    for name in ("ViolationRecordMade", "SanctionProposed", "SanctionDecided"):
        case.then(name)
    finish(case)
    served: dict[str, Any] = {"checklist": {**CHECKLIST, "affected": "INFORMED"}}
    missing = breaks("CLOSING_CHECKLIST", case.asks("CaseClosed", facts=served))
    assert missing["missing_en"] == "the end of the complaint window"
    dated = {**served, "complaint_until": "2024-09-02"}
    holds("CLOSING_CHECKLIST", case.asks("CaseClosed", facts=dated))


def test_a_case_does_not_close_while_it_is_contested() -> None:
    """G7: no complaint received or accepted, no review open."""
    case = finish(resulted())
    case.then("ComplaintReceived")
    assert "complaint" in breaks("CLOSING_CHECKLIST", case.asks("CaseClosed"))["missing_en"]
    case.then("ComplaintAccepted", facts={"answer": "WITHDRAWN"})
    holds("CLOSING_CHECKLIST", case.asks("CaseClosed"))


@pytest.mark.parametrize(
    "said",
    [
        {"measures_lifted": False},
        {"reporter": "NO_REPORTER"},
        {"reporter": "UNTRACEABLE"},
        {"affected": "INFORMED"},
        {"result": an_id("another act")},
        {"notice": an_id("another act")},
    ],
)
def test_a_checklist_that_contradicts_the_file_is_refused(said: dict[str, Any]) -> None:
    """G7: the checklist says the same as the acts."""
    case = finish(resulted())
    asked = case.asks("CaseClosed", facts={"checklist": {**CHECKLIST, **said}})
    assert "agrees" in breaks("CLOSING_CHECKLIST", asked)["missing_en"]


def test_from_screening_a_case_closes_only_as_out_of_scope_or_duplicate() -> None:
    """G7: once the reporter was told, and with no measure alive; a result notice is not needed."""
    case = a_case_in("SCREENING", cases=Others(states={OTHER: "VERIFYING"}))
    scope = {"reason": "OUT_OF_SCOPE"}
    duplicate = {"reason": "DUPLICATE", "surviving_case": OTHER}
    breaks("CLOSE_FROM_SCREENING", case.asks("CaseClosed", facts=duplicate))
    case.then("ReporterInformed", facts={"about": "RECEIPT"})
    holds("CLOSE_FROM_SCREENING", case.asks("CaseClosed", facts=duplicate))
    holds("CLOSING_CHECKLIST", case.asks("CaseClosed", facts=duplicate))
    breaks("CLOSE_FROM_SCREENING", case.asks("CaseClosed", facts={"reason": "DUPLICATE"}))
    breaks("CLOSE_FROM_SCREENING", case.asks("CaseClosed"), "/facts/reason")
    breaks("CLOSE_FROM_SCREENING", case.asks("CaseClosed", facts=scope))
    case.then("CompetenceDetermined", disposition="outside", facts={"out_of_articles": True})
    holds("CLOSE_FROM_SCREENING", case.asks("CaseClosed", facts=scope))
    case.then("ImmediateMeasureTaken")
    breaks("CLOSE_FROM_SCREENING", case.asks("CaseClosed", facts=scope))


def test_the_reason_for_closing_is_that_of_the_outcome() -> None:
    """G7: a case handled does not close as no violation, nor the reverse."""
    case = finish(resulted())
    holds("CLOSE_FROM_SCREENING", case.asks("CaseClosed"))
    breaks("CLOSE_FROM_SCREENING", case.asks("CaseClosed", facts={"reason": "NO_VIOLATION"}))
    away = a_case_in("REFERRED_CRIMINAL")
    away.then("CriminalResultReceived")
    holds("CLOSE_FROM_SCREENING", away.asks("CaseClosed", facts={"reason": "REFERRED_FINAL"}))
    referred = a_case_in("REFERRED")
    referred.then("ReferredResultReceived", facts={"outcome": "NO_VIOLATION"})
    for reason in ("REFERRED_FINAL", "NO_VIOLATION"):
        holds("CLOSE_FROM_SCREENING", referred.asks("CaseClosed", facts={"reason": reason}))
    breaks("CLOSE_FROM_SCREENING", referred.asks("CaseClosed"))


# -- archiving ----------------------------------------------------------------------------------


def test_archiving_with_a_complaint_clock_open_is_refused() -> None:
    """Added: a file is not put away while somebody may still complain."""
    case = a_case_in("CLOSED")
    assert "khiếu nại" in breaks("NO_OPEN_CLOCK", case.asks("FileArchived"))["clocks"]
    case.now = at("2024-09-05 08:00")
    holds("NO_OPEN_CLOCK", case.asks("FileArchived"))
    case.then("ComplaintReceived")
    breaks("NO_OPEN_CLOCK", case.asks("FileArchived"))


def test_the_window_stated_at_closing_holds_even_without_a_clock() -> None:
    """Added: complaint_until is what the affected party was told."""
    case = finish(resulted())
    case.then("CaseClosed", facts={"complaint_until": "2024-12-31"})
    case.now = at("2024-12-31 16:00")
    breaks("NO_OPEN_CLOCK", case.asks("FileArchived"))
    case.now = at("2025-01-02 08:00")
    holds("NO_OPEN_CLOCK", case.asks("FileArchived"))


def test_archiving_waits_for_the_notice_to_the_affected_party() -> None:
    """Added; 4.2: INFORM_AFFECTED is stopped before the file goes."""
    case = resulted()
    case.then("TakedownProposed")
    finish(case)
    told = {"checklist": {**CHECKLIST, "affected": "INFORMED"}}
    case.forced("CaseClosed", facts=told)
    case.now = at("2025-01-02 08:00")
    assert "bị ảnh hưởng" in breaks("NO_OPEN_CLOCK", case.asks("FileArchived"))["clocks"]
    takedown = case.stream.last("TakedownProposed")
    assert takedown is not None
    about = {"about": [takedown.act.act_id], "subject": SUBJECT}
    case.then("AffectedPartyInformed", facts=about)
    holds("NO_OPEN_CLOCK", case.asks("FileArchived"))


@pytest.mark.parametrize("outcome", ["NO_VIOLATION", "INSUFFICIENT_BASIS", "OUT_OF_SCOPE"])
def test_a_limb_that_is_met_is_not_nothing(outcome: str) -> None:
    """3.3: it is handled, or the finding is reconsidered."""
    case = a_case_in("HANDLING")
    asked = case.asks("ResultDetermined", facts={"outcome": outcome})
    breaks("RESULT_MATCHES_FINDING", asked, "/facts/outcome")
