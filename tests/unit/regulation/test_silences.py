"""A case file says where the regulation is silent, and only where that bites in it (§8)."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.regulation.case_file.render import case_file
from tests.builders import Story, a_case_in
from tests.play_pure import player_for, scenario, steps


def shown(case: Story) -> dict[int, dict[str, Any]]:
    """Silences of a case file by number."""
    seen = case_file(case.stream, {}, case.registry, case.now, case.cases)
    return {s["n"]: s for s in seen["silences"]}


def played(name: str) -> dict[int, dict[str, Any]]:
    """Silences of the first case of a scenario at its end."""
    file = scenario(name)
    player, cast = player_for(file)
    for step in steps(file):
        player.step(step, cast)
    stream = player.stream(player.cases[next(iter(file["cases"]))])
    assert player.now is not None
    seen = case_file(stream, player.raised, player.registry, player.now, player)
    return {s["n"]: s for s in seen["silences"]}


def test_a_case_says_what_the_regulation_does_not_in_both_languages() -> None:
    """§8, rows 2 and 26: the words, and where they bite."""
    found = shown(a_case_in("SCREENING"))
    assert found[26]["vi"].startswith("Quy chế không nêu Quyết định 90 có tới")
    assert "; this ledger gives each version a territory" in found[26]["en"]
    assert found[26]["bites"] == ["CaseRegistered"]
    assert 2 not in found


def test_a_running_clock_without_a_deadline_says_so() -> None:
    """§8, row 1: none stated is a value, and the reader learns whose rule the alarm is."""
    found = shown(a_case_in("RESULT_RECORDED"))
    assert "NOTIFY_RESULT" in found[1]["bites"]


def test_a_case_with_another_agency_says_that_it_is_not_paused() -> None:
    """§8, row 24: it waits in its state, as long as it is there."""
    case = a_case_in("REFERRED")
    assert shown(case)[24]["bites"] == ["REFERRED"]
    case.then("ReferralReturned")
    assert 24 not in shown(case)


@pytest.mark.parametrize(
    ("finding", "row", "others"),
    [
        ("UNVERIFIABLE", 10, {11, 12, 16}),
        ("OPINION_NOT_FACT", 16, {10, 11, 12}),
        ("FALSE_IMPERSONATION", 11, {10, 12, 16}),
    ],
)
def test_only_the_row_of_the_finding_is_shown(finding: str, row: int, others: set[int]) -> None:
    """3.3; §8, rows 10, 11, 12, 16: what is unclear about this finding, and nothing else."""
    case = a_case_in("VERIFYING")
    if finding == "FALSE_IMPERSONATION":
        case.then("VerificationConcluded")
    else:
        nothing = [
            {"limb": limb, "result": "NOT_MET", "reasons": "Không có căn cứ để kết luận."}
            for limb in "abc"
        ]
        case.then("VerificationConcluded", facts={"finding": finding, "limbs": nothing})
    found = shown(case)
    assert row in found
    assert not others & found.keys()


def test_histories_show_what_they_met() -> None:
    """SC8 (experts, a first measure), SC9 (two returns, a duplicate), SC10 (the archive)."""
    assert {7, 13, 20, 27} <= played("SC8").keys()
    assert {2, 5, 23} <= played("SC9").keys()
    assert {9, 16, 31} <= played("SC10").keys()
    assert 20 not in played("SC9")
