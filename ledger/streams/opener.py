"""What opens a wrap for somebody: the KEK itself where a process holds one, else whoever keeps it.

In an ordinary enclave each process that reads holds the KEK. Above, the keeper does, and opens what
is noted (access.md U3): then what is opened is asked of it in one go, and never wrap by wrap.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from keys import envelope_encryption
from keys.envelope_encryption import Keks
from keys.errors import Unsealable
from ledger.ports import CustodyRow, StoredRecord


class OpenedBy(NamedTuple):
    """For whom something is opened: an officer, and the key of their session."""

    officer: str
    kid: str


class KeptApart(ABC):
    """Whoever opens, in a process of its own."""

    @abstractmethod
    def records(self, origin: str, rows: Sequence[StoredRecord]) -> list[bytes | Unsealable]:
        """The key of each record of a log, or why there is none.

        Raises:
            Unavailable: It does not answer, or opens nothing now.
        """

    @abstractmethod
    def event(self, row: CustodyRow) -> bytes:
        """The key of an event of a file's custody. Raises: Unsealable, Unavailable."""

    @abstractmethod
    def file(self, name: UUID, entry: bytes, index: int, by: OpenedBy) -> bytes:
        """The key of a file. Raises: Unsealable, Unavailable.

        Args:
            name: Of the upload.
            entry: What its key is wrapped for: the digest.
            index: The record through which it is read.
            by: Who reads it.
        """


def record_keys(kek: Keks, origin: str, rows: Sequence[StoredRecord]) -> list[bytes | Unsealable]:
    """The key of each record that has a wrap, or why it does not open."""
    if isinstance(kek, KeptApart):
        return kek.records(origin, rows)
    return [_key(kek, origin, row) for row in rows]


def _key(kek: Keks, origin: str, row: StoredRecord) -> bytes | Unsealable:
    try:
        return envelope_encryption.unwrap(kek, row.wrap or b"", origin=origin, entry=row.entry)
    except Unsealable as error:
        return error


def event_key(kek: Keks, origin: str, row: CustodyRow) -> bytes:
    """The key of an event of a file's custody. Raises: Unsealable."""
    if isinstance(kek, KeptApart):
        return kek.event(row)
    return envelope_encryption.unwrap(kek, row.wrap or b"", origin=origin, entry=row.entry)
