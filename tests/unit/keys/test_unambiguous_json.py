"""JSON that says a member twice means two things, and is not read."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.unambiguous_json import SaidTwice, read, read_into, require_once
from tests.attacks import attack

_TWICE = (
    '{"a":1,"a":1}',
    '{"a":1,"b":{"c":[{"a":1,"d":2,"a":3}]}}',
    '{"a":1,"\\u0061":2}',  # one name, written in two ways
    '[{"a":null,"a":null}]',
)


@pytest.mark.parametrize("text", _TWICE)
def test_a_member_that_is_said_twice_is_refused(text: str) -> None:
    """However deep, and however its name is written; bytes and text alike."""
    for data in (text, text.encode()):
        with pytest.raises(SaidTwice) as refused:
            read(data)
        assert refused.value.member == "a"


class Counted(str):
    """A name that counts how often it is compared."""

    __slots__ = ()
    compared = 0

    def __eq__(self, other: object) -> bool:
        Counted.compared += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__


@attack(
    "one request of a megabyte with a hundred thousand members, the last of which is said twice, by"
    " somebody who has not signed in, or one answer of a lying server: a processor for ten minutes",
    stopped_by="the members of an object are looked at once",
    noticed_by="-",
)
def test_no_number_of_members_makes_a_reader_slow() -> None:
    """As many comparisons as there are members, at most."""
    names = [Counted(n) for n in range(2_000)]
    Counted.compared = 0
    with pytest.raises(SaidTwice):
        require_once([(name, 0) for name in (*names, Counted(1_999))])
    assert Counted.compared < 2 * len(names)


@pytest.mark.parametrize("text", ["", "{", '{"a":NaN}', "[" * 5_000 + "]" * 5_000, "\ufeff{}"])
def test_what_is_no_json_is_said_to_be_none(text: str) -> None:
    """Nor what is nested so deeply that a reader gives up, at whichever depth."""
    with pytest.raises(orjson.JSONDecodeError):
        read(text)
    for depth in range(900, 1_030, 10):
        deep = "[" * depth + "]" * depth
        try:
            read(deep)
        except orjson.JSONDecodeError:
            continue


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text() | st.floats(0, 1),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(_JSON)
def test_everything_else_is_read_as_it_is_written(value: Any) -> None:  # noqa: ANN401  any JSON
    """The same value as without the look."""
    data = orjson.dumps(value)
    assert read(data) == orjson.loads(data)


@pytest.mark.parametrize("number", [2**53 - 1, 1 - 2**53, 0, 2**53, -(2**53), 2**64, 10**30])
def test_a_number_that_no_json_of_ours_has_is_not_read(number: int) -> None:
    """formats.md §1: what is handed on as JSON can be written by whoever reads it."""
    text = f'{{"a":[{number}]}}'
    if abs(number) < 2**53:
        assert read_into(dict, text) == {"a": [number]}
        return
    with pytest.raises(ValueError, match="2\\^53"):
        read_into(dict, text)
