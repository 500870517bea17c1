"""Small cells are hidden, and nothing else in the table gives them away."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from projections.statistics import suppress

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


@given(TABLES)
def test_nothing_small_can_be_recomputed_from_the_total(table: dict[str, int]) -> None:
    """Total less the shown cells is either nothing, or at least five over two or more cells."""
    shown = suppress(table)
    assert all(c is None or c == 0 or c >= 5 for c in shown.values())
    hidden = [table[k] for k, c in shown.items() if c is None]
    rest = sum(table.values()) - sum(c for c in shown.values() if c is not None)
    assert rest == sum(hidden)
    everything_hidden = len(hidden) == sum(1 for c in table.values() if c)
    assert not hidden or everything_hidden or (len(hidden) >= 2 and rest >= 5)


@given(TABLES)
def test_large_cells_are_never_changed(table: dict[str, int]) -> None:
    """A figure is right or hidden."""
    assert all(c is None or c == table[k] for k, c in suppress(table).items())
