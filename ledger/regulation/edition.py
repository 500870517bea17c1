"""Edition: the shipped rulebook as dated data (`data/*.json`), read once and never edited once used.

What the registry acts of a log add stands on top of it (`registry.py`). Holidays are made on first use, because the
library that knows them is slow to import.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from importlib import resources
from typing import Any, Final

import orjson

REGULATION: Final = "90/QĐ-UBND"
"""The coordination regulation this edition was written for; LedgerOpened may name a later one."""
CERTAINTY: Final[Mapping[str, str]] = {
    "seen": "SECONDARY_SOURCE",
    "known": "UNCONFIRMED",
    "unsure": "OPEN_QUESTION",
}
"""registry.json says how a line was learned; acts say how sure it is. One vocabulary inside: that of the acts."""

_DATA: Final = resources.files("ledger.regulation") / "data"


def read_data(name: str) -> Mapping[str, Any]:
    """One file of `data/` as it was shipped."""
    parsed: Mapping[str, Any] = orjson.loads((_DATA / name).read_bytes())
    return parsed


def optional_date(text: str | None) -> date | None:
    """A date of the data, or None where the data leaves it open."""
    return None if text is None else date.fromisoformat(text)


def certainty(line: Mapping[str, Any]) -> str:
    """How sure a line of registry.json is, in the vocabulary of the acts."""
    return CERTAINTY[line.get("certainty", "unsure")]


@dataclass
class Calendar:
    """Working days of Vietnam: Monday to Friday, less public holidays, and the swap days decided year by year."""

    swaps: Sequence[Mapping[str, Any]]
    _years: dict[int, frozenset[date]] = field(default_factory=dict)

    def is_working(self, day: date) -> bool:
        """Whether agencies work on that day."""
        for swap in self.swaps:
            if day.isoformat() in swap["worked"]:
                return True
            if day.isoformat() in swap["off"]:
                return False
        return day.weekday() < _SATURDAY and day not in self.holidays(day.year)

    def holidays(self, year: int) -> frozenset[date]:
        """Public holidays of a year, days given in lieu included."""
        if year not in self._years:
            import holidays  # noqa: PLC0415 - 50 ms or more: paid by the first clock in working days

            self._years[year] = frozenset(holidays.country_holidays("VN", years=year))
        return self._years[year]

    def next_working(self, day: date) -> date:
        """The first working day from `day` on."""
        while not self.is_working(day):
            day += timedelta(days=1)
        return day


_SATURDAY: Final = 5


@dataclass(frozen=True)
class Edition:
    """The dated data, by file.

    Attributes:
        acts: Act types, roles, addressees, groups (`acts.json`).
        guards: Guards in their order (`guards.json`).
        life_cycle: States, transitions, sub-processes, clocks, limits (`life_cycle.json`).
        registry: Agencies, functions, holdings, successions, instruments, clock rules (`registry.json`).
        calendar: Working days.
    """

    acts: Mapping[str, Any]
    guards: Mapping[str, Any]
    life_cycle: Mapping[str, Any]
    registry: Mapping[str, Any]
    calendar: Calendar


@cache
def load_edition() -> Edition:
    """The edition shipped with this version, read once for each process."""
    return Edition(
        acts=read_data("acts.json"),
        guards=read_data("guards.json"),
        life_cycle=read_data("life_cycle.json"),
        registry=read_data("registry.json"),
        calendar=Calendar(read_data("swap_days.json")["swaps"]),
    )
