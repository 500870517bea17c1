"""Officers shut out of a case: a conflict of interest or a recusal, until it ends or is lifted.

An exclusion is of the natural person, whatever ids the registry links to it; it holds from the
record of the act on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from ledger.regulation.acts.json_shape import parse_time
from ledger.regulation.case.state import Entry, StreamState, present_agency
from ledger.regulation.registry.registry import Registry

EXCLUDING: Final = "ParticipationExcluded"
RESTORING: Final = "ParticipationRestored"
_NOBODY: Final[tuple[frozenset[str], frozenset[str]]] = (frozenset(), frozenset())


@dataclass(frozen=True, slots=True)
class Exclusion:
    """One officer shut out of a case.

    Attributes:
        entry: The act that shuts out; who signed it stands there.
        officer: The officer it names.
        ground: CONFLICT_OF_INTEREST and the others of acts.json.
        since: When the ledger took it; None while it is judged.
        until: Its first instant after it; None: until it is lifted.
    """

    entry: Entry
    officer: str
    ground: str
    since: datetime | None
    until: datetime | None

    def runs(self, at: datetime) -> bool:
        """Whether it runs at an instant."""
        begun = self.since is None or self.since <= at
        return begun and (self.until is None or at < self.until)


def exclusions(stream: StreamState) -> Iterator[Exclusion]:
    """What no later act has lifted, in the order it was recorded; terms may have passed."""
    lifted = {e.act.facts.get("exclusion") for e in stream.effective(RESTORING)}
    for entry in stream.effective(EXCLUDING):
        if entry.act.act_id not in lifted:
            facts, until = entry.act.facts, entry.act.facts.get("until")
            yield Exclusion(
                entry,
                facts["officer"],
                facts["ground"],
                None if entry.effect is None else entry.effect.recorded_at,
                None if until is None else parse_time(until),
            )


def shut_out(
    officer: str, stream: StreamState, registry: Registry, at: datetime
) -> Exclusion | None:
    """The exclusion that keeps an officer out of a case at an instant."""
    for exclusion in exclusions(stream):
        if exclusion.runs(at) and registry.same_person(officer, exclusion.officer):
            return exclusion
    return None


def about(stream: StreamState) -> frozenset[str]:
    """Agencies and officers that what came in is about, as it names them."""
    members = ("concerns_agency", "concerns_officer")
    return frozenset(one for e in stream.intake for m in members for one in e.act.facts.get(m, ()))


def is_about(stream: StreamState, named: Iterable[str]) -> bool:
    """Whether what came in names each of these as whom it is about."""
    return about(stream).issuperset(named)


def concerned(
    stream: StreamState, registry: Registry, day: date
) -> tuple[frozenset[str], frozenset[str]]:
    """Agencies, as they are called on a day, and officers that what came in is about."""
    agencies = {a for e in stream.intake for a in e.act.facts.get("concerns_agency", ())}
    officers = {o for e in stream.intake for o in e.act.facts.get("concerns_officer", ())}
    if not agencies and not officers:
        return _NOBODY
    return frozenset(present_agency(registry, a, day) for a in agencies), frozenset(officers)
