"""Emergency openings by month, and how each stands: by when the ledger took its review."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from projections.queries.openings import by_month, openings
from tests.play_pure import Player, player_for, scenario, steps

NOW = datetime.fromisoformat("2024-12-01T09:00:00+07:00")


@pytest.fixture(scope="module")
def opened() -> Player:
    """SC14: opened on 9 September in the evening, reviewed the next morning."""
    file = scenario("SC14")
    player, aliases = player_for(file)
    for step in steps(file):
        player.step(step, aliases)
    return player


@pytest.mark.parametrize(
    ("reviewed", "counted"),
    [
        (timedelta(hours=12), (1, 0, 0)),
        (timedelta(days=30), (0, 1, 0)),
        (None, (0, 0, 1)),
    ],
)
def test_an_opening_counts_in_its_month_as_it_stands(
    opened: Player, reviewed: timedelta | None, counted: tuple[int, int, int]
) -> None:
    """In time, late, or by nobody; orders are no openings, and months without one are left out."""
    known = opened.registry.copy()
    grants = known.granted._grants
    known.granted._grants = tuple(
        replace(g, reviewed_at=None if reviewed is None else g.starts_at + reviewed)
        if g.act == "BreakGlassOpened"
        else g
        for g in grants
    )
    (month,) = by_month(openings(known, NOW, of_cases=False))
    in_time, late, nobody = counted
    assert month == {
        "month": "2024-09",
        "opened": 1,
        "reviewed_in_time": in_time,
        "reviewed_late": late,
        "not_reviewed": nobody,
    }


def test_a_second_review_does_not_make_the_first_one_late(opened: Player) -> None:
    """What the ledger took first decides."""
    known = opened.registry.copy()
    (grant,) = [g for g in known.grants() if g.act == "BreakGlassOpened"]
    first = grant.reviewed_at
    assert first == datetime.fromisoformat("2024-09-10T08:30:00+07:00")
    known.granted.review(grant.act_id, first + timedelta(days=30))
    (again,) = [g for g in known.grants() if g.act == "BreakGlassOpened"]
    assert again.reviewed_at == first
