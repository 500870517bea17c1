"""Which aggregate a stream's name asks for, and the projector that rebuilds one from its events."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from ledger.regulation.act import stream_kind
from ledger.streams.event import Event
from ledger.streams.stream import Stream


class Case(Stream):
    """The aggregate of one case, the only kind whose records not every session sees."""

    __slots__ = ()

    @property
    def unit(self) -> UUID:
        """The case's default unit (access.md §1): of every record in no annex of its own."""
        return self.id


def begin(stream_id: UUID, name: str) -> Stream:
    """The empty stream of this name."""
    return (Case if stream_kind(name) == "case" else Stream)(stream_id, name)


def project(stream: Stream | None, events: Iterable[Event]) -> Stream | None:
    """The library's projector: the stream after these events; None where there are none."""
    for event in events:
        grown = stream or begin(event.originator_id, event.stream)
        event.mutate(grown)
        stream = grown
    return stream
