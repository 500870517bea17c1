"""What the registry has answered before it answers again only until a line is added."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from functools import partial
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.regulation.registry.agencies import Agencies, Asked, Holding
from ledger.regulation.registry.delegations import Delegation, Delegations
from ledger.regulation.registry.instruments import Instrument, Instruments
from ledger.regulation.registry.officers import Appointment, Officers
from ledger.regulation.registry.rules import Rule, Rules
from tests.examples import examples

_IDS = ("a", "b", "c")
_DAYS = tuple(date(2026, 1, day) for day in range(1, 6))
_Change = Callable[[Officers], None]


def _appoint(officer: str, person: str | None, day: date, officers: Officers) -> None:
    officers.appoint(officer, person, Appointment("x", "y", frozenset(), frozenset(), day, None, 0))


def _end(officer: str, day: date, officers: Officers) -> None:
    officers.end(officer, "x", "y", day, day)


def _join(officer: str, other: str, officers: Officers) -> None:
    officers.join(officer, other)


_officers, _days = st.sampled_from(_IDS), st.sampled_from(_DAYS)
_persons = st.sampled_from((None, "p", "q"))
_changes: st.SearchStrategy[_Change] = st.one_of(
    st.builds(partial, st.just(_appoint), _officers, _persons, _days),
    st.builds(partial, st.just(_end), _officers, _days),
    st.builds(partial, st.just(_join), _officers, _officers),
)


def _answers(officers: Officers) -> object:
    return (
        [officers.appointment(o, "x", "y", d) for o, d in product(_IDS, _DAYS)],
        [officers.appointments(o, d) for o, d in product(_IDS, _DAYS)],
        [officers.ids_of(o) for o in _IDS],
    )


@given(st.lists(_changes, max_size=8))
@settings(max_examples=examples(40), deadline=None)
def test_officers_who_were_asked_answer_as_those_who_were_not(changes: list[_Change]) -> None:
    """A post that is given or ended, and who is found to be one, is so from the next question."""
    asked = Officers()
    for n, change in enumerate(changes, 1):
        change(asked)
        fresh = Officers()
        for one in changes[:n]:
            one(fresh)
        assert _answers(asked) == _answers(fresh)


def test_an_instrument_that_is_replaced_is_so_from_the_next_question_on() -> None:
    """G2: no act cites what an act of the registry has ended meanwhile."""
    lines = Instruments()
    assert not lines.in_force("1", _DAYS[4])
    lines.add(Instrument("1", "", "LAW", _DAYS[0], None, None, "CONFIRMED"))
    assert lines.in_force("1", _DAYS[4])
    lines.replace("1", "2", _DAYS[3])
    assert not lines.in_force("1", _DAYS[4])
    assert lines.in_force("1", _DAYS[2])


def test_a_rule_that_is_set_rules_from_the_next_question_on() -> None:
    """A clock that ClockRuleSet makes longer is so for the very next act."""
    lines = Rules()
    assert lines.on("LATE_ENTRY", _DAYS[4]) is None
    short = Rule("LATE_ENTRY", "", "", 24, "h", "", "PRODUCT_RULE", "CONFIRMED")
    lines.add(short)
    assert lines.on("LATE_ENTRY", _DAYS[4]) == short
    lines.set(replace(short, value=48, valid_from=_DAYS[3]))
    assert [(found := lines.on("LATE_ENTRY", day)) and found.value for day in _DAYS[2:]] == [
        24,
        48,
        48,
    ]


def test_a_delegation_is_asked_of_from_its_record_to_the_one_that_ends_it() -> None:
    """Nobody signs by what has ended since the last act that they signed."""
    lines = Delegations()
    assert lines.taken_by("b") == ()
    given_ = Delegation(
        "1", "agency/x", "x", "a", "y", "b", "z", "KT", frozenset(), _DAYS[0], _DAYS[4], "", 3
    )
    lines.give(given_)
    assert lines.taken_by("b") == (given_,)
    lines.give(replace(given_, act_id="2"))
    assert [line.act_id for line in lines.taken_by("b")] == ["2", "1"]
    lines.end("1", 9)
    assert [line.ended for line in lines.taken_by("b")] == [None, 9]


def test_a_function_is_held_where_it_is_asked_from_the_next_question_on() -> None:
    """Given, in a territory that is placed, and passed on by a reorganisation."""
    lines = Agencies({"27": (), "27.01": ("27",)}, {"27": 1, "27.01": 2})
    here, below, new = (Asked(frozenset({place})) for place in ("27", "27.01", "30"))

    def held(agency: str) -> list[bool]:
        return [lines.holds_in(agency, "LEAD", _DAYS[4], asked) for asked in (here, below, new)]

    assert held("x") == [False, False, False]
    lines.assign(Holding("x", "LEAD", "27", _DAYS[0], None, "", "CONFIRMED"))
    assert held("x") == [True, True, False]
    lines.place("30", ["27"])
    assert held("x") == [True, True, True]
    row = {"function": "LEAD", "from_agency": "x", "to_agency": "z", "assumed": False}
    lines.succeed(
        kind="MERGE", day=_DAYS[2], predecessors=["x"], successors=["z"], rows=[row], basis="",
        index=4,
    )  # fmt: skip
    assert (held("x"), held("z")) == ([False] * 3, [True] * 3)
