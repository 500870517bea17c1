"""What cases are called: their numbers, and what they are about, of those seen whole."""

# ruff: noqa: S608 - pieces of SQL are constants of this file (LiteralString)
from __future__ import annotations

from collections.abc import Collection
from typing import Final, LiteralString, NamedTuple

from projections.views.base import Connection, live

_OF: Final[LiteralString] = (
    "SELECT stream, case_number, register_no, title FROM proj.case_file WHERE " + live("case_file")
)
_BY_STREAM: Final[LiteralString] = _OF + " AND stream = ANY (%(streams)s)"
_BY_NUMBER: Final[LiteralString] = _OF + " AND case_number = ANY (%(numbers)s)"


class Called(NamedTuple):
    """What a case is called: its numbers, and what it is about."""

    case_number: str | None = None
    register_no: str | None = None
    title: str | None = None


def called(connection: Connection, streams: Collection[str]) -> dict[str, Called]:
    """What cases are called by their stream, of those that the asker sees whole."""
    rows = connection.execute(_BY_STREAM, {"streams": list(streams)}).fetchall()
    return {row[0]: Called(*row[1:]) for row in rows}


def numbered(connection: Connection, numbers: Collection[str]) -> dict[str, Called]:
    """Cases that have one of these numbers, by stream, of those that the asker sees whole."""
    rows = connection.execute(_BY_NUMBER, {"numbers": list(numbers)}).fetchall()
    return {row[0]: Called(*row[1:]) for row in rows}
