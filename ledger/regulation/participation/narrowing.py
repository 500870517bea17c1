"""What takes sight away the moment it is recorded, and waits for nobody to fold it (access.md G18).

Everything that widens waits for the audience. A revocation, a delegation and a post that ended, a
key that was revoked, an exclusion and two ids that are one human (of whom one may be excluded) are
executed by whoever records them. What ends by a day or a term needs nothing: ends are compared when
they are read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from ledger.regulation.acts.act import Act
from ledger.regulation.acts.json_shape import parse_time
from ledger.regulation.case.exclusions import EXCLUDING
from ledger.regulation.registry.delegations import Delegation
from ledger.regulation.registry.registry import Registry

EVERYTHING: Final = "*"


@dataclass(frozen=True, slots=True)
class Ended:
    """What an officer has no more.

    Attributes:
        officer: The officer.
        what: Id of the act that granted it, the key that no longer signs in, or `EVERYTHING`, of
            an officer whose post ended, or who is one human with another: until it is known what
            is left.
    """

    officer: str
    what: str


@dataclass(frozen=True, slots=True)
class ShutOut:
    """An officer who is kept out of a case.

    Attributes:
        stream: The case.
        officer: An id of the person.
        via: Id of the act.
        until: The first instant after it; None: until it is lifted.
    """

    stream: str
    officer: str
    via: str
    until: datetime | None


Narrowing = Ended | ShutOut


def narrowings(act: Act, registry: Registry, day: date) -> Iterable[Narrowing]:
    """What an act that has taken effect takes away at once.

    Args:
        act: It.
        registry: Of the moment: the ids of one person.
        day: Day on which it was recorded.
    """
    of_act = _OF_ACT.get(act.act)
    return () if of_act is None else of_act(act, registry, day)


def _revoked(act: Act, _registry: Registry, _day: date) -> Iterator[Narrowing]:
    yield Ended(act.facts["officer"], act.facts["grant"])


def _key_revoked(act: Act, _registry: Registry, _day: date) -> Iterator[Narrowing]:
    if "officer" in act.facts:
        yield Ended(act.facts["officer"], act.facts["kid"])


def _left(act: Act, registry: Registry, day: date) -> Iterator[Narrowing]:
    officer = act.facts["officer"]
    if date.fromisoformat(act.facts["ended_on"]) <= day:
        yield Ended(officer, EVERYTHING)
        yield from _over(registry.delegations.given_by(officer))


def _taken_back(act: Act, registry: Registry, _day: date) -> Iterator[Narrowing]:
    line = registry.delegations.get(act.facts["delegation"])
    return _over([] if line is None else [line])


def _linked(act: Act, registry: Registry, _day: date) -> Iterator[Narrowing]:
    both = (registry.officers.linked(act.facts[name]) for name in ("officer", "other"))
    for officer in dict.fromkeys(one for ids in both for one in ids):
        yield Ended(officer, EVERYTHING)


def _over(lines: Iterable[Delegation]) -> Iterator[Ended]:
    """Whoever they let sign sees by them no more what waits for another."""
    yield from (Ended(line.taker, line.act_id) for line in lines)


def _shut_out(act: Act, registry: Registry, _day: date) -> Iterator[Narrowing]:
    until = act.facts.get("until")
    for line in registry.officers.all():
        if registry.same_person(line.uuid, act.facts["officer"]):
            yield ShutOut(
                act.stream, line.uuid, act.act_id, None if until is None else parse_time(until)
            )


_OF_ACT: Final[Mapping[str, Callable[[Act, Registry, date], Iterator[Narrowing]]]] = {
    "ParticipationRevoked": _revoked,
    "KeyRevoked": _key_revoked,
    "OfficerEnded": _left,
    "DelegationEnded": _taken_back,
    "PersonLinked": _linked,
    EXCLUDING: _shut_out,
}
NARROWING: Final = frozenset(_OF_ACT)
"""Of any other act nothing needs to be asked."""
