"""The shipped data and its calendar: working days of Vietnam with swap days."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path

import holidays
import pytest

from ledger.regulation import edition
from ledger.regulation.edition import Calendar, load_edition
from tests.source_files import files_below

CALENDAR = load_edition().calendar
_SUBSTITUTED = re.compile(r"substituted from (\S+)\)")


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (date(2024, 6, 4), True),
        (date(2024, 6, 8), False),  # Saturday
        (date(2024, 2, 8), False),  # eve of the lunar new year
        (date(2024, 2, 14), False),  # its fifth day
        (date(2024, 2, 15), True),
        (date(2024, 4, 18), False),  # Hùng Kings
        (date(2024, 4, 29), False),  # given free for a Saturday
        (date(2024, 5, 4), True),  # the Saturday worked
        (date(2024, 9, 2), False),
        (date(2024, 9, 3), False),
        (date(2024, 9, 4), True),
        (date(2023, 5, 3), False),  # in lieu of a Sunday
        (date(2025, 5, 2), False),
        (date(2025, 4, 26), True),
        (date(2026, 1, 2), False),
        (date(2026, 1, 10), True),
    ],
)
def test_working_days_of_vietnam(day: date, works: object) -> None:
    """Clocks in working days skip holidays, days in lieu and swapped days (law.md §14)."""
    assert CALENDAR.is_working(day) is works


def test_the_shipped_holidays_are_those_of_the_library() -> None:
    """Our table is the library's, year by year: what they differ in is a change of the law."""
    years = range(1990, 2100)
    assert set(holidays.country_holidays("VN", years=years)) == CALENDAR.holidays


def test_every_swap_that_the_library_knows_is_shipped() -> None:
    """A day given free is one half of a swap: the rest day worked for it is in our table."""
    known = holidays.country_holidays("VN", years=range(2023, 2028))
    found = {(day, m[1]) for day, name in known.items() if (m := _SUBSTITUTED.search(name))}
    assert found
    shipped = {
        (date.fromisoformat(off), date.fromisoformat(worked).strftime("%m/%d/%Y"))
        for swap in CALENDAR.swaps
        for off, worked in zip(swap["off"], swap["worked"], strict=True)
    }
    assert found <= shipped


def test_swap_table_decides_before_weekend_and_holiday() -> None:
    """A swap decided after a release is a line of data."""
    calendar = Calendar({"2027": ["06-05"]}, [{"off": ["2027-06-04"], "worked": ["2027-06-05"]}])
    assert not calendar.is_working(date(2027, 6, 4))
    assert calendar.is_working(date(2027, 6, 5))


def test_each_swap_gives_as_much_as_it_takes() -> None:
    """A weekday given free is a rest day worked."""
    for swap in CALENDAR.swaps:
        assert len(swap["off"]) == len(swap["worked"])
        assert all(date.fromisoformat(d).weekday() < 5 for d in swap["off"])
        assert all(date.fromisoformat(d).weekday() >= 5 for d in swap["worked"])


def test_edition_is_read_once() -> None:
    """One process, one rulebook."""
    assert load_edition() is load_edition()
    assert len(load_edition().guards["guards"]) == 219


def test_no_file_of_the_rules_says_a_key_twice() -> None:
    """Of two lines with one key a reader takes the last, and the other rules nothing."""

    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        keys = [key for key, _ in pairs]
        assert len(keys) == len(set(keys)), [key for key in keys if keys.count(key) > 1]
        return dict(pairs)

    for path in files_below(Path(edition.__file__).parent / "data", "*.json"):
        json.loads(path.read_text("utf-8"), object_pairs_hook=once)
