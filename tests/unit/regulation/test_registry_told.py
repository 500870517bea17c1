"""What the registry has answered before it answers again only until a line is added."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import partial
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.regulation.registry.instruments import Instrument, Instruments
from ledger.regulation.registry.officers import Appointment, Officers
from tests.examples import examples

_IDS = ("a", "b", "c")
_DAYS = tuple(date(2026, 1, day) for day in range(1, 6))
_Change = Callable[[Officers], None]


def _appoint(officer: str, person: str | None, day: date, officers: Officers) -> None:
    officers.appoint(officer, person, Appointment("x", "y", frozenset(), frozenset(), day, None, 0))


def _end(officer: str, day: date, officers: Officers) -> None:
    officers.end(officer, "x", "y", day)


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
