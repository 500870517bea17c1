"""The records as a projector reads them: stored rows, opened."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from uuid import UUID

from ledger.ports import RecordStore
from ledger.reader import Opened, Reader
from projections import timeline
from projections.fold import BATCH
from projections.generations import live_position
from projections.view import Connection


class RecordsLog:
    """The log as the fold reads it (`projections.fold.Log`).

    Args:
        records: Stored rows.
        reader: Opens them.
        connection: Of the projector; for `effective` it asks the timeline.
    """

    def __init__(self, records: RecordStore, reader: Reader, connection: Connection) -> None:
        self._records = records
        self._reader = reader
        self._connection = connection

    def read(self, start: int, limit: int) -> Sequence[Opened]:
        """Records `start` …, opened. Raises: VerificationError."""
        return self._reader.read(start, limit)

    def stream(self, stream_id: UUID) -> Iterator[Opened]:
        """One stream, each record opened when it is asked for. Raises: VerificationError."""
        for row in self._records.stream(stream_id):
            yield self._reader.open(row)

    def registry(self) -> Sequence[Opened]:
        """Registry records, opened. Raises: VerificationError."""
        return [self._reader.open(row) for row in self._records.registry(-1)]

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
