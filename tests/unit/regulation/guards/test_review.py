"""Complaints, reviews and corrections: a ground, another decider, nothing edited."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from ledger.regulation.case import clocks
from ledger.regulation.case.counted_reports import changes_result
from ledger.regulation.case.guard_input import GuardInput
from ledger.regulation.case.other_cases_port import CountedReport
from ledger.regulation.case_file.flags import standing
from tests.builders import (
    DOCUMENT,
    Others,
    Story,
    a_case_in,
    a_token,
    an_id,
    at,
    breaks,
    holds,
    place,
)

CASE = f"case/{an_id('the case')}"
ATTACHMENT = {
    "digest": "sha-256:mcHDrJLetxWPwUXOMNe9iVOHI6yCINXdEpMAPejPyv4",
    "media_type": "application/pdf",
    "size": 12,
    "name": "van-ban.pdf",
}


# -- complaints and reviews ---------------------------------------------------------------------


def test_a_late_complaint_is_taken_and_shows() -> None:
    """Added (02/2011/QH13 Art. 9, 33): 90 days, 30 for a second one; the resolver weighs why."""
    case = a_case_in("RESULT_RECORDED")
    in_time = {"received_at": "2024-09-02T16:00:00+07:00"}
    late = {"received_at": "2024-09-05T08:00:00+07:00"}
    holds("COMPLAINT_LATE", case.asks("ComplaintReceived", facts=in_time))
    breaks("COMPLAINT_LATE", case.asks("ComplaintReceived", facts=late), "/facts/received_at")
    case.then("ReviewOpened")
    decided = case.then("ReviewDecided")
    second = {"instance": "SECOND", "earlier": decided.act.act_id, "against": decided.act.act_id}
    soon = {**second, "received_at": "2024-07-01T08:00:00+07:00"}
    holds("COMPLAINT_LATE", case.asks("ComplaintReceived", facts=soon))
    breaks("COMPLAINT_LATE", case.asks("ComplaintReceived", facts={**second, **in_time}))


def test_a_review_rests_on_something() -> None:
    """Added: a live complaint, a numbered order, a reason; and it says where it began."""
    case = a_case_in("RESULT_RECORDED")
    holds("REVIEW_HAS_GROUND", case.asks("ReviewOpened"))
    wrong = {"opened_from": "CLOSED"}
    breaks("REVIEW_HAS_GROUND", case.asks("ReviewOpened", facts=wrong), "/facts/opened_from")
    for ground in ("COURT_ORDER", "INSPECTION"):
        asked = case.asks("ReviewOpened", facts={"ground": ground})
        breaks("REVIEW_HAS_GROUND", asked, "/facts/order_number")
        numbered = {"ground": ground, "order_number": "12/QĐ-TA"}
        holds("REVIEW_HAS_GROUND", case.asks("ReviewOpened", facts=numbered))
    complaint = {"ground": "COMPLAINT"}
    breaks("REVIEW_HAS_GROUND", case.asks("ReviewOpened", facts=complaint), "/facts/complaint")
    received = case.then("ComplaintReceived")
    named = {**complaint, "complaint": received.act.act_id}
    holds("REVIEW_HAS_GROUND", case.asks("ReviewOpened", facts=named))
    case.then("ComplaintAccepted", facts={"answer": "NOT_ACCEPTED"})
    breaks("REVIEW_HAS_GROUND", case.asks("ReviewOpened", facts=named))


def test_a_review_takes_the_branch_of_its_decision() -> None:
    """Added: the disposition is the decision; what it changes is named."""
    case = a_case_in("UNDER_REVIEW")
    holds("REVIEW_DISPOSITION", case.asks("ReviewDecided"))
    breaks("REVIEW_DISPOSITION", case.asks("ReviewDecided", disposition="remanded"), "/disposition")
    overturned: dict[str, Any] = {"decision": "OVERTURNED"}
    branch = {"disposition": "overturned"}
    asked = case.asks("ReviewDecided", facts=overturned, **branch)
    breaks("REVIEW_DISPOSITION", asked, "/facts/acts_overturned")
    changed = {**overturned, "acts_overturned": [an_id("an act")]}
    holds("REVIEW_DISPOSITION", case.asks("ReviewDecided", facts=changed, **branch))
    other = {**changed, "outcome": "NO_VIOLATION"}
    breaks(
        "REVIEW_DISPOSITION", case.asks("ReviewDecided", facts=other, **branch), "/facts/outcome"
    )


def test_a_case_without_a_result_resumes_or_gets_an_outcome() -> None:
    """Added: only where the review was opened from handling, and it was not sent back."""
    case = a_case_in("HANDLING")
    plan = case.stream.last("HandlingDecided")
    assert plan is not None
    opened = {"opened_from": "HANDLING", "under_review": [plan.act.act_id]}
    case.then("ReviewOpened", facts=opened)
    holds("REVIEW_DISPOSITION", case.asks("ReviewDecided", disposition="resumed"))
    breaks("REVIEW_DISPOSITION", case.asks("ReviewDecided"), "/facts/outcome")
    stated = {"outcome": "NO_VIOLATION"}
    holds("REVIEW_DISPOSITION", case.asks("ReviewDecided", facts=stated))
    remanded = {"decision": "REMANDED"}
    asked = case.asks("ReviewDecided", disposition="resumed", facts=remanded)
    breaks("REVIEW_DISPOSITION", asked)
    done = a_case_in("UNDER_REVIEW")
    breaks("REVIEW_DISPOSITION", done.asks("ReviewDecided", disposition="resumed"))


def reviewed(**review: Any) -> Story:  # noqa: ANN401 - facts are JSON
    """A case whose plan, by tp and gd, is under review."""
    case = a_case_in("ASSESSING")
    plan = case.then("HandlingDecided", by="tp", also=["gd"])
    case.then("ResultDetermined", by="cv", also=["pgd"])
    case.then("ReviewOpened", facts={"under_review": [plan.act.act_id], **review})
    return case


def test_the_same_decider_is_shown() -> None:
    """G8: at first instance the law sends the complaint to the issuer; it shows all the same."""
    case = reviewed()
    first = {"instance": "FIRST"}
    holds("SAME_DECIDER", case.asks("ReviewDecided", facts=first))
    breaks("SAME_DECIDER", case.asks("ReviewDecided", by="cv", also=["gd"], facts=first))
    holds("SAME_DECIDER", case.asks("ReviewDecided", by="cv", also=["tp"], facts=first))
    holds("OWN_REVIEW_OTHER_DECIDER", case.asks("ReviewDecided", also=["gd"], facts=first))


@pytest.mark.parametrize("instance", ["OWN", "SECOND", "COURT"])
def test_a_review_beyond_first_instance_is_decided_by_others(instance: str) -> None:
    """G8: nobody who signed the act, in whichever role, checks or approves its review."""
    case = reviewed()
    facts = {"instance": instance}
    holds("OWN_REVIEW_OTHER_DECIDER", case.asks("ReviewDecided", also=["pc", "ct"], facts=facts))
    for also in (["pc", "gd"], ["pc", "tp"], ["gd", "ct"]):
        asked = case.asks("ReviewDecided", also=also, facts=facts)
        breaks("OWN_REVIEW_OTHER_DECIDER", asked, "/signers")


def complained_twice() -> tuple[Story, str]:
    """A result that was upheld at first instance, and the review of the second complaint."""
    case = a_case_in("RESULT_RECORDED")
    case.then("ResultNotified")
    earlier: str | None = None
    for instance in ("FIRST", "SECOND"):
        said = {"instance": instance, "earlier": earlier}
        complaint = case.then("ComplaintReceived", facts=said).act.act_id
        case.then("ComplaintAccepted", facts={"complaint": complaint})
        opening = {"ground": "COMPLAINT", "complaint": complaint}
        review = case.then("ReviewOpened", facts=opening).act.act_id
        if instance == "FIRST":
            decided = {"review": review, "instance": "FIRST", "complaint": complaint}
            earlier = case.then("ReviewDecided", by="cv2", also=["pgd"], facts=decided).act.act_id
    return case, review


def test_a_second_complaint_is_not_decided_by_whom_it_is_about() -> None:
    """02/2011/QH13 Art. 7: neither by another officer of the issuer, nor under another name."""
    case, review = complained_twice()

    def asked(by: str, also: list[str], instance: str) -> GuardInput:
        facts = {"review": review, "instance": instance}
        return case.asks("ReviewDecided", by=by, also=also, facts=facts)

    breaks("SECOND_BY_ANOTHER", asked("cv2", ["pc", "tp"], "SECOND"), "/agency")
    breaks("SECOND_BY_ANOTHER", asked("cv2", ["tp"], "FIRST"), "/facts/instance")
    for by, also in (("ubcv", ["cv", "ct"]), ("tra", ["trapc", "thanhtra"])):
        holds("SECOND_BY_ANOTHER", asked(by, also, "SECOND"))
    holds("SECOND_BY_ANOTHER", reviewed().asks("ReviewDecided", facts={"instance": "OWN"}))


def test_a_complaint_that_was_decided_is_no_first_one_again() -> None:
    """02/2011/QH13 Art. 7: or whoever issued it decides twice, and its superior never."""
    case = a_case_in("RESULT_RECORDED")
    case.then("ResultNotified")
    first = case.then("ComplaintReceived", facts={"instance": "FIRST"}).act
    again = {"instance": "FIRST", "against": first.facts["against"]}
    holds(
        "FIRST_ONCE", case.asks("ComplaintReceived", facts=again)
    )  # it may be withdrawn meanwhile
    case.then("ComplaintAccepted", facts={"complaint": first.act_id})
    opening = {"ground": "COMPLAINT", "complaint": first.act_id}
    review = case.then("ReviewOpened", facts=opening).act.act_id
    decided = {"review": review, "instance": "FIRST", "complaint": first.act_id}
    decision = case.then("ReviewDecided", by="cv2", also=["pgd"], facts=decided).act.act_id
    breaks("FIRST_ONCE", case.asks("ComplaintReceived", facts=again), "/facts/instance")
    holds("FIRST_ONCE", case.asks("ComplaintReceived", facts={**again, "instance": "SECOND"}))
    somebody = a_token("somebody else whom it touches")
    other = {**again, "complainant": somebody}
    holds("FIRST_ONCE", case.asks("ComplaintReceived", facts=other))
    about = {**other, "against": decision}
    breaks("FIRST_ONCE", case.asks("ComplaintReceived", facts=about), "/facts/instance")
    measured, taken = complained_of_a_measure("FIRST")
    lifted = {"measure": taken, "complaint": "@ComplaintReceived", "decision": "LIFT"}
    reviewing = measured.then("MeasureReviewed", also=["pgd"], facts=resolved(measured, lifted))
    for against in (taken, reviewing.act.act_id):
        again = {"instance": "FIRST", "against": against}
        breaks("FIRST_ONCE", measured.asks("ComplaintReceived", facts=again), "/facts/instance")
    own = reviewed(reasons="Tự phát hiện sai sót")
    of_own_motion = own.then("ReviewDecided", facts={"instance": "OWN"}).act.act_id
    holds("FIRST_ONCE", own.asks("ComplaintReceived", facts={"against": of_own_motion}))


def complained_of_a_measure(instance: str) -> tuple[Story, str]:
    """A measure that the department ordered, and a complaint about it; the id of the measure."""
    case = a_case_in("HANDLING")
    taken = case.then("TechnicalMeasureOrdered").act.act_id
    case.then("ComplaintReceived", facts={"against": taken, "instance": instance})
    return case, taken


def resolved(case: Story, facts: dict[str, Any]) -> dict[str, Any]:
    """Facts with the last complaint where they ask for it."""
    last = case.stream.last("ComplaintReceived")
    assert last is not None
    return {n: last.act.act_id if v == "@ComplaintReceived" else v for n, v in facts.items()}


def test_a_second_complaint_is_not_put_aside_by_whom_it_is_about() -> None:
    """02/2011/QH13 Art. 7: neither turned away, nor ended by their own review of the measure."""
    case, taken = complained_of_a_measure("SECOND")
    turned_away = {"answer": "NOT_ACCEPTED"}
    breaks("SECOND_BY_ANOTHER", case.asks("ComplaintAccepted", facts=turned_away), "/agency")
    by_inspectors = {"by": "tra", "also": ["thanhtra"], "facts": turned_away}
    holds("SECOND_BY_ANOTHER", case.asks("ComplaintAccepted", **by_inspectors))
    for answer in ("ACCEPTED", "WITHDRAWN", "TO_COURT"):
        holds("SECOND_BY_ANOTHER", case.asks("ComplaintAccepted", facts={"answer": answer}))
    lifted = resolved(case, {"measure": taken, "complaint": "@ComplaintReceived"})
    breaks("SECOND_BY_ANOTHER", case.asks("MeasureReviewed", facts=lifted), "/agency")
    asked = case.asks("MeasureReviewed", by="tra", also=["thanhtra"], facts=lifted)
    holds("SECOND_BY_ANOTHER", asked)
    holds("SECOND_BY_ANOTHER", case.asks("MeasureReviewed", facts={"measure": taken}))
    first, taken = complained_of_a_measure("FIRST")
    heard = resolved(first, {"measure": taken, "complaint": "@ComplaintReceived"})
    holds("SECOND_BY_ANOTHER", first.asks("MeasureReviewed", facts=heard))
    first.then("MeasureReviewed", by="tra", also=["thanhtra"], facts=heard)
    first.then("ComplaintReceived", facts={"against": taken, "instance": "SECOND"})
    again = resolved(first, {"measure": taken, "complaint": "@ComplaintReceived"})
    asked = first.asks("MeasureReviewed", by="tra", also=["thanhtra"], facts=again)
    breaks("SECOND_BY_ANOTHER", asked, "/agency")
    above: dict[str, Any] = {"by": "ubcv", "also": ["ct"]}
    holds("SECOND_BY_ANOTHER", first.asks("MeasureReviewed", facts=again, **above))
    first.then("MeasureReviewed", facts=again, **above)
    first.then("ComplaintReceived", facts={"against": taken, "instance": "SECOND"})
    another = resolved(first, {"measure": taken, "complaint": "@ComplaintReceived"})
    holds("SECOND_BY_ANOTHER", first.asks("MeasureReviewed", facts=another, **above))


def directed(**review: str) -> Story:
    """A case that the department holds; a direction of the committee is under review in it."""
    case = a_case_in("ESCALATED")
    direction = case.then("DirectionReceived", disposition="own").act.act_id
    if review.get("ground") == "COMPLAINT":
        review["complaint"] = case.then(
            "ComplaintReceived", facts={"against": direction, "instance": "SECOND"}
        ).act.act_id
    opening = {"under_review": [direction], "opened_from": "HANDLING", "order_number": "1"}
    case.then("ReviewOpened", facts={**opening, **review})
    return case


def test_who_holds_the_case_decides_no_review_by_that_and_ends_one_that_is_empty() -> None:
    """4.3; G8: the issuer does, or whoever is above; what waits or a court ordered is not ended."""
    ended = {"decision": "INADMISSIBLE", "instance": "OWN"}
    for ground in ("OWN_FINDING", "COURT_ORDER", "INSPECTION"):
        case = directed(ground=ground)
        breaks("REVIEW_DECIDED_BY", case.asks("ReviewDecided", by="cv"), "/agency")
        holds("REVIEW_DECIDED_BY", case.asks("ReviewDecided", by="ubcv", also=["ct"]))
        asked = case.asks("ReviewDecided", by="cv", facts=ended)
        if ground == "OWN_FINDING":
            holds("REVIEW_DECIDED_BY", asked)
        else:
            breaks("REVIEW_DECIDED_BY", asked, "/agency")
    case = directed(ground="COMPLAINT")
    ended["instance"] = "SECOND"
    breaks("REVIEW_DECIDED_BY", case.asks("ReviewDecided", by="cv", facts=ended), "/agency")
    of_issuer = case.asks("ReviewDecided", by="ubcv", also=["pc", "ct"], facts=ended)
    breaks("SECOND_BY_ANOTHER", of_issuer, "/agency")
    court = {"answer": "TO_COURT"}
    case.then("ComplaintAccepted", by="ubcv", also=["ct"], facts=court)
    holds("REVIEW_DECIDED_BY", case.asks("ReviewDecided", by="cv", facts=ended))
    of_issuer = case.asks("ReviewDecided", by="ubcv", also=["pc", "ct"], facts=ended)
    holds("SECOND_BY_ANOTHER", of_issuer)
    upheld = case.asks("ReviewDecided", by="cv", facts={"instance": "SECOND"})
    breaks("REVIEW_DECIDED_BY", upheld, "/agency")


def test_whoever_received_a_complaint_neither_takes_it_up_nor_turns_it_away() -> None:
    """4.3; G8: what is said of another body is its matter, or its superior's."""
    case = a_case_in("HANDLING")
    ordered = case.forced("TechnicalMeasureOrdered", by="ytcv", also=["yt"]).act.act_id
    case.then("ComplaintReceived", facts={"against": ordered})
    for answer in ("ACCEPTED", "NOT_ACCEPTED"):
        facts = {"answer": answer}
        breaks("REVIEW_DECIDED_BY", case.asks("ComplaintAccepted", facts=facts), "/agency")
        for by, head in (("ytcv", "yt"), ("ubcv", "ct"), ("tra", "thanhtra")):
            asked = case.asks("ComplaintAccepted", by=by, also=[head], facts=facts)
            holds("REVIEW_DECIDED_BY", asked)
    for answer in ("WITHDRAWN", "TO_COURT"):
        holds("REVIEW_DECIDED_BY", case.asks("ComplaintAccepted", facts={"answer": answer}))


def test_a_complaint_that_nobody_else_of_the_log_may_hear_is_turned_away() -> None:
    """02/2011/QH13 Art. 7: against a ministry's decision on a complaint one goes to court."""
    turned_away = {"answer": "NOT_ACCEPTED"}
    case = a_case_in("HANDLING")
    by = {"by": "bo", "also": ["pgd"]}
    ordered = case.forced("TechnicalMeasureOrdered", **by).act.act_id
    case.then("ComplaintReceived", facts={"against": ordered, "instance": "SECOND"})
    asked = case.asks("ComplaintAccepted", facts=turned_away, **by)
    holds("SECOND_BY_ANOTHER", asked)
    holds("REVIEW_DECIDED_BY", asked)
    breaks("REVIEW_DECIDED_BY", case.asks("ComplaintAccepted", facts=turned_away), "/agency")
    case = directed(ground="COMPLAINT")
    asked = case.asks("ComplaintAccepted", by="ubcv", also=["ct"], facts=turned_away)
    breaks("SECOND_BY_ANOTHER", asked, "/agency")
    case = Story()
    taken = case.forced("ReportReceived", **by).act.act_id
    case.forced("CaseRegistered", facts={"handling_agency": "tw.btttt"}, **by)
    case.forced("ComplaintReceived", by="bo", facts={"against": taken, "instance": "FIRST"})
    holds("REVIEW_DECIDED_BY", case.asks("ComplaintAccepted", facts=turned_away, **by))
    accepted = case.asks("ComplaintAccepted", facts={"answer": "ACCEPTED"}, **by)
    breaks("REVIEW_DECIDED_BY", accepted, "/agency")


def test_a_decision_ends_the_complaint_it_is_about_and_no_other() -> None:
    """4.3; G8: else whoever decides one would be rid of all others by naming them."""
    case = a_case_in("RESULT_RECORDED")
    plan, result = (case.stream.last(n) for n in ("HandlingDecided", "ResultDetermined"))
    assert plan is not None
    assert result is not None
    one, other = (
        case.then("ComplaintReceived", facts={"against": e.act.act_id}).act.act_id
        for e in (plan, result)
    )
    opening = {"ground": "COMPLAINT", "complaint": one, "under_review": [plan.act.act_id]}
    case.then("ReviewOpened", facts=opening)
    first = {"instance": "FIRST"}
    for named in (other, None):
        asked = case.asks("ReviewDecided", facts={**first, "complaint": named})
        breaks("DECIDES_ITS_COMPLAINT", asked, "/facts/complaint")
    holds("DECIDES_ITS_COMPLAINT", case.asks("ReviewDecided", facts={**first, "complaint": one}))
    case.then("ComplaintAccepted", facts={"complaint": one, "answer": "WITHDRAWN"})
    holds("DECIDES_ITS_COMPLAINT", case.asks("ReviewDecided", facts=first))
    own = reviewed(reasons="Tự phát hiện sai sót")
    holds("DECIDES_ITS_COMPLAINT", own.asks("ReviewDecided"))
    heard = own.then("ComplaintReceived").act.act_id
    asked = own.asks("ReviewDecided", facts={"complaint": heard})
    breaks("DECIDES_ITS_COMPLAINT", asked, "/facts/complaint")


def test_the_review_of_a_measure_ends_no_complaint_about_something_else() -> None:
    """4.2; G8: whoever lifts a measure settles by it nothing that was said of a sanction."""
    case, taken = complained_of_a_measure("FIRST")
    about_it = resolved(case, {"measure": taken, "complaint": "@ComplaintReceived"})
    holds("DECIDES_ITS_COMPLAINT", case.asks("MeasureReviewed", facts=about_it))
    holds("DECIDES_ITS_COMPLAINT", case.asks("MeasureReviewed", facts={"measure": taken}))
    reviewing = case.then("MeasureReviewed", also=["pgd"], facts={"measure": taken}).act.act_id
    case.then("ComplaintReceived", facts={"against": reviewing})
    of_review = resolved(case, {"measure": taken, "complaint": "@ComplaintReceived"})
    holds("DECIDES_ITS_COMPLAINT", case.asks("MeasureReviewed", facts=of_review))
    plan = case.stream.last("HandlingDecided")
    assert plan is not None
    case.then("ComplaintReceived", facts={"against": plan.act.act_id})
    strange = resolved(case, {"measure": taken, "complaint": "@ComplaintReceived"})
    asked = case.asks("MeasureReviewed", facts=strange)
    breaks("DECIDES_ITS_COMPLAINT", asked, "/facts/complaint")


def test_who_took_a_decision_reviews_it_under_no_other_name() -> None:
    """G8: no review but that of a first complaint is the issuer's, whatever it is called."""
    case = reviewed(reasons="Tự phát hiện sai sót")
    first = {"instance": "FIRST"}
    breaks("SECOND_BY_ANOTHER", case.asks("ReviewDecided", facts=first), "/facts/instance")
    case = a_case_in("ASSESSING")
    plan = case.then("HandlingDecided", by="tp", also=["gd"]).act.act_id
    case.then("ResultDetermined", by="cv", also=["pgd"])
    heard = case.then("ComplaintReceived", facts={"against": plan}).act.act_id
    about = {"ground": "OWN_FINDING", "complaint": heard, "under_review": [plan]}
    case.then("ReviewOpened", facts=about)
    breaks("SECOND_BY_ANOTHER", case.asks("ReviewDecided", facts=first), "/facts/instance")
    holds("SECOND_BY_ANOTHER", case.asks("ReviewDecided", facts={"instance": "OWN"}))


def test_what_a_review_leaves_out_is_decided_by_others_all_the_same() -> None:
    """G8: neither what is overturned nor what is complained about has to stand in its opening."""
    case = a_case_in("ASSESSING")
    plan = case.then("HandlingDecided", by="tp", also=["gd"]).act.act_id
    result = case.then("ResultDetermined", by="cv", also=["pgd"]).act.act_id
    case.then("ReviewOpened", facts={"under_review": [result]})
    holds("OWN_REVIEW_OTHER_DECIDER", case.asks("ReviewDecided", also=["pc", "gd"]))
    overturned = {"decision": "OVERTURNED", "acts_overturned": [plan]}
    asked = case.asks("ReviewDecided", also=["pc", "gd"], facts=overturned)
    breaks("OWN_REVIEW_OTHER_DECIDER", asked, "/signers")

    case = a_case_in("ASSESSING")
    plan = case.then("HandlingDecided", by="tp", also=["gd"]).act.act_id
    result = case.then("ResultDetermined", by="cv", also=["pgd"]).act.act_id
    said = {"against": plan, "instance": "SECOND"}
    heard = case.then("ComplaintReceived", facts=said).act.act_id
    about = {"ground": "COMPLAINT", "complaint": heard, "under_review": [result]}
    case.then("ReviewOpened", facts=about)
    second = {"instance": "SECOND"}
    asked = case.asks("ReviewDecided", also=["pc", "gd"], facts=second)
    breaks("OWN_REVIEW_OTHER_DECIDER", asked, "/signers")
    holds("OWN_REVIEW_OTHER_DECIDER", case.asks("ReviewDecided", also=["pc", "ct"], facts=second))
    breaks("SAME_DECIDER", case.asks("ReviewDecided", by="cv", also=["gd"], facts=second))


def test_who_decided_about_it_before_decides_no_second_complaint() -> None:
    """G8: the earlier decision need not stand in the opening of the review either."""
    case, _ = complained_twice()
    result = next(e for e in case.stream.effective() if e.act.act == "ResultDetermined").act.act_id
    upheld = next(e for e in case.stream.effective() if e.act.act == "ReviewDecided").act.act_id
    said = {"against": result, "instance": "SECOND", "earlier": upheld}
    heard = case.then("ComplaintReceived", facts=said).act.act_id
    about = {"ground": "COMPLAINT", "complaint": heard, "under_review": [result]}
    review = case.forced("ReviewOpened", facts=about).act.act_id
    second = {"instance": "SECOND", "review": review}
    holds("OWN_REVIEW_OTHER_DECIDER", case.asks("ReviewDecided", also=["pc", "ct"], facts=second))
    asked = case.asks("ReviewDecided", also=["cv2", "ct"], facts=second)
    breaks("OWN_REVIEW_OTHER_DECIDER", asked, "/signers")


# -- statistics ---------------------------------------------------------------------------------

QUARTER = CountedReport(an_id("report"), date(2024, 4, 1), date(2024, 6, 30), index=50)
OVERTURNED: dict[str, Any] = {"decision": "OVERTURNED"}


def overturn(case: Story, by: str = "ubcv", approver: str = "ct") -> str:
    """The result that stands is overturned; the act that says so."""
    result = case.stream.result
    assert result is not None
    facts = {**OVERTURNED, "acts_overturned": [result.act.act_id]}
    more: dict[str, Any] = {"by": by, "also": [approver]}
    decided = case.then("ReviewDecided", disposition="overturned", facts=facts, **more)
    return decided.act.act_id


def restate(case: Story, name: str, because: str) -> None:
    """A report of now restates the quarter's because of a case."""
    said = (QUARTER.period_from, QUARTER.period_to, QUARTER.act_id, (because,))
    case.cases.counted.append(CountedReport(an_id(name), *said, index=place(case.stream.seq) + 5))


def shown(case: Story) -> set[str]:
    """The acts whose results are still to be restated."""
    entries = case.stream.effective()
    raised = {e.act.act_id: ("STATISTICS_RESTATED",) for e in entries if changes_result(e.act)}
    flags = standing(raised, case.stream, case.registry, case.now, case.cases)
    return {act_id for code, act_id in flags if code == "STATISTICS_RESTATED"}


def test_an_overturn_without_restated_statistics_shows() -> None:
    """9: until a later report restates the one that counted the case, and names it."""
    case = a_case_in("UNDER_REVIEW", cases=Others(counted=[QUARTER]))
    overturned: dict[str, Any] = {"disposition": "overturned", "facts": OVERTURNED}
    breaks("STATISTICS_RESTATED", case.asks("ReviewDecided", **overturned))
    holds("STATISTICS_RESTATED", case.asks("ReviewDecided"))
    case.cases = Others()
    holds("STATISTICS_RESTATED", case.asks("ReviewDecided", **overturned))
    elsewhere = CountedReport(an_id("report"), date(2023, 4, 1), date(2023, 6, 30), index=50)
    case.cases = Others(counted=[elsewhere])
    holds("STATISTICS_RESTATED", case.asks("ReviewDecided", **overturned))


@pytest.mark.parametrize("named", [CASE, an_id("the case"), "2024/0187"])
def test_statistics_are_restated_by_a_later_report_that_names_the_case(named: str) -> None:
    """9: by its stream, its id or its number; one that names another case restates nothing."""
    case = a_case_in("UNDER_REVIEW", cases=Others(counted=[QUARTER]))
    change = overturn(case)
    restate(case, "other", "x")
    breaks("STATISTICS_RESTATED", case.asks("CaseClosed"))
    assert shown(case) == {change}
    restate(case, "again", named)
    holds("STATISTICS_RESTATED", case.asks("CaseClosed"))
    assert shown(case) == set()


def test_a_second_overturn_is_restated_by_what_comes_after_it() -> None:
    """9: the report that restated the first one counted a result that no longer stands."""
    case = a_case_in("UNDER_REVIEW", cases=Others(counted=[QUARTER]))
    first = overturn(case, "pc", "pgd")
    restate(case, "once", CASE)
    assert shown(case) == set()
    case.then("ReviewOpened")
    second = overturn(case)
    assert "STATISTICS_RESTATED" in case.decision.flags
    assert shown(case) == {second}
    breaks("STATISTICS_RESTATED", case.asks("CaseClosed"))
    running = clocks.running(case.stream, case.registry, case.now, case.cases)
    assert [r.act_id for r in running if r.code == "STATISTICS_RESTATE"] == [second]
    restate(case, "twice", CASE)
    assert shown(case) == set()
    holds("STATISTICS_RESTATED", case.asks("CaseClosed"))
    running = clocks.running(case.stream, case.registry, case.now, case.cases)
    assert "STATISTICS_RESTATE" not in {r.code for r in running}
    assert first != second


def test_a_report_made_after_the_overturn_counted_it_as_it_is() -> None:
    """9: what was never counted wrongly needs no restating."""
    case = a_case_in("UNDER_REVIEW", cases=Others())
    overturn(case)
    case.cases.counted.append(replace(QUARTER, index=place(case.stream.seq) + 5))
    assert shown(case) == set()
    holds("STATISTICS_RESTATED", case.asks("CaseClosed"))


@pytest.mark.parametrize("period", ["2024-Q2", "2024-04-01/2024-06-30", QUARTER.act_id])
def test_a_correction_that_names_the_period_restates_as_well(period: str) -> None:
    """9: RecordCorrected.restates_statistics; and the flag follows the case to its closing."""
    case = a_case_in("UNDER_REVIEW", cases=Others(counted=[QUARTER]))
    result = case.stream.result
    assert result is not None
    changed = {**OVERTURNED, "acts_overturned": [result.act.act_id]}
    case.then("ReviewDecided", disposition="overturned", facts=changed)
    breaks("STATISTICS_RESTATED", case.asks("CaseClosed"))
    case.then(
        "RecordCorrected", corrects=result.act.act_id, facts={"restates_statistics": [period]}
    )
    holds("STATISTICS_RESTATED", case.asks("CaseClosed"))


# -- denunciations and corrections --------------------------------------------------------------


def test_what_a_denunciation_says_does_not_enter_the_ledger() -> None:
    """Added (25/2018/QH14): number, day and receiver only."""
    case = a_case_in("SCREENING")
    holds("DENUNCIATION_NO_CONTENT", case.asks("DenunciationRouted"))
    for words in ("Tố cáo", "Chuyển đơn tố cáo", "V/v chuyển tố cáo đến cơ quan có thẩm quyền"):
        plain = {**DOCUMENT, "abstract": words}
        holds("DENUNCIATION_NO_CONTENT", case.asks("DenunciationRouted", document=plain))
    told = {**DOCUMENT, "abstract": "Tố cáo lãnh đạo phòng nhận tiền"}
    asked = case.asks("DenunciationRouted", document=told)
    breaks("DENUNCIATION_NO_CONTENT", asked, "/document/abstract")
    attached = case.asks("DenunciationRouted", attachments=[ATTACHMENT])
    breaks("DENUNCIATION_NO_CONTENT", attached, "/attachments")
    more = case.asks("DenunciationRouted", facts={"content": "Nội dung"})
    breaks("DENUNCIATION_NO_CONTENT", more, "/facts/content")


def test_a_correction_names_an_entry_of_ones_own() -> None:
    """G13: written by the agency, in a case it holds, or inherited."""
    case = a_case_in("VERIFYING")
    finding = case.forced("DetectionRecorded", by="hcv")
    named = {"corrects": finding.act.act_id}
    holds("CORRECTS_NAMED", case.asks("RecordCorrected", by="hcv", **named))
    holds("CORRECTS_NAMED", case.asks("RecordCorrected", by="cv", **named))
    breaks("CORRECTS_NAMED", case.asks("RecordCorrected", by="yt", **named), "/corrects")
    breaks("CORRECTS_NAMED", case.asks("RecordCorrected"))
    case.now = at("2025-03-05 08:00")
    report = case.stream.intake[0]
    inherited = {"corrects": report.act.act_id}
    holds("CORRECTS_NAMED", case.asks("RecordCorrected", by="scv", **inherited))


def test_an_error_is_corrected_by_quoting_what_stood() -> None:
    """G13: the member exists, and was is what it says, earlier corrections included."""
    case = a_case_in("SCREENING")
    report = case.stream.intake[0].act
    error: dict[str, Any] = {"mark": "ERROR", "member": "summary", "was": report.facts["summary"]}
    full = {**error, "now": "Nội dung đúng"}
    named = {"corrects": report.act_id}
    holds("MARK_NEEDS_MEMBER", case.asks("RecordCorrected", facts=full, **named))
    for pointer in ("/facts/summary", "facts.summary"):
        by_path = {**full, "member": pointer}
        holds("MARK_NEEDS_MEMBER", case.asks("RecordCorrected", facts=by_path, **named))
    deep = {**full, "member": "/facts/content/0/where", "was": "WEBSITE"}
    holds("MARK_NEEDS_MEMBER", case.asks("RecordCorrected", facts=deep, **named))
    flag = {**full, "member": "identity_given", "was": "false"}
    holds("MARK_NEEDS_MEMBER", case.asks("RecordCorrected", facts=flag, **named))
    for bad in ({"was": "Điều khác"}, {"member": "no_such_member"}, {"now": None}):
        asked = case.asks("RecordCorrected", facts={**full, **bad}, **named)
        breaks("MARK_NEEDS_MEMBER", asked)
    case.then("RecordCorrected", facts=full, **named)
    breaks("MARK_NEEDS_MEMBER", case.asks("RecordCorrected", facts=full, **named), "/facts/was")
    again = {**full, "was": "Nội dung đúng", "now": "Nội dung đúng hơn"}
    holds("MARK_NEEDS_MEMBER", case.asks("RecordCorrected", facts=again, **named))


def test_a_written_confirmation_brings_its_document() -> None:
    """6.1: a document or an attachment; a stub is opened on a stub."""
    case = a_case_in("SCREENING")
    named = {"corrects": case.stream.intake[0].act.act_id}
    confirmed = {"mark": "WRITTEN_CONFIRMATION"}
    breaks("MARK_NEEDS_MEMBER", case.asks("RecordCorrected", facts=confirmed, **named))
    for proof in ({"document": DOCUMENT}, {"attachments": [ATTACHMENT]}):
        asked = case.asks("RecordCorrected", facts=confirmed, **named, **proof)
        holds("MARK_NEEDS_MEMBER", asked)
    opened = {"mark": "STUB_OPENED"}
    breaks("MARK_NEEDS_MEMBER", case.asks("RecordCorrected", facts=opened, **named), "/corrects")
    stub = case.forced("StubReleased", when=at("2026-04-15 10:00"))
    right = {"corrects": stub.act.act_id}
    holds("MARK_NEEDS_MEMBER", case.asks("RecordCorrected", facts=opened, **right))


@pytest.mark.parametrize(
    ("act", "member", "pointer"),
    [
        ("VerificationConcluded", "finding", "/facts/member"),
        ("VerificationConcluded", "limbs.1.result", "/facts/member"),
        ("CaseRegistered", "handling_agency", "/facts/member"),
        ("VerificationRequested", "answer_by", "/facts/member"),
        ("CaseRegistered", "occurred_at", "/facts/member"),
        ("ReportReceived", "petition_kind", "/facts/now"),
        ("ReportReceived", "content.0.seen_at", "/facts/now"),
    ],
)
def test_what_was_found_decided_or_is_out_of_form_is_not_corrected(
    act: str, member: str, pointer: str
) -> None:
    """G13: each is answered with what may be corrected, and by which act the rest is changed."""
    case = a_case_in("SCREENING")
    for name in ("CompetenceDetermined", "VerificationRequested", "VerificationConcluded"):
        case.then(name)
    entry = case.stream.last(act)
    assert entry is not None
    facts = {"mark": "ERROR", "member": member, "was": "x", "now": "KHÔNG CÓ LOẠI NÀY"}
    asked = case.asks("RecordCorrected", facts=facts, corrects=entry.act.act_id,
                      by="hotline" if act == "ReportReceived" else "cv")  # fmt: skip
    told = breaks("MEMBER_CORRECTABLE", asked, pointer)
    assert told["member"] != member
    assert "_" not in told["may"] + told["instead"] + told["member"]


def test_a_number_a_label_and_a_document_are_corrected_by_who_wrote_or_holds() -> None:
    """What another agency wrote is not the handler's to put right."""
    case = a_case_in("SCREENING")
    registered, report = case.stream.last("CaseRegistered"), case.stream.intake[0]
    assert registered is not None
    number = {"mark": "ERROR", "member": "case_number", "was": "2024/0187", "now": "2024/0188"}
    of_case = {"corrects": registered.act.act_id}
    holds("MEMBER_CORRECTABLE", case.asks("RecordCorrected", facts=number, **of_case))
    breaks("MEMBER_CORRECTABLE", case.asks("RecordCorrected", facts=number, by="yt", **of_case))
    label = {"mark": "WRONG_LABEL", "member": "petition_kind", "was": "PHAN_ANH",
             "now": "KIEN_NGHI"}  # fmt: skip
    of_report = {"corrects": report.act.act_id}
    holds("MEMBER_CORRECTABLE", case.asks("RecordCorrected", facts=label, **of_report))
    told = {"mark": "NOT_JUSTIFIED"}
    holds("MEMBER_CORRECTABLE", case.asks("RecordCorrected", facts=told, **of_report))
    sent = case.then("VerificationRequested", document=DOCUMENT)
    of_letter = {"corrects": sent.act.act_id}
    day = {"mark": "ERROR", "member": "document.date", "was": "2024-06-04", "now": "2024-06-03"}
    holds("MEMBER_CORRECTABLE", case.asks("RecordCorrected", facts=day, **of_letter))
    no_day = {**day, "now": "2024-02-31"}
    breaks("MEMBER_CORRECTABLE", case.asks("RecordCorrected", facts=no_day, **of_letter))
