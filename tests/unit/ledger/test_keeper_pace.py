"""The keeper's pace: what one reader, and all of them, have opened in a minute (access.md TH4)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ledger.keeper.pace import FOR_ALL, SPAN, Pace
from ledger.reads.read import ReadBy

NOW = datetime(2026, 11, 2, tzinfo=UTC)
MOST = 100


def reader(number: int) -> ReadBy:
    """One of many."""
    return ReadBy(f"officer {number}", "kid")


def test_a_reader_has_a_budget_that_fills() -> None:
    """Spent at once, half of it back in half a minute, and another's is untouched."""
    pace = Pace(MOST)
    assert pace.take(reader(1), MOST, NOW)
    assert not pace.take(reader(1), 1, NOW)
    assert pace.take(reader(2), MOST, NOW)
    half = NOW + SPAN / 2
    assert not pace.take(reader(1), MOST // 2 + 1, half)
    assert pace.take(reader(1), MOST // 2, half)


def test_all_readers_have_one_together() -> None:
    """Whoever names many readers has ten times as much; nor has what folds for nobody more."""
    pace = Pace(MOST)
    taken = [pace.take(reader(n), MOST, NOW) for n in range(15)]
    assert taken == [True] * 10 + [False] * 5
    assert not pace.take(None, 1, NOW)
    assert pace.take(None, 1, NOW + SPAN)


def test_what_is_larger_than_a_budget_is_a_debt() -> None:
    """A case of more records than that is opened from a full budget, and paid back."""
    pace = Pace(MOST)
    assert pace.take(reader(1), MOST * 3, NOW)
    assert not pace.take(reader(1), 1, NOW + 2 * SPAN)
    assert pace.take(reader(1), 1, NOW + 3 * SPAN)


def test_a_clock_that_is_set_back_fills_nothing() -> None:
    """Nor does it take a whole day for the budget to fill again."""
    pace = Pace(MOST)
    assert pace.take(reader(1), MOST, NOW)
    assert not pace.take(reader(1), 1, NOW - timedelta(days=1))
    assert pace.take(reader(1), MOST, NOW + SPAN)


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(1, MOST), st.integers(0, 9)), max_size=60)
)
def test_nobody_gets_more_than_a_budget_and_what_fills(asked: list[tuple[int, int, int]]) -> None:
    """Over any questions: what was opened is no more than what there was and came back."""
    pace, now = Pace(MOST), NOW
    got: dict[int, int] = {}
    for by, wraps, seconds in asked:
        now += timedelta(seconds=seconds)
        if pace.take(reader(by), wraps, now):
            got[by] = got.get(by, 0) + wraps
    back = MOST * ((now - NOW) / SPAN)
    assert all(one <= MOST + back for one in got.values())
    assert sum(got.values()) <= FOR_ALL * (MOST + back)


def test_readers_whose_budget_is_whole_are_let_go_of() -> None:
    """Whoever names one reader after the other fills no memory."""
    pace = Pace(MOST)
    for number in range(5_000):
        pace.take(reader(number), 1, NOW + number * SPAN)
    assert len(pace._readers) <= 1_001
