"""Pointers into a case file, as callers write them in an address."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.queries.past.json_pointers import differing, flatten, resolve

FILE = {"state": "RECEIVED", "flags": [{"code": "LATE"}, {"code": "ORAL"}], "units": ["a/b"]}


@pytest.mark.parametrize("step", ["²", "٣", "01", "-1", "+1", "9" * 5_000, "", " 0"])
def test_step_that_only_looks_like_a_number_leads_nowhere(step: str) -> None:
    """Whatever an address says, it is a field that is not there, never a failure of the server."""
    assert resolve(FILE, f"/flags/{step}") is None
    assert resolve(FILE, f"/state/{step}") is None


def test_every_pointer_of_a_file_leads_back_to_its_value() -> None:
    """What a difference names can be asked for; a member of a list also by its place."""
    found = flatten(FILE)
    assert {pointer: resolve(FILE, pointer) for pointer in found} == found
    assert resolve(FILE, "/flags/1/code") == "ORAL"
    assert resolve(FILE, "/flags/2") is None


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from("ab"),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "b/"]), inner)
    ),
    max_leaves=8,
)


@given(_VALUES, _VALUES)
def test_what_differs_is_found_without_looking_at_what_does_not(old: Any, new: Any) -> None:  # noqa: ANN401 - JSON
    """The same pointers as by laying both files out flat, at the price of the difference."""
    before, after = flatten(old), flatten(new)
    both = {p: (before.get(p), after.get(p)) for p in {**before, **after}}
    assert differing(old, new) == {p: seen for p, seen in both.items() if seen[0] != seen[1]}


def test_members_that_are_named_alike_have_short_names() -> None:
    """A thousand reports of one agency are told apart by a number, not by a thousand signs."""
    names = list(flatten(["a"] * 3 + ["a'2"]))
    assert names == ["/a", "/a'2", "/a'3", "/a'2'2"]
    assert max(map(len, flatten([{"agency": "x"}] * 1_000))) < 20
