"""Instruments over time: legal grounds in force, and provisions with dates of their own.

An act is judged by the instruments in force on its day (G2), whatever has replaced them since.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Final, Self

from ledger.regulation.edition import Edition, certainty, optional_date, within

_MOST_TOLD: Final = 4_096
"""Answers that are kept."""
_OWN_DATES = re.compile(
    r"(?P<name>[0-9A-Za-zĐđ]+(?:\.[0-9A-Za-zĐđ]+){0,2}) "
    r"(?P<from>\d{4}-\d\d-\d\d)\.\.(?P<to>\d{4}-\d\d-\d\d)?"
)


@dataclass(frozen=True, slots=True)
class Provision:
    """A provision with dates of its own; `name` is `<article>[.<clause>[.<point>]]`."""

    name: str
    valid_from: date
    valid_to: date | None


@dataclass(frozen=True, slots=True)
class Instrument:
    """One dated line about an instrument. `valid_from` None: not in force on any day known.

    Attributes:
        id: Official number.
        title: Title.
        kind: LAW, DECREE, DECISION, CIRCULAR, RESOLUTION; `REGISTERED` where an act added the line.
        valid_from: First day in force.
        valid_to: Last day in force; None: open.
        replaced_by: Official number of what replaced it.
        certainty: How sure the line is.
        provisions: Provisions with dates of their own.
        index: Record that added the line, None in the edition.
    """

    id: str
    title: str
    kind: str
    valid_from: date | None
    valid_to: date | None
    replaced_by: str | None
    certainty: str
    provisions: tuple[Provision, ...] = ()
    index: int | None = None

    def in_force(self, day: date) -> bool:
        """Whether this line says that it was in force that day."""
        return self.valid_from is not None and within(self.valid_from, self.valid_to, day)


def parse_provision(text: str) -> Provision | None:
    """Reads `<article>[.<clause>[.<point>]] <from>..[<to>]`, e.g. `8.1 2019-01-01..2026-06-30`.

    Returns:
        None for any other text.
    """
    found = _OWN_DATES.fullmatch(text)
    if found is None:
        return None
    try:
        return Provision(
            found["name"], date.fromisoformat(found["from"]), optional_date(found["to"])
        )
    except ValueError:
        return None


class Instruments:
    """Lines by official number, each number with one or more lines in the order they were added."""

    def __init__(self, lines: Mapping[str, tuple[Instrument, ...]] | None = None) -> None:
        self._lines = dict(lines or {})
        self._told: dict[tuple[str, date, str | None, str | None, str | None], bool] = {}
        """Whether what acts cite was in force, until a line is added."""

    @classmethod
    def of(cls, edition: Edition) -> Self:
        """The instruments of the shipped edition."""
        self = cls()
        for entry in edition.registry["instruments"]:
            self.add(_instrument(entry))
        return self

    def copy(self) -> Self:
        """An independent set of the same lines."""
        return type(self)(self._lines)

    def add(self, line: Instrument) -> None:
        """Adds a dated line; earlier lines stay, and end where this one begins."""
        self._told.clear()
        self._lines[line.id] = (*self._lines.get(line.id, ()), line)

    def replace(self, instrument: str, by: str, day: date) -> None:
        """Ends an instrument the day before `day`, since `by` takes its place."""
        self._told.clear()
        lines = self._lines.get(instrument, ())
        last = day - timedelta(days=1)
        self._lines[instrument] = tuple(
            replace(line, valid_to=last, replaced_by=by) if line.in_force(day) else line
            for line in lines
        )

    def lines(self, instrument: str) -> tuple[Instrument, ...]:
        """Every line about an instrument."""
        return self._lines.get(instrument, ())

    def get(self, instrument: str, day: date | None = None) -> Instrument | None:
        """The line that speaks about `day`; without a day the newest."""
        lines = self._lines.get(instrument, ())
        if day is None or len(lines) <= 1:
            return lines[-1] if lines else None
        # a later line wins from its start on: the newest start by that day, the last added of it
        begun = [line for line in lines if line.valid_from is not None and line.valid_from <= day]
        return _newest(begun) if begun else lines[0]

    def all(self) -> list[Instrument]:
        """The newest line of every instrument."""
        return [lines[-1] for lines in self._lines.values()]

    def in_force(
        self,
        instrument: str,
        day: date,
        article: str | None = None,
        clause: str | None = None,
        point: str | None = None,
    ) -> bool:
        """Whether it, or the provision where that has dates of its own, was in force that day."""
        key = instrument, day, article, clause, point
        told = self._told.get(key)
        if told is None:
            if len(self._told) >= _MOST_TOLD:
                self._told.clear()
            told = self._told[key] = self._in_force(instrument, day, article, clause, point)
        return told

    def _in_force(
        self, instrument: str, day: date, article: str | None, clause: str | None, point: str | None
    ) -> bool:
        line = self.get(instrument, day)
        if line is None:
            return False
        if line.provisions and article is not None:
            own = _own(line, article, clause, point)
            if own is not None:
                return within(own.valid_from, own.valid_to, day)
        return line.in_force(day)


def _newest(lines: list[Instrument]) -> Instrument:
    """The line with the latest start; of two with one start, the one added last."""
    return max(enumerate(lines), key=lambda pair: (pair[1].valid_from or date.min, pair[0]))[1]


def _own(line: Instrument, article: str, clause: str | None, point: str | None) -> Provision | None:
    """The narrowest provision with dates of its own that covers the one cited."""
    names = [article]
    for part in (clause, point):
        if part is None:
            break
        names.append(f"{names[-1]}.{part}")
    dated = {p.name: p for p in line.provisions}
    return next((dated[name] for name in reversed(names) if name in dated), None)


def _instrument(entry: Mapping[str, Any]) -> Instrument:
    provisions = (parse_provision(p) for p in entry.get("provisions", ()))
    return Instrument(
        id=entry["id"],
        title=entry["title_vi"],
        kind=entry["kind"],
        valid_from=optional_date(entry["in_force_from"]),
        valid_to=optional_date(entry["in_force_to"]),
        replaced_by=entry["replaced_by"],
        certainty=certainty(entry),
        provisions=tuple(p for p in provisions if p is not None),
    )
