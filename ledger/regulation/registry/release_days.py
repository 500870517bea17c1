"""Days of release: on one day in so many, released text is entered in a lower log (access.md A15).

Which they are follows from the calendar and a dated rule alone. So when a text stands below tells
nothing of when anything was decided about it above.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

RULE: Final = "RELEASE_SLOT"
"""Days from one of them to the next."""
_FIRST: Final = date(1970, 1, 2)
"""A Friday: while a week lies between them, each is one."""


def is_release_day(day: date, every: int) -> bool:
    """Whether it is one of them.

    Args:
        day: The day, in Vietnam.
        every: Days from one to the next, at least 1.
    """
    return (day - _FIRST).days % every == 0


def next_release_day(after: date, every: int) -> date:
    """The first one behind a day."""
    return after + timedelta(every - (after - _FIRST).days % every)
