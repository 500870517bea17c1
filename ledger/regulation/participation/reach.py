"""How much of a case one officer reaches: the list of `participation.py`, read for one of them.

Asked once more after the database has shown rows (access.md G17): what stands there by who may
write views opens no record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import tee
from typing import Final

from ledger.regulation.acts.act import ORDINARY
from ledger.regulation.participation.participation import (
    Part,
    by_acts,
    given_by_acts,
    participation,
    shut_out,
)
from ledger.regulation.participation.units import units
from ledger.regulation.participation.viewpoint import Viewpoint
from ledger.regulation.registry.membership import agencies_of, posts

OPENING: Final[Mapping[str, str]] = {"InspectionOrdered": "A9", "BreakGlassOpened": "A19"}
"""Acts that open a case to somebody who takes no part in it, each with its rule (access.md §4)."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What an officer sees of a case.

    Attributes:
        whole: Whether all of it.
        acts: The acts; where it is whole, all that stand.
        under: The order or the opening by which something is seen that nothing else shows.
        unnamed: Where it is whole, the acts of units that are granted to others by name.
    """

    whole: bool
    acts: frozenset[str]
    under: Part | None = None
    unnamed: frozenset[str] = frozenset()

    def shows(self, act_ids: Iterable[str]) -> bool:
        """Whether all of these may be opened."""
        if self.whole:
            return self.unnamed.isdisjoint(act_ids)
        return self.acts.issuperset(act_ids)


def reach(officer: str, case: Viewpoint) -> Reach:
    """What an officer sees of a case at an instant, by post, by name, by grant and by order."""
    first, again = tee(given_by_acts(case))
    if case.level == ORDINARY and _sees_all(officer, case, first):
        return Reach(whole=True, acts=frozenset(case.fold.entries))
    parts = _parts(officer, case, again)
    under = _under(parts)
    acts = frozenset[str]().union(*(part.acts for part in parts))
    if any(part.scope == "CASE" for part in parts):
        unnamed = frozenset(units(case.fold, case.level)) - acts
        every = frozenset(case.fold.entries) - unnamed
        return Reach(whole=True, acts=every, under=under, unnamed=unnamed)
    return Reach(whole=False, acts=acts, under=under)


def takes_part(officer: str, case: Viewpoint) -> bool:
    """Whether an officer sees all of a case, and not by an order or an opening."""
    first, again = tee(given_by_acts(case))
    return _sees_all(officer, case, first) or any(
        p.scope == "CASE" and p.act not in OPENING for p in _parts(officer, case, again)
    )


def _sees_all(officer: str, case: Viewpoint, running: Iterable[Part]) -> bool:
    """Whether an act of the case itself shows an officer all of it.

    Most who ask are shown all by one of its first acts, and the others need not be looked at.
    """
    if any(case.registry.same_person(officer, one.officer) for one in shut_out(case)):
        return False
    holds = _holding(officer, case)
    given = by_acts(case, running)
    return any(p.scope == "CASE" and p.act not in OPENING and holds(p) for p in given)


def _under(parts: Iterable[Part]) -> Part | None:
    """Of what opens more than is seen anyhow: what shows most, an order before an opening."""
    own = [part for part in parts if part.act not in OPENING]
    if any(part.scope == "CASE" for part in own):
        return None
    seen = frozenset[str]().union(*(part.acts for part in own))
    more = [p for p in parts if p.act in OPENING and (p.scope == "CASE" or not p.acts <= seen)]
    first = lambda p: (p.scope != "CASE", OPENING[p.act] != "A9", p.via)  # noqa: E731 - an order
    return min(more, key=first, default=None)


def _parts(officer: str, case: Viewpoint, running: Iterable[Part]) -> list[Part]:
    """What an officer holds, by whatever id of theirs nobody is shut out."""
    now = participation(case, running)
    if any(case.registry.same_person(officer, one.officer) for one in now.shut_out):
        return []
    holds = _holding(officer, case)
    return [part for part in now.parts if holds(part)]


def _holding(officer: str, case: Viewpoint) -> Callable[[Part], bool]:
    """Whether a part is the officer's, by name, by post or by power."""
    held = posts(officer, case.registry, case.day)
    agencies = agencies_of(officer, case.registry, case.day)

    def holds(part: Part) -> bool:
        kind, named, power = part.holder
        if kind == "officer":
            return named == officer
        if kind == "agency":
            return named in agencies
        return any(post.agency == named and power in post.powers for post in held)

    return holds
