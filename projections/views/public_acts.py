"""View `public_acts`: what anybody may read without signing in (access.md A3).

An act is there while it is effective, was signed to be public, and is of a type that speaks to
everybody; of it what its type lets be read by everybody (`public` of acts.json), as it was put
right since. A text that seems to name somebody waits until somebody has dealt with that. What was
withdrawn or erased is not there, and nothing says that it was.
"""

# ruff: noqa: S608 - pieces of SQL are constants of this file (LiteralString)
from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, LiteralString
from uuid import UUID

import orjson
from psycopg.rows import class_row

from ledger.regulation.acts.act import ORDINARY
from ledger.regulation.acts.catalogue import catalogue_of
from ledger.regulation.case.corrections import MEMBER_MARKS
from ledger.regulation.case.state import Entry, StreamState
from ledger.regulation.case.suspected_names import dealt_with, names_somebody
from ledger.regulation.registry.registry import Registry
from projections.fold.step import Step
from projections.views.base import Connection, Cursor, live
from projections.views.new_rows import NewRows

NAME: Final = "public_acts"
PUBLIC: Final = "PUBLIC"
CORRECTION: Final = "CorrectionPublished"
WITHDRAWAL: Final = "ContentWithdrawn"
#: Acts by which one that is public reads otherwise, or is public no more.
_CHANGING: Final = frozenset({CORRECTION, WITHDRAWAL, "RecordCorrected"})

_CLEAR: Final[LiteralString] = "DELETE FROM proj.public_acts WHERE gen = %s AND stream = ANY (%s)"
_PUT: Final = NewRows(
    "public_acts",
    (
        "gen smallint", "stream text", "act_id uuid", "act text", "agency text", "agency_name text",
        "occurred_at timestamptz", "facts json", "corrects uuid", "corrected boolean",
    ),
)  # fmt: skip
_COLUMNS: Final[LiteralString] = (
    "SELECT act_id::text, act, agency, agency_name, occurred_at, facts, corrects::text, corrected"
    " FROM proj.public_acts WHERE " + live(NAME)
)
_ONE: Final[LiteralString] = _COLUMNS + " AND act_id = %s"
_BY: Final[LiteralString] = (
    _COLUMNS + " AND corrects = %s ORDER BY occurred_at DESC, act_id DESC LIMIT %s"
)
_PAGE: Final[LiteralString] = (
    _COLUMNS
    + " AND (%(act)s::text IS NULL OR act = %(act)s)"
    + " AND (%(agency)s::text IS NULL OR agency = %(agency)s)"
    + " AND (%(at)s::timestamptz IS NULL OR (occurred_at, act_id) < (%(at)s, %(id)s::uuid))"
    + " ORDER BY occurred_at DESC, act_id DESC LIMIT %(limit)s"
)
MOST_CORRECTIONS: Final = 200


class PublicActs:
    """The view `public_acts`."""

    name = NAME
    schema: LiteralString = "proj"
    tables: tuple[LiteralString, ...] = (NAME,)
    flags = False

    def batch(self, cursor: Cursor, gen: int) -> PublicActsBatch:
        """Begins a batch."""
        return PublicActsBatch(cursor, gen)


class PublicActsBatch:
    """Streams of which something public changed in a batch; their rows are written anew."""

    def __init__(self, cursor: Cursor, gen: int) -> None:
        self._cursor = cursor
        self._gen = gen
        self._touched: dict[str, StreamState] = {}
        self._step: Step | None = None

    def take(self, step: Step) -> None:
        """Gathers the stream of one record."""
        if step.level != ORDINARY:
            return
        self._step = step
        if step.own and step.effect and step.entry is not None and _matters(step.entry):
            self._touched[step.stream.name] = step.stream
        for stream in step.refolded.values():
            self._touched[stream.name] = stream

    def write(self) -> None:
        """Replaces the rows of every stream touched."""
        if not self._touched or self._step is None:
            return
        self._cursor.execute(_CLEAR, [self._gen, list(self._touched)])
        rows = [
            (self._gen, *row)
            for stream in self._touched.values()
            for row in _rows(stream, self._step.registry)
        ]
        _PUT.put(self._cursor, rows)
        self._touched = {}


def _matters(entry: Entry) -> bool:
    return entry.act.act in _CHANGING or (entry.act.circulation == PUBLIC and _spoken(entry) != ())


def _spoken(entry: Entry) -> tuple[str, ...]:
    """The facts of an act that everybody may read, by the rules by which it took effect."""
    kind = catalogue_of(entry.edition).types.get(entry.act.act)
    return () if kind is None else kind.public


def _rows(stream: StreamState, registry: Registry) -> Iterator[tuple[Any, ...]]:
    gone = {
        act_id for e in stream.effective(WITHDRAWAL) for act_id in e.act.facts.get("withdrawn", ())
    }
    shown = {
        entry.act.act_id: entry
        for entry in stream.effective()
        if entry.act.circulation == PUBLIC
        and _spoken(entry)
        and entry.act.act_id not in gone
        and (not names_somebody(entry) or dealt_with(entry, stream))
    }
    put_right = {
        named
        for e in stream.effective(CORRECTION)
        for name in ("release", "corrected_act")
        if (named := e.act.facts.get(name)) is not None
    }
    for act_id, entry in shown.items():
        act, facts = entry.act, entry.act.facts
        release = facts.get("release") if act.act == CORRECTION else None
        yield (
            stream.name,
            UUID(act_id),
            act.act,
            act.agency,
            registry.name(act.agency, act.day),
            act.occurred_at,
            orjson.dumps({name: facts[name] for name in _spoken(entry) if name in facts}).decode(),
            UUID(release) if release in shown else None,
            act_id in put_right
            or any(e.act.facts.get("mark") in MEMBER_MARKS for e in stream.corrected_by(act_id)),
        )


# -- reading --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PublicAct:
    """One publication, as everybody may read it.

    Attributes:
        act_id: Its id, by which it is spoken of outside too.
        act: Its type.
        agency: Who published it.
        agency_name: As that was called on the day.
        occurred_at: When.
        facts: What it says to everybody.
        corrects: The publication that it puts right.
        corrected: Whether something of it was put right since.
    """

    act_id: str
    act: str
    agency: str
    agency_name: str
    occurred_at: datetime
    facts: Mapping[str, Any]
    corrects: str | None
    corrected: bool


def page(
    connection: Connection,
    *,
    act: str | None,
    agency: str | None,
    after: tuple[datetime, str] | None,
    limit: int,
) -> list[PublicAct]:
    """Publications, the newest first.

    Args:
        connection: Of the login `public`, or one that reads as much.
        act: Of this type alone.
        agency: Of this agency alone.
        after: Time and id of the last one that was given.
        limit: Most of them.
    """
    at, last = after or (None, None)
    asked = {"act": act, "agency": agency, "at": at, "id": last, "limit": limit}
    with connection.cursor(row_factory=class_row(PublicAct)) as cursor:
        return cursor.execute(_PAGE, asked).fetchall()


def one(connection: Connection, act_id: UUID) -> PublicAct | None:
    """A publication; None where there is none that everybody may read."""
    with connection.cursor(row_factory=class_row(PublicAct)) as cursor:
        return cursor.execute(_ONE, [act_id]).fetchone()


def corrections(connection: Connection, act_id: UUID) -> list[PublicAct]:
    """The public corrections of a publication, the newest first."""
    with connection.cursor(row_factory=class_row(PublicAct)) as cursor:
        return cursor.execute(_BY, [act_id, MOST_CORRECTIONS]).fetchall()
