"""What takes sight away the moment it is recorded, and waits for nobody to fold it (access.md G18).

Everything that widens waits for the audience. A revocation, a delegation and a post that ended, a
key that was revoked, an exclusion and two ids that are one human (of whom one may be excluded) are
executed by whoever records them. What ends by a day or a term needs nothing: ends are compared when
they are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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


def narrowings(act: Act, registry: Registry, day: date) -> Iterator[Narrowing]:
    """What an act that has taken effect takes away at once.

    Args:
        act: It.
        registry: Of the moment: the ids of one person.
        day: Day on which it was recorded.
    """
    facts = act.facts
    if act.act == "ParticipationRevoked":
        yield Ended(facts["officer"], facts["grant"])
    elif act.act == "KeyRevoked" and "officer" in facts:
        yield Ended(facts["officer"], facts["kid"])
    elif act.act == "OfficerEnded" and date.fromisoformat(facts["ended_on"]) <= day:
        yield Ended(facts["officer"], EVERYTHING)
        yield from _over(registry.delegations.given_by(facts["officer"]))
    elif act.act == "DelegationEnded":
        line = registry.delegations.get(facts["delegation"])
        yield from _over([] if line is None else [line])
    elif act.act == "PersonLinked":
        both = (registry.officers.linked(facts[name]) for name in ("officer", "other"))
        for officer in dict.fromkeys(one for ids in both for one in ids):
            yield Ended(officer, EVERYTHING)
    elif act.act == EXCLUDING:
        yield from _shut_out(act, registry)


def _over(lines: Iterable[Delegation]) -> Iterator[Ended]:
    """Whoever they let sign sees by them no more what waits for another."""
    yield from (Ended(line.taker, line.act_id) for line in lines)


def _shut_out(act: Act, registry: Registry) -> Iterator[ShutOut]:
    until = act.facts.get("until")
    for line in registry.officers.all():
        if registry.same_person(line.uuid, act.facts["officer"]):
            yield ShutOut(
                act.stream, line.uuid, act.act_id, None if until is None else parse_time(until)
            )
