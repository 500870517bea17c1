"""Small cells are hidden, and nothing else in the table gives them away."""

from __future__ import annotations

from itertools import product
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.regulation.case.counted_reports import SMALLEST
from projections.views.statistics.view import suppress

TABLES = st.dictionaries(
    st.text(alphabet="abcdef", min_size=1, max_size=3), st.integers(0, 40), max_size=8
)


def test_a_cell_below_five_is_hidden_with_the_next_smallest() -> None:
    """One hidden cell could be had from the total."""
    assert suppress({"a": 3, "b": 9, "c": 20}) == {"a": None, "b": None, "c": 20}


def test_two_hidden_cells_that_add_up_to_few_take_a_third() -> None:
    """Their sum is a small cell too."""
    assert suppress({"a": 1, "b": 2, "c": 9, "d": 20}) == {"a": None, "b": None, "c": None, "d": 20}


def test_zero_shows_nobody_and_is_shown() -> None:
    """Nothing happened there."""
    assert suppress({"a": 0, "b": 30}) == {"a": 0, "b": 30}


def test_whoever_knows_the_rule_cannot_tell_a_hidden_cell() -> None:
    """Of all tables that print alike, each hidden cell has more than one value."""
    alike: dict[object, list[tuple[int, ...]]] = {}
    for counts in product(range(12), repeat=3):
        total = sum(counts)
        shown = suppress(dict(zip("abc", counts, strict=True)))
        seen = (tuple(sorted(shown.items())), total if total >= SMALLEST else total > 0)
        alike.setdefault(seen, []).append(counts)
    for (cells, _), tables in cast("Any", alike).items():
        if max(max(counts) for counts in tables) > 9:
            continue  # what else prints alike is beyond what was tried
        for key, count in cells:
            if count is None:
                assert len({counts["abc".index(key)] for counts in tables}) > 1, (cells, tables)


@pytest.mark.parametrize("counts", [(1, 1, 1, 1, 1), (4, 4, 4, 5), (5, 4, 4), (5, 5, 1)])
def test_a_sum_as_small_or_as_large_as_it_can_be_tells_nothing(counts: tuple[int, ...]) -> None:
    """Five hidden cells that add up to five are ones, and three that add up to twelve are fours."""
    assert not any(suppress(dict(zip("abcde", counts, strict=False))).values())


@given(TABLES)
def test_no_small_cell_is_printed(table: dict[str, int]) -> None:
    """And one that is hidden has company, unless it is alone in its table."""
    shown = suppress(table)
    assert all(c is None or c == 0 or c >= SMALLEST for c in shown.values())
    hidden = [key for key, c in shown.items() if c is None]
    assert len(hidden) != 1 or sum(1 for c in table.values() if c) == 1


@given(TABLES)
def test_large_cells_are_never_changed(table: dict[str, int]) -> None:
    """A figure is right or hidden."""
    assert all(c is None or c == table[k] for k, c in suppress(table).items())
