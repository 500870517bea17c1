"""A case as of a moment: an index, or a time on either clock.

`recorded` is what the ledger knew at that moment, `occurred` what had happened by then as far as is
known today.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, Literal

from ledger.errors import NotFound, Rejected
from ledger.regulation.act import known_act
from projections import timeline
from projections.case_file import RESTATED
from projections.fold import REPORTS, Reports, report_of
from projections.folded import Folded, folded_from
from projections.registry import RegistryReader
from projections.timeline import ActRow
from projections.view import Connection

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
            "Thời điểm cần xem chưa tới; hãy chọn thời điểm đã qua.",
            "The moment asked for has not come yet; choose one that has passed.",
        )


def as_of(
    connection: Connection,
    registries: RegistryReader,
    stream: str,
    moment: Moment,
    now: datetime,
    clock: Clock = "recorded",
) -> Folded:
    """The case folded as of a moment.

    Args:
        connection: As reader.
        registries: Registries of this process.
        stream: `case/<uuid>`.
        moment: An index of the log, or a time.
        now: Behind it nothing is asked for.
        clock: Which clock a time is read on.

    Raises:
        NotFound: There is no such case.
        BeforeCase: It had not begun.
        InFuture: The moment has not come.
    """
    if not timeline.stream_rows(connection, stream, limit=1):
        raise NotFound(stream)
    if isinstance(moment, int):
        return _as_of_index(connection, registries, stream, moment)
    if moment > now:
        raise InFuture
    if clock == "occurred":
        return _as_of_occurred(connection, registries, stream, moment)
    index = timeline.index_at(connection, stream, moment)
    if index is None:
        raise BeforeCase(stream)
    known = registries.as_of(connection, registries.index_at(connection, moment))
    rows = timeline.stream_rows(connection, stream, upto=index)
    reports = reports_for(connection, rows, lambda report: report.recorded_at <= moment)
    return folded_from(stream, rows, known.registry, moment, reports)


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


def _as_of_index(
    connection: Connection, registries: RegistryReader, stream: str, index: int
) -> Folded:
    """As the log stood with that record as its last, looked at from when that was taken."""
    at = timeline.recorded_at(connection, index)
    if at is None:
        raise InFuture
    rows = timeline.stream_rows(connection, stream, upto=index)
    if not rows:
        raise BeforeCase(stream)
    known = registries.as_of(connection, index)
    reports = reports_for(connection, rows, lambda report: report.index <= index)
    return folded_from(stream, rows, known.registry, at, reports)


def _as_of_occurred(
    connection: Connection, registries: RegistryReader, stream: str, moment: datetime
) -> Folded:
    """What had happened by then, by everything that is known now; late entries count."""

    def happened(row: ActRow) -> bool:
        return row.occurred_at is None or row.occurred_at <= moment

    rows = [row for row in timeline.stream_rows(connection, stream) if happened(row)]
    if not any(row.occurred_at is not None for row in rows):
        raise BeforeCase(stream)
    known = registries.newest(connection)
    reports = reports_for(connection, rows, happened)
    return folded_from(stream, rows, known.registry, moment, reports)
