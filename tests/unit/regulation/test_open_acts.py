"""What may be begun, as far as it is known before anything is written."""

from __future__ import annotations

import pytest

from ledger.regulation import open_acts as module
from ledger.regulation.open_acts import open_acts
from tests.builders import Story, a_case_in, a_token, officer


def tried(story: Story, alias: str, monkeypatch: pytest.MonkeyPatch) -> tuple[int, set[str]]:
    """How many acts are judged to tell what an alias may begin, and which types are told."""
    judged = 0
    may = module._may

    def counted(*arguments: object) -> bool:
        nonlocal judged
        judged += 1
        return may(*arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(module, "_may", counted)
        told = {one.act for one in open_acts(story.stream, officer(alias), story.ground())}
    return judged, told


def test_a_long_case_costs_what_a_short_one_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Acts that competence does not tell apart are tried once; and the answer is the same."""
    story = a_case_in("VERIFYING")
    story.then("ReportReceived", facts=given(0))
    before = {alias: tried(story, alias, monkeypatch) for alias in ("cv", "gd", "tp", "hotline")}
    for n in range(1, 60):
        story.then("ReportReceived", facts=given(n))
    after = {alias: tried(story, alias, monkeypatch) for alias in before}
    assert before == after
    assert all(judged for judged, _ in after.values())


def given(number: int) -> dict[str, object]:
    """Facts of a report by somebody of their own, who gives no name."""
    return {"identity_given": False, "reporter": a_token(f"caller {number}")}
