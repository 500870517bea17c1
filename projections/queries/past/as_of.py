"""A case as of a moment: an index, or a time on either clock.

`recorded` is what the ledger knew at that moment, `occurred` what had happened by then as far as is
known today.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from ledger.errors import NotFound, Rejected
from ledger.message import Message
from ledger.regulation.acts.act import Act, known_act
from ledger.regulation.case.other_cases_port import REPORTS, report_of
from ledger.regulation.registry.registry import Registry
from projections.engine import generations
from projections.fold.fold import Reports
from projections.queries.past.case_at import CaseAt, folded_from
from projections.queries.registry_as_of import RegistryReader, RegistrySnapshot
from projections.views import acts as timeline
from projections.views.acts import ActRow
from projections.views.base import Connection
from projections.views.case_file import RESTATED

Clock = Literal["recorded", "occurred"]
Moment = int | datetime
_REPORTS: Final = sorted(REPORTS)


class BeforeCase(NotFound):
    """The case had not begun at the moment asked for."""

    code = "before_case"


class InFuture(Rejected):
    """The moment asked for has not come yet."""

    def __init__(self) -> None:
        super().__init__(
            "as_of_in_future",
            Message("The moment asked for has not come yet; choose one that has passed."),
        )


Fill = Callable[[str, Sequence[ActRow]], Sequence[ActRow]]
"""What gives rows of a stream the content that no view holds (access.md G15)."""


@dataclass(frozen=True, slots=True)
class CaseSnapshot:
    """What the views have of a case as of a moment, to be held against the log and then folded.

    Attributes:
        stream: `case/<uuid>`.
        there: Whether there is such a case.
        rows: The statements that were looked through.
        counted: Those of them that count.
        registry: The registry of that moment.
        at: The instant the case is looked at from.
        reports: Reports of article 9, where the case asks for them.
    """

    stream: str
    there: bool
    rows: Sequence[ActRow]
    counted: Sequence[ActRow]
    registry: Registry
    at: datetime
    reports: Reports

    def folded(self, acts: Mapping[str, Act]) -> CaseAt:
        """The case.

        Args:
            acts: Of its records, by id.

        Raises:
            NotFound: There is no such case.
            BeforeCase: It had not begun.
        """
        if not self.counted:
            raise BeforeCase(self.stream) if self.there else NotFound(self.stream)
        return folded_from(self.stream, self.counted, self.registry, self.at, self.reports, acts)


def cut(  # noqa: PLR0913 - a question, its parts named
    connection: Connection,
    registries: RegistryReader,
    stream: str,
    moment: Moment,
    now: datetime,
    clock: Clock = "recorded",
    *,
    newest: RegistrySnapshot,
    fill: Fill = lambda _, rows: rows,
) -> CaseSnapshot:
    """What the views have of a case as of a moment.

    Args:
        connection: As reader.
        registries: Registries of this process.
        stream: `case/<uuid>`.
        moment: An index of the log, or a time.
        now: Behind it nothing is asked for.
        clock: Which clock a time is read on.
        newest: The registry now.
        fill: Gives rows of a stream what no view holds of them.

    Raises:
        NotFound: There is no such case, at a moment that has not come.
        InFuture: The moment has not come.
    """
    if isinstance(moment, int):
        at = _looked_at(connection, stream, moment)
    else:
        at = moment if moment <= now else None
    if at is None:
        raise InFuture if _is_there(connection, stream) else NotFound(stream)
    if clock == "occurred" and not isinstance(moment, int):
        return _happened(connection, newest, stream, moment, fill)
    if isinstance(moment, int):
        index: int | None = moment
        known = registries.then(newest, moment)
    else:
        index = timeline.index_at(connection, stream, moment)
        known = registries.then(newest, newest.index_at(moment))
    rows: Sequence[ActRow] = (
        [] if index is None else timeline.stream_rows(connection, stream, upto=index)
    )
    rows = fill(stream, rows)
    reports = reports_for(connection, rows, lambda report: _by(report, moment))
    there = bool(rows) or _is_there(connection, stream)
    return CaseSnapshot(stream, there, rows, rows, known.registry, at, reports)


def standing(
    connection: Connection,
    stream: str,
    now: datetime,
    *,
    newest: RegistrySnapshot,
    fill: Fill = lambda _, rows: rows,
) -> CaseSnapshot:
    """What the views have of a case by now, which is all of it. Arguments as of `cut`."""
    rows = fill(stream, timeline.stream_rows(connection, stream))
    reports = reports_for(connection, rows)
    return CaseSnapshot(stream, bool(rows), rows, rows, newest.registry, now, reports)


def _looked_at(connection: Connection, stream: str, index: int) -> datetime | None:
    """The instant from which a case is looked at as of an index; None: it has not come.

    That of its record; where the asker does not see that one, of the newest record of the case
    before it: a time would say when others were at work (access.md N8).
    """
    at = timeline.recorded_at(connection, index)
    if at is not None or index > generations.live_position(connection, timeline.NAME):
        return at
    return timeline.recorded_by(connection, stream, index) or datetime.min.replace(tzinfo=UTC)


def _is_there(connection: Connection, stream: str) -> bool:
    return bool(timeline.stream_rows(connection, stream, limit=1))


def _by(report: ActRow, moment: Moment) -> bool:
    """Whether a report was recorded by then."""
    return report.index <= moment if isinstance(moment, int) else report.recorded_at <= moment


def reports_for(
    connection: Connection,
    rows: Sequence[ActRow],
    known: Callable[[ActRow], bool] = lambda _: True,
) -> Reports:
    """Reports of article 9 that were known at a moment, for a case that asks for them.

    Only one with STATISTICS_RESTATED does: a report that counted it is what raised the flag.
    """
    if not any(RESTATED in row.flags for row in rows):
        return Reports()
    found = timeline.effective_rows(connection, _REPORTS)
    return Reports([report_of(known_act(row.members), row.index) for row in found if known(row)])


def _happened(
    connection: Connection, newest: RegistrySnapshot, stream: str, moment: datetime, fill: Fill
) -> CaseSnapshot:
    """What had happened by then, by everything that is known now; late entries count."""

    def happened(row: ActRow) -> bool:
        return row.occurred_at is None or row.occurred_at <= moment

    rows = fill(stream, timeline.stream_rows(connection, stream))
    counted = [row for row in rows if happened(row)]
    if all(row.occurred_at is None for row in counted):
        counted = []
    reports = reports_for(connection, counted, happened)
    return CaseSnapshot(stream, bool(rows), rows, counted, newest.registry, moment, reports)
