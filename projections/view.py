"""What a read model is: a name, its tables, and a batch that takes folded steps and writes rows.

The fold is shared: `Step` is one record with what it did to its stream, the same for every view
(architecture.md §5). A view never asks another view, and never knows which generation is read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, LiteralString, Protocol

import psycopg

from ledger.reader import Opened
from ledger.regulation.cases import Cases
from ledger.regulation.registry import Registry
from ledger.regulation.stream import VOIDING, Entry, Signed, StreamState
from projections.share import Share

Cursor = psycopg.Cursor[tuple[Any, ...]]
Connection = psycopg.Connection[tuple[Any, ...]]
Status = Literal["pending", "effective", "returned", "erased", "service", "set_aside"]

#: Acts after which agencies, functions, instruments or clocks read otherwise: a view that shows
#: names or deadlines writes what it has gathered before one of these takes effect.
RENAMING: Final = frozenset(
    {
        "AgencyRegistered",
        "FunctionAssigned",
        "AgencySuccessionRecorded",
        "InstrumentRegistered",
        "ClockRuleSet",
        "RegulationVersionAdopted",
    }
)


def live(view: LiteralString) -> LiteralString:
    """SQL: the condition by which a row is of the generation that readers are given."""
    return "gen = (SELECT gen FROM proj.views WHERE view = '" + view + "' AND state = 'live')"  # noqa: S608  names of views are constants


@dataclass(slots=True)
class Step:
    """One record, folded.

    Attributes:
        opened: The record.
        stream: The fold of its stream after it; it moves on with the next record of that stream.
        signed: The statement as the fold sees it; None where erased or a service statement.
        entry: Its act; None likewise.
        status: Status of the act after this statement.
        effect: Whether this statement made the act effective.
        flags: What its taking effect raised.
        registry: The registry as the record found it.
        cases: What a flag may ask about the rest of the log, as the record found it.
        erases: Streams and indices whose content this record erases, of the share.
        taken_back: The same of records before it that turn out to be set aside, of this stream.
        share: What the process that folds it writes rows about.
        load: The fold of another stream by its name, as of this record.
    """

    opened: Opened
    stream: StreamState
    signed: Signed | None
    entry: Entry | None
    status: Status
    effect: bool
    flags: tuple[str, ...]
    registry: Registry
    cases: Cases
    erases: Mapping[int, StreamState]
    taken_back: Mapping[int, StreamState]
    share: Share
    load: Callable[[str], StreamState]

    @property
    def own(self) -> bool:
        """Whether rows about its stream are written here; if not, it only moves the fold."""
        return self.share.owns(self.stream.name)

    @property
    def refolded(self) -> Mapping[int, StreamState]:
        """Streams without what stood in them before this record, by the index that is gone."""
        return {**self.erases, **self.taken_back}

    @property
    def voids(self) -> tuple[int, ...]:
        """Records set aside that this one names and so puts out of the way."""
        if not self.effect or self.entry is None or self.entry.act.act != VOIDING:
            return ()
        return tuple(named["index"] for named in self.entry.act.facts["entries"])

    @property
    def renames(self) -> bool:
        """Whether names or deadlines of other streams read otherwise from here on."""
        return self.effect and self.entry is not None and self.entry.act.act in RENAMING


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
    def tables(self) -> tuple[LiteralString, ...]:
        """Its tables in schema `proj`; each begins with a column `gen`."""

    def batch(self, cursor: Cursor, gen: int) -> Batch:
        """Begins a batch in the transaction of the cursor."""
