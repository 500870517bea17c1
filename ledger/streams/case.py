"""Case streams: `case/<uuid>`, the only kind whose records not every session sees."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from ledger.streams.stream import Stream


class Case(Stream):
    """The aggregate of one case."""

    KIND: ClassVar[str] = "case"
    __slots__ = ()

    @property
    def unit(self) -> UUID:
        """The case's default unit (access.md §1): of every record in no annex of its own."""
        return self.id
