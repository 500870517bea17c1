"""View `tokens`: which sealed tokens stand in which case, so that a guard can keep each to one.

It answers one question of the write path (`ledger.regulation.cases.Cases.token_elsewhere`) and
nobody's search (ui.md §9).
"""

# ruff: noqa: S608 - pieces of SQL are constants of this file (LiteralString)
from __future__ import annotations

from typing import Any, Final, LiteralString

from ledger.regulation.reporters import tokens_in
from projections.view import Connection, Cursor, Step, live

NAME: Final = "tokens"
_PUT: Final[LiteralString] = """
INSERT INTO proj.tokens (gen, token, stream) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING
"""
_ELSEWHERE: Final[LiteralString] = (
    "SELECT EXISTS (SELECT FROM proj.tokens WHERE "
    + live(NAME)
    + " AND token = %s AND stream <> %s)"
)


class Tokens:
    """The view `tokens`."""

    name = NAME
    tables: tuple[LiteralString, ...] = ("tokens",)

    def batch(self, cursor: Cursor, gen: int) -> TokensBatch:
        """Begins a batch."""
        return TokensBatch(cursor, gen)


class TokensBatch:
    """Tokens met in a batch."""

    def __init__(self, cursor: Cursor, gen: int) -> None:
        self._cursor = cursor
        self._gen = gen
        self._found: set[tuple[str, str]] = set()

    def take(self, step: Step) -> None:
        """Gathers the tokens of a case's act."""
        statement = step.opened.statement
        if statement is not None and step.stream.kind == "case":
            name = step.stream.name
            self._found.update((token, name) for token in tokens_in(statement.payload))

    def write(self) -> None:
        """Writes them."""
        if self._found:
            rows = [(self._gen, *pair) for pair in sorted(self._found)]
            self._cursor.executemany(_PUT, rows)


def elsewhere(connection: Connection, token: str, stream: str) -> bool:
    """Whether the token stands in another case than this one."""
    row: tuple[Any, ...] | None = connection.execute(_ELSEWHERE, [token, stream]).fetchone()
    return bool(row is not None and row[0])
