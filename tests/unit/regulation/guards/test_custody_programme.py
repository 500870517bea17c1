"""Handing a case over, and the programme around the cases."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.regulation.case.guard_input import GuardInput
from tests.builders import DOCUMENT, Story, a_case_in, at, breaks, holds

HANDED = {
    "from_agency": "bacninh.stttt",
    "to_agency": "bacninh.svhttdl",
    "ground": "SUCCESSION",
}


def test_giver_and_receiver_both_sign() -> None:
    """Added: the giver holds the case, the approver holds a post of the receiver."""
    case = a_case_in("VERIFYING")
    holds("HANDOVER_BOTH_SIGN", case.asks("CaseCustodyTransferred"))
    breaks("HANDOVER_BOTH_SIGN", case.asks("CaseCustodyTransferred", also=["gd"]), "/signers")
    breaks("HANDOVER_BOTH_SIGN", case.asks("CaseCustodyTransferred", also=[]))
    stranger: dict[str, Any] = {"from_agency": "bacninh.syt"}
    asked = case.asks("CaseCustodyTransferred", by="yt", facts=stranger)
    breaks("HANDOVER_BOTH_SIGN", asked)
    breaks("HANDOVER_BOTH_SIGN", case.asks("CaseCustodyTransferred", by="yt"))


def test_for_a_giver_that_has_ended_its_successor_signs() -> None:
    """Added (law.md §13): by succession, and only then."""
    case = a_case_in("VERIFYING")
    case.now = at("2025-03-05 08:00")
    successor: dict[str, Any] = {"by": "scv", "also": ["spgd"]}
    holds("HANDOVER_BOTH_SIGN", case.asks("CaseCustodyTransferred", facts=HANDED, **successor))
    ordered = {**HANDED, "ground": "ORDER"}
    breaks("HANDOVER_BOTH_SIGN", case.asks("CaseCustodyTransferred", facts=ordered, **successor))
    stranger = case.asks("CaseCustodyTransferred", by="yt", also=["spgd"], facts=HANDED)
    breaks("HANDOVER_BOTH_SIGN", stranger)


def test_no_running_clock_is_left_out_of_a_handover() -> None:
    """Added: the receiver takes over what is due."""
    case = a_case_in("VERIFYING")
    holds("OPEN_CLOCKS_LISTED", case.asks("CaseCustodyTransferred"))
    case.then("VerificationRequested")
    params = breaks("OPEN_CLOCKS_LISTED", case.asks("CaseCustodyTransferred"))
    assert params["clocks"] == "ANSWER_VERIFICATION"
    listed = {"open_clocks": [{"clock": "ANSWER_VERIFICATION"}]}
    holds("OPEN_CLOCKS_LISTED", case.asks("CaseCustodyTransferred", facts=listed))


@pytest.mark.parametrize("more", [{"document": None}, {"to": ["bacninh.ubnd"]}])
def test_difficulties_go_in_writing_and_through_the_lead(more: dict[str, Any]) -> None:
    """11.3: the committee may be named besides."""
    programme = Story("programme/2024")
    holds("VIA_LEAD_IN_WRITING", programme.asks("DifficultyReported", by="yt"))
    both = ["bacninh.stttt", "bacninh.ubnd"]
    holds("VIA_LEAD_IN_WRITING", programme.asks("DifficultyReported", by="yt", to=both))
    breaks("VIA_LEAD_IN_WRITING", programme.asks("DifficultyReported", by="yt", **more))


def test_only_the_committee_issues_the_regulation_and_by_a_document() -> None:
    """QĐ.1."""
    programme = Story("programme/2024")
    holds("REGULATION_BY_ISSUER", programme.asks("RegulationVersionAdopted", document=DOCUMENT))
    breaks("REGULATION_BY_ISSUER", programme.asks("RegulationVersionAdopted", document=None))
    breaks("REGULATION_BY_ISSUER", programme.asks("RegulationVersionAdopted", by="cv"), "/agency")


def test_figures_are_counted_by_codes_of_the_list() -> None:
    """Q24, D30; 9: free words would tell of a person."""
    programme = Story("programme/qd90")
    for act in ("StatisticsRequested", "StatisticsSubmitted", "SituationReportSubmitted"):
        holds("INDICATOR_KNOWN", programme.asks(act))
    named = [{"code": "so vu cua nguoi o thon Dong", "value": 1}]
    asked = programme.asks("StatisticsSubmitted", facts={"indicators": named})
    breaks("INDICATOR_KNOWN", asked, "/facts/indicators/0/code")
    wanted = programme.asks("StatisticsRequested", facts={"indicators": ["vụ ở thôn Đông"]})
    breaks("INDICATOR_KNOWN", wanted, "/facts/indicators/0")


def test_a_number_so_small_that_it_names_somebody_is_published_nowhere() -> None:
    """Q24, D30; 9: as figures hide it; none at all, and five, tell of nobody."""
    programme = Story("programme/qd90")
    reports = ("StatisticsSubmitted", "SituationReportSubmitted", "InternalHandlingCounted")

    def asked(act: str, value: int, circulation: str = "INTERNAL") -> GuardInput:
        said = {"indicators": [{"code": "CASES_OPENED", "value": value}]}
        facts = {"number": value} if act == "InternalHandlingCounted" else said
        return programme.asks(act, facts=facts, circulation=circulation)

    for act in reports:
        for value in (0, 5, 999999):
            holds("SMALL_NUMBER_PUBLIC", asked(act, value, "PUBLIC"))
        for value in (1, 4):
            holds("SMALL_NUMBER_PUBLIC", asked(act, value))
            params = breaks("SMALL_NUMBER_PUBLIC", asked(act, value, "PUBLIC"))
            assert params["smallest"] == "5"
