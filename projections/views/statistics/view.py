"""View `statistics`: oversight indicators first, then counts over cases, small cells hidden.

The indicators come in the order of regulation.md §9, volumes last. No row names a person or ranks
anybody, and nothing here is a target.
"""

# ruff: noqa: S608 - pieces of SQL are constants of this file (LiteralString)
from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, LiteralString

import orjson

from ledger.message import Text
from ledger.regulation.case.state import StreamState
from projections.fold.step import Step
from projections.views.base import Connection, Cursor, live
from projections.views.statistics.counted_events import COUNTED_FLAGS, closing, counted_events_of
from projections.views.statistics.hidden_cells import SMALLEST
from projections.views.statistics.indicators import INDICATORS, Indicator

NAME: Final = "statistics"
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
        for stream in step.refolded.values():
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
                for n, mark in enumerate(counted_events_of(stream, flags, self._step.registry)):
                    copy.write_row((self._gen, stream.name, n, *mark.row))
        self._touched, self._flags = {}, {}


def _counted(stream: StreamState) -> tuple[Any, ...]:
    first = stream.intake[0].act if stream.intake else None
    closed = closing(stream)
    return (
        stream.name,
        None if first is None else first.day,
        None if first is None else first.channel,
        stream.handler_raw if first is None or stream.handler_raw else first.agency,
        stream.state,
        stream.outcome,
        None if stream.result is None else stream.result.act.day,
        None if closed is None else closed.act.day,
        len(stream.effective()),
    )


# -- reading -----------------------------------------------------------------------------------


_LIVE: Final = live(NAME)
#: Marks that one indicator adds up are counted under its first, so that a case with two is one.
_MARKS: Final[LiteralString] = (
    "SELECT coalesce(%(first)s::jsonb ->> code, code), coalesce(agency, ''), grouping(agency) = 1,"
    " count(*)::int, count(DISTINCT stream)::int FROM proj.marks WHERE "
    + _LIVE
    + " AND on_day >= %(start)s AND on_day <= %(end)s AND (until IS NULL OR until < %(at)s)"
    " GROUP BY GROUPING SETS ((1), (1, agency))"
)
_FIRST: Final = {code: one.marks[0] for one in INDICATORS for code in one.marks}
_BY_BASIS: Final[LiteralString] = (
    "SELECT coalesce(basis, ''), coalesce(agency, ''), count(*)::int FROM proj.marks WHERE "
    + _LIVE
    + " AND code = 'OVERTURNED' AND on_day >= %(start)s AND on_day <= %(end)s GROUP BY 1, 2"
)
_OLD: Final[LiteralString] = (
    "SELECT coalesce(agency, ''), count(*)::int FROM proj.counted WHERE "
    + _LIVE
    + " AND opened_on < %(old)s AND state IS NOT NULL AND state NOT IN ('CLOSED', 'ARCHIVED')"
    " GROUP BY 1"
)
_VOLUMES: Final[LiteralString] = (
    "SELECT to_char(opened_on, 'YYYY-MM'), coalesce(agency, ''), coalesce(channel, ''),"
    " coalesce(outcome, ''), count(*)::int FROM proj.counted WHERE "
    + _LIVE
    + " AND opened_on >= %(start)s AND opened_on <= %(end)s GROUP BY 1, 2, 3, 4"
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


def suppress(
    counts: Mapping[str, int], smallest: int = SMALLEST, also: Collection[str] = ()
) -> dict[str, int | None]:
    """Hides small cells of one table with a known total, and what would give them away.

    A cell from 1 to `smallest` - 1 is hidden, and with them always the next smallest, with all that
    are as small: else the total would tell one, and would tell several where their sum is as small
    or as large as it can be. Four or more of one each, with nothing to hide among, are not even
    named. Zero is no cell: nothing happened there, and nobody is shown.

    Args:
        counts: By key.
        smallest: Cells below it are hidden.
        also: Cells that another table hides.
    """
    shown: dict[str, int | None] = dict(counts)
    hidden = [key for key, count in counts.items() if 0 < count < smallest or key in also]
    rest = [count for key, count in counts.items() if count and key not in hidden]
    if hidden and rest:
        least = min(rest)
        hidden += [key for key, count in counts.items() if count == least]
    elif sum(counts.values()) == len(hidden) >= smallest - 1 > 0:
        return {key: count for key, count in counts.items() if not count}
    for key in hidden:
        shown[key] = None
    return shown


@dataclass(frozen=True, slots=True)
class Figure:
    """One oversight indicator over a period; `count` None where it is too small to publish."""

    code: str
    title: Text
    means: Text
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
        median_days: Median days from intake to result by outcome, where its count is shown.
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
    acts: dict[str, dict[str, int]] = {}  # by indicator, then agency
    cases: dict[str, dict[str, int]] = {}
    every: dict[str, tuple[int, int]] = {}
    for code, name, is_all, some_acts, some_cases in connection.execute(_MARKS, values).fetchall():
        if is_all:
            every[code] = (some_acts, some_cases)
        else:
            acts.setdefault(code, {})[name] = some_acts
            cases.setdefault(code, {})[name] = some_cases
    old: dict[str, int] = dict(connection.execute(_OLD, values).fetchall())
    acts["OLD"] = cases["OLD"] = old
    every["OLD"] = (sum(old.values()), sum(old.values()))

    def counted(code: str) -> tuple[int | None, int | None]:
        if agency is None:
            both = every.get(code, (0, 0))
            return _published(both[0], smallest), _published(both[1], smallest)
        return (
            _of_agency(acts.get(code, {}), agency, smallest),
            _of_agency(cases.get(code, {}), agency, smallest),
        )

    rows = connection.execute(_VOLUMES, values).fetchall()
    came = _summed((row[1], row[4]) for row in rows)
    if agency is None:
        total = _published(sum(came.values()), smallest)
    else:
        total = _of_agency(came, agency, smallest)
    volumes = {
        name: _table(
            [(row[column], row[1], row[4]) for row in rows],
            agency,
            smallest,
            named=total is not None or agency is None,
        )
        for column, name in enumerate(("period", "agency", "channel", "outcome"))
    }
    told = {cell.key for cell in volumes["outcome"] if cell.count is not None}
    overturned = connection.execute(_BY_BASIS, values).fetchall()
    return Tables(
        figures=tuple(
            _figure(one, counted(one.marks[0] if one.marks else "OLD"), old_days)
            for one in INDICATORS
        ),
        overturned_by_basis=_table(
            overturned,
            agency,
            smallest,
            named=agency is None or counted("OVERTURNED")[0] is not None,
        ),
        total=total,
        volumes=volumes,
        median_days={
            outcome: days
            for outcome, days in connection.execute(_DURATIONS, values).fetchall()
            if outcome in told
        },
    )


def _figure(indicator: Indicator, counted: tuple[int | None, int | None], old_days: int) -> Figure:
    return Figure(
        indicator.code,
        indicator.title,
        indicator.means.filled(days=old_days),
        *counted,
    )


def _published(count: int, smallest: int) -> int | None:
    return None if 0 < count < smallest else count


def _of_agency(counts: Mapping[str, int], agency: str, smallest: int) -> int | None:
    """An agency's count as the table of all agencies shows it, which could be had without."""
    return suppress(counts, smallest).get(agency) if agency in counts else 0


def _table(
    rows: Sequence[tuple[str, str, int]], agency: str | None, smallest: int, *, named: bool
) -> tuple[Cell, ...]:
    """One table from (key, agency, count), of all agencies or of one.

    Of one nothing is shown that all agencies' tables hide: asked for all and for the others, a cell
    would be told by what is missing.
    """
    if not named:
        return ()
    own = _summed((key, n) for key, name, n in rows if agency in (None, name))
    also = [
        key
        for key in own
        if agency is not None
        and _of_agency(_summed((a, n) for k, a, n in rows if k == key), agency, smallest) is None
    ]
    return tuple(Cell(k, c) for k, c in sorted(suppress(own, smallest, also).items()))


def _summed(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for key, count in pairs:
        found[key] = found.get(key, 0) + count
    return found
