"""Edition: the rulebook as data, as it is in force from one record of a log to another.

The first is `data/*.json`; each later one is what it changes in the one before
(`edition_change.py`), shipped in a folder of its name or adopted by an act. None is edited once a
log has named it. What the registry acts of a log add stands on top of it (`registry.py`). Holidays
are data too: what a view says of a deadline is a function of the log and of its editions, not of a
library's age.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache, cached_property
from importlib import resources
from typing import Any, Final, TypeVar

import orjson

from keys import canonical
from ledger.regulation.edition_change import Subject, changed

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
    parsed: Mapping[str, Any] = orjson.loads(_DATA.joinpath(*name.split("/")).read_bytes())
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

    def differ(self, other: Calendar) -> list[date]:
        """The days that are working days by one of two calendars and not by the other, in order."""
        named = self._named() | other._named()
        return sorted(day for day in named if self.is_working(day) != other.is_working(day))

    def _named(self) -> frozenset[date]:
        return self.holidays | self._off | self._worked


def _days(swaps: Sequence[Mapping[str, Any]], member: str) -> frozenset[date]:
    return frozenset(date.fromisoformat(day) for swap in swaps for day in swap[member])


_SATURDAY: Final = 5


_Made = TypeVar("_Made")
SUBJECTS: Final = (
    "acts",
    "guards",
    "life_cycle",
    "registry",
    "lint",
    "duties",
    "silences",
    "participation",
    "holidays",
    "swap_days",
)
"""The files of an edition."""
SHIPPED: Final = ("1", "2")
"""Names of the editions that this version ships, each a change of the one before."""
ADOPTION: Final = "EditionAdopted"
"""The act by which a log goes on under another edition."""
DELEGATION: Final = "DelegationGiven"
"""The act by which one officer lets another sign."""
WORDS: Final = frozenset({"vi", "en", "name_en", "condition_vi", "note", "notes"})
"""Members that say and do not rule: a spelling that is mended makes no other edition."""


@dataclass(frozen=True, eq=False)
class Edition:
    """The data, by subject; an edition is itself alone, whatever another one holds.

    Attributes:
        name: What people call it: `2`, or for one that a log made its own `2-bn.1`.
        subjects: Each of `SUBJECTS`, as its file has it.
        before: The edition of which it is a change; None of the first.
    """

    name: str
    subjects: Mapping[str, Subject]
    before: Edition | None = field(default=None, repr=False)
    _made: dict[Callable[[Edition], Any], Any] = field(default_factory=dict, init=False, repr=False)

    @property
    def acts(self) -> Subject:
        """Act types, roles, addressees, groups."""
        return self.subjects["acts"]

    @property
    def guards(self) -> Subject:
        """Guards in their order, each with the version of its code."""
        return self.subjects["guards"]

    @property
    def life_cycle(self) -> Subject:
        """States, transitions, sub-processes, clocks, limits."""
        return self.subjects["life_cycle"]

    @property
    def registry(self) -> Subject:
        """Agencies, holdings, successions, instruments, clock rules."""
        return self.subjects["registry"]

    @property
    def lint(self) -> Subject:
        """Patterns and words."""
        return self.subjects["lint"]

    @property
    def duties(self) -> Subject:
        """How far each body is bound."""
        return self.subjects["duties"]

    @property
    def silences(self) -> Subject:
        """Where the regulation is silent."""
        return self.subjects["silences"]

    @property
    def participation(self) -> Subject:
        """Who takes part by which act."""
        return self.subjects["participation"]

    @cached_property
    def calendar(self) -> Calendar:
        """Working days."""
        return Calendar(self.subjects["holidays"]["years"], self.subjects["swap_days"]["swaps"])

    @cached_property
    def digest(self) -> str:
        """b64 SHA-256 of the subjects in canonical JSON, without what only puts them in words."""
        rules = {name: ruling(self.subjects[name]) for name in SUBJECTS}
        return canonical.b64(
            hashlib.sha256(orjson.dumps(rules, option=orjson.OPT_SORT_KEYS)).digest()
        )

    @cached_property
    def adopts(self) -> bool:
        """Whether it says how another one is adopted; the first does not."""
        return any(entry["act"] == ADOPTION for entry in self.acts["acts"])

    @cached_property
    def form(self) -> int:
        """The newest form of an act that it takes (formats.md §2).

        From 2 on somebody may sign for somebody else, so it is known how that is given.
        """
        return 2 if any(entry["act"] == DELEGATION for entry in self.acts["acts"]) else 1

    def of(self, make: Callable[[Edition], _Made]) -> _Made:
        """What is made of the edition once: one look into a dictionary after the first time."""
        try:
            found: _Made = self._made[make]  # each act asks some twenty times
        except KeyError:
            found = self._made[make] = make(self)
        return found

    def changed(self, name: str, change: Mapping[str, Any]) -> Edition:
        """The edition that follows by a change.

        Raises:
            ValueError: The change does not fit: in words.
        """
        return Edition(name, changed(self.subjects, change), self)


def ruling(value: object, words: Collection[str] = WORDS) -> object:
    """What of a piece of data rules.

    Args:
        value: Of an edition.
        words: Members that say and do not rule.
    """
    if isinstance(value, Mapping):
        # a fact may have such a name: its specification is an object, and rules
        return {
            n: ruling(v, words)
            for n, v in value.items()
            if n not in words or isinstance(v, Mapping)
        }
    return [ruling(v, words) for v in value] if isinstance(value, (list, tuple)) else value


@cache
def shipped(name: str) -> Edition:
    """A shipped edition, read once for each process.

    Raises:
        LookupError: This version ships none of that name.
    """
    if name not in SHIPPED:
        raise LookupError(f"no edition {name!r} is shipped")
    if name == SHIPPED[0]:
        return Edition(name, {subject: read_data(f"{subject}.json") for subject in SUBJECTS})
    before = shipped(SHIPPED[SHIPPED.index(name) - 1])
    folder = _DATA / name
    names = [subject for subject in SUBJECTS if (folder / f"{subject}.json").is_file()]
    return before.changed(name, {n: read_data(f"{name}/{n}.json") for n in names})


def first_edition() -> Edition:
    """What a log is judged by whose first record names no edition."""
    return shipped(SHIPPED[0])


def load_edition() -> Edition:
    """The newest shipped edition: what a log is opened with, and pages and forms are made of."""
    return shipped(SHIPPED[-1])


def named(edition: Edition) -> dict[str, str]:
    """How the first record of a log names the edition it is opened with."""
    return {"id": edition.name, "digest": edition.digest}


def shipped_as(digest: str) -> Edition | None:
    """The shipped edition of this digest; None where this version ships none."""
    return next((e for n in reversed(SHIPPED) if (e := shipped(n)).digest == digest), None)
