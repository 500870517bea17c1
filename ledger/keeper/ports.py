"""What the keeper asks of the database, by a login of its own that reads no record of a case."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol
from uuid import UUID

from ledger.ports import StoredRecord


class StoredWrap(NamedTuple):
    """A wrapped key as it is stored, and what it is wrapped for."""

    entry: bytes
    unit: UUID
    wrap: bytes


class KeeperStore(Protocol):
    """What it returns is committed: a row that somebody is still writing is not there."""

    def row(self, stream_id: UUID, seq: int) -> StoredRecord | None:
        """A row of the log of reads by its place."""

    def rows(self, start: int, end: int) -> Sequence[StoredRecord]:
        """Rows [start, end) in index order."""

    def size(self) -> int:
        """How many rows there are."""

    def take(self, row: int, opened: int) -> bool:
        """Takes a row for so many wraps; False where it was taken, is reckoned or is not there."""

    def taken(self, start: int, end: int) -> Mapping[int, int]:
        """How many wraps were opened against each row of [start, end) that was taken."""

    def reckoned(self) -> int:
        """Up to which row opens and rows were held against each other."""

    def reckon(self, upto: int, opened: int, lapsed: int, *, differed: bool) -> bool:
        """Says that they were; False where somebody else came first."""

    def wraps(self, indices: Collection[int], log: str | None) -> Mapping[int, StoredWrap]:
        """The wraps of records that have one: of the own log (None) or of a lower one."""

    def of_cases(self, start: int) -> tuple[int, Sequence[tuple[int, bytes]]]:
        """Up to where a span of the own log goes, and index and entry of those of cases in it."""

    def event(self, name: UUID, seq: int) -> tuple[bytes, bytes] | None:
        """Entry and wrap of an event of a file's custody; None where there is none."""

    def file(self, name: UUID) -> bytes | None:
        """The wrap of a file's own key; None where there is none."""
