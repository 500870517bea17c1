"""View `statistics`: oversight indicators first, then counts over cases, small cells hidden.

The indicators come in the order of regulation.md §9, volumes last. No row names a person or ranks
anybody, and nothing here is a target.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, LiteralString, NamedTuple

from ledger.message import Text
from ledger.regulation.case.counted_reports import SMALLEST
from ledger.regulation.case.state import StreamState
from ledger.regulation.participation.units import own_part
from projections.fold.step import Step
from projections.views.base import Connection, Cursor, through_all
from projections.views.new_rows import NewRows
from projections.views.statistics.counted_events import COUNTED_FLAGS, closing, counted_events_of
from projections.views.statistics.indicators import INDICATORS, Indicator

NAME: Final = "statistics"
OLD_CASE_DAYS: Final = 90

_CLEAR_MARKS: Final[LiteralString] = """
DELETE FROM proj.marks WHERE gen = %s AND stream = ANY (%s) RETURNING stream, code, act_id::text
"""
_PUT_MARK: Final = NewRows(
    "marks",
    (
        "gen smallint", "stream text", "comp uuid", "n int", "code text", "act_id uuid",
        "on_day date", "agency text", "basis text", "until timestamptz",
        "holds boolean",
    ),
)  # fmt: skip
_PUT: Final = NewRows(
    "counted",
    (
        "gen smallint", "stream text", "comp uuid", "opened_on date", "channel text",
        "agency text", "state text", "outcome text", "result_on date", "closed_on date",
        "acts int",
    ),
    """
ON CONFLICT (gen, stream) DO UPDATE SET opened_on = excluded.opened_on,
  channel = excluded.channel, agency = excluded.agency, state = excluded.state,
  outcome = excluded.outcome, result_on = excluded.result_on, closed_on = excluded.closed_on,
  acts = excluded.acts
""",
)  # fmt: skip


class Statistics:
    """The view `statistics`."""

    name = NAME
    schema: LiteralString = "proj"
    tables: tuple[LiteralString, ...] = ("counted", "marks")
    flags = True

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
        if step.stream.kind == "case" and step.owns(step.stream.name):
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
        for name, code, act_id in self._cursor.execute(_CLEAR_MARKS, [self._gen, names]).fetchall():
            if code in COUNTED_FLAGS:
                self._flags.setdefault(name, []).append((code, act_id))
        counted, marks = [], []
        for touched in self._touched.values():
            stream = own_part(touched, self._step.level)
            key = (self._gen, stream.name, self._step.comp(stream.name))
            counted.append((*key, *_counted(stream)))
            flags = self._flags.get(stream.name, ())
            found = counted_events_of(stream, flags, self._step.registry)
            marks += [(*key, n, *mark.row) for n, mark in enumerate(found)]
        _PUT.put(self._cursor, counted)
        _PUT_MARK.put(self._cursor, marks)
        self._touched, self._flags = {}, {}


def _counted(stream: StreamState) -> tuple[Any, ...]:
    first = stream.intake[0].act if stream.intake else None
    closed = closing(stream)
    return (
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


_FIGURES: Final[LiteralString] = """
SELECT part, key, agency, n, cases, days FROM proj.figures(%s, %s, %s, %s)
"""
_TOTALS: Final[LiteralString] = "SELECT part, key, n, cases, days FROM proj.totals(%s)"
_TELLS_TOTALS: Final[LiteralString] = (
    "SELECT 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid = ANY (whos) FROM sec.asked()"
)
#: By what an indicator is counted: its first mark.
_CODES: Final = tuple(one.marks[0] if one.marks else "OLD" for one in INDICATORS)
_TABLES: Final = ("period", "agency", "channel", "outcome")
_ACTS: Final = ("disclosed", "withdrawn", "erased")


class _Row(NamedTuple):
    part: str
    key: str
    agency: str | None
    n: int
    cases: int
    days: int


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
        acts_by_month: Identities `disclosed`, contents `withdrawn`, records `erased`: acts by
            month, each a table of its own, of no agency.
    """

    figures: tuple[Figure, ...]
    overturned_by_basis: tuple[Cell, ...]
    total: int | None
    volumes: Mapping[str, tuple[Cell, ...]]
    median_days: Mapping[str, int]
    acts_by_month: Mapping[str, tuple[Cell, ...]]


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
    old = (at - timedelta(days=old_days)).date()
    through_all(connection)
    rows = [_Row(*row) for row in connection.execute(_FIGURES, [start, end, at, old]).fetchall()]
    whole = {row.key: row for row in rows if row.part == "acts" and row.agency is None}
    split: dict[str, list[tuple[str, str, int]]] = {}  # (key, agency, count) of each table
    for row in rows:
        if row.agency is not None:
            part, key = ("agency", row.agency) if row.part == "came" else (row.part, row.key)
            split.setdefault(part, []).append((key, row.agency, row.n))
    cases = [(row.key, row.agency, row.cases) for row in rows if row.part == "acts"]

    def counted(code: str) -> tuple[int | None, int | None]:
        if agency is None:
            found = whole.get(code)
            both = (0, 0) if found is None else (found.n, found.cases)
            return _published(both[0], smallest), _published(both[1], smallest)
        acts = {name: n for key, name, n in split.get("acts", ()) if key == code}
        of_cases = {name: n for key, name, n in cases if key == code and name is not None}
        return _of_agency(acts, agency, smallest), _of_agency(of_cases, agency, smallest)

    came = _summed((name, n) for name, _, n in split.get("agency", ()))
    if agency is None:
        total = _published(sum(came.values()), smallest)
    else:
        total = _of_agency(came, agency, smallest)
    named = total is not None or agency is None
    volumes = {name: _table(split.get(name, ()), agency, smallest, named=named) for name in _TABLES}
    told = {cell.key for cell in volumes["outcome"] if cell.count is not None}
    return Tables(
        figures=_figures({code: counted(code) for code in _CODES}, old_days),
        overturned_by_basis=_table(
            split.get("basis", ()),
            agency,
            smallest,
            named=agency is None or counted("OVERTURNED")[0] is not None,
        ),
        total=total,
        volumes=volumes,
        median_days={
            row.key: row.days
            for row in sorted(rows, key=lambda row: row.key)
            if row.part == "days" and row.agency == agency and row.n >= smallest and row.key in told
        },
        acts_by_month={
            part: cells_of({row.key: row.n for row in rows if row.part == part}, smallest)
            for part in _ACTS
        },
    )


def cells_of(counts: Mapping[str, int], smallest: int = SMALLEST) -> tuple[Cell, ...]:
    """One table, by its keys, with what is hidden of it."""
    return tuple(Cell(key, count) for key, count in sorted(suppress(counts, smallest).items()))


def tells_totals(connection: Connection) -> bool:
    """Whether who asks is told totals, as the function of totals itself asks it.

    Args:
        connection: As reader, with the ticket of who asks.
    """
    row = connection.execute(_TELLS_TOTALS).fetchone()
    return row is not None and bool(row[0])


def totals(connection: Connection, year: int) -> Tables | None:
    """Totals of all cases over one calendar year, as the database tells them: small cells hidden.

    Args:
        connection: As reader, with the ticket of who asks.
        year: From 1 to 9999.

    Returns:
        None: who asks is told none.
    """
    found = connection.execute(_TOTALS, [year]).fetchall()
    if not found:
        return None
    cells: dict[str, list[Cell]] = {}
    counted: dict[str, tuple[int | None, int | None]] = {}
    medians: dict[str, int] = {}
    for part, key, count, of_cases, days in found:
        if part == "days":
            medians[key] = days
        elif part == "acts":
            counted[key] = (count, of_cases)
        else:
            cells.setdefault(part, []).append(Cell(key, count))
    (came,) = cells["came"]

    def table(part: str) -> tuple[Cell, ...]:
        return tuple(sorted(cells.get(part, ()), key=lambda cell: cell.key))

    return Tables(
        figures=_figures({code: counted.get(code, (0, 0)) for code in _CODES}, OLD_CASE_DAYS),
        overturned_by_basis=table("basis"),
        total=came.count,
        volumes={name: table(name) for name in _TABLES},
        median_days=dict(sorted(medians.items())),
        acts_by_month={part: table(part) for part in _ACTS},
    )


def _figures(
    counted: Mapping[str, tuple[int | None, int | None]], old_days: int
) -> tuple[Figure, ...]:
    return tuple(
        _figure(one, counted[code], old_days) for one, code in zip(INDICATORS, _CODES, strict=True)
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
