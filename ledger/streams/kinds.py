"""Which aggregate a stream's name asks for, and the projector that rebuilds one from its events."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from ledger.regulation.act import stream_kind
from ledger.streams.agency import Agency
from ledger.streams.case import Case
from ledger.streams.event import StatementRecorded
from ledger.streams.ledger import LedgerStream
from ledger.streams.officer import Officer
from ledger.streams.programme import Programme
from ledger.streams.stream import Stream

KINDS: Final[dict[str, type[Stream]]] = {
    kind.KIND: kind for kind in (Case, Agency, Officer, Programme, LedgerStream)
}


def begin(stream_id: UUID, name: str) -> Stream:
    """The empty stream of this name. Raises: ValueError: no kind has such names."""
    return KINDS[stream_kind(name)](stream_id, name)


def project(stream: Stream | None, events: Iterable[StatementRecorded]) -> Stream | None:
    """The library's projector: the stream after these events; None where there are none."""
    for event in events:
        stream = (stream or begin(event.originator_id, event.stream)).add(event)
    return stream
