"""Rows of a log of reads as they are told: opened, their signature checked, page by page.

A row that does not open, or that the service did not sign, is told as one that cannot be read: it
stops nobody, and an audit names it; where what opens it is away, nothing is told of any. Who is
told is not decided here.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Final, NamedTuple, Protocol
from uuid import UUID

from ledger.admission import service_statements
from ledger.errors import Rejected, VerificationError
from ledger.ports import StoredRecord
from ledger.reads.access_logged import ACCESS_LOGGED, OF_READS, AccessRow, row_of
from ledger.regulation.registry.registry import Registry
from ledger.streams.record_reader import Reader

_END: Final = 2**62
_SPAN: Final = 250
"""Rows that are looked at for one page, at most: 0.1 to 0.4 ms each."""


class RowSource(Protocol):
    """Where rows lie."""

    def noted(self, tags: Sequence[bytes], before: int, limit: int) -> list[StoredRecord]:
        """Rows that have all of these tags, newest first, before an index; of none: all rows."""


@dataclass(frozen=True, slots=True)
class NotedLine:
    """One row.

    Attributes:
        index: Its place in the log of reads.
        at: When it was noted.
        row: What it says; None where it cannot be read.
    """

    index: int
    at: datetime
    row: AccessRow | None


class NotedCopy(NamedTuple):
    """One row that says that a copy was handed out.

    Attributes:
        chain: The chain of rows in which it stands.
        seq: Its place there.
        at: When it was noted.
        row: What it says; None where it cannot be read.
        digest: Of its statement, in b64; None where it cannot be read.
    """

    chain: UUID
    seq: int
    at: datetime
    row: AccessRow | None
    digest: str | None


class NoRead:
    """A row that says something of the log itself."""


class NotedPage(NamedTuple):
    """Rows, newest first.

    Attributes:
        lines: Those that were wanted.
        before: Where the next page goes on; None where this is the last. A page may be short, or
            empty, and lead on all the same.
    """

    lines: list[NotedLine]
    before: int | None


class NotedRows:
    """The rows of one log of reads.

    Args:
        source: Where they lie.
        reader: Opens them.
        registry: The registry as the process knows it: which keys are the service's.
        origin: Origin of the log of reads.
    """

    def __init__(
        self, source: RowSource, reader: Reader, registry: Callable[[], Registry], origin: str
    ) -> None:
        self._source = source
        self._reader = reader
        self._registry = registry
        self._origin = origin

    def page(
        self,
        either: Sequence[Sequence[bytes]],
        *,
        before: int,
        limit: int,
        wanted: Callable[[AccessRow, datetime], bool] | None = None,
    ) -> NotedPage:
        """One page.

        Args:
            either: Rows that have all tags of one of these; none: there is nothing to tell.
            before: Rows before this index.
            limit: How many at most.
            wanted: Which of them, by when they were noted; one that cannot be read is left out.
        """
        most = limit + 1 if wanted is None else _SPAN
        lines: list[NotedLine] = []
        last = None
        looked = 0
        for stored in self._newest(either, before, most):
            if len(lines) == limit or looked == most:
                return NotedPage(lines, last)
            looked, last = looked + 1, stored.index
            opened = self._opened(stored)
            if isinstance(opened, NoRead):
                continue
            line = NotedLine(stored.index, stored.recorded_at, opened)
            if wanted is None or (line.row is not None and wanted(line.row, line.at)):
                lines.append(line)
        return NotedPage(lines, last if looked == most else None)

    def _newest(
        self, either: Sequence[Sequence[bytes]], before: int, most: int
    ) -> Iterator[StoredRecord]:
        """Rows of all the questions, each once, newest first."""
        found = [self._source.noted(tags, before, most) for tags in either]
        merged = heapq.merge(*found, key=lambda row: -row.index)
        for _, same in groupby(merged, key=lambda row: row.index):
            yield next(same)

    def of_permit(self, tags: Sequence[bytes], limit: int) -> list[NotedCopy]:
        """Rows that have all of these tags, newest first, with their places in their chain."""
        found = []
        for stored in self._source.noted(tags, _END, limit):
            opened = self._checked(stored)
            row, digest = opened if isinstance(opened, tuple) else (None, None)
            found.append(NotedCopy(stored.stream_id, stored.seq, stored.recorded_at, row, digest))
        return found

    def _opened(self, stored: StoredRecord) -> AccessRow | NoRead | None:
        opened = self._checked(stored)
        return opened[0] if isinstance(opened, tuple) else opened

    def _checked(self, stored: StoredRecord) -> tuple[AccessRow, str] | NoRead | None:
        """A read as the service signed it, and the digest of its statement; None: unreadable."""
        try:
            statement = self._reader.open(stored).statement
            if statement is None:
                return None
            event, _ = service_statements.admit(
                statement,
                self._registry(),
                stored.recorded_at,
                origin=self._origin,
                events=OF_READS,
            )
        except (VerificationError, Rejected):
            return None
        if event.event != ACCESS_LOGGED:
            return NoRead()
        return row_of(event), statement.digest_b64
