"""Other words under the id of an act that waits: refused, whoever would sign them, and named so."""

from __future__ import annotations

from functools import cache
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from api.texts.catalogue import translate
from ledger.errors import Rejected
from ledger.regulation.acts.act import ALL_CAPACITIES, Act
from ledger.regulation.case.guard_input import GuardInput
from ledger.regulation.case.state import apply
from ledger.regulation.decide import decide
from tests.builders import (
    CAST,
    Story,
    a_case_in,
    a_registry,
    changed,
    enter,
    officer,
    refolded,
    signed,
)
from tests.examples import examples

AGENCY = "bacninh.stttt"
COLLEAGUES = sorted(alias for alias, (agency, _) in CAST.items() if agency == AGENCY)
KINDS = ("VerificationConcluded", "HandlingDecided", "CriminalReferralSent")


@cache
def _begun(name: str) -> tuple[Story, Act]:
    """An act of a case that its author has signed."""
    case = a_case_in("VERIFYING" if name == KINDS[0] else "ASSESSING")
    act = case.act(name)
    apply(case.stream, signed(act, case.stream)[0])
    return case, act


def waiting(name: str, delegate: str | None) -> tuple[Story, Act]:
    """The same, to be gone on with; the director lets a colleague sign, where one is named."""
    begun, act = _begun(name)
    case = Story(start=begun.now, registry=a_registry())
    case.stream = refolded(begun)
    if delegate is not None:
        facts = {
            "officer": officer(delegate), "post": CAST[delegate][1], "capacity": "TUQ",
            "ground": "LEAVE", "scope": "Ký trong thời gian Giám đốc nghỉ phép.",
            "valid_from": "2024-06-01", "valid_to": "2024-06-30",
            "basis_document": "QĐ 12/QĐ-STTTT",
        }  # fmt: skip
        enter(
            case.registry, "DelegationGiven", facts, stream=f"agency/{AGENCY}", agency=AGENCY,
            post="giam-doc", occurred_at="2023-03-21T08:00:00+07:00",
            signers=[{"officer": officer("gd"), "post": "giam-doc", "role": "AUTHOR"}],
        )  # fmt: skip
    return case, act


def reworded(act: Act, draw: st.DataObject) -> Act:
    """The act with other words under its id."""
    signers = [dict(signer) for signer in act.signed["signers"]]
    other = draw.draw(st.sampled_from(COLLEAGUES))
    differs: dict[str, Any] = {
        "late_reason": "Ghi muộn.",
        "facts": {"nothing": "of this type"},
        "signers": [*signers[:-1], {**signers[-1], "officer": officer(other)}],
        "basis": list(act.signed["basis"])[:1],
    }
    member = draw.draw(st.sampled_from(sorted(differs)))
    return changed(act, **{member: differs[member]})


def refusal(question: GuardInput) -> Rejected | None:
    """Why a statement is not taken; None where it is."""
    try:
        decide(question)
    except Rejected as refused:
        return refused
    return None


@given(
    name=st.sampled_from(KINDS),
    delegate=st.none() | st.sampled_from(COLLEAGUES),
    instead=st.none()
    | st.tuples(st.sampled_from(COLLEAGUES), st.sampled_from(sorted(ALL_CAPACITIES))),
    other=st.booleans(),
    data=st.data(),
)
@settings(max_examples=examples(60), deadline=None)
def test_whoever_signs_instead_is_answered(
    name: str,
    delegate: str | None,
    instead: tuple[str, str] | None,
    other: bool,  # noqa: FBT001 - drawn
    data: st.DataObject,
) -> None:
    """Taken or refused in words; the words of another act by the one guard that speaks of them."""
    case, act = waiting(name, delegate)
    asked = reworded(act, data) if other else act
    stand_in = None
    if instead is not None:
        alias, capacity = instead
        stand_in = {"officer": officer(alias), "post": CAST[alias][1], "capacity": capacity}
    question = case.question(asked, 1, instead=stand_in)
    refused = refusal(question)
    assert all(translate(f.text, "vi") for f in (() if refused is None else refused.faults))
    if asked.signed != act.signed:
        assert refused is not None
        assert refused.guard == "CORRECT_NOT_EDIT"
        assert [fault.pointer for fault in refused.faults] == ["/act_id"]


def test_the_authors_delegate_may_not_reword_what_waits() -> None:
    """The director lets the clerk sign, who then changes what the clerk signed for them."""
    case, act = waiting(KINDS[0], "cv")
    stand_in = {"officer": officer("cv"), "post": CAST["cv"][1], "capacity": "TUQ"}
    question = case.question(changed(act, late_reason="Ghi muộn."), 1, instead=stand_in)
    refused = refusal(question)
    assert refused is not None
    assert (refused.guard, refused.faults[0].pointer) == ("CORRECT_NOT_EDIT", "/act_id")
