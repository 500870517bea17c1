"""Agencies over time: who existed, who held which function where, and who took over.

Bitemporal (law.md §13): dates say when it was so, the order in which lines are added when it was
learned. An agency is never found by its name, since two bodies may bear one. Officers and their
keys are not known here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Final, Self

from ledger.regulation.edition import Edition, certainty, optional_date, within
from ledger.values import frozen_value

ENDING: Final = frozenset({"MERGE", "ABSORB", "DIVIDE", "DISSOLVE"})
"""Kinds of succession that end the predecessor (chia ends it, tách does not; law.md §13)."""
FAMILIES: Final[Mapping[str, str]] = {"MEDIA": "MEDIA_", "SANCTION_AUTHORITY": "SANCTION_"}
"""Codes that stand for every function with the prefix (acts.json, roles)."""
LEVELS: Final = ("COUNTRY", "PROVINCE", "DISTRICT", "COMMUNE")
"""Of territories, from the top."""
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Name:
    """A name with the days it was borne; None: open."""

    vi: str
    abbr: str | None
    valid_from: date | None
    valid_to: date | None

    def on(self, day: date) -> bool:
        """Whether it was borne that day."""
        return within(self.valid_from, self.valid_to, day)


@dataclass(frozen=True, slots=True)
class Post:
    """A post of the edition: the powers and capacities an appointment to it usually gives."""

    code: str
    vi: str
    powers: frozenset[str]
    capacities: frozenset[str]


@dataclass(frozen=True, slots=True)
class Agency:
    """A body with an id that is never reused. `index`: its record, None in the edition."""

    id: str
    kind: str
    names: tuple[Name, ...]
    territory: str
    parent: str | None
    valid_from: date
    valid_to: date | None
    posts: Mapping[str, Post]
    fictitious: bool
    certainty: str
    index: int | None = None

    def existed(self, day: date) -> bool:
        """Whether it existed that day, first and last day included."""
        return within(self.valid_from, self.valid_to, day)

    def name(self, day: date) -> Name:
        """The name borne on that day; outside its life the first or the last one."""
        for name in self.names:
            if name.on(day):
                return name
        early = day < self.valid_from
        return self.names[0 if early else -1]


@frozen_value(frozen=True, slots=True)
class Asked:
    """Where a function is asked: for one of these territories.

    `inside`: whoever holds it in a part of one will do as well, as districts and communes do.
    """

    places: frozenset[str]
    inside: bool = False


@dataclass(frozen=True, slots=True)
class Holding:
    """A function held in a territory, both days included. `assumed`: not confirmed."""

    agency: str
    function: str
    territory: str
    valid_from: date
    valid_to: date | None
    basis: str
    certainty: str
    assumed: bool = False
    index: int | None = None

    def on(self, day: date) -> bool:
        """Whether it was held that day."""
        return within(self.valid_from, self.valid_to, day)


@dataclass(frozen=True, slots=True)
class Passing:
    """One function of one predecessor in one territory, and where it went; `to` None: it ended.

    Attributes:
        day: First day on which the successor holds it.
        becomes: Code under which the successor holds it, where that changes.
    """

    day: date
    kind: str
    agency: str
    function: str
    territory: str
    to: str | None
    becomes: str | None
    assumed: bool


_MOST_TOLD: Final = 4_096
"""Answers that are kept, for whatever days and territories are asked about: about 1 MiB."""


@dataclass(frozen=True, slots=True)
class Succession:
    """One reorganisation as seen from one predecessor."""

    day: date
    kind: str
    successors: tuple[str, ...]
    passings: tuple[Passing, ...]


class Agencies:
    """Lines of the edition and of registry acts, asked by date; frozen, so a copy is cheap."""

    def __init__(
        self,
        reach: Mapping[str, tuple[str, ...]],
        levels: Mapping[str, int],
        agencies: Mapping[str, Agency] | None = None,
        holdings: Mapping[str, tuple[Holding, ...]] | None = None,
        by_function: Mapping[str, tuple[Holding, ...]] | None = None,
        successions: Mapping[str, tuple[Succession, ...]] | None = None,
    ) -> None:
        self.form = 2
        """Of the edition: by the first an agency held what it was given, also once it had ended."""
        self._reach = reach
        self._levels = levels
        self._agencies = dict(agencies or {})
        self._holdings = dict(holdings or {})
        self._by_function = dict(by_function or {})
        self._successions = dict(successions or {})
        #: What was asked before, until a line is added: every act asks the same of the same days.
        self._told_holders: dict[tuple[str, date, str | None], tuple[str, ...]] = {}
        self._told_held: dict[tuple[str, str, date, Asked], bool] = {}
        self._told_above: dict[str, frozenset[str]] = {}

    @classmethod
    def of(cls, edition: Edition) -> Self:
        """The agencies of the shipped edition."""
        data = edition.registry
        territories = data["territories"]
        self = cls(
            {t["code"]: tuple(t["within"]) for t in territories},
            {t["code"]: LEVELS.index(t["level"]) for t in territories if "level" in t},
        )
        self.form = edition.form
        for entry in data["agencies"]:
            self.add(_agency(entry))
        for entry in data["holdings"]:
            self.assign(_holding(entry))
        for entry in data["successions"]:
            self._shipped(entry)
        return self

    def copy(self) -> Self:
        """An independent set of the same lines."""
        other = type(self)(
            self._reach,
            self._levels,
            self._agencies,
            self._holdings,
            self._by_function,
            self._successions,
        )
        other.form = self.form
        return other

    # --- lines ---

    def add(self, agency: Agency) -> None:
        """Adds an agency. An id is used once (AGENCY_ID_NEW); a second line is not taken."""
        self._agencies.setdefault(agency.id, agency)

    def place(self, territory: str, within: Iterable[str]) -> None:
        """Adds a territory that lies in others, and in what these lie in."""
        above = dict.fromkeys(t for one in within for t in (one, *self._reach.get(one, ())))
        if territory not in self._reach:
            self._told_above.clear()
            self._forget()
            self._reach = {**self._reach, territory: tuple(above)}

    def reaches(self, territory: str) -> bool:
        """Whether a territory is known."""
        return territory in self._reach

    def assign(self, holding: Holding) -> None:
        """Adds a function held: to the last day of its agency at most, if that is known before."""
        line = self._agencies.get(holding.agency)
        last = None if line is None or self.form == 1 else line.valid_to
        if last is not None and _lasts(holding, last):
            holding = replace(holding, valid_to=last)
        self._forget()
        self._holdings[holding.agency] = (*self._holdings.get(holding.agency, ()), holding)
        named = self._by_function.get(holding.function, ())
        self._by_function[holding.function] = (*named, holding)

    def _forget(self) -> None:
        """What was told of functions may be otherwise now."""
        self._told_holders.clear()
        self._told_held.clear()

    def succeed(  # noqa: PLR0913 - the facts of AgencySuccessionRecorded
        self,
        *,
        kind: str,
        day: date,
        predecessors: Iterable[str],
        successors: Iterable[str],
        rows: Iterable[Mapping[str, Any]],
        basis: str,
        index: int,
    ) -> None:
        """Records a reorganisation: functions move as mapped; who ends, ends the day before.

        Args:
            kind: As in AgencySuccessionRecorded.
            day: First day of the new order.
            predecessors: Agencies it starts from.
            successors: Agencies it leads to.
            rows: `{function, territory?, from_agency, to_agency, assumed}`; without a territory in
                every one where it was held.
            basis: The document it rests on.
            index: Record of the act.
        """
        after = tuple(successors)
        passings = [p for row in rows for p in self._expand(row, kind, day)]
        for passing in passings:
            self._pass_on(passing, basis, index)
        for agency in predecessors:
            own = tuple(p for p in passings if p.agency == agency)
            event = Succession(day, kind, tuple(s for s in after if s != agency), own)
            self._successions[agency] = (*self._successions.get(agency, ()), event)
            if kind in ENDING and agency not in after:
                self._end(agency, day - _DAY)

    def _expand(self, row: Mapping[str, Any], kind: str, day: date) -> list[Passing]:
        agency, function = row["from_agency"], row["function"]
        territory = row.get("territory")
        held = [
            h.territory
            for h in self._holdings.get(agency, ())
            if h.function == function and h.on(day - _DAY)
        ]
        places = [territory] if territory is not None else held
        return [
            Passing(day, kind, agency, function, t, row["to_agency"], None, bool(row["assumed"]))
            for t in dict.fromkeys(places)
        ]

    def _pass_on(self, passing: Passing, basis: str, index: int) -> None:
        """Ends the predecessor's holding the day before and begins the successor's."""
        if passing.to is None or passing.to == passing.agency:
            return
        last = passing.day - _DAY
        self._rewrite(
            passing.agency,
            lambda h: (
                h.function == passing.function
                and h.territory == passing.territory
                and h.on(passing.day)
            ),
            last,
        )
        function = passing.becomes or passing.function
        held = self._holdings.get(passing.to, ())
        if not any(
            h.function == function and h.territory == passing.territory and h.on(passing.day)
            for h in held
        ):
            self.assign(
                Holding(
                    agency=passing.to,
                    function=function,
                    territory=passing.territory,
                    valid_from=passing.day,
                    valid_to=None,
                    basis=basis,
                    certainty="OPEN_QUESTION" if passing.assumed else "CONFIRMED",
                    assumed=passing.assumed,
                    index=index,
                )
            )

    def _end(self, agency: str, last: date) -> None:
        """The agency's last day, and that of every function it still held, or was to hold later."""
        line = self._agencies.get(agency)
        if line is not None and line.existed(last + _DAY):
            self._agencies[agency] = replace(line, valid_to=last)
        later = self.form > 1
        self._rewrite(agency, lambda h: _lasts(h, last) if later else h.on(last + _DAY), last)

    def _rewrite(self, agency: str, which: Callable[[Holding], bool], last: date) -> None:
        """Closes the holdings that `which` picks on `last`."""
        lines = self._holdings.get(agency, ())
        closed = {h: replace(h, valid_to=last) for h in lines if which(h)}
        if not closed:
            return
        self._forget()
        self._holdings[agency] = tuple(closed.get(h, h) for h in lines)
        for function in {h.function for h in closed}:
            named = self._by_function[function]
            self._by_function[function] = tuple(closed.get(h, h) for h in named)

    def _shipped(self, entry: Mapping[str, Any]) -> None:
        """A succession of the edition; its effects on holdings are lines of the edition already."""
        day, kind = date.fromisoformat(entry["date"]), entry["kind"]
        assumed = certainty(entry) == "OPEN_QUESTION"
        for agency in entry["predecessors"]:
            held = {(h.function, h.territory) for h in self._holdings.get(agency, ())}
            passings = tuple(
                Passing(
                    day,
                    kind,
                    agency,
                    row["function"],
                    row["territory"],
                    row["to"],
                    row.get("becomes"),
                    assumed,
                )
                for row in entry["map"]
                if (row["function"], row["territory"]) in held
            )
            event = Succession(day, kind, tuple(entry["successors"]), passings)
            self._successions[agency] = (*self._successions.get(agency, ()), event)

    # --- questions ---

    def turns(self) -> list[date]:
        """Days on which an agency or a function of one begins, has ended or passes on, in order."""
        lines: list[Agency | Holding] = list(self._agencies.values())
        lines += [holding for held in self._holdings.values() for holding in held]
        first = {line.valid_from for line in lines}
        last = {line.valid_to for line in lines}
        after = {day + _DAY for day in last if day is not None and day < date.max}
        passing = {event.day for events in self._successions.values() for event in events}
        return sorted(first | after | passing)

    def get(self, agency: str) -> Agency | None:
        """The agency of this id."""
        return self._agencies.get(agency)

    def all(self) -> list[Agency]:
        """Every agency in the order it became known."""
        return list(self._agencies.values())

    def exists(self, agency: str, day: date) -> bool:
        """Whether it is registered and existed on that day."""
        line = self._agencies.get(agency)
        return line is not None and line.existed(day)

    def holds(self, agency: str, function: str, day: date) -> bool:
        """Whether it held the function that day, anywhere; `FAMILIES` stand for every member."""
        prefix = FAMILIES.get(function)
        for holding in self._holdings.get(agency, ()):
            named = holding.function == function or (
                prefix is not None and holding.function.startswith(prefix)
            )
            if named and holding.on(day):
                return True
        return False

    def holds_in(self, agency: str, function: str, day: date, asked: Asked | None) -> bool:
        """Whether it held the function that day where it is asked; None: anywhere."""
        if asked is None:
            return self.holds(agency, function, day)
        key = agency, function, day, asked
        known = self._told_held.get(key)
        if known is None:
            if len(self._told_held) >= _MOST_TOLD:
                self._told_held.clear()
            known = self._told_held[key] = self._held_in(agency, function, day, asked)
        return known

    def _held_in(self, agency: str, function: str, day: date, asked: Asked) -> bool:
        prefix = FAMILIES.get(function)
        return any(
            holding.on(day)
            and (
                holding.function == function
                or (prefix is not None and holding.function.startswith(prefix))
            )
            and self.serves(holding.territory, asked)
            for holding in self._holdings.get(agency, ())
        )

    def serves(self, held: str, asked: Asked) -> bool:
        """Whether what is held in a territory serves where it is asked.

        It contains that one, or is part of it at the same level, as the province of 2023 is of the
        one of 2025.
        """
        return any(
            self._serves(held, one) or (asked.inside and one in self._above(held))
            for one in asked.places
        )

    def _serves(self, held: str, one: str) -> bool:
        if held == one or held in self._above(one):
            return True
        return one in self._above(held) and self.level(held) == self.level(one)

    def _above(self, territory: str) -> frozenset[str]:
        """Every territory that contains one; of one that no edition names, as its code says."""
        known = self._told_above.get(territory)
        if known is not None:
            return known
        found: set[str] = set()
        waiting = [territory]
        while waiting:
            one = waiting.pop()
            parts = one.rpartition(".")[0]
            named = self._reach.get(one, (parts,) if parts else ("VN",))
            waiting += [t for t in named if t not in found and t != one]
            found.update(named)
        if len(self._told_above) >= _MOST_TOLD:
            self._told_above.clear()
        above = self._told_above[territory] = frozenset(found)
        return above

    def knows(self, territory: str) -> bool:
        """Whether an edition or a line of the log names a territory."""
        lines: Iterable[Agency | Holding] = [
            *self._agencies.values(),
            *(h for held in self._holdings.values() for h in held),
        ]
        return territory in self._reach or any(line.territory == territory for line in lines)

    def level(self, territory: str) -> int:
        """How far below the country a territory is, in steps of `LEVELS`."""
        known = self._levels.get(territory)
        if known is not None:
            return known
        return LEVELS.index("COMMUNE" if "." in territory else "PROVINCE")

    def holding(self, agency: str, function: str, day: date) -> Holding | None:
        """The line by which it held the function that day."""
        for holding in reversed(self._holdings.get(agency, ())):
            if holding.function == function and holding.on(day):
                return holding
        return None

    def holdings(self, agency: str) -> tuple[Holding, ...]:
        """Every line of this agency, in the order it was added."""
        return self._holdings.get(agency, ())

    def ever_held(self, function: str) -> set[str]:
        """Agencies that held the function on any day, or will."""
        return {line.agency for line in self._by_function.get(function, ())}

    def holders(self, function: str, day: date, territory: str | None = None) -> list[str]:
        """Agencies that held the function that day; with a territory, those that cover it."""
        known = self._told_holders.get((function, day, territory))
        if known is None:
            if len(self._told_holders) >= _MOST_TOLD:
                self._told_holders.clear()
            known = tuple(self._held_by(function, day, territory))
            self._told_holders[function, day, territory] = known
        return list(known)

    def _held_by(self, function: str, day: date, territory: str | None) -> Iterable[str]:
        reach = None if territory is None else {territory, *self._reach.get(territory, ())}
        prefix = FAMILIES.get(function)
        lines: Iterable[Holding] = self._by_function.get(function, ())
        if prefix is not None:
            more = [
                h
                for code, held in self._by_function.items()
                if code.startswith(prefix)
                for h in held
            ]
            lines = [*lines, *more]
        found = [h.agency for h in lines if h.on(day) and (reach is None or h.territory in reach)]
        return dict.fromkeys(found)

    def functions_of(self, agency: str, day: date) -> list[str]:
        """Functions it held that day."""
        held = [h.function for h in self._holdings.get(agency, ()) if h.on(day)]
        return list(dict.fromkeys(held))

    def successor(
        self, agency: str, function: str, day: date, territory: str | None = None
    ) -> str | None:
        """Who has this function of that agency on `day` (law.md §13).

        Args:
            agency: Who had the duty.
            function: Under which function; one that is not mapped goes where the agency went.
            day: The day asked about.
            territory: Narrows a function that was held in several territories.

        Returns:
            The agency itself while it keeps the function; None where the function just ended.
        """
        at: str | None = agency
        seen: set[str] = set()
        while at is not None and at not in seen:
            seen.add(at)
            event = self._next(at, function, day)
            if event is None:
                return at
            passing = _pick(event, function, territory)
            if passing is None:
                at = _main(event)
            else:
                at, function = passing.to, passing.becomes or function
        return at

    def _next(self, agency: str, function: str, day: date) -> Succession | None:
        """The reorganisation by which the duty left this agency, on or before `day`."""
        ended = not self.exists(agency, day)
        for event in sorted(self._successions.get(agency, ()), key=lambda e: e.day):
            if event.day > day or not event.successors:
                continue
            moved = _pick(event, function, None) is not None and not self.holds(
                agency, function, day
            )
            if (event.kind in ENDING and ended) or moved:
                return event
        return None

    def heir(self, agency: str, day: date) -> str | None:
        """Who carries on for an agency as a whole: by LEAD if it was that, else by its kind."""
        line = self._agencies.get(agency)
        if line is None or line.existed(day):
            return agency if line is not None else None
        last = line.valid_to if line.valid_to is not None else day
        held = self.functions_of(agency, last)
        held.sort(key=lambda f: (f != "LEAD", f != line.kind))
        going = {p.function for e in self._successions.get(agency, ()) for p in e.passings if p.to}
        main = next((f for f in held if f in going), held[0] if held else line.kind)
        found = self.successor(agency, main, day)
        return None if found == agency else found


def _lasts(holding: Holding, last: date) -> bool:
    """Whether a holding goes on behind a day, or begins there."""
    return holding.valid_to is None or holding.valid_to > last


def _pick(event: Succession, function: str, territory: str | None) -> Passing | None:
    """The row of a reorganisation for a function."""
    rows = [p for p in event.passings if p.function == function]
    if territory is not None:
        rows = [p for p in rows if p.territory == territory] or rows
    return rows[0] if rows else None


def _main(event: Succession) -> str:
    """Where an agency went as a whole: the successor that took most of its functions."""
    taken = [p.to for p in event.passings if p.to is not None]
    return max(event.successors, key=taken.count)


def _agency(entry: Mapping[str, Any]) -> Agency:
    return Agency(
        id=entry["id"],
        kind=entry["kind"],
        names=tuple(
            Name(n["vi"], n.get("abbr"), optional_date(n["from"]), optional_date(n["to"]))
            for n in entry["names"]
        ),
        territory=entry["territory"],
        parent=entry.get("parent"),
        valid_from=date.fromisoformat(entry["valid_from"]),
        valid_to=optional_date(entry["valid_to"]),
        posts={
            p["code"]: Post(p["code"], p["vi"], frozenset(p["roles"]), frozenset(p["capacities"]))
            for p in entry["posts"]
        },
        fictitious=entry["fictitious"],
        certainty=certainty(entry),
    )


def _holding(entry: Mapping[str, Any]) -> Holding:
    return Holding(
        agency=entry["agency"],
        function=entry["function"],
        territory=entry["territory"],
        valid_from=date.fromisoformat(entry["from"]),
        valid_to=optional_date(entry["to"]),
        basis=entry["basis"],
        certainty=certainty(entry),
        assumed=bool(entry.get("assumed", False)),
    )
