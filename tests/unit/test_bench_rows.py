"""A goal in milliseconds is asked of a slower machine as it was of the one where it was set."""

from __future__ import annotations

import pytest

from tests.bench.row import Row
from tests.bench.unit import in_units


def _row(ours: float, unit: str, goal: float) -> Row:
    return Row("served", "receipt", ours, unit, sense="<=", goal=goal, note="97 acts/s offered")


def test_where_the_goals_were_set_both_rows_say_the_same() -> None:
    """A check and an INSERT took 155 µs there."""
    for ours, met in ((14.9, True), (15.3, False)):
        row = _row(ours, "ms", 15.0)
        assert (row.met, in_units(row, 0.155).met) == (met, met)


def test_on_a_slower_machine_it_is_met_in_its_own_time() -> None:
    """28 ms are no more work than 10 are where all else takes a third; 60 would be."""
    assert in_units(_row(28.0, "ms", 15.0), 0.437).met is True
    assert in_units(_row(60.0, "ms", 15.0), 0.437).met is False


def test_seconds_and_milliseconds_are_told_in_their_own_unit() -> None:
    """The ratio has none."""
    slow, fast = in_units(_row(4.7, "s", 3.0), 0.437), in_units(_row(4700.0, "ms", 3000.0), 0.437)
    assert slow.ratio == pytest.approx(fast.ratio)
    assert slow.goal == fast.goal == 19355
    assert slow.theirs == pytest.approx(0.000437)
    assert fast.theirs == pytest.approx(0.437)
