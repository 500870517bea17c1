"""Officer streams: `officer/<uuid>`, the appointments and keys of one officer."""

from __future__ import annotations

from typing import ClassVar

from ledger.streams.stream import Stream


class Officer(Stream):
    """The aggregate of one officer."""

    KIND: ClassVar[str] = "officer"
    __slots__ = ()
