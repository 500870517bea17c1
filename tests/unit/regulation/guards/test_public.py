"""Public information: said before it was verified, corrected with equal reach."""

from __future__ import annotations

import pytest

from tests.builders import a_case_in, an_id, breaks, holds


def test_what_is_said_before_it_is_verified_shows() -> None:
    """4.2: unless a finding stood, or the source is an official record."""
    early = a_case_in("RECEIVED")
    talk = {"sources": ["Trao đổi miệng với nhà trường"]}
    breaks("UNVERIFIED_STATEMENT", early.asks("OfficialInformationReleased", facts=talk))
    record = {"sources": ["Công văn 233/BV-CNTT"]}
    holds("UNVERIFIED_STATEMENT", early.asks("OfficialInformationReleased", facts=record))
    admitted = {**record, "verified": False}
    breaks("UNVERIFIED_STATEMENT", early.asks("OfficialInformationReleased", facts=admitted))
    found = a_case_in("HANDLING")
    holds("UNVERIFIED_STATEMENT", found.asks("OfficialInformationReleased", facts=talk))


@pytest.mark.parametrize(
    "facts",
    [
        {"channels": ["PRESS"]},
        {"reach_not_smaller": False},
        {"release": None},
    ],
    ids=["a channel less", "not confirmed", "corrects nothing"],
)
def test_a_correction_reaches_as_far_as_the_error(facts: dict[str, object]) -> None:
    """Added (regulation.md §9.9): every channel of what it corrects."""
    case = a_case_in("HANDLING")
    case.then("OfficialInformationReleased")
    holds("REACH_NOT_SMALLER", case.asks("CorrectionPublished"))
    breaks("REACH_NOT_SMALLER", case.asks("CorrectionPublished", facts=facts))
    press = {"release": None, "press_item": "Bản tin sáng của Báo"}
    holds("REACH_NOT_SMALLER", case.asks("CorrectionPublished", facts=press))


def test_no_result_is_announced_before_there_is_one() -> None:
    """8.4.b, 9, 5.5: the press may hear of a step of the handling."""
    case = a_case_in("HANDLING")
    breaks("RESULT_EXISTS", case.asks("ResultNotified"), "/facts/result_ref")
    breaks("RESULT_EXISTS", case.asks("PressResultProvided"))
    other = {"kind": "OTHER", "result_ref": an_id("a notice about a secret")}
    holds("RESULT_EXISTS", case.asks("ResultNotified", facts=other))
    case.then("TechnicalMeasureOrdered")
    case.then("TechnicalMeasureReported")
    holds("RESULT_EXISTS", case.asks("PressResultProvided"))
    breaks("RESULT_EXISTS", case.asks("ResultNotified"))
    holds("RESULT_EXISTS", a_case_in("RESULT_RECORDED").asks("ResultNotified"))
