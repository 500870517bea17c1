"""A test over a table says which row failed, and fails where the table is empty."""

from __future__ import annotations

import pytest

from tests.rows import each, of


def test_what_fails_names_its_row() -> None:
    """As a test of its own for each row would."""
    with pytest.raises(AssertionError, match="no equal") as failed, of("row 2"):
        raise AssertionError("no equal")
    assert failed.value.__notes__ == ["of row 2"]


def test_a_table_without_rows_is_no_test() -> None:
    """As pytest says of one without parameters."""
    assert each("ab") == ["a", "b"]
    with pytest.raises(AssertionError):
        each(())
