"""The cases behind a figure: what `proj.figures` counts, as a condition on the case list.

A figure is of what its reader may list, and this is the list: whoever doubts a figure counts.
"""

# ruff: noqa: S608 - pieces of SQL are constants of this file (LiteralString)
from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, LiteralString

from projections.views.base import live
from projections.views.statistics.indicators import INDICATORS, marks_of
from projections.views.statistics.view import NAME, OLD_CASE_DAYS

CAME: Final = "CASES_IN"
"""Cases that came in: the total, and every cell of volumes."""
FIGURES: Final = (CAME, *(one.code for one in INDICATORS))
_LIVE: Final = live(NAME)
#: As `proj.figures` has it: what still is counts until its end, all else from it on.
_COUNTS: Final[LiteralString] = (
    _LIVE + " AND m.code = ANY (%(marks)s)"
    " AND (m.until IS NULL OR (m.until < %(counted_at)s) <> m.holds)"
)
_MARKED: Final[LiteralString] = (
    " AND stream IN (SELECT m.stream FROM proj.marks m WHERE m."
    + _COUNTS
    + " AND m.on_day BETWEEN %(counted_from)s AND %(counted_to)s"
    " AND (%(of)s::text IS NULL OR m.agency = %(of)s))"
)
MARKED_ACT: Final[LiteralString] = (
    " AND a.act_id IN (SELECT m.act_id FROM proj.marks m WHERE m." + _COUNTS + ")"
)
"""On a row of the acts, `a`: it is one of those that a figure counts, by `marks_of`."""
_COUNTED: Final[LiteralString] = (
    " AND stream IN (SELECT k.stream FROM proj.counted k WHERE k."
    + _LIVE
    + " AND (%(of)s::text IS NULL OR k.agency = %(of)s)"
)
_CAME: Final[LiteralString] = (
    _COUNTED + " AND k.opened_on BETWEEN %(counted_from)s AND %(counted_to)s"
    " AND (%(channel)s::text IS NULL OR k.channel = %(channel)s))"
)
_OLD: Final[LiteralString] = (
    _COUNTED + " AND k.opened_on < %(old)s AND k.state IS NOT NULL"
    " AND k.state NOT IN ('CLOSED', 'ARCHIVED'))"
)


@dataclass(frozen=True, slots=True)
class Behind:
    """Which figure, as it was asked for.

    Attributes:
        figure: One of `FIGURES`.
        start: First day of its period.
        end: Last day.
        at: What lapses and what is old is judged by this instant.
        agency: Only of this agency, as figures have it.
        channel: Of cases that came in, by this channel.
    """

    figure: str
    start: date
    end: date
    at: datetime
    agency: str | None = None
    channel: str | None = None

    @property
    def condition(self) -> LiteralString:
        """On a row of the case list."""
        if self.figure == CAME:
            return _CAME
        return _MARKED if marks_of(self.figure) else _OLD

    @property
    def values(self) -> dict[str, Any]:
        """What the condition asks."""
        return {
            "marks": marks_of(self.figure),
            "counted_from": self.start,
            "counted_to": self.end,
            "counted_at": self.at,
            "old": (self.at - timedelta(days=OLD_CASE_DAYS)).date(),
            "of": self.agency,
            "channel": self.channel,
        }
