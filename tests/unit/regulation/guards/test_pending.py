"""Acts that wait: taken back by their author, named and voided by a closing, rescued."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.errors import Rejected
from ledger.regulation.acts.act import Act
from ledger.regulation.case.guard_input import GuardInput
from ledger.regulation.case.state import Entry, apply
from ledger.regulation.case_file.render import case_file
from ledger.regulation.decide import decide
from ledger.regulation.registry.calendar import local_day
from tests.builders import (
    Story,
    a_case_in,
    at,
    breaks,
    changed,
    enter,
    hire,
    holds,
    officer,
    refolded,
    signed,
)

STTTT = "bacninh.stttt"
REASON = {"reason": "Cần bổ sung chứng cứ trước khi trình."}


def waits(story: Story, name: str, **more: Any) -> Act:  # noqa: ANN401
    """An act that its author has signed, and nobody else."""
    act = story.act(name, **more)
    apply(story.stream, signed(act, story.stream)[0])
    story.later(minutes=10)
    return act


def taking_back(story: Story, act: Act, by: str, **more: Any) -> GuardInput:  # noqa: ANN401
    """The question that an officer's withdrawal puts."""
    return story.asks("ActWithdrawn", by=by, also=[], refers_to=act.act_id, facts=REASON, **more)


def test_the_author_takes_back_what_waits() -> None:
    """Q6. Nobody signs it any more, and the case goes on; not what is effective, nor another's."""
    case = a_case_in("VERIFYING")
    act = waits(case, "VerificationConcluded")
    holds("WITHDRAWS_PENDING_ACT", taking_back(case, act, "cv"))
    holds("REFERS_TO_OTHER_CASE", taking_back(case, act, "cv"))
    for other in ("gd", "tp", "cv2"):
        breaks("WITHDRAWS_PENDING_ACT", taking_back(case, act, other), "/refers_to")
    case.then("ActWithdrawn", by="cv", also=[], refers_to=act.act_id, facts=REASON)
    entry = case.stream.entries[act.act_id]
    assert (entry.status, entry.returned_by and entry.returned_by.act.act) == (
        "returned", "ActWithdrawn",
    )  # fmt: skip
    assert case.stream.state == "VERIFYING"
    breaks("WITHDRAWS_PENDING_ACT", taking_back(case, act, "cv"), "/refers_to")
    with pytest.raises(Rejected) as refused:
        decide(case.question(act, 1))
    assert refused.value.guard == "SIGNER_ORDER"
    case.then("VerificationConcluded")
    done = case.stream.effective("CaseRegistered")[0].act
    breaks("WITHDRAWS_PENDING_ACT", taking_back(case, done, "cv"), "/refers_to")
    breaks("REFERS_TO_OTHER_CASE", taking_back(case, done, "cv"), "/refers_to")
    assert refolded(case).entries[act.act_id].status == "returned"
    told = case_file(case.stream, {}, case.registry, case.now, case.cases)
    (shown,) = told["returned"]
    assert (shown["act_id"], shown["reason"]) == (act.act_id, REASON["reason"])


def test_a_second_id_of_the_author_takes_back_too_and_the_posts_next_holder() -> None:
    """A clerk who has left leaves nothing that nobody can take back."""
    case = a_case_in("VERIFYING")
    act = waits(case, "VerificationConcluded")
    breaks("WITHDRAWS_PENDING_ACT", taking_back(case, act, "cv2"))
    gone = {
        "officer": officer("cv"), "agency": STTTT, "post": "chuyen-vien",
        "ended_on": "2024-06-03", "reason": "LEFT", "keys_end": False,
    }  # fmt: skip
    enter(case.registry, "OfficerEnded", gone, stream=f"officer/{officer('cv')}")
    # home is told by the day of the act, on which the clerk must have held the post
    breaks("WITHDRAWS_PENDING_ACT", taking_back(case, act, "cv2"))
    case = a_case_in("VERIFYING")
    act = waits(case, "VerificationConcluded")
    enter(case.registry, "OfficerEnded", gone | {"ended_on": "2024-06-04"},
          stream=f"officer/{officer('cv')}")  # fmt: skip
    case.later(days=2)
    holds("WITHDRAWS_PENDING_ACT", taking_back(case, act, "cv2"))
    breaks("WITHDRAWS_PENDING_ACT", taking_back(case, act, "tp"))
    for alias in ("tp", "cv"):
        hire(case.registry, alias, person="00000000-0000-4000-8000-00000000000f")
    holds("WITHDRAWS_PENDING_ACT", taking_back(case, act, "tp"))


def closing(story: Story, *named: str, **more: Any) -> GuardInput:  # noqa: ANN401
    """The question that a closing puts that names these acts."""
    facts = {"pending": list(named) or None}
    return story.asks("CaseClosed", facts=facts, **more)


def over() -> Story:
    """A case with its result told, ready to be closed."""
    case = a_case_in("RESULT_RECORDED")
    case.then("ResultNotified")
    case.then("ReporterInformed", facts={"reporter": None})
    return case


def test_a_case_closes_over_nothing_that_it_does_not_name() -> None:
    """D57, 11: the take-down that waits for the director is named, and void, or the case stays."""
    case = over()
    holds("PENDING_NAMED", closing(case))
    act = waits(case, "OfficialInformationReleased", by="ppn")
    params = breaks("PENDING_NAMED", closing(case), "/facts/pending")
    label = case.asks("OfficialInformationReleased", by="ppn").kind
    assert params["acts"] == f"“{label.vi}”"
    breaks("PENDING_NAMED", closing(case, act.act_id, case.stream.intake[0].act.act_id))
    holds("PENDING_NAMED", closing(case, act.act_id))
    closed = case.act("CaseClosed", facts={"pending": [act.act_id]})
    first, last = signed(closed, case.stream)
    decide(case.question(closed, 0))
    apply(case.stream, first)
    assert case.stream.entries[act.act_id].status == "pending"  # until the closing takes effect
    holds("PENDING_NAMED", case.question(closed, 1))
    decide(case.question(closed, 1))
    apply(case.stream, last)
    dead = case.stream.entries[act.act_id]
    assert (dead.status, case.stream.state, dict(case.stream.pending)) == (
        "returned", "CLOSED", {},
    )  # fmt: skip
    assert isinstance(dead.returned_by, Entry)
    with pytest.raises(Rejected):
        decide(case.question(act, 1))


def test_what_comes_to_wait_behind_the_draft_of_a_closing_stops_it() -> None:
    """The approver closes over what is there then, not over what the drafter saw."""
    case = over()
    closed = case.act("CaseClosed")
    apply(case.stream, signed(closed, case.stream)[0])
    holds("PENDING_NAMED", case.question(closed, 1))
    waits(case, "OfficialInformationReleased", by="ppn")
    breaks("PENDING_NAMED", case.question(closed, 1), "/facts/pending")
    back = {"refers_to": closed.act_id, "facts": REASON}
    decide(case.asks("ActReturned", by="gd", also=[], **back))


def test_the_head_rescues_what_waits_in_an_agency_that_has_ended() -> None:
    """Q6: returned by the head of the successor, taken back by the holder of the author's post."""
    case = a_case_in("VERIFYING", start=at("2025-02-28 09:00"))
    case.now = at("2025-02-28 16:00")
    act = waits(case, "VerificationConcluded")
    case.now = at("2025-03-03 09:00")
    heir = case.registry.heir(STTTT, local_day(case.now))
    assert heir is not None
    for alias, post, powers in (
        ("spgd", "pho-giam-doc", ["SUPERVISOR", "HEAD"]), ("scv", "chuyen-vien", ["HANDLE"]),
    ):  # fmt: skip
        facts = {
            "officer": officer(alias), "agency": heir, "post": post,
            "capacities": ["TRUC_TIEP", "KT"], "powers": powers, "valid_from": "2025-03-01",
            "basis_document": "QĐ",
        }  # fmt: skip
        enter(case.registry, "OfficerAppointed", facts, stream=f"officer/{officer(alias)}")
    there = {"agency": heir}
    back = {"refers_to": act.act_id, "facts": REASON, **there}
    asked = case.asks("ActReturned", by="spgd", also=[], **back)
    holds("RETURNS_PENDING_ACT", asked)
    decide(asked)
    breaks("RETURNS_PENDING_ACT", case.asks("ActReturned", by="scv", also=[], **back))
    holds("WITHDRAWS_PENDING_ACT", taking_back(case, act, "scv", **there))
    holds("WITHDRAWS_PENDING_ACT", taking_back(case, act, "spgd", **there))
    decide(taking_back(case, act, "scv", **there))
    assert changed(act).act_id == act.act_id
