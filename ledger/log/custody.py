"""The chain over the custody events of all files, in the order in which they were taken.

A link binds file, position and entry of one event to all before it, so that one digest speaks of
the first n events, none missing, none moved, none changed. It needs no key: whoever sees the rows
can follow it. What an event says is `file_history`'s.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final
from uuid import UUID

START: Final = bytes(32)


@dataclass(frozen=True, slots=True)
class Chain:
    """The chain after `count` events.

    Attributes:
        count: How many events it is over.
        digest: The last link; 32 zero bytes before the first.
    """

    count: int = 0
    digest: bytes = START

    def after(self, name: UUID, seq: int, entry: bytes) -> Chain:
        """The chain with one event more.

        Args:
            name: Of the file.
            seq: Position in the file's history, from 1.
            entry: SHA-256 of the event's bytes.
        """
        said = b"".join((self.digest, name.bytes, seq.to_bytes(8), entry))
        return Chain(self.count + 1, hashlib.sha256(said).digest())
