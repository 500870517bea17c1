"""Many rows of a table in one test: what fails says of which row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

_Row = TypeVar("_Row")
_MOST: Final = 300


def each(rows: Iterable[_Row]) -> list[_Row]:
    """The rows, of which there is one at least: a test of nothing passes always."""
    made = list(rows)
    assert made, "no row"
    return made


@contextmanager
def of(row: object) -> Iterator[None]:
    """Whatever fails in the block is of this row.

    A test of its own for each of some thousand rows costs more than what it asks.

    Args:
        row: It, or what it is called.
    """
    try:
        yield
    except BaseException as failure:
        failure.add_note(f"of {str(row)[:_MOST]}")
        raise
