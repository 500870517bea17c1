"""Which uploads there are and what became of each (formats.md §5, access.md L16).

Implements `FileIndex`. The writer adds uploads and notes what was read; nobody can change a row.
What is sealed stays sealed here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, LiteralString, cast
from uuid import UUID

from ledger.ports import CustodyRow, StoredFile
from ledger.postgres.connect import Lending, calling, reading

_KEY: Final[LiteralString] = "SELECT wrap FROM log.file_key"
_KEEP_KEY: Final[LiteralString] = "SELECT log.keep_file_key(%b::bytea)"
_ADD: Final[LiteralString] = (
    "SELECT log.keep_file(%b::uuid, %b::bytea, %b::bytea, %b::bytea, %b::bytea, %b::bytea)"
)
_NOTE: Final[LiteralString] = (
    "SELECT log.note_custody(%b::uuid, %b::bigint, %b::bytea, %b::bytea, %b::bytea)"
)
_FIND: Final[LiteralString] = """
SELECT f.name, f.tag, w.wrap, c.entry, c.state, e.wrap, c.place
FROM log.files f
JOIN log.custody c ON c.name = f.name AND c.seq = 1
LEFT JOIN log.file_wraps w ON w.name = f.name AND w.seq = 0
LEFT JOIN log.file_wraps e ON e.name = f.name AND e.seq = 1
WHERE f.tag = ANY (%b)
"""
_HISTORY: Final[LiteralString] = """
SELECT c.name, c.seq, c.entry, c.state, w.wrap, c.place
FROM log.custody c LEFT JOIN log.file_wraps w ON w.name = c.name AND w.seq = c.seq
WHERE c.name = %b ORDER BY c.seq
"""
_LAST: Final[LiteralString] = (
    "SELECT seq, entry FROM log.custody WHERE name = %b ORDER BY seq DESC LIMIT 1"
)
_TAKEN: Final[LiteralString] = "SELECT size FROM log.custody_head"
_SPAN: Final[LiteralString] = (
    "SELECT place, name, seq, entry FROM log.custody WHERE place >= %b ORDER BY place LIMIT %b"
)


class PostgresFiles:
    """The index as two logins know it.

    Args:
        reading: Connections of the reader's login.
        writing: Pool of the writer's; None where nothing is uploaded.
    """

    def __init__(self, reading: Lending, writing: Lending | None = None) -> None:
        self._reading = reading
        self._writing = writing or reading

    def lookup_key(self) -> bytes | None:
        """The wrapped key of every tag."""
        row = reading(self._reading, lambda connection: connection.execute(_KEY).fetchone())
        return None if row is None else cast("bytes", row[0])

    def keep_lookup_key(self, wrap: bytes) -> bytes:
        """Keeps it where none is kept yet; the one that stands."""
        return cast("bytes", calling(self._writing, _KEEP_KEY, [wrap], binary=True))

    def add(self, file: StoredFile) -> None:
        """Keeps an upload with its first event, in one transaction."""
        first = file.first
        arguments = (file.name, file.tag, file.wrap, first.entry, first.state, first.wrap)
        calling(self._writing, _ADD, arguments, binary=True)

    def find(self, tags: Sequence[bytes]) -> Sequence[StoredFile]:
        """Every upload with one of these tags."""
        rows = self._rows(_FIND, list(tags))
        return [
            StoredFile(name, tag, wrap, CustodyRow(name, 1, entry, state, event_wrap, place))
            for name, tag, wrap, entry, state, event_wrap, place in rows
        ]

    def history(self, name: UUID) -> Sequence[CustodyRow]:
        """The history of a file, in order."""
        return [CustodyRow(*row) for row in self._rows(_HISTORY, name)]

    def last(self, name: UUID) -> tuple[int, bytes] | None:
        """`seq` and `entry` of the newest event."""
        rows = self._rows(_LAST, name)
        return (rows[0][0], rows[0][1]) if rows else None

    def note(self, row: CustodyRow) -> bool:
        """Adds an event right after the last; False where its place is taken or not reached."""
        arguments = (row.name, row.seq, row.entry, row.state, row.wrap)
        return bool(calling(self._writing, _NOTE, arguments, binary=True))

    def taken(self) -> int:
        """How many events of all files there are."""
        row = reading(self._reading, lambda connection: connection.execute(_TAKEN).fetchone())
        return 0 if row is None else cast("int", row[0])

    def span(self, start: int, limit: int) -> Sequence[tuple[int, UUID, int, bytes]]:
        """Place, file, position and entry of events from a place on, in order."""
        return cast("list[tuple[int, UUID, int, bytes]]", self._rows(_SPAN, start, limit))

    def _rows(self, query: LiteralString, *arguments: object) -> list[tuple[Any, ...]]:
        rows = reading(
            self._reading,
            lambda connection: connection.execute(query, arguments, binary=True).fetchall(),
        )
        return cast("list[tuple[Any, ...]]", rows)
