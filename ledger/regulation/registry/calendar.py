"""Counting time: working days, calendar days, months and years, to the last instant of a day.

The day of the start is not counted, and a last day on a holiday moves to the next working day,
unless the rule counts working days (law.md, counting days). Hours and minutes run from instant to
instant. What runs is not known here.
"""

from __future__ import annotations

import calendar as months_of
import re
from datetime import date, datetime, time, timedelta, timezone
from typing import Final, Protocol

from ledger.regulation.acts.json_shape import fmt_time

#: Vietnam has one offset and no summer time; an agency's day ends by it.
VIETNAM: Final = timezone(timedelta(hours=7))
_END_OF_DAY: Final = time(23, 59, 59)
_YEARS: Final = 100
_MOST: Final = {
    "min": _YEARS * 366 * 24 * 60,
    "h": _YEARS * 366 * 24,
    "d": _YEARS * 366,
    "wd": _YEARS * 250,
    "m": _YEARS * 12,
    "y": _YEARS,
}
UNITS: Final = frozenset(_MOST)
"""In which a length can be counted."""
_DAY_ALONE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


class WorkingDays(Protocol):
    """Which days agencies work on."""

    def is_working(self, day: date) -> bool:
        """Whether agencies work on that day."""


def end_of(day: date) -> datetime:
    """The last second of a day in Vietnam."""
    return datetime.combine(day, _END_OF_DAY, VIETNAM)


def local_day(at: datetime) -> date:
    """The day an instant falls on in Vietnam."""
    return at.astimezone(VIETNAM).date()


def local_time(at: datetime) -> str:
    """An instant as it is written in Vietnam, to the second."""
    return fmt_time(at.astimezone(VIETNAM))


def as_written(text: str) -> tuple[str, str]:
    """When something happened as it was written, for an act: the moment, and how exactly known.

    A day alone is its first instant in Vietnam, and says that no more than the day is known.
    """
    if not _DAY_ALONE.fullmatch(text):
        return text, "minute"
    return fmt_time(datetime.combine(date.fromisoformat(text), time(), VIETNAM)), "day"


def bounded(length: int, unit: str) -> int:
    """A length as a time limit can have it: of a hundred years at most, either way.

    Whatever a registrar enters, and however wrongly, it ends on a day that there is: on it hangs
    every act of every case in which it runs.

    Raises:
        ValueError: the unit is none of `deadline`.
    """
    most = _MOST.get(unit)
    if most is None:
        raise ValueError(f"no unit of time: {unit!r}")
    return max(-most, min(length, most))


def add_working_days(day: date, count: int, days: WorkingDays) -> date:
    """The count-th working day after `day`, not counting it; before it where count is negative."""
    step = timedelta(days=1 if count >= 0 else -1)
    left = abs(count)
    while left:
        day += step
        if days.is_working(day):
            left -= 1
    return day


def add_months(day: date, count: int) -> date:
    """The day `count` months on, as far as `bounded`; the month's last where it has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + bounded(count, "m"), 12)
    return date(year, month + 1, min(day.day, months_of.monthrange(year, month + 1)[1]))


def deadline(start: datetime, length: int, unit: str, days: WorkingDays) -> datetime:
    """When a time limit that begins at `start` ends.

    Args:
        start: The instant that begins it; its own day is not counted.
        length: How many units, as far as `bounded`; negative counts back (before an expiry) and
            then no holiday moves it.
        unit: `wd`, `d`, `m`, `y`, `h` or `min` (life_cycle.json, notes).
        days: Working days of the edition.

    Raises:
        ValueError: the unit is none of these.
    """
    length = bounded(length, unit)
    if unit == "h":
        return start + timedelta(hours=length)
    if unit == "min":
        return start + timedelta(minutes=length)
    first = local_day(start)
    if unit == "wd":
        return end_of(add_working_days(first, length, days))
    if unit == "d":
        last = first + timedelta(days=length)
    else:
        last = add_months(first, length * (12 if unit == "y" else 1))
    while length > 0 and not days.is_working(last):
        last += timedelta(days=1)
    return end_of(last)


def as_instant(value: str) -> datetime:
    """A date (its last second) or a date-time of the facts as an instant.

    Raises:
        ValueError: it is neither.
    """
    if len(value) == len("2024-06-04"):
        return end_of(date.fromisoformat(value))
    return datetime.fromisoformat(value)
