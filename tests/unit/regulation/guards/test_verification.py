"""Verification: a statute for asking, rights, every limb tested, contrary evidence."""

from __future__ import annotations

import pytest

from tests.builders import (
    EVIDENCE,
    LAW,
    LONG,
    MET_B,
    NONE_MET,
    Story,
    a_case_in,
    a_token,
    an_id,
    breaks,
    holds,
)

REGULATION = [{"instrument": "90/QĐ-UBND", "article": "7", "clause": "2", "role": "SUBSTANCE"}]


def test_asking_a_person_without_a_statute_is_refused() -> None:
    """7.2.b, "theo quy định của pháp luật": the regulation binds no person and no firm."""
    case = a_case_in("VERIFYING")
    person = {"natural_person_asked": True, "rights_notice": True}
    firm = {"organisation": "Một doanh nghiệp ngoài danh bạ"}
    holds("STATUTORY_BASIS_FOR_REQUEST", case.asks("VerificationRequested", facts=person))
    holds("STATUTORY_BASIS_FOR_REQUEST", case.asks("VerificationRequested", basis=REGULATION))
    for facts in (person, firm):
        asked = case.asks("VerificationRequested", facts=facts, basis=REGULATION)
        breaks("STATUTORY_BASIS_FOR_REQUEST", asked, "/basis")
    sealed = case.asks("VerificationRequested", to=[a_token("asked")], basis=REGULATION)
    breaks("STATUTORY_BASIS_FOR_REQUEST", sealed)


def test_a_person_who_is_asked_is_told_their_rights() -> None:
    """Added: so is everybody whom a violation record names."""
    case = a_case_in("VERIFYING")
    holds("RIGHTS_NOTICE", case.asks("VerificationRequested"))
    asked = case.asks("VerificationRequested", facts={"natural_person_asked": True})
    breaks("RIGHTS_NOTICE", asked, "/facts/rights_notice")
    record = a_case_in("HANDLING")
    holds("RIGHTS_NOTICE", record.asks("ViolationRecordMade"))
    breaks("RIGHTS_NOTICE", record.asks("ViolationRecordMade", facts={"rights_notice": False}))


@pytest.mark.parametrize(
    "limbs",
    [
        MET_B[:2],
        [*MET_B, MET_B[0]],
        [MET_B[0], MET_B[0], MET_B[1]],
        [MET_B[0], {"limb": "b", "result": "MET", "reasons": LONG}, MET_B[2]],
        [MET_B[0], {**MET_B[1], "instrument": "147/2024/NĐ-CP"}, MET_B[2]],
    ],
    ids=["one left out", "one too many", "one twice", "no provision", "law of later on"],
)
def test_a_finding_that_skips_a_limb_is_refused(limbs: object) -> None:
    """3.3: a, b and c once each, and a limb that is met names law of the time of the content."""
    case = a_case_in("VERIFYING")
    holds("LIMBS_TESTED", case.asks("VerificationConcluded"))
    breaks("LIMBS_TESTED", case.asks("VerificationConcluded", facts={"limbs": limbs}))


@pytest.mark.parametrize(
    "finding",
    ["TRUE_NO_BREACH", "OPINION_NOT_FACT", "UNVERIFIABLE", "OUT_OF_SCOPE", "TRUE_BUT_BREACH"],
)
def test_a_finding_that_accuses_nobody_meets_no_limb(finding: str) -> None:
    """3.3: finding and limbs say the same; another law that is broken is named."""
    case = a_case_in("VERIFYING")
    said = {"finding": finding, "other_law": [LAW]}
    breaks("LIMBS_TESTED", case.asks("VerificationConcluded", facts=said), "/facts/finding")
    agreed = {**said, "limbs": NONE_MET}
    holds("LIMBS_TESTED", case.asks("VerificationConcluded", facts=agreed))
    if finding == "TRUE_BUT_BREACH":
        silent = {**agreed, "other_law": None}
        asked = case.asks("VerificationConcluded", facts=silent)
        breaks("LIMBS_TESTED", asked, "/facts/other_law")


def test_a_limb_is_judged_by_the_law_of_the_content_and_not_of_the_finding() -> None:
    """3.3, G2: content of December 2024 falls under the decree that ended before it was judged."""
    seen = [{"where": "WEBSITE", "seen_at": "2024-12-20T08:00:00+07:00"}]
    case = Story(start=Story().now.replace(year=2024, month=12, day=30))
    case.then("ReportReceived", facts={"content": seen})
    met = [MET_B[0], {**MET_B[1], "instrument": "72/2013/NĐ-CP", "article": "5"}, MET_B[2]]
    holds("LIMBS_TESTED", case.asks("VerificationConcluded", facts={"limbs": met}))


def test_a_finding_or_a_reopening_says_of_which_day_the_content_is() -> None:
    """3.3, G2: content of 2025 in a case of 2024 is judged by the law of 2025, in words."""
    case = a_case_in("VERIFYING")
    new = [MET_B[0], {**MET_B[1], "instrument": "147/2024/NĐ-CP"}, MET_B[2]]
    breaks("LIMBS_TESTED", case.asks("VerificationConcluded", facts={"limbs": new}))
    later = {"limbs": new, "content": [{"stood_from": "2025-02-03"}]}
    holds("LIMBS_TESTED", case.asks("VerificationConcluded", facts=later))
    repealed = [MET_B[0], {**MET_B[1], "instrument": "72/2013/NĐ-CP", "article": "5"}, MET_B[2]]
    said = breaks(
        "LIMBS_TESTED", case.asks("VerificationConcluded", facts=later | {"limbs": repealed})
    )
    assert "72/2013/NĐ-CP" in said["law"]
    assert "03/02/2025" in said["law"]
    closed = a_case_in("CLOSED")
    closed.then("CaseReopened", facts={"content": [{"stood_from": "2025-02-03"}]})
    holds("LIMBS_TESTED", closed.asks("VerificationConcluded", facts={"limbs": new}))
    breaks("LIMBS_TESTED", closed.asks("VerificationConcluded", facts={"limbs": repealed}))


def test_a_finding_without_contrary_evidence_is_refused() -> None:
    """Added (regulation.md §9.4): what speaks against it, or that it was looked for in vain."""
    case = a_case_in("VERIFYING")
    holds("CONTRARY_EVIDENCE", case.asks("VerificationConcluded"))
    against = {"contrary_evidence": EVIDENCE, "contrary_none_found": False}
    holds("CONTRARY_EVIDENCE", case.asks("VerificationConcluded", facts=against))
    both = {"contrary_evidence": EVIDENCE, "contrary_none_found": True}
    breaks("CONTRARY_EVIDENCE", case.asks("VerificationConcluded", facts=both))
    neither = {"contrary_none_found": False}
    breaks("CONTRARY_EVIDENCE", case.asks("VerificationConcluded", facts=neither))
    empty = case.asks("VerificationConcluded", facts={"evidence": []})
    breaks("CONTRARY_EVIDENCE", empty, "/facts/evidence")


def test_two_findings_never_stand_side_by_side() -> None:
    """Added: the later one names the one it replaces."""
    case = a_case_in("ASSESSING")
    earlier = case.stream.finding
    assert earlier is not None
    holds("SUPERSEDES_EARLIER_FINDING", a_case_in("VERIFYING").asks("VerificationConcluded"))
    breaks("SUPERSEDES_EARLIER_FINDING", case.asks("VerificationConcluded"), "/facts/supersedes")
    wrong = {"supersedes": an_id("no finding")}
    breaks("SUPERSEDES_EARLIER_FINDING", case.asks("VerificationConcluded", facts=wrong))
    named = {"supersedes": earlier.act.act_id}
    holds("SUPERSEDES_EARLIER_FINDING", case.asks("VerificationConcluded", facts=named))


def test_a_reminder_and_an_extension_are_of_ones_own_open_request() -> None:
    """7.2.b: whoever was asked is addressed, nobody else's letter is reminded of."""
    case = a_case_in("VERIFYING")
    sent = case.then("VerificationRequested")
    request = {"request": sent.act.act_id}
    asked = ["bacninh.syt"]
    for name in ("ReminderSent", "AnswerExtended"):
        holds("REQUEST_OPEN", case.asks(name, facts=request, to=asked))
        breaks("REQUEST_OPEN", case.asks(name, facts=request, to=["bacninh.btg"]), "/to")
        breaks("REQUEST_OPEN", case.asks(name, facts=request, to=asked, by="yt"))
    case.then("VerificationAnswered", facts={**request, "completeness": "FULL"})
    for name in ("ReminderSent", "AnswerExtended"):
        answered = case.asks(name, facts=request, to=asked)
        breaks("REQUEST_OPEN", answered, "/facts/request")


def test_an_extension_is_later_than_what_stands() -> None:
    """Added: once more, from the last extension on."""
    case = a_case_in("VERIFYING")
    sent = case.then("VerificationRequested", facts={"answer_by": "2024-06-10T17:00:00+07:00"})
    request = {"request": sent.act.act_id}
    first = {**request, "answer_by": "2024-06-14T17:00:00+07:00"}
    to = {"to": ["bacninh.syt"]}
    holds("EXTENSION_LATER", case.asks("AnswerExtended", facts=first, **to))
    early = {**request, "answer_by": "2024-06-10T09:00:00+07:00"}
    breaks("EXTENSION_LATER", case.asks("AnswerExtended", facts=early, **to), "/facts/answer_by")
    case.then("AnswerExtended", facts=first, **to)
    breaks("EXTENSION_LATER", case.asks("AnswerExtended", facts=first, **to), "/facts/answer_by")
    again = {**request, "answer_by": "2024-06-20T17:00:00+07:00"}
    holds("EXTENSION_LATER", case.asks("AnswerExtended", facts=again, **to))


def test_what_is_reconsidered_is_the_finding_that_stands() -> None:
    """4.2: and the next one supersedes it."""
    case = a_case_in("ASSESSING")
    finding = case.stream.finding
    assert finding is not None
    named = {"finding_ref": finding.act.act_id}
    holds("RECONSIDERS_STANDING", case.asks("ConclusionReconsidered", facts=named))
    other = case.asks("ConclusionReconsidered", facts={"finding_ref": an_id("other")})
    breaks("RECONSIDERS_STANDING", other, "/facts/finding_ref")
    case.then("ConclusionReconsidered", facts=named)
    assert case.stream.state == "VERIFYING"
    anew = {"finding": "FALSE", "limbs": NONE_MET, "supersedes": finding.act.act_id}
    case.then("VerificationConcluded", facts=anew)
    assert case.stream.state == "ASSESSING"
    assert case.stream.finding is not None
    assert case.stream.finding.act.facts["finding"] == "FALSE"
