"""The rows of a store in memory as an auditor takes them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from ledger.audit.content import RawRecord
from ledger.audit.rules.token_owners import RawToken
from ledger.audit.snapshot_port import ALONE, StreamPartition
from ledger.audit.tables import Beside
from ledger.audit.tree import RawCheckpoint, RawTile
from ledger.log.moment import milliseconds
from ledger.ports import LogHead, StoredRecord
from tests.fakes import MemoryRecordStore
from tests.memory_log import NoFiles


@dataclass(frozen=True, slots=True)
class StoredEvidence:
    """`Evidence` over a store in memory: its records; what a checkpointer writes is left out."""

    store: MemoryRecordStore
    sealed: bool = True

    def head(self) -> LogHead:
        """See `Evidence`."""
        return self.store.head()

    def count(self) -> int:
        """See `Evidence`."""
        return self.store.head().size

    def last(self) -> int:
        """See `Evidence`."""
        return self.store.head().size - 1

    def records(
        self, start: int, end: int, partition: StreamPartition = ALONE
    ) -> Sequence[RawRecord]:
        """See `Evidence`."""
        rows = [raw(row) for row in self.store.read(start, end - start)]
        return [row for row in rows if partition.has(row.stream_id)]

    def registry(self) -> Iterator[RawRecord]:
        """See `Evidence`."""
        return (raw(row) for row in self.store.registry(-1))

    def stream(self, stream_id: bytes, before: int) -> Iterator[RawRecord]:
        """See `Evidence`."""
        return self.streams({stream_id}, before)

    def streams(self, stream_ids: Collection[bytes], before: int) -> Iterator[RawRecord]:
        """See `Evidence`."""
        return (row for row in self.records(0, before) if row.stream_id in stream_ids)

    def files(self) -> NoFiles:
        """See `Evidence`."""
        return NoFiles()

    def beside(self) -> Beside:
        """See `Evidence`: nothing of it is kept here."""
        return Beside(heads=1, rehearsal=False)

    def tokens(self) -> Sequence[RawToken]:
        """See `Evidence`."""
        return self.store.tokens()

    def tiles(self) -> Sequence[RawTile]:
        """See `Evidence`."""
        return ()

    def checkpoints(self) -> Sequence[RawCheckpoint]:
        """See `Evidence`."""
        return ()

    def sizes(self) -> Sequence[int]:
        """See `Evidence`."""
        return ()

    def share(self) -> StoredEvidence:
        """See `Evidence`."""
        return self

    def open(self) -> StoredEvidence:
        """See `ExportedSnapshot`."""
        return self


def raw(row: StoredRecord) -> RawRecord:
    """A row of a port as an audit reads it."""
    return RawRecord(
        at=row.index,
        stream_id=row.stream_id.bytes,
        seq=row.seq,
        act_id=row.act_id.bytes,
        author=row.author,
        topic=row.topic,
        recorded_ms=milliseconds(row.recorded_at),
        entry=row.entry,
        state=row.state,
        wraps=() if row.wrap is None else (row.wrap,),
        name=row.stream,
        registry=row.registry,
        unit=row.unit.bytes,
    )
