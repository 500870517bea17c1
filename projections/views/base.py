"""What a read model is: a name, its tables, and a batch that takes folded steps and writes rows.

A view never asks another view, and never knows which generation is read.
"""

from __future__ import annotations

from typing import Any, LiteralString, Protocol

import psycopg

from projections.fold.step import Step

Cursor = psycopg.Cursor[tuple[Any, ...]]
Connection = psycopg.Connection[tuple[Any, ...]]


def live(view: LiteralString) -> LiteralString:
    """SQL: the condition by which a row is of the generation that readers are given."""
    return "gen = (SELECT gen FROM proj.views WHERE view = '" + view + "' AND state = 'live')"  # noqa: S608  names of views are constants


def through_all(connection: Connection) -> None:
    """Says for the rest of the transaction that its questions go through all rows of a table.

    Who asks sees the same; the policies make the set of what they see once, instead of looking each
    row up (`sec.has_few`). No index helps a condition that may fail on a row (`@@`, `@>`): the
    policy is asked before it.
    """
    connection.execute(
        "SELECT set_config('app.by_set', 'on', true), set_config('plan_cache_mode', 'auto', true)"
    )


def by_values(connection: Connection) -> None:
    """Says for the rest of the transaction that the values asked for decide on the plan.

    A session of the reader's plans a statement once, whatever is asked (`roles.sql`). Of a bound it
    cannot know then how many rows lie beyond it.
    """
    connection.execute("SELECT set_config('plan_cache_mode', 'auto', true)")


class Batch(Protocol):
    """Rows of one batch of one generation, gathered and then written in the batch's transaction."""

    def take(self, step: Step) -> None:
        """Gathers one record; called in index order, before the registry moves on."""

    def write(self) -> None:
        """Writes what was gathered."""


class View(Protocol):
    """A read model."""

    @property
    def name(self) -> str:
        """Name of the view, and of its DDL `schema/<name>.sql`."""

    @property
    def schema(self) -> LiteralString:
        """`proj`; `sec` for tables that the ledger makes itself and asks in its policies."""

    @property
    def tables(self) -> tuple[LiteralString, ...]:
        """Its tables in that schema; each begins with a column `gen`."""

    @property
    def flags(self) -> bool:
        """Whether it asks what flags an act raised (`Step.flags`), a quarter of a fold's work."""

    def batch(self, cursor: Cursor, gen: int) -> Batch:
        """Begins a batch in the transaction of the cursor."""
