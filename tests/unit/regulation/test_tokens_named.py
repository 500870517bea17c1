"""Tokens are found in the JSON of an act as if each of its strings were looked at."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.regulation.case.reading import strings
from ledger.regulation.case.reporters import TOKEN, tokens_named
from tests.examples import examples

_SEALED = "sealed:00000000-0000-4000-8000-00000000000"
_texts = st.lists(
    st.sampled_from(
        (f"{_SEALED}1", f"{_SEALED}2", _SEALED, '"', "\\", ":", ",", " ", "a", "\n", "ệ")
    ),
    max_size=4,
).map("".join)
_json = st.recursive(
    st.one_of(_texts, st.integers(-9, 9), st.booleans()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(_texts, inner, max_size=3)
    ),
    max_leaves=12,
)


def _one_by_one(members: dict[str, object]) -> Iterator[str]:
    return filter(TOKEN.fullmatch, (text for _, text in strings(members)))


@given(st.dictionaries(_texts, _json, max_size=4))
@settings(max_examples=examples(100), deadline=None)
def test_every_token_that_is_a_whole_string_is_found_and_nothing_else(
    members: dict[str, object],
) -> None:
    """L26: no name of a member, no part of a text, whatever quotes and backslashes it is among."""
    assert tokens_named(members) == frozenset(_one_by_one(members))
