"""Reads by month: each row once, however often it is asked, and nothing of whose they are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from ledger.reads.access_logged import AccessRow
from ledger.reads.counts import ReadCounts
from ledger.reads.noted_rows import NotedLine, NotedPage
from ledger.reads.read import Copy, NotedRead, ReadBy

BY = ReadBy("0a5b7c1e-3f52-4f0a-9d50-6f3f6f6b1a11", "A" * 43)
ORDER = NotedRead("A9", "p", "RECORD", BY)
OPENING = NotedRead("A19", "p", "CASE_FILE", BY)
LOOK = NotedRead("A11", "p", "ACCESS_LOG", BY)
COPY = NotedRead("A23", "p", "EXPORT", BY, copy=Copy("01", "sha-256:" + "A" * 43))


class Rows:
    """A log of reads in memory, newest first, in pages of whatever size is asked.

    Attributes:
        looked: How many rows were told.
    """

    def __init__(self) -> None:
        self.lines: list[NotedLine] = []
        self.looked = 0

    def note(self, at: str, read: NotedRead | None) -> None:
        """One more row; None: it cannot be read."""
        moment = datetime.fromisoformat(at).replace(tzinfo=UTC)
        row = None if read is None else AccessRow(read, ())
        self.lines.append(NotedLine(len(self.lines), moment, row))

    def page(self, either: Sequence[Sequence[bytes]], *, before: int, limit: int) -> NotedPage:
        """See `NotedRows`."""
        assert either == [[]]
        newest = [line for line in reversed(self.lines) if line.index < before]
        found = newest[: min(limit, 3)]
        self.looked += len(found)
        return NotedPage(found, found[-1].index if len(newest) > len(found) else None)


def test_each_row_counts_once_in_the_month_of_the_country() -> None:
    """Over several pages and years; what is neither read, opened nor copied does not count."""
    rows = Rows()
    counts = ReadCounts(rows)
    empty: dict[str, dict[str, int]] = {"read_by_order": {}, "read_by_opening": {}, "copied": {}}
    assert counts.of_year(2024) == empty
    for read in (ORDER, ORDER, OPENING, LOOK, None, COPY, ORDER):
        rows.note("2024-05-31T16:59:59", read)
    rows.note("2024-05-31T17:00:00", ORDER)  # midnight of 1 June in Vietnam
    rows.note("2024-12-31T18:00:00", COPY)
    may, june = "2024-05", "2024-06"
    told = {"read_by_order": {may: 3, june: 1}, "read_by_opening": {may: 1}, "copied": {may: 1}}
    assert counts.of_year(2024) == told
    assert counts.of_year(2025) == {**empty, "copied": {"2025-01": 1}}


def test_what_was_counted_is_not_gone_through_again() -> None:
    """A page of what is new, and of nothing where nothing is."""
    rows = Rows()
    counts = ReadCounts(rows)
    for _ in range(20):
        rows.note("2024-05-01T00:00:00", ORDER)
    counts.of_year(2024)
    before = rows.looked
    rows.note("2024-05-02T00:00:00", ORDER)
    assert counts.of_year(2024)["read_by_order"] == {"2024-05": 21}
    assert rows.looked - before <= 3
