"""What a process keeps of keys that the keeper gave it: for one use, and for none after a shred."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from uuid import UUID

from api.ops.keeper.asking import KeeperLine, KeptKeks
from keys.canonical import b64
from ledger.ports import StoredRecord
from ledger.reads.access_logged import WrapsRow
from ledger.reads.writer import RowPlace
from tests.builders import T0, an_id

_ORIGIN = "a.example/mat"
_CASE = UUID(an_id("a case"))


class _Line(KeeperLine):
    """Answers as a keeper does, and counts."""

    def __init__(self) -> None:
        super().__init__(Path("none"))
        self.noted: list[WrapsRow] = []

    def note(self, rows: Sequence[WrapsRow]) -> list[RowPlace]:
        """Notes everything."""
        self.noted += rows
        return [RowPlace(_CASE, len(self.noted)) for _ in rows]

    def ask(self, **asked: object) -> dict[str, object]:
        """The keys of the last row."""
        del asked
        return {"keys": [[index, b64(bytes([index]) * 32)] for index in self.noted[-1].records]}


def _row(index: int) -> StoredRecord:
    return StoredRecord(
        index, _CASE, index, _CASE, author=True, topic="t", state=b"", entry=bytes(32),
        recorded_at=T0, wrap=b"w", unit=_CASE,
    )  # fmt: skip


def test_what_is_opened_ahead_is_used_once_and_forgotten() -> None:
    """A fold asks once for all it goes through; what is left is gone when it is told to forget."""
    line = _Line()
    keks = KeptKeks(line, _ORIGIN, line.note, lambda: None)
    rows = [_row(index) for index in (1, 2, 3)]
    keks.prepare([*rows, replace(_row(4), wrap=None)])
    assert keks.records(_ORIGIN, rows[:1]) == [bytes([1]) * 32]
    assert [row.records for row in line.noted] == [(1, 2, 3)]
    keks.records(_ORIGIN, rows[:1])
    assert [row.records for row in line.noted] == [(1, 2, 3), (1,)], "a key is used once"
    keks.forget()
    keks.records(_ORIGIN, rows[1:])
    assert [row.records for row in line.noted][2:] == [(2, 3)], "no key outlives a shred"
    keks.prepare(rows)
    keks.records("b.example/ordinary", rows[:1])
    assert line.noted[-1].log == "b.example/ordinary", "another log's record is another's"
