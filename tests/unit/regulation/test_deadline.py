"""Counting days as law.md says.

The start day is not counted, a last day on a holiday moves, working days skip them.
"""

from __future__ import annotations

from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.regulation.edition import load_edition
from ledger.regulation.registry.calendar import (
    add_months,
    add_working_days,
    as_instant,
    deadline,
    end_of,
)

DAYS = load_edition().calendar


def at(text: str) -> datetime:
    """An instant."""
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("start", "length", "unit", "last"),
    [
        ("2025-02-28T16:30:00+07:00", 5, "wd", "2025-03-07"),
        ("2024-02-07T09:00:00+07:00", 1, "wd", "2024-02-15"),
        ("2024-06-10T10:00:00+07:00", 90, "d", "2024-09-09"),
        ("2026-04-20T10:00:00+07:00", 90, "d", "2026-07-20"),
        ("2023-11-03T10:00:00+07:00", 90, "d", "2024-02-01"),
        ("2025-02-25T15:00:00+07:00", 20, "d", "2025-03-17"),
        ("2024-01-31T09:00:00+07:00", 1, "m", "2024-02-29"),
        ("2023-10-20T10:00:00+07:00", 1, "y", "2024-10-21"),
        ("2024-06-04T23:30:00+00:00", 1, "d", "2024-06-06"),
    ],
    ids=[
        "five working days over a weekend",
        "one working day over Tết 2024",
        "ninety days end on a Sunday and move",
        "ninety days end on a Sunday and move, 2026",
        "ninety days",
        "twenty days",
        "a month that is shorter",
        "a year that ends on a Sunday",
        "the day is that of Vietnam",
    ],
)
def test_deadline_ends_on_the_last_second_of_its_last_day(
    start: str, length: int, unit: str, last: str
) -> None:
    """law.md, counting days (Civil Code): start not counted, a holiday moves the end."""
    assert deadline(at(start), length, unit, DAYS) == end_of(date.fromisoformat(last))


def test_hours_and_minutes_run_from_instant_to_instant() -> None:
    """A review in 24 hours is due at the same minute of the next day, holiday or not."""
    assert deadline(at("2024-06-08T09:15:00+07:00"), 24, "h", DAYS) == at(
        "2024-06-09T09:15:00+07:00"
    )
    assert deadline(at("2024-06-08T09:15:00+07:00"), 5, "min", DAYS) == at(
        "2024-06-08T09:20:00+07:00"
    )


def test_counting_back_from_an_expiry_is_not_moved_by_holidays() -> None:
    """29/2018/QH14 Art. 20: sixty days before the term ends."""
    assert deadline(end_of(date(2036, 4, 13)), -60, "d", DAYS) == end_of(date(2036, 2, 13))


def test_unknown_unit_is_an_error_of_the_data() -> None:
    """A unit nobody can count is never taken for days."""
    with pytest.raises(ValueError, match="no unit"):
        deadline(at("2024-06-08T09:15:00+07:00"), 1, "fortnight", DAYS)


def test_a_date_of_the_facts_means_its_last_second() -> None:
    """`answer_by` as a date may still be kept that evening."""
    assert as_instant("2024-06-10") == end_of(date(2024, 6, 10))
    assert as_instant("2024-06-10T08:00:00+07:00") == at("2024-06-10T08:00:00+07:00")


@given(st.dates(date(2023, 1, 1), date(2029, 1, 1)), st.integers(1, 40))
def test_working_days_count_there_and_back(day: date, count: int) -> None:
    """Counting forward lands on a working day, and counting back from it as far starts no later."""
    last = add_working_days(day, count, DAYS)
    assert DAYS.is_working(last)
    between = sum(
        DAYS.is_working(date.fromordinal(n))
        for n in range(day.toordinal() + 1, last.toordinal() + 1)
    )
    assert between == count
    assert add_working_days(last, -count, DAYS) <= day


@given(st.dates(date(2000, 1, 1), date(2060, 1, 1)), st.integers(0, 120))
def test_months_never_leave_their_month(day: date, count: int) -> None:
    """The 31st plus a month ends in the next month, never in the one after."""
    last = add_months(day, count)
    assert (last.year * 12 + last.month) - (day.year * 12 + day.month) == count
    assert last.day <= day.day
