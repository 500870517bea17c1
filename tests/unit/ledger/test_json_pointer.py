"""JSON Pointers are read and written in one place, to the letter of RFC 6901."""

from __future__ import annotations

import re
from functools import reduce
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.json_pointer import child, names

ROOT = Path(__file__).parents[3]


@given(st.lists(st.text()))
def test_what_is_written_is_read(given_names: list[str]) -> None:
    """Any member names, also empty ones and those with slashes and tildes in them."""
    assert names(reduce(child, given_names, "")) == tuple(given_names)


@pytest.mark.parametrize(
    ("pointer", "expected"),
    [("", ()), ("/", ("",)), ("/a~1b", ("a/b",)), ("/m~0n", ("m~n",)), ("/~01", ("~1",))],
)
def test_of_the_rfc(pointer: str, expected: tuple[str, ...]) -> None:
    """RFC 6901 §5, and §4: `~01` is `~1`, and never a slash."""
    assert names(pointer) == expected


def test_a_name_alone_is_no_pointer() -> None:
    """It would otherwise point at the whole document."""
    with pytest.raises(ValueError, match="not a JSON Pointer"):
        names("status")


def test_nobody_else_escapes() -> None:
    """Five places did; one of them read `~0` as it stood."""
    found = {
        str(path.relative_to(ROOT))
        for package in ("api", "projections", "ledger", "keys")
        for path in (ROOT / package).rglob("*.py")
        if re.search(r"""["']~[01]["']""", path.read_text("utf-8"))
    }
    assert found == {"ledger/json_pointer.py"}
