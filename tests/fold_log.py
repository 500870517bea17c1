"""The records of a store as a fold reads them (`projections.fold.fold.Log`), without a database."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from uuid import UUID

from keys.envelope_encryption import Kek
from ledger.ports import LogHead, RecordStore, StoredRecord
from ledger.regulation.case.registers import Register, kept_by, register_of
from ledger.streams.event import SetAside
from ledger.streams.record_reader import Opened, Reader
from ledger.write.judged_stream import JudgedStreams
from ledger.write.registry_follower import FollowedAct, RegistryFollower
from tests.fakes import MemoryRecordStore


class Stored(MemoryRecordStore):
    """Rows that were stored before, and whose each token is, by its tag and the id of a case."""

    def __init__(
        self, rows: Sequence[StoredRecord], noted: Mapping[tuple[bytes, bytes], int] | None = None
    ) -> None:
        super().__init__()
        for (tag, of), at in (noted or {}).items():
            self._tokens.setdefault(tag, (UUID(bytes=of), at))
        self._records = list(rows)
        registry = max(row.index for row in rows if row.registry)
        self._head = LogHead(len(rows), rows[-1].recorded_at, registry)


class FoldLog:
    """A `projections.fold.fold.Log` over a store."""

    def __init__(self, store: RecordStore, kek: Kek, origin: str) -> None:
        self._store = store
        strict = Reader(store, kek, origin)
        self._reader = strict.for_folds()
        self._follower = RegistryFollower(store, strict)
        self._judged = JudgedStreams(self._follower, store, strict)

    def size(self) -> int:
        """Records."""
        return self._store.head().size

    def read(self, start: int, limit: int) -> Sequence[Opened]:
        """Opened rows."""
        return self._reader.read(start, limit)

    def stream(self, stream_id: UUID) -> Iterator[Opened]:
        """Opened rows of a stream."""
        return map(self._reader.open, self._store.stream(stream_id))

    def registry(self) -> Sequence[FollowedAct]:
        """Registry acts."""
        return self._follower.catch_up().acts

    def stands(self, index: int) -> bool:
        """Whether the registry changed by it."""
        return self._follower.stands(index)

    def judged(self, stream: str, before: int) -> dict[int, SetAside | None]:
        """A stream, judged in full."""
        return self._judged.upto(stream, before)

    def refused(self, stream: str, before: int) -> Sequence[int]:
        """Of it the records that are set aside."""
        return self._judged.refused(stream, before)

    def aside(self, row: StoredRecord) -> SetAside | None:
        """Why the rules refuse it."""
        return self.judged(row.stream, row.index + 1).get(row.index)

    def doubted(self) -> Collection[int]:
        """Nobody folded it before."""
        return ()

    def registered(self, upto: int) -> Iterator[tuple[int, Register]]:
        """Registrations that stand, and those that an erasure names."""
        kept = self.kept()
        for opened in self.read(0, min(upto + 1, self.size())):
            act = opened.act
            register = None if act is None else register_of(act, opened.recorded_at)
            if act is not None and register is not None:
                stands = self.judged(opened.stream, opened.index + 1).get(opened.index) is None
                register = register if stands else None
            elif opened.erased:
                register = kept.get(opened.index)
            if register is not None:
                yield opened.index, register

    def kept(self) -> Mapping[int, Register]:
        """What acts of erasure say."""
        acts = [o.act for o in self.read(0, self.size()) if o.act is not None]
        return {i: r for act in acts if act.act == "RecordErased" for i, r in kept_by(act)}

    def effective(self, acts: Collection[str], upto: int) -> Iterator[Opened]:
        """Reports and erasures, of one signer each."""
        for opened in self.read(0, upto + 1):
            if opened.act is not None and opened.act.act in acts:
                yield opened
