"""A case as of a moment: an index, or a time on either clock.

`recorded` is what the ledger knew at that moment, `occurred` what had happened by then as far as is
known today.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from ledger.errors import NotFound, Rejected
from projections import generations, timeline
from projections.folded import Folded, folded_from
from projections.registry import RegistryReader
from projections.view import Connection

Clock = Literal["recorded", "occurred"]
Moment = int | datetime


class BeforeCase(NotFound):
    """The case had not begun at the moment asked for."""


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
    return folded_from(stream, rows, known.registry, moment)


def _as_of_index(
    connection: Connection, registries: RegistryReader, stream: str, index: int
) -> Folded:
    if index > generations.live_position(connection, timeline.NAME):
        raise InFuture
    rows = timeline.stream_rows(connection, stream, upto=index)
    if not rows:
        raise BeforeCase(stream)
    known = registries.as_of(connection, index)
    return folded_from(stream, rows, known.registry, rows[-1].recorded_at)


def _as_of_occurred(
    connection: Connection, registries: RegistryReader, stream: str, moment: datetime
) -> Folded:
    """What had happened by then, by everything that is known now; late entries count."""
    every = timeline.stream_rows(connection, stream)
    rows = [row for row in every if row.occurred_at is None or row.occurred_at <= moment]
    if not any(row.occurred_at is not None for row in rows):
        raise BeforeCase(stream)
    known = registries.newest(connection)
    return folded_from(stream, rows, known.registry, moment)
