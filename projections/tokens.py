"""View `tokens`: which sealed tokens stand in which case, so that a guard can keep each to one.

It answers one question of the write path (`ledger.regulation.cases.Cases.token_elsewhere`) and
nobody's search (ui.md §9).
"""

# ruff: noqa: S608 - pieces of SQL are constants of this file (LiteralString)
from __future__ import annotations

from typing import Any, Final, LiteralString

from keys import canonical
from ledger.regulation.reporters import tokens_in
from projections.view import Connection, Cursor, Step, live

NAME: Final = "tokens"
_PUT: Final[LiteralString] = """
INSERT INTO proj.tokens (gen, token, stream) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING
"""
_FORGET: Final[LiteralString] = "DELETE FROM proj.tokens WHERE gen = %s AND stream = ANY (%s)"
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
        self._erased: set[str] = set()

    def take(self, step: Step) -> None:
        """Gathers the tokens of a case's act; of a case that loses one, those of what is left."""
        for stream in step.erases.values():
            self._erased.add(stream.name)
            self._found = {pair for pair in self._found if pair[1] != stream.name}
            for entry in stream.entries.values():
                payload = canonical.encode(dict(entry.act.members))
                self._found.update((token, stream.name) for token in tokens_in(payload))
        statement = step.opened.statement
        if statement is not None and step.stream.kind == "case":
            name = step.stream.name
            self._found.update((token, name) for token in tokens_in(statement.payload))

    def write(self) -> None:
        """Writes them."""
        if self._erased:
            self._cursor.execute(_FORGET, [self._gen, sorted(self._erased)])
        if self._found:
            rows = [(self._gen, *pair) for pair in sorted(self._found)]
            self._cursor.executemany(_PUT, rows)


def elsewhere(connection: Connection, token: str, stream: str) -> bool:
    """Whether the token stands in another case than this one."""
    row: tuple[Any, ...] | None = connection.execute(_ELSEWHERE, [token, stream]).fetchone()
    return bool(row is not None and row[0])
