"""Edition: the shipped rulebook as dated data (`data/*.json`), never edited once used.

What the registry acts of a log add stands on top of it (`registry.py`). Holidays are data too: what
a view says of a deadline is a function of the log and of what is shipped, not of a library's age.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from typing import Any, Final

import orjson

REGULATION: Final = "90/QĐ-UBND"
"""The coordination regulation this edition was written for; LedgerOpened may name a later one."""
PROCEDURE: Final[Mapping[str, str]] = {
    "instrument": REGULATION,
    "article": "8",
    "clause": "1",
    "point": "a",
    "role": "PROCEDURE",
}
"""What the registrars' acts about the log itself rest on: who keeps it and its registry."""
CERTAINTY: Final[Mapping[str, str]] = {
    "seen": "SECONDARY_SOURCE",
    "known": "UNCONFIRMED",
    "unsure": "OPEN_QUESTION",
}
"""registry.json says how a line was learned, acts how sure it is: inside, the words of the acts."""

_DATA: Final = resources.files("ledger.regulation") / "data"


def read_data(name: str) -> Mapping[str, Any]:
    """One file of `data/` as it was shipped."""
    parsed: Mapping[str, Any] = orjson.loads((_DATA / name).read_bytes())
    return parsed


def optional_date(text: str | None) -> date | None:
    """A date of the data, or None where the data leaves it open."""
    return None if text is None else date.fromisoformat(text)


def within(first: date | None, last: date | None, day: date) -> bool:
    """Whether a day lies in a span; both ends belong to it, and None leaves an end open."""
    return (first is None or first <= day) and (last is None or day <= last)


def certainty(line: Mapping[str, Any]) -> str:
    """How sure a line of registry.json is, in the vocabulary of the acts."""
    return CERTAINTY[line.get("certainty", "unsure")]


class Calendar:
    """Working days of Vietnam: Monday to Friday, less public holidays, with the swaps of each year.

    Args:
        years: Of `holidays.json`: by year, days off as `MM-DD`, days given in lieu included;
            a year that is not there has weekends only.
        swaps: Lines of `swap_days.json`: `off`, weekdays given free; `worked`, rest days worked.
    """

    def __init__(
        self, years: Mapping[str, Sequence[str]], swaps: Sequence[Mapping[str, Any]]
    ) -> None:
        self.swaps = tuple(swaps)
        self.holidays = frozenset(
            date.fromisoformat(f"{year}-{day}") for year, days in years.items() for day in days
        )
        self._off = _days(swaps, "off")
        self._worked = _days(swaps, "worked")

    def is_working(self, day: date) -> bool:
        """Whether agencies work on that day."""
        if day in self._worked:
            return True
        return not (day.weekday() >= _SATURDAY or day in self._off or day in self.holidays)


def _days(swaps: Sequence[Mapping[str, Any]], member: str) -> frozenset[date]:
    return frozenset(date.fromisoformat(day) for swap in swaps for day in swap[member])


_SATURDAY: Final = 5


@dataclass(frozen=True, eq=False)
class Edition:
    """The dated data, by file; an edition is itself alone, whatever another one holds.

    Attributes:
        acts: Act types, roles, addressees, groups (`acts.json`).
        guards: Guards in their order (`guards.json`).
        life_cycle: States, transitions, sub-processes, clocks, limits (`life_cycle.json`).
        registry: Agencies, holdings, successions, instruments, clock rules (`registry.json`).
        lint: Patterns and words (`lint.json`).
        duties: How far each body is bound (`duties.json`).
        silences: Where the regulation is silent (`silences.json`).
        participation: Who takes part by which act (`participation.json`).
        calendar: Working days.
    """

    acts: Mapping[str, Any]
    guards: Mapping[str, Any]
    life_cycle: Mapping[str, Any]
    registry: Mapping[str, Any]
    lint: Mapping[str, Any]
    duties: Mapping[str, Any]
    silences: Mapping[str, Any]
    participation: Mapping[str, Any]
    calendar: Calendar


@cache
def load_edition() -> Edition:
    """The edition shipped with this version, read once for each process."""
    return Edition(
        acts=read_data("acts.json"),
        guards=read_data("guards.json"),
        life_cycle=read_data("life_cycle.json"),
        registry=read_data("registry.json"),
        lint=read_data("lint.json"),
        duties=read_data("duties.json"),
        silences=read_data("silences.json"),
        participation=read_data("participation.json"),
        calendar=Calendar(
            read_data("holidays.json")["years"], read_data("swap_days.json")["swaps"]
        ),
    )
