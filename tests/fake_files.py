"""Files of acts in memory, with a fault hook: fakes of `BlobStore` and `FileIndex`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from uuid import UUID

from ledger.errors import NotFound
from ledger.ports import CustodyRow, StoredFile


class MemoryBlobs:
    """`BlobStore` in one process.

    Args:
        fault: Called with `put` or `get` before it happens; may raise.
    """

    def __init__(self, fault: Callable[[str], None] = lambda _: None) -> None:
        self.kept: dict[UUID, bytes] = {}
        self.fault = fault

    def put(self, name: UUID, sealed: Iterable[bytes]) -> None:
        """See `BlobStore`."""
        whole = b"".join(sealed)
        self.fault("put")
        self.kept[name] = whole

    def get(self, name: UUID) -> Iterator[bytes]:
        """See `BlobStore`."""
        self.fault("get")
        if name not in self.kept:
            raise NotFound(str(name))
        whole = self.kept[name]
        return (whole[at : at + 100_000] for at in range(0, len(whole), 100_000))

    def remove(self, name: UUID) -> None:
        """See `BlobStore`."""
        self.kept.pop(name, None)


class MemoryFiles:
    """`FileIndex` in one process.

    Args:
        fault: Called with `key`, `add` or `note` before it happens; may raise.
    """

    def __init__(self, fault: Callable[[str], None] = lambda _: None) -> None:
        self.files: dict[UUID, StoredFile] = {}
        self.rows: dict[UUID, list[CustodyRow]] = {}
        self.order: list[CustodyRow] = []
        self.fault = fault
        self._key: bytes | None = None
        self._lock = threading.Lock()

    def lookup_key(self) -> bytes | None:
        """See `FileIndex`."""
        return self._key

    def keep_lookup_key(self, wrap: bytes) -> bytes:
        """See `FileIndex`."""
        self.fault("key")
        with self._lock:
            self._key = self._key or wrap
            return self._key

    def add(self, file: StoredFile) -> None:
        """See `FileIndex`."""
        self.fault("add")
        with self._lock:
            first = self._placed(file.first)
            self.files[file.name] = replace(file, first=first)
            self.rows[file.name] = [first]

    def find(self, tags: Sequence[bytes]) -> Sequence[StoredFile]:
        """See `FileIndex`."""
        return [file for file in self.files.values() if file.tag in tags]

    def history(self, name: UUID) -> Sequence[CustodyRow]:
        """See `FileIndex`."""
        return list(self.rows.get(name, []))

    def last(self, name: UUID) -> tuple[int, bytes] | None:
        """See `FileIndex`."""
        rows = self.rows.get(name)
        return (rows[-1].seq, rows[-1].entry) if rows else None

    def note(self, row: CustodyRow) -> bool:
        """See `FileIndex`."""
        self.fault("note")
        with self._lock:
            rows = self.rows.get(row.name, [])
            if not rows or row.seq != len(rows) + 1:
                return False
            rows.append(self._placed(row))
            return True

    def taken(self) -> int:
        """See `FileIndex`."""
        return len(self.order)

    def span(self, start: int, limit: int) -> Sequence[tuple[int, UUID, int, bytes]]:
        """See `FileIndex`."""
        rows = self.order[start : start + limit]
        return [(row.place or 0, row.name, row.seq, row.entry) for row in rows]

    def _placed(self, row: CustodyRow) -> CustodyRow:
        placed = replace(row, place=len(self.order))
        self.order.append(placed)
        return placed
