"""Agency streams: `agency/<id>`, what one agency is, holds and grants."""

from __future__ import annotations

from typing import ClassVar

from ledger.streams.stream import Stream


class Agency(Stream):
    """The aggregate of one agency."""

    KIND: ClassVar[str] = "agency"
    __slots__ = ()
