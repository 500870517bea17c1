"""Programme streams: `programme/<id>`, what concerns the regulation and not one case."""

from __future__ import annotations

from typing import ClassVar

from ledger.streams.stream import Stream


class Programme(Stream):
    """The aggregate of one programme."""

    KIND: ClassVar[str] = "programme"
    __slots__ = ()
