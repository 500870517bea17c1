"""The refusals and flags that every build must show (regulation.md §7), each through `decide`.

One row for each, in the order of the page. A row builds a lawful case, makes one thing wrong, and
names the guard that must answer; nothing may be recorded where it refuses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date

import pytest

from api.texts.catalogue import translate
from ledger.errors import Rejected
from ledger.regulation.case.guard_input import GuardInput
from ledger.regulation.case.other_cases_port import CountedReport
from ledger.regulation.decide import decide
from tests.builders import DIGEST, Others, Story, a_case_in, an_id, at, enter, officer

NINETY = [
    {"instrument": "90/QĐ-UBND", "article": "8", "role": r} for r in ("COMPETENCE", "SUBSTANCE")
]


@dataclass(frozen=True)
class Row:
    """One thing a build must show.

    Attributes:
        what: The words of the page.
        guard: Who must answer.
        ask: Builds the question.
        flag: Whether it is recorded with a flag instead of refused.
    """

    what: str
    guard: str
    ask: Callable[[], GuardInput]
    flag: bool = False


def proposed(**facts: object) -> Story:
    """A case in handling with a violation record and a proposal."""
    case = a_case_in("HANDLING")
    case.then("ViolationRecordMade", facts=facts)
    case.then("SanctionProposed")
    return case


def takedown_after_intake() -> GuardInput:
    """7.2.a: no finding stands and nothing is urgent."""
    return a_case_in("VERIFYING").asks("TakedownProposed", facts={"finding_ref": None})


def sanction_on_decision_90() -> GuardInput:
    """G1."""
    return proposed().asks("SanctionDecided", basis=NINETY)


def sanction_without_record() -> GuardInput:
    """G5: the record named is not there."""
    return a_case_in("HANDLING").asks("SanctionDecided")


def sanction_without_proposal() -> GuardInput:
    """G5: the record stands, nobody proposed."""
    case = a_case_in("HANDLING")
    case.then("ViolationRecordMade")
    return case.asks("SanctionDecided")


def sanction_in_the_window() -> GuardInput:
    """G5: explanations may come until 11/6."""
    window = {"explanation_open": True, "explanation_until": "2024-06-11"}
    return proposed(**window).asks("SanctionDecided")


def department_thanh_tra() -> GuardInput:
    """6.3, 8.1.d: dated 02/7/2025."""
    case = Story(start=at("2025-06-30 08:00"))
    case.then("ReportReceived", by="scv")
    new = {"handling_agency": "bacninh.svhttdl"}
    case.then("CaseRegistered", by="scv", facts=new)
    for name in ("CompetenceDetermined", "VerificationConcluded", "HandlingDecided"):
        case.then(name, by="scv", also=["sgd"], facts=SVHTTDL.get(name))
    case.now = at("2025-07-02 09:00")
    return case.asks("InspectionTeamEstablished", by="ncv", also=["ngd"])


SVHTTDL: dict[str, dict[str, object]] = {
    "HandlingDecided": {
        "plan": [
            {
                "act": "InspectionTeamEstablished",
                "object": "Một tài khoản",
                "competence": {"instrument": "45/2025/NĐ-CP", "article": "4"},
                "substance": {"instrument": "24/2018/QH14", "article": "8"},
            }
        ]
    }
}


def abolished_department() -> GuardInput:
    """G3: dated 05/3/2025."""
    case = a_case_in("VERIFYING")
    case.now = at("2025-03-05 16:00")
    return case.asks("VerificationRequested", to=["bacninh.syt"])


def decree_72_in_2025() -> GuardInput:
    """G2: replaced on 25/12/2024."""
    cited = [{"instrument": "72/2013/NĐ-CP", "article": "5", "role": "SUBSTANCE"}]
    return Story(start=at("2025-01-10 09:00")).asks("ReportReceived", basis=cited)


def security_law_of_2018_in_2026() -> GuardInput:
    """G2: replaced on 01/7/2026."""
    cited = [{"instrument": "24/2018/QH14", "article": "8", "role": "SUBSTANCE"}]
    return Story(start=at("2026-07-02 09:00")).asks("ReportReceived", by="ncv", basis=cited)


def closing_over_a_measure() -> GuardInput:
    """G7: taken and not lifted."""
    case = a_case_in("HANDLING")
    case.then("TechnicalMeasureOrdered", facts={"subject": None})
    for name in ("ResultDetermined", "ResultNotified", "ReporterInformed"):
        case.then(name)
    return case.asks("CaseClosed")


def closing_before_the_notice() -> GuardInput:
    """G7; 8.4.b."""
    case = a_case_in("RESULT_RECORDED")
    case.then("ReporterInformed")
    return case.asks("CaseClosed")


def one_person_twice() -> GuardInput:
    """G8."""
    return a_case_in("SCREENING").asks("CompetenceDetermined", also=["cv"])


def classified_off_the_list() -> GuardInput:
    """G11; 4.4."""
    case = Story(start=at("2026-04-13 15:00"), level="mat")
    holder = {
        "officer": officer("bm"),
        "post": "bao-mat",
        "agency": "bacninh2025.svhttdl",
        "until": "2026-12-31T17:00:00+07:00",
    }
    facts = {"list_item": "9.9", "first_holders": [holder]}
    return case.asks("ClassificationAssigned", facts=facts)


def secret_text() -> GuardInput:
    """G11; 4.4."""
    stamped = {"summary": "Văn bản kèm theo đóng dấu TUYỆT MẬT."}
    return Story().asks("ReportReceived", facts=stamped)


def top_secret_copy() -> GuardInput:
    """G11; 4.4: the chair's power ends at Tối mật."""
    case = Story(start=at("2026-04-13 15:00"), level="tuyet-mat")
    case.forced("ClassificationAssigned", facts={"level": "TUYET_MAT", "list_item": "1.1"})
    return case.asks("SecretCopyPermitted", by="xpct", also=["xct"])


def name_in_free_text() -> GuardInput:
    """G14."""
    named = {"reasons": "Theo bà Trần Thị Ví Dụ phản ánh, nội dung thuộc chức năng của Sở."}
    return a_case_in("SCREENING").asks("CompetenceDetermined", facts=named)


def account_handle_in_free_text() -> GuardInput:
    """G14: a report is taken as it comes, and waits to have the account sealed."""
    named = {"summary": "Bài đăng của tài khoản @vidu.nguoidan88 trên mạng xã hội."}
    return Story().asks("ReportReceived", facts=named)


def second_return() -> GuardInput:
    """4.3, 8.1.d: the second return is a conflict."""
    case = a_case_in("REFERRED")
    case.then("ReferralReturned")
    other = {"competent_agency": "bacninh.syt"}
    case.then("CompetenceDetermined", disposition="other", facts=other)
    case.then("ReferralSent")
    return case.asks("ReferralReturned", facts={"conflict": False})


def sanction_after_criminal_referral() -> GuardInput:
    """G6: opened by the investigating body, and brought to handling by a review all the same."""
    case = a_case_in("REFERRED_CRIMINAL")
    case.then("CriminalResultReceived")
    case.then("ReviewOpened")
    case.then("ReviewDecided", disposition="remanded", facts={"decision": "REMANDED"})
    finding = case.stream.finding
    assert finding is not None
    case.then("VerificationConcluded", facts={"supersedes": finding.act.act_id})
    case.then("HandlingDecided")
    case.then("ViolationRecordMade")
    return case.asks("SanctionProposed")


def media_without_request() -> GuardInput:
    """G9; 8.6.b: given in a meeting."""
    case = a_case_in("ASSESSING")
    meeting = case.then("MeetingConvened")
    facts = {"request": None, "meeting": meeting.act.act_id, "given_by": "bacninh.bao"}
    return case.asks("AppraisalGiven", by="bao", facts=facts)


def another_agency_to_the_ministry() -> GuardInput:
    """G10; 8.1.g."""
    return a_case_in("HANDLING").asks("TakedownProposed", by="ytcv", also=["yt"])


def overturn_without_restating() -> GuardInput:
    """9: the quarter's report counted the case."""
    quarter = CountedReport(an_id("report"), date(2024, 4, 1), date(2024, 6, 30), index=50)
    case = a_case_in("UNDER_REVIEW", cases=Others(counted=[quarter]))
    result = case.stream.result
    assert result is not None
    facts = {"decision": "OVERTURNED", "acts_overturned": [result.act.act_id]}
    return case.asks("ReviewDecided", disposition="overturned", facts=facts)


def back_dated() -> GuardInput:
    """Added: two days late, no reason."""
    asked = Story().asks("ReportReceived")
    return replace(asked, iat=asked.iat + 2 * 24 * 3600)


def archived_too_soon() -> GuardInput:
    """Added: the complaint window is open."""
    return a_case_in("CLOSED").later(days=10).asks("FileArchived")


def edited() -> GuardInput:
    """G13: the id of an entry over other words."""
    case = a_case_in("RECEIVED")
    return case.asks("ReportReceived", act_id=case.stream.intake[0].act.act_id)


def bare_digest() -> GuardInput:
    """Added (access.md A17)."""
    case = Story(start=at("2026-04-15 10:00"))
    rule = {"rule": "STUB_RELEASE", "value": 0, "unit": "d", "valid_from": "2026-01-01"}
    more = {"source_kind": "PRODUCT_RULE", "certainty": "CONFIRMED"}
    enter(case.registry, "ClockRuleSet", {**rule, **more}, stream="ledger")
    return case.asks("StubReleased", facts={"salted": False, "commitment": DIGEST})


ROWS = (
    Row(
        "a take-down proposal straight after intake",
        "FINDING_BEFORE_MEASURE",
        takedown_after_intake,
    ),
    Row("a sanction on Decision 90 alone", "NOT_DECISION_90_ALONE", sanction_on_decision_90),
    Row("a sanction without record", "REFERS_TO_OTHER_CASE", sanction_without_record),
    Row("a sanction without proposal", "SUB_PROCESS_ILLEGAL", sanction_without_proposal),
    Row("inside the explanation window", "EXPLANATION_WINDOW_OVER", sanction_in_the_window),
    Row("a department's thanh tra team", "TEAM_KIND_BY_DATE", department_thanh_tra),
    Row("an act by Sở TT&TT dated 05/3/2025", "AGENCY_EXISTS", abolished_department),
    Row("Decree 72/2013 cited on 10/01/2025", "INSTRUMENT_IN_FORCE", decree_72_in_2025),
    Row("the 2018 law on 02/7/2026", "INSTRUMENT_IN_FORCE", security_law_of_2018_in_2026),
    Row("closing with a live measure", "CLOSING_CHECKLIST", closing_over_a_measure),
    Row("or before the result notice", "CLOSING_CHECKLIST", closing_before_the_notice),
    Row("one person proposing and approving", "DISTINCT_SIGNERS", one_person_twice),
    Row("classifying without a list item", "SECRET_LIST_ITEM", classified_off_the_list),
    Row("secret text in an open field", "SECRET_MARK_IN_TEXT", secret_text),
    Row("a copy of a Tuyệt mật paper", "LEVEL_POWER", top_secret_copy),
    Row("a reporter's name in free text", "NO_PERSON_IDENTIFIER", name_in_free_text),
    Row("an account handle", "NAME_SUSPECTED", account_handle_in_free_text, flag=True),
    Row("a second returned referral", "SECOND_RETURN_ESCALATES", second_return),
    Row(
        "a sanction after a whole-case criminal referral",
        "NO_SANCTION_AFTER_CRIMINAL_REFERRAL",
        sanction_after_criminal_referral,
    ),
    Row("a media appraisal", "MEDIA_NEEDS_WRITTEN_REQUEST", media_without_request),
    Row("another agency proposing", "AGENCY_HOLDS_FUNCTION", another_agency_to_the_ministry),
    Row("an overturn", "STATISTICS_RESTATED", overturn_without_restating, flag=True),
    Row("a back-dated act without a late reason", "LATE_REASON", back_dated),
    Row("archiving with a complaint clock open", "NO_OPEN_CLOCK", archived_too_soon),
    Row("an entry edited instead of corrected", "CORRECT_NOT_EDIT", edited),
    Row("a commitment without a salt", "SALTED_COMMITMENT", bare_digest),
)


@pytest.mark.parametrize("row", ROWS, ids=[r.what for r in ROWS])
def test_every_build_shows_it(row: Row) -> None:
    """regulation.md §7: refused by the guard named first, or recorded with the flag."""
    question = row.ask()
    before = question.stream.seq
    if row.flag:
        assert row.guard in decide(question).flags
        return
    with pytest.raises(Rejected) as refused:
        decide(question)
    assert refused.value.guard == row.guard
    assert "{" not in translate(refused.value.text, "vi") + translate(refused.value.text, "en")
    assert question.stream.seq == before
