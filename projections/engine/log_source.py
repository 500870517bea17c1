"""The records as a projector reads them: stored rows, opened."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from uuid import UUID

from ledger.ports import RecordStore
from ledger.streams.event import SetAside
from ledger.streams.record_reader import Opened, Reader
from ledger.write.judged_stream import JudgedStreams
from ledger.write.registry_follower import FollowedAct, RegistryFollower
from projections.engine.generations import live_position
from projections.fold.fold import BATCH
from projections.views import acts as timeline
from projections.views.base import Connection


class RecordsLog:
    """The log as the fold reads it (`projections.fold.fold.Log`).

    Args:
        records: Stored rows.
        reader: Opens them, for folds.
        connection: Of the projector; for `effective` it asks the timeline.
        follower: Follows the registry.
    """

    def __init__(
        self,
        records: RecordStore,
        reader: Reader,
        connection: Connection,
        follower: RegistryFollower,
    ) -> None:
        self._records = records
        self._reader = reader
        self._connection = connection
        self._follower = follower
        self._judged = JudgedStreams(follower, records, reader)

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

    def doubted(self) -> Collection[int]:
        """Records that the timeline has as set aside."""
        return timeline.set_aside(self._connection)

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
