"""A soak in pieces goes through all that it goes through at once."""

from __future__ import annotations

import pytest

from tests.parts import Part


@pytest.mark.parametrize("n", [1, 7, 60])
def test_all_parts_together_have_each_number_once(n: int) -> None:
    """None is left out, none is run twice, and a part without any is no fault."""
    for count in (0, 1, 67, 6_667):
        every = [one for k in range(1, n + 1) for one in Part(k, n).of(count)]
        assert sorted(every) == list(range(count))


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "1/0", "a/b", "1/3/5", "-1/3", "1/ 3", ""])
def test_what_is_no_part_is_refused(text: str) -> None:
    """A typing error never passes for a run."""
    with pytest.raises(ValueError, match="is no part"):
        Part.read(text)
