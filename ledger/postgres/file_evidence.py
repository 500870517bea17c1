"""The stored rows about files as an auditor takes them (`FileEvidence`).

Read in the transaction of `evidence`. What the login may not read is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, Final, LiteralString, cast
from uuid import UUID

from ledger.audit.files.snapshot_port import RawEvent, RawFile
from ledger.postgres.connect import Connection

_DECLARED: Final[LiteralString] = "SELECT one, coalesce(size, -1) FROM log.custody_head"
_COUNTED: Final[LiteralString] = (
    "SELECT (SELECT count(name) FROM log.files), (SELECT count(name) FROM log.custody)"
)
_KEYS: Final[LiteralString] = "SELECT one, wrap FROM log.file_key"
_KEYS_PLAIN: Final[LiteralString] = "SELECT one, NULL::bytea FROM log.file_key"
# Where what cannot be null is, it is read as what cannot be right: the audit goes on behind it.
_FILES: Final[LiteralString] = """
SELECT coalesce(f.name, '00000000-0000-0000-0000-000000000000'), coalesce(f.tag, ''), w.kek_id,
  coalesce(w.wrap, '')
FROM log.files f LEFT JOIN log.file_wraps w ON w.name = f.name AND w.seq = 0
ORDER BY 1, 2, w.kek_id
"""
_FILES_PLAIN: Final[LiteralString] = """
SELECT coalesce(f.name, '00000000-0000-0000-0000-000000000000'), NULL::bytea, w.kek_id, NULL::bytea
FROM log.files f LEFT JOIN log.file_wraps w ON w.name = f.name AND w.seq = 0
ORDER BY 1, w.kek_id
"""
_EVENTS: Final[LiteralString] = """
SELECT coalesce(c.place, -1), coalesce(c.name, '00000000-0000-0000-0000-000000000000'),
  coalesce(c.seq, 0), coalesce(c.entry, ''), coalesce(c.state, ''), w.kek_id, coalesce(w.wrap, '')
FROM log.custody c LEFT JOIN log.file_wraps w ON w.name = c.name AND w.seq = c.seq
ORDER BY 1, 2, 3, w.kek_id
"""
_EVENTS_PLAIN: Final[LiteralString] = """
SELECT coalesce(c.place, -1), coalesce(c.name, '00000000-0000-0000-0000-000000000000'),
  coalesce(c.seq, 0), coalesce(c.entry, ''), NULL::bytea, w.kek_id, NULL::bytea
FROM log.custody c LEFT JOIN log.file_wraps w ON w.name = c.name AND w.seq = c.seq
ORDER BY 1, 2, 3, w.kek_id
"""
_ASTRAY: Final[LiteralString] = """
SELECT w.name, w.seq FROM log.file_wraps w
WHERE NOT EXISTS (SELECT FROM log.files f WHERE f.name = w.name AND w.seq = 0)
  AND NOT EXISTS (SELECT FROM log.custody c WHERE c.name = w.name AND c.seq = w.seq)
ORDER BY w.name, w.seq
"""
_AT_ONCE: Final = 2_000


class PostgresFileEvidence:
    """Rows about files in one snapshot.

    Args:
        connection: In the transaction of the snapshot.
        sealed: Whether states and wraps can be read.
    """

    def __init__(self, connection: Connection, *, sealed: bool) -> None:
        self._connection = connection
        self._sealed = sealed

    def declared(self) -> Sequence[tuple[bool, int]]:
        """The rows that count the events."""
        return cast("list[tuple[bool, int]]", self._connection.execute(_DECLARED).fetchall())

    def counted(self) -> tuple[int, int]:
        """Rows of `files` and of `custody`."""
        return cast("tuple[int, int]", self._connection.execute(_COUNTED).fetchone())

    def keys(self) -> Sequence[tuple[bool, bytes | None]]:
        """The rows of the key of the files."""
        query = _KEYS if self._sealed else _KEYS_PLAIN
        rows = self._connection.execute(query, binary=True).fetchall()
        return cast("list[tuple[bool, bytes | None]]", rows)

    def files(self) -> Iterator[RawFile]:
        """Every row of `files`, in the order of their names."""
        rows = self._each("socai_files", _FILES if self._sealed else _FILES_PLAIN)
        for (name, tag), wraps in groupby(rows, itemgetter(0, 1)):
            yield RawFile(name, tag, _wraps(row[2:] for row in wraps))

    def events(self) -> Iterator[RawEvent]:
        """Every row of `custody`, in the order of their places."""
        rows = self._each("socai_custody", _EVENTS if self._sealed else _EVENTS_PLAIN)
        for event, wraps in groupby(rows, itemgetter(0, 1, 2, 3, 4)):
            yield RawEvent._make((*event, _wraps(row[5:] for row in wraps)))

    def astray(self) -> Sequence[tuple[UUID, int]]:
        """File and position of wraps that are of no file and of no event."""
        rows = self._connection.execute(_ASTRAY, binary=True).fetchall()
        return cast("list[tuple[UUID, int]]", rows)

    def _each(self, cursor: str, query: LiteralString) -> Iterator[tuple[Any, ...]]:
        """Row after row, in constant memory."""
        with self._connection.cursor(cursor, binary=True) as rows:
            rows.itersize = _AT_ONCE
            yield from rows.execute(query)


def _wraps(rows: Iterator[tuple[Any, ...]]) -> tuple[tuple[bytes, bytes | None], ...]:
    """An outer join gives one row without a wrap where there is none."""
    return tuple((kek_id, wrap) for kek_id, wrap in rows if kek_id is not None)
