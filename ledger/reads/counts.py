"""How often something was read under an order or an opening, and how many copies left, by month.

Counts alone, of the log of reads as far as it can be read: whose reads they are is not kept. Who is
told is not decided here.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from ledger.reads.access_logged import AccessRow
from ledger.reads.noted_rows import NotedPage
from ledger.regulation.registry.calendar import local_day

BY_ORDER: Final = "read_by_order"
BY_OPENING: Final = "read_by_opening"
COPIED: Final = "copied"
COUNTED: Final = (BY_ORDER, BY_OPENING, COPIED)
_BY_RULE: Final[Mapping[str, str]] = {"A9": BY_ORDER, "A19": BY_OPENING}
_PAGE: Final = 500
_END: Final = 2**62


class Pages(Protocol):
    """A log of reads, newest first: `NotedRows`."""

    def page(self, either: Sequence[Sequence[bytes]], *, before: int, limit: int) -> NotedPage:
        """Rows before an index, of all where the one question names no tag."""


class ReadCounts:
    """Counts of one log of reads. Safe to ask from many threads.

    It goes through the whole log once a process, 0.1 ms a row, and from then on through what is
    new: rows stay as they are.

    Args:
        rows: The log.
    """

    def __init__(self, rows: Pages) -> None:
        self._rows = rows
        self._last = -1
        self._counts: dict[str, Counter[str]] = {name: Counter() for name in COUNTED}
        self._lock = threading.Lock()

    def of_year(self, year: int) -> dict[str, dict[str, int]]:
        """Counts by month (`YYYY-MM`), of each that is counted; months without one are left out."""
        with self._lock:
            self._catch_up()
            return {
                name: {month: n for month, n in counts.items() if month.startswith(f"{year:04}-")}
                for name, counts in self._counts.items()
            }

    def _catch_up(self) -> None:
        before: int | None = _END
        newest, found = self._last, list[tuple[str, str]]()
        while before is not None and before > self._last + 1:
            page = self._rows.page([[]], before=before, limit=_PAGE)
            lines = [line for line in page.lines if line.index > self._last]
            newest = max([newest, *(line.index for line in lines)])
            for line in lines:
                name = None if line.row is None else _counted(line.row)
                if name is not None:
                    found.append((name, f"{local_day(line.at):%Y-%m}"))
            before = page.before
        for name, month in found:
            self._counts[name][month] += 1
        self._last = newest


def _counted(row: AccessRow) -> str | None:
    return COPIED if row.read.kind == "EXPORT" else _BY_RULE.get(row.read.rule)
