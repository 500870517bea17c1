"""The stream `ledger`: how the log was opened, and what is said about it as a whole."""

from __future__ import annotations

from typing import ClassVar

from ledger.streams.stream import Stream


class LedgerStream(Stream):
    """The aggregate of the log's own stream."""

    KIND: ClassVar[str] = "ledger"
    __slots__ = ()
