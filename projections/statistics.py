"""View `statistics`: counts and oversight indicators over cases.

Oversight first, small cells hidden.

The indicators come in the order of regulation.md §9, volumes last. No row names a person or ranks
anybody, and nothing here is a target.
"""

# ruff: noqa: S608 - pieces of SQL are constants of this file (LiteralString)
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, LiteralString

import orjson

from ledger.regulation.stream import StreamState
from projections.indicators import INDICATORS, Indicator
from projections.marks import COUNTED_FLAGS, closing, marks_of
from projections.view import Connection, Cursor, Step

NAME: Final = "statistics"
SMALLEST: Final = 5
"""Cells below this are hidden ("dưới 5")."""
OLD_CASE_DAYS: Final = 90

_CLEAR_MARKS: Final[LiteralString] = "DELETE FROM proj.marks WHERE gen = %s AND stream = ANY (%s)"
_COPY_MARKS: Final[LiteralString] = """
COPY proj.marks (gen, stream, n, code, act_id, on_day, agency, basis, until)
FROM STDIN (FORMAT BINARY)
"""
_MARK_TYPES: Final = (
    "int2", "text", "int4", "text", "uuid", "date", "text", "text", "timestamptz",
)  # fmt: skip
_PUT: Final[LiteralString] = """
INSERT INTO proj.counted (gen, stream, opened_on, channel, agency, state, outcome, result_on,
  closed_on, acts)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (gen, stream) DO UPDATE SET opened_on = excluded.opened_on,
  channel = excluded.channel, agency = excluded.agency, state = excluded.state,
  outcome = excluded.outcome, result_on = excluded.result_on, closed_on = excluded.closed_on,
  acts = excluded.acts
"""
_FLAGGED: Final[LiteralString] = """
SELECT stream, code, act_id::text FROM proj.marks
WHERE gen = %s AND stream = ANY (%s) AND code = ANY (%s)
"""


class Statistics:
    """The view `statistics`."""

    name = NAME
    tables: tuple[LiteralString, ...] = ("counted", "marks")

    def batch(self, cursor: Cursor, gen: int) -> StatisticsBatch:
        """Begins a batch."""
        return StatisticsBatch(cursor, gen)


class StatisticsBatch:
    """Cases touched by a batch, counted anew."""

    def __init__(self, cursor: Cursor, gen: int) -> None:
        self._cursor = cursor
        self._gen = gen
        self._touched: dict[str, StreamState] = {}
        self._flags: dict[str, list[tuple[str, str]]] = {}
        self._step: Step | None = None

    def take(self, step: Step) -> None:
        """Gathers the case of one record."""
        self._step = step
        if step.renames:
            self.write()
        if step.stream.kind == "case":
            self._touched[step.stream.name] = step.stream
            if step.entry is not None:
                flags = [
                    (code, step.entry.act.act_id) for code in step.flags if code in COUNTED_FLAGS
                ]
                self._flags.setdefault(step.stream.name, []).extend(flags)
        for stream in step.erases.values():
            if stream.kind == "case":
                self._touched[stream.name] = stream

    def write(self) -> None:
        """Writes one row a case and its marks."""
        if not self._touched or self._step is None:
            return
        names = list(self._touched)
        for name, code, act_id in self._cursor.execute(
            _FLAGGED, [self._gen, names, list(COUNTED_FLAGS)]
        ).fetchall():
            self._flags.setdefault(name, []).append((code, act_id))
        self._cursor.execute(_CLEAR_MARKS, [self._gen, names])
        self._cursor.executemany(
            _PUT, [(self._gen, *_counted(stream)) for stream in self._touched.values()]
        )
        with self._cursor.copy(_COPY_MARKS) as copy:
            copy.set_types(_MARK_TYPES)
            for stream in self._touched.values():
                flags = self._flags.get(stream.name, ())
                for n, mark in enumerate(marks_of(stream, flags, self._step.registry)):
                    copy.write_row((self._gen, stream.name, n, *mark.row))
        self._touched, self._flags = {}, {}


def _counted(stream: StreamState) -> tuple[Any, ...]:
    first = stream.intake[0].act if stream.intake else None
    closed = closing(stream)
    return (
        stream.name,
        None if first is None else first.occurred_at.date(),
        None if first is None else first.channel,
        stream.handler_raw if first is None or stream.handler_raw else first.agency,
        stream.state,
        stream.outcome,
        None if stream.result is None else stream.result.act.occurred_at.date(),
        None if closed is None else closed.act.occurred_at.date(),
        len(stream.effective()),
    )


# -- reading -----------------------------------------------------------------------------------


_LIVE: Final[LiteralString] = (
    "gen = (SELECT gen FROM proj.views WHERE view = 'statistics' AND state = 'live')"
)
#: Marks that one indicator adds up are counted under its first, so that a case with two is one.
_MARKS: Final[LiteralString] = (
    "SELECT coalesce(%(first)s::jsonb ->> code, code), count(*)::int, count(DISTINCT stream)::int"
    " FROM proj.marks WHERE "
    + _LIVE
    + " AND on_day >= %(start)s AND on_day <= %(end)s AND (until IS NULL OR until < %(at)s)"
    " AND (%(agency)s::text IS NULL OR agency = %(agency)s) GROUP BY 1"
)
_FIRST: Final = {code: one.marks[0] for one in INDICATORS for code in one.marks}
_BY_BASIS: Final[LiteralString] = (
    "SELECT coalesce(basis, ''), count(*)::int FROM proj.marks WHERE "
    + _LIVE
    + " AND code = 'OVERTURNED' AND on_day >= %(start)s AND on_day <= %(end)s"
    " AND (%(agency)s::text IS NULL OR agency = %(agency)s) GROUP BY 1 ORDER BY 1"
)
_OLD: Final[LiteralString] = (
    "SELECT count(*)::int FROM proj.counted WHERE "
    + _LIVE
    + " AND opened_on < %(old)s AND state IS NOT NULL AND state NOT IN ('CLOSED', 'ARCHIVED')"
    " AND (%(agency)s::text IS NULL OR agency = %(agency)s)"
)
_VOLUMES: Final[LiteralString] = (
    "SELECT to_char(opened_on, 'YYYY-MM'), coalesce(agency, ''), coalesce(channel, ''),"
    " coalesce(outcome, ''), count(*)::int FROM proj.counted WHERE "
    + _LIVE
    + " AND opened_on >= %(start)s AND opened_on <= %(end)s"
    " AND (%(agency)s::text IS NULL OR agency = %(agency)s) GROUP BY 1, 2, 3, 4"
)
_DURATIONS: Final[LiteralString] = (
    "SELECT outcome, percentile_disc(0.5) WITHIN GROUP (ORDER BY result_on - opened_on)"
    " FROM proj.counted WHERE "
    + _LIVE
    + " AND opened_on >= %(start)s AND opened_on <= %(end)s AND outcome IS NOT NULL"
    " AND result_on IS NOT NULL AND (%(agency)s::text IS NULL OR agency = %(agency)s)"
    " GROUP BY outcome HAVING count(*) >= %(smallest)s ORDER BY outcome"
)


@dataclass(frozen=True, slots=True)
class Cell:
    """One figure of a table; `count` is None where it is hidden."""

    key: str
    count: int | None


def suppress(counts: Mapping[str, int], smallest: int = SMALLEST) -> dict[str, int | None]:
    """Hides small cells of one table with a known total, and what would give them away.

    A cell from 1 to `smallest` - 1 is hidden. Where that leaves one hidden cell, or hidden cells
    that add up to less than `smallest`, the next smallest is hidden too, since the total would
    tell. Zero is no cell: nothing happened there, and nobody is shown.
    """
    shown: dict[str, int | None] = dict(counts)
    hidden = [key for key, count in counts.items() if 0 < count < smallest]
    for key in hidden:
        shown[key] = None
    rest = sorted(
        (k for k in counts if k not in hidden and counts[k]), key=lambda k: (counts[k], k)
    )
    while hidden and rest and (len(hidden) == 1 or sum(counts[k] for k in hidden) < smallest):
        hidden.append(rest.pop(0))
        shown[hidden[-1]] = None
    return shown


@dataclass(frozen=True, slots=True)
class Figure:
    """One oversight indicator over a period; `count` None where it is too small to publish."""

    code: str
    vi: str
    en: str
    means_vi: str
    means_en: str
    count: int | None
    cases: int | None


@dataclass(frozen=True, slots=True)
class Tables:
    """Everything counted over a period.

    Attributes:
        figures: Oversight indicators, in the order of regulation.md §9.
        overturned_by_basis: Overturned decisions by substantive ground.
        total: Cases that came in; None where too small to publish.
        volumes: Cases by `period`, `agency`, `channel` and `outcome`, each a table of its own.
        median_days: Median days from intake to result by outcome; a median of few would be a case.
    """

    figures: tuple[Figure, ...]
    overturned_by_basis: tuple[Cell, ...]
    total: int | None
    volumes: Mapping[str, tuple[Cell, ...]]
    median_days: Mapping[str, int]


def tables(  # noqa: PLR0913 - a period, a place and an instant
    connection: Connection,
    start: date,
    end: date,
    at: datetime,
    *,
    agency: str | None = None,
    smallest: int = SMALLEST,
    old_days: int = OLD_CASE_DAYS,
) -> Tables:
    """Counts cases that came in, and acts that happened, from `start` to `end`.

    Args:
        connection: As reader.
        start: First day.
        end: Last day.
        at: Lapsed measures and old cases are judged by this instant.
        agency: Only this agency's cases and acts.
        smallest: Cells below it are hidden; 1 shows all, for one's own cases only.
        old_days: A case is old after so many days.
    """
    values = {
        "start": start,
        "end": end,
        "at": at,
        "agency": agency,
        "old": (at - timedelta(days=old_days)).date(),
        "smallest": smallest,
        "first": orjson.dumps(_FIRST).decode(),
    }
    marks = {
        code: (acts, cases) for code, acts, cases in connection.execute(_MARKS, values).fetchall()
    }
    old = connection.execute(_OLD, values).fetchone()
    marks["OLD"] = (old[0], old[0]) if old else (0, 0)
    basis = suppress(dict(connection.execute(_BY_BASIS, values).fetchall()), smallest)
    rows = connection.execute(_VOLUMES, values).fetchall()
    total = sum(row[4] for row in rows)
    return Tables(
        figures=tuple(_figure(indicator, marks, smallest, old_days) for indicator in INDICATORS),
        overturned_by_basis=tuple(Cell(k, c) for k, c in sorted(basis.items())),
        total=_published(total, smallest),
        volumes={
            name: _table(rows, column, smallest)
            for column, name in enumerate(("period", "agency", "channel", "outcome"))
        },
        median_days=dict(connection.execute(_DURATIONS, values).fetchall()),
    )


def _figure(
    indicator: Indicator, marks: Mapping[str, tuple[int, int]], smallest: int, old_days: int
) -> Figure:
    acts, cases = marks.get(indicator.marks[0] if indicator.marks else "OLD", (0, 0))
    return Figure(
        indicator.code,
        indicator.vi,
        indicator.en,
        indicator.means_vi.format(days=old_days),
        indicator.means_en.format(days=old_days),
        _published(acts, smallest),
        _published(cases, smallest),
    )


def _published(count: int, smallest: int) -> int | None:
    return None if 0 < count < smallest else count


def _table(rows: Sequence[tuple[Any, ...]], column: int, smallest: int) -> tuple[Cell, ...]:
    counts: dict[str, int] = {}
    for row in rows:
        counts[row[column]] = counts.get(row[column], 0) + row[4]
    return tuple(Cell(k, c) for k, c in sorted(suppress(counts, smallest).items()))
