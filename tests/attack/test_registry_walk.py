"""Registrars who play on at random: whatever they have done, somebody can let others in (G8).

What REGISTRAR_LEFT computes of the registry is not asked here: somebody new is appointed, day by
day, on a copy of the log.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from random import Random
from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import Rejected
from ledger.log.statement import AUTHOR
from ledger.regulation.acts.act import Act, parse_act
from tests import builders
from tests.a_ledger import (
    ALedger,
    _by_keeper,
    appointment,
    approved,
    enrolment,
    in_memory,
    linking,
)
from tests.attack.test_replayed_rules import Den
from tests.attacks import attack
from tests.builders import CAST
from tests.examples import examples
from tests.fakes import MemoryRecordStore
from tests.fixtures.clock import StepClock

_CREW: Final = ("founder", "keeper", "keeper2", "tc", "ubcv", "gd", "pgd", "ct")
"""Registrar, personnel officer, registrar; two without a power; three heads."""
_NEW: Final = "yt"
"""Whom nobody has appointed yet."""
_MOVES: Final = 14
_DAYS: Final = (0, 1, 2, 4, 9)
_POWERS: Final[tuple[list[str], ...]] = (
    ["REGISTRY_KEEPER"],
    ["PERSONNEL_OFFICER"],
    ["REGISTRY_KEEPER", "PERSONNEL_OFFICER"],
    ["AUDITOR"],
    ["KEY_CUSTODIAN"],
    [],
)
_SECOND: Final = "chuyen-vien"
"""A post beside the one that each of them has."""


@cache
def _begun() -> tuple[Any, Any]:
    """What is stored once the crew is in post, with keys; and when that is."""
    den = Den(spread=False)
    den.a.say(appointment("keeper", den.now, powers=["PERSONNEL_OFFICER"]), "founder")
    den.a.say(enrolment("keeper", den.now), "founder")
    for alias, power in (("keeper2", ["REGISTRY_KEEPER"]), ("tc", []), ("ubcv", [])):
        for line in (appointment(alias, den.now, powers=power), enrolment(alias, den.now)):
            den.a.say(approved(line, "keeper"), "founder", "keeper")
    return den.store.backup(), den.now


def _again(stored: Any, now: Any) -> ALedger:  # noqa: ANN401 - of `MemoryRecordStore`
    store = MemoryRecordStore()
    store.restore(stored)
    return ALedger(in_memory(store), clock=StepClock(now))


@dataclass(frozen=True, slots=True)
class _Seat:
    """One of the crew in one of their posts."""

    alias: str
    agency: str
    post: str


def _seats(a: ALedger) -> list[_Seat]:
    """Who is in post today, and in which."""
    registry, today = a.ledger.refresh(), _day(a, 0)
    return [
        _Seat(alias, held.agency, held.post)
        for alias in _CREW
        for held in registry.appointments(builders.officer(alias), today)
    ]


def _pairs(a: ALedger) -> list[tuple[_Seat, ...]]:
    """Who could sign an act: one of them alone, or with another one who approves."""
    seats = _seats(a)
    return [
        *((author,) for author in seats),
        *((one, other) for one in seats for other in seats if one.alias != other.alias),
    ]


def _signed(act: Act, *seats: _Seat) -> Act:
    """The act by these: its author, and who approves it."""
    named = [
        {"officer": builders.officer(seat.alias), "post": seat.post, "role": role}
        for seat, role in zip(seats, ("AUTHOR", "APPROVER"), strict=False)
    ]
    return parse_act(
        {
            **act.signed,
            "act_id": builders.an_id(f"{act.act_id} {seats}"),
            "agency": seats[0].agency,
            "post": seats[0].post,
            "signers": named,
        }
    )


def _day(a: ALedger, days: int) -> date:
    return a.clock.now().astimezone(builders.T0.tzinfo).date() + timedelta(days=days)


def _ended(a: ALedger, alias: str, last: date, *, post: str | None, keys: bool) -> Act:
    agency, own = CAST["keeper" if alias == "founder" else alias]
    facts = {
        "officer": builders.officer(alias), "agency": agency, "post": post or own,
        "ended_on": last.isoformat(), "reason": "MOVED", "keys_end": keys,
    }  # fmt: skip
    return _by_keeper("OfficerEnded", alias, "keeper", facts, a.clock.now())


def _drawn(a: ALedger, draw: Random) -> Act:
    """An act that somebody may try: an appointment, an end, or two ids that are found to be one."""
    now, alias = a.clock.now(), draw.choice(_CREW)
    kind = draw.choice(("appoint", "appoint", "end", "end", "end", "link"))
    second = draw.random() < 0.25
    if kind == "link":
        one, other = draw.sample(_CREW, 2)
        return linking(one, other, now)
    if kind == "end":
        last = _day(a, draw.choice((-30, -2, 0, 0, 1, 2, 3, 5)))
        post = _SECOND if second else None
        return _ended(a, alias, last, post=post, keys=draw.random() < 0.3)
    facts: dict[str, Any] = {"valid_from": _day(a, draw.choice((-400, -3, 0, 1, 4))).isoformat()}
    if draw.random() < 0.5:
        facts["valid_to"] = _day(a, draw.randint(0, 8)).isoformat()
    if alias in ("gd", "pgd", "ct"):
        return appointment(alias, now, **facts)
    facts |= {"powers": draw.choice(_POWERS)} | ({"post": _SECOND} if second else {})
    return appointment("keeper" if alias == "founder" else alias, now, **facts)


def _signs(a: ALedger, act: Act, seat: _Seat, role: str = AUTHOR) -> bool:
    """Whether a signature is taken."""
    try:
        a.send(a.sign(act, seat.alias, role=role), by=seat.alias)
    except Rejected:
        return False
    return True


def _all_sign(a: ALedger, act: Act, seats: tuple[_Seat, ...]) -> bool:
    """Whether the signatures of these are taken."""
    named = _signed(act, *seats)
    return all(
        _signs(a, named, seat, role)
        for seat, role in zip(seats, (AUTHOR, "APPROVER"), strict=False)
    )


def _move(a: ALedger, draw: Random, waiting: list[tuple[Act, _Seat]]) -> None:
    """Some days pass, what waits is signed, or an act is: by the first whose it may be."""
    a.clock.step(minutes=5)
    chance, pairs = draw.random(), _pairs(a)
    if chance < 0.1:
        a.clock.step(days=draw.randint(1, 4))
    elif chance < 0.2 and waiting:
        _signs(a, *waiting.pop(draw.randrange(len(waiting))), "APPROVER")
    elif chance < 0.3:
        half = _signed(_drawn(a, draw), *(seats := draw.choice(pairs)))
        if len(seats) > 1 and _signs(a, half, seats[0]):
            waiting.append((half, seats[1]))
    else:
        act = _drawn(a, draw)
        draw.shuffle(pairs)
        any(_all_sign(a, act, seats) for seats in pairs)


def _somebody_lets_in(a: ALedger, days: int) -> bool:
    """Whether somebody new is appointed so many days from now."""
    then = _again(a.stores.records.backup(), a.clock.now() + timedelta(days=days))  # type: ignore[attr-defined]
    act = appointment(_NEW, then.clock.now(), valid_from=_day(then, 0).isoformat())
    return any(_all_sign(then, act, seats) for seats in _pairs(then))


@attack(
    "registrars, a personnel officer and heads who are bought together appoint and end one another,"
    " and find ids to be one person, until nobody can appoint anybody any more",
    stopped_by="REGISTRAR_LEFT, which asks for a registrar and for whoever approves, day by day",
    noticed_by="log audit, which asks the rules again",
)
@settings(max_examples=examples(4))
@given(st.integers(min_value=0))
def test_whatever_is_appointed_and_ended_somebody_lets_others_in(seed: int) -> None:
    """After acts drawn at random, of which some wait for their second signature."""
    a, draw = _again(*_begun()), Random(seed)  # noqa: S311 - acts, no keys
    waiting: list[tuple[Act, _Seat]] = []
    for _ in range(_MOVES):
        _move(a, draw, waiting)
    assert [days for days in _DAYS if not _somebody_lets_in(a, days)] == []
