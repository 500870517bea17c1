"""A mirrored log with records that are not stored yet, each judged by what is before it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from uuid import UUID

from ledger.mirror.ports import MirrorStore
from ledger.ports import LogHead, StoredRecord


class Ahead:
    """`RecordStore` over what is stored and what comes next."""

    def __init__(self, stored: MirrorStore) -> None:
        self._stored = stored
        self._rows: list[StoredRecord] = []
        self._streams: dict[UUID, list[StoredRecord]] = {}
        self._tokens: dict[bytes, tuple[UUID, int]] = {}

    def add(self, row: StoredRecord, tags: Iterable[bytes] = ()) -> None:
        """The next record."""
        self._rows.append(row)
        self._streams.setdefault(row.stream_id, []).append(row)
        for tag in tags:  # what is stored is asked first
            self._tokens.setdefault(tag, (row.stream_id, row.index))

    def clear(self) -> None:
        """What came next is stored, or is refused."""
        self._rows.clear()
        self._streams.clear()
        self._tokens.clear()

    def head(self) -> LogHead:
        """The log with what comes next."""
        head = self._stored.head()
        if not self._rows:
            return head
        registry = max((row.index for row in self._rows if row.registry), default=-1)
        return LogHead(
            head.size + len(self._rows),
            self._rows[-1].recorded_at,
            max(head.registry_index, registry),
        )

    def read(self, start: int, limit: int) -> Sequence[StoredRecord]:
        """Records in index order."""
        found = list(self._stored.read(start, limit))
        end = start + limit
        return found + [row for row in self._rows if start <= row.index < end]

    def cases(self, start: int, end: int, digits: str) -> Sequence[StoredRecord]:
        """All of them: nobody asks for a part of a mirror."""
        del digits
        return self.read(start, end - start)

    def stream(self, stream_id: UUID, after_seq: int = 0) -> Iterator[StoredRecord]:
        """One stream in `seq` order."""
        yield from self._stored.stream(stream_id, after_seq)
        yield from [row for row in self._streams.get(stream_id, ()) if row.seq > after_seq]

    def registry(self, after_index: int) -> Iterator[StoredRecord]:
        """Every record after an index by which the registry changed."""
        yield from self._stored.registry(after_index)
        yield from [row for row in self._rows if row.registry and row.index > after_index]

    def act(self, act_id: UUID) -> Sequence[StoredRecord]:
        """Every record of one act."""
        return [*self._stored.act(act_id), *(row for row in self._rows if row.act_id == act_id)]

    def entries(self, start: int, end: int) -> Sequence[bytes]:
        """The entries of indices [start, end)."""
        found = list(self._stored.entries(start, end))
        return found + [row.entry for row in self._rows if start <= row.index < end]

    def token(self, tag: bytes) -> tuple[UUID, int] | None:
        """The one stream that has this token."""
        return self._stored.token(tag) or self._tokens.get(tag)
