"""The records as a projector reads them: stored rows, opened."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final
from uuid import UUID

from ledger.ports import RecordStore, StoredRecord
from ledger.regulation.case.registers import Register, kept_by, register_of
from ledger.regulation.case.state import ERASURE
from ledger.streams.event import SetAside
from ledger.streams.names import stream_id
from ledger.streams.record_reader import Opened, Reader
from ledger.write.judged_stream import JudgedStreams
from ledger.write.registry_follower import FollowedAct, RegistryFollower
from projections.engine.generations import live_position
from projections.fold.fold import BATCH
from projections.views import acts as timeline
from projections.views.base import Connection

LEDGER: Final = "ledger"


class RecordsLog:
    """The log as the fold reads it (`projections.fold.fold.Log`).

    Args:
        records: Stored rows.
        reader: Opens them, for folds.
        connection: Of the projector; for `effective` it asks the timeline.
        follower: Follows the registry.
        numbered: Whether it says what is entered in registers; not to a part of the timeline, which
            is numbered as a whole when its parts are merged.
        judged: Streams judged in full, where a process has more folds than one: each record is
            judged once for all of them.
    """

    def __init__(
        self,
        records: RecordStore,
        reader: Reader,
        connection: Connection,
        follower: RegistryFollower,
        *,
        numbered: bool = True,
        judged: JudgedStreams | None = None,
    ) -> None:
        self._records = records
        self._reader = reader
        self._connection = connection
        self._follower = follower
        self._numbered = numbered
        self._judged = judged or JudgedStreams(follower, records, reader)

    def read(self, start: int, limit: int) -> Sequence[Opened]:
        """Records `start` …, opened. Raises: VerificationError."""
        return self._reader.read(start, limit)

    def stream(self, stream_id: UUID) -> Iterator[Opened]:
        """One stream, each record opened when it is asked for. Raises: VerificationError."""
        for row in self._records.stream(stream_id):
            yield self._reader.open(row)

    def registry(self) -> Sequence[FollowedAct]:
        """Every act by which the registry changed. Raises: VerificationError."""
        return self._follower.catch_up().acts

    def stands(self, index: int) -> bool:
        """Whether the registry changed by this record. Raises: VerificationError."""
        return self._follower.stands(index)

    def judged(self, stream: str, before: int) -> dict[int, SetAside | None]:
        """Records of a stream before an index, each with why it is set aside."""
        return self._judged.upto(stream, before)

    def aside(self, row: StoredRecord) -> SetAside | None:
        """Why the rules refuse a record; None where they do not."""
        return self._judged.aside(row)

    def refused(self, stream: str, before: int) -> Sequence[int]:
        """Of these the ones that are set aside, in order."""
        return self._judged.refused(stream, before)

    def doubted(self) -> Collection[int]:
        """Records that the timeline has as set aside."""
        return timeline.set_aside(self._connection)

    def registered(self, upto: int) -> Iterator[tuple[int, Register]]:
        """Records up to an index that are entered in a register: by the timeline, as far as it is.

        Raises: VerificationError.
        """
        if not self._numbered:
            return
        reached = live_position(self._connection, timeline.NAME)
        for index, register in timeline.registered(self._connection, min(reached, upto)):
            found = register or self._register(index)
            if found is not None:
                yield index, found
        kept = self.kept() if upto > reached else {}
        for start in range(reached + 1, min(upto + 1, self._records.head().size), BATCH):
            for opened in self.read(start, BATCH):
                if opened.index > upto:
                    return
                register = kept.get(opened.index) if opened.erased else self._entered(opened)
                if register is not None:
                    yield opened.index, register

    def kept(self) -> Mapping[int, Register]:
        """Erased records that acts of erasure say were entered in a register, by index."""
        found: dict[int, Register] = {}
        reached = live_position(self._connection, timeline.NAME)
        for index in timeline.effective_indices(self._connection, [ERASURE], reached):
            for opened in self.read(index, 1):
                found.update(self._kept_by(opened))
        for row in self._records.stream(stream_id(self._reader.origin, LEDGER)):
            if row.index > reached:
                found.update(self._kept_by(self._reader.open(row)))
        return found

    def _kept_by(self, opened: Opened) -> Mapping[int, Register]:
        act = opened.act
        if act is None or act.act != ERASURE or not _is_last(opened):
            return {}
        stands = self.judged(opened.stream, opened.index + 1).get(opened.index) is None
        return dict(kept_by(act)) if stands else {}

    def _register(self, index: int) -> Register | None:
        """Of a record whose act no view holds (access.md G15)."""
        for opened in self.read(index, 1):
            if opened.act is not None:
                return register_of(opened.act, opened.recorded_at)
        return self.kept().get(index)

    def _entered(self, opened: Opened) -> Register | None:
        """The register that a record is entered in, if it stands."""
        act = opened.act
        register = None if act is None else register_of(act, opened.recorded_at)
        if register is None or opened.aside is not None:
            return None
        aside = self.judged(opened.stream, opened.index + 1).get(opened.index)
        return register if aside is None else None

    def effective(self, acts: Collection[str], upto: int) -> Iterator[Opened]:
        """Records up to an index: by the timeline where it reaches, else by reading all."""
        if live_position(self._connection, timeline.NAME) >= upto:
            for row in timeline.effective_indices(self._connection, sorted(acts), upto):
                yield from self.read(row, 1)
            return
        for start in range(0, upto + 1, BATCH):
            for opened in self.read(start, min(BATCH, upto + 1 - start)):
                act = opened.act
                if act is not None and act.act in acts and _is_last(opened):
                    yield opened


def _is_last(opened: Opened) -> bool:
    """Whether this statement is that of the act's last signer."""
    act, statement = opened.act, opened.statement
    return act is not None and statement is not None and act.signers[-1].role == statement.role
