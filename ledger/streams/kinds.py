"""Which aggregate a stream's name asks for."""

from __future__ import annotations

from uuid import UUID

from ledger.regulation.acts.act import Act, stream_kind
from ledger.regulation.edition import Edition
from ledger.regulation.participation.units import next_unit
from ledger.streams.stream import Stream


class Case(Stream):
    """The aggregate of one case, the only kind whose records not every session sees."""

    __slots__ = ()

    @property
    def unit(self) -> UUID:
        """The case's default unit (access.md §1): of every record in no annex of its own."""
        return self.id

    def unit_of(self, act: Act, level: str, edition: Edition) -> UUID:
        """Above ordinary the document or annex that an act is of, where it is of one."""
        named = next_unit(act, self.state, level, edition)
        return self.id if named is None else UUID(named)


def begin(stream_id: UUID, name: str) -> Stream:
    """The empty stream of this name."""
    return (Case if stream_kind(name) == "case" else Stream)(stream_id, name)
