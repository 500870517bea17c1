"""A row that cannot be read is told as that; what cannot be asked now is told as nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import cast
from uuid import UUID

import pytest

from keys.envelope_encryption import Keks
from keys.errors import Unsealable
from ledger.errors import Unavailable
from ledger.ports import NIL_UNIT, CustodyRow, NoRecords, StoredRecord
from ledger.reads.counts import ReadCounts
from ledger.reads.noted_rows import NotedRows
from ledger.reads.read import ReadNotLogged
from ledger.regulation.registry.registry import Registry
from ledger.streams.names import stream_id
from ledger.streams.opener import KeptApart, OpenedBy
from ledger.streams.record_reader import Reader

ORIGIN = "bacninh.example/mat/access"
STREAM = f"reads/{UUID(int=1)}"
ROW = StoredRecord(
    index=7, stream_id=stream_id(ORIGIN, STREAM), seq=1, act_id=UUID(int=2), author=True,
    topic="socai.statement.v1", state=b"x", entry=b"e" * 32, stream=STREAM, unit=NIL_UNIT,
    recorded_at=datetime.fromisoformat("2024-06-04T01:00:00+00:00"), wrap=b"w", registry=False,
)  # fmt: skip


class Keeper(KeptApart):
    """Opens no row: it is away, or the wrap is none of its key's."""

    def __init__(self) -> None:
        self.away = True

    def records(self, origin: str, rows: Sequence[StoredRecord]) -> list[bytes | Unsealable]:
        """See `KeptApart`."""
        assert origin == ORIGIN
        if self.away:
            raise ReadNotLogged
        return [Unsealable("wrapped under another key") for _ in rows]

    def event(self, row: CustodyRow) -> bytes:
        """See `KeptApart`."""
        raise NotImplementedError

    def file(self, name: UUID, entry: bytes, index: int, by: OpenedBy) -> bytes:
        """See `KeptApart`."""
        raise NotImplementedError


class One:
    """A log of one row."""

    def noted(self, tags: Sequence[bytes], before: int, limit: int) -> list[StoredRecord]:
        """See `RowSource`."""
        assert not tags
        return [ROW][:limit] if before > ROW.index else []


def test_an_outage_is_no_row_that_cannot_be_read() -> None:
    """Told as one it would be damage to whoever looks, and be counted as nothing for good."""
    keeper = Keeper()
    reader = Reader(NoRecords(), cast("Keks", keeper), ORIGIN, "mat")
    rows = NotedRows(One(), reader, Registry.founded, ORIGIN)
    counts = ReadCounts(rows)
    for ask in (
        lambda: rows.page([[]], before=8, limit=1),
        lambda: rows.of_permit([], 1),
        lambda: counts.of_year(2024),
    ):
        with pytest.raises(Unavailable):
            ask()
    keeper.away = False
    (line,) = rows.page([[]], before=8, limit=1).lines
    assert (line.index, line.row) == (7, None)
    (copy,) = rows.of_permit([], 1)
    assert (copy.row, copy.digest) == (None, None)
