"""Records as a process folds them that holds no KEK: what it goes through is opened ahead.

A fold asks for one record of a stream after the other. Each by itself would be a row of the log of
reads and a question to the keeper; so the next few are noted and opened at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from threading import get_ident
from typing import Final
from uuid import UUID

from api.ops.keeper.asking import KeptKeks
from ledger.ports import StoredRecord
from ledger.postgres.connect import Lending
from ledger.postgres.records import PostgresRecords

_AHEAD: Final = 100


class FoldedRecords(PostgresRecords):
    """The same records.

    Args:
        pool: Of the login that folds.
        keks: Opens them.
    """

    def __init__(self, pool: Lending, keks: KeptKeks) -> None:
        super().__init__(pool)
        self._keks = keks

    def stream(self, stream_id: UUID, after_seq: int = 0) -> Iterator[StoredRecord]:
        """See `RecordStore.stream`."""
        return self._opened(super().stream(stream_id, after_seq))

    def registry(self, after_index: int) -> Iterator[StoredRecord]:
        """See `RecordStore.registry`."""
        return self._opened(super().registry(after_index))

    def _opened(self, rows: Iterable[StoredRecord]) -> Iterator[StoredRecord]:
        left, thread = iter(rows), get_ident()
        try:
            while ahead := list(islice(left, _AHEAD)):
                self._keks.prepare(ahead)
                yield from ahead
        finally:  # also where whoever folds stops half-way: no key waits for another fold
            self._keks.spent(thread)
