"""A complaint from its receipt to the decision, and what it does to clocks, sub-processes.

Outcome and flags.
"""

from __future__ import annotations

import copy
from datetime import datetime
from typing import Any

import pytest

from ledger.errors import Rejected
from ledger.regulation.case.clocks import clock_runs
from ledger.regulation.case_file.render import case_file
from tests.play_pure import Player, player_for, scenario, steps

LAW = [
    {"instrument": "02/2011/QH13", "article": "18", "role": "COMPETENCE"},
    {"instrument": "02/2011/QH13", "article": "31", "role": "SUBSTANCE"},
]
COMPLAINANT = "sealed:5b9e2c5c-0a4f-4c52-9b4e-6a3b1b7f0c11"
Step = dict[str, Any]


def step(number: int, act: str, at: str, facts: Step, **more: Any) -> Step:  # noqa: ANN401 - JSON
    """A step of the case by the lead department, approved by its director where class 2."""
    approved = {"by": "gd", "role": "APPROVER", "at": at}
    return {
        "n": number,
        "at": at,
        "act": act,
        "case": "C1",
        "author": "cv",
        "countersigners": [] if act == "ComplaintReceived" else [approved],
        "capacity": "TRUC_TIEP",
        "basis": copy.deepcopy(LAW),
        "circulation": "INTERNAL",
        "facts": facts,
        **more,
    }


def complaint(instance: str = "FIRST", at: str = "2023-11-20T09:00:00+07:00") -> Step:
    """A complaint against the sanction of SC2."""
    return step(
        41,
        "ComplaintReceived",
        at,
        {
            "complainant": COMPLAINANT,
            "against": "@step:23",
            "instance": instance,
            "received_at": at,
            "register_no": "KN-07",
            "summary": "Người khiếu nại cho rằng mức phạt chưa tính tình tiết giảm nhẹ.",
        },
    )


def decided(disposition: str, decision: str, **facts: Any) -> Step:  # noqa: ANN401 - JSON
    """The decision of the review opened by step 43."""
    return step(
        44,
        "ReviewDecided",
        "2023-12-10T09:00:00+07:00",
        {
            "review": "@step:43",
            "complaint": "@step:41",
            "decision": decision,
            "instance": "FIRST",
            "decision_number": "9/QĐ-GQKN",
            "decision_date": "2023-12-10",
            "decider_post": "giam-doc",
            "reasons": "Đã xem xét hồ sơ, lời trình bày và mức phạt đã áp dụng.",
            "next_route": "Khiếu nại lần hai đến UBND tỉnh hoặc khởi kiện tại Tòa án.",
            **facts,
        },
        disposition=disposition,
    )


def under_review() -> tuple[Player, Step]:
    """SC2, closed, with a first complaint accepted and a review opened."""
    file = scenario("SC2")
    player, cast = player_for(file)
    for played in steps(file):
        player.step(played, cast)
    player.step(complaint(), cast)
    accepted = {"complaint": "@step:41", "answer": "ACCEPTED", "execution_suspended": False}
    accepted["reasons"] = "Đơn trong thời hiệu, thuộc thẩm quyền."
    player.step(step(42, "ComplaintAccepted", "2023-11-22T09:00:00+07:00", accepted), cast)
    opened = {
        "ground": "COMPLAINT",
        "complaint": "@step:41",
        "under_review": ["@step:23"],
        "reasons": "Có đơn khiếu nại đã thụ lý.",
        "opened_from": "CLOSED",
    }
    player.step(step(43, "ReviewOpened", "2023-11-23T09:00:00+07:00", opened), cast)
    return player, cast


def test_complaint_opens_a_review_and_its_clocks() -> None:
    """02/2011/QH13 Art. 27, 28: ten days to accept, thirty to decide; the case leaves CLOSED."""
    player, _ = under_review()
    stream = player.stream(player.cases["C1"])
    assert stream.state == "UNDER_REVIEW"
    seen = {
        r.code: r.status
        for r in clock_runs(
            stream, player.registry, datetime.fromisoformat("2023-11-24T09:00:00+07:00")
        )
    }
    assert seen["COMPLAINT_ACCEPT"] == "STOPPED"
    assert seen["COMPLAINT_DECIDE_FIRST"] == "RUNNING"
    assert "COMPLAINT_DECIDE_SECOND" not in seen
    assert seen["COMPLAINT_LODGE"] != "STOPPED"


def test_upheld_keeps_the_outcome_and_decides_the_complaint() -> None:
    """Review upheld: the result stands, complaint and review are decided."""
    player, cast = under_review()
    entry, _ = player.step(decided("upheld", "UPHELD"), cast)
    stream = player.stream(player.cases["C1"])
    assert stream.state == "RESULT_RECORDED"
    assert stream.outcome == "SANCTIONED"
    assert {m.sub.name: m.after for m in entry.moved} == {
        "review": "DECIDED",
        "complaint": "DECIDED",
    }


def test_overturned_gives_the_outcome_and_remanded_takes_it_away() -> None:
    """regulation.md §6: overturned is an outcome; a remand sends the case back without one."""
    player, cast = under_review()
    over = decided("overturned", "OVERTURNED", acts_overturned=["@step:23"])
    player.step(over, cast)
    assert player.stream(player.cases["C1"]).outcome == "OVERTURNED"
    player, cast = under_review()
    player.step(decided("remanded", "REMANDED"), cast)
    stream = player.stream(player.cases["C1"])
    assert (stream.state, stream.outcome) == ("VERIFYING", None)


def test_branch_must_fit_the_decision() -> None:
    """REVIEW_DISPOSITION: disposition is the decision in lower case."""
    player, cast = under_review()
    with pytest.raises(Rejected) as caught:
        player.step(decided("upheld", "AMENDED"), cast)
    assert caught.value.guard == "REVIEW_DISPOSITION"


def test_same_decider_shows_for_ever() -> None:
    """G8: at first instance the law allows it, and the case file says so."""
    player, cast = under_review()
    # The sanction was decided by the chief inspector; the review is approved by the same person.
    same = decided("upheld", "UPHELD")
    same["countersigners"][0]["by"] = "ctt"
    entry, _ = player.step(same, cast)
    assert player.raised[entry.act.act_id] == ("SAME_DECIDER",)
    stream = player.stream(player.cases["C1"])
    seen = case_file(
        stream, player.raised, player.registry, datetime.fromisoformat("2033-01-01T00:00:00+07:00")
    )
    assert ("SAME_DECIDER", entry.act.act_id) in {(f["code"], f["act_id"]) for f in seen["flags"]}
