"""One lower log above, by the importer's login or the reader's (access.md G10): `MirrorStore`.

What was taken in is read as any log is; it is stored by one function, a segment in a transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, LiteralString, cast
from uuid import UUID

import psycopg

from ledger.errors import Conflict
from ledger.message import Message
from ledger.mirror.ports import Claimed, Standing, Taken, TakenSegment
from ledger.mirror.unit import ref_of
from ledger.ports import NIL_UNIT, LogHead, StoredRecord
from ledger.postgres.connect import DURABLY, Lending, Pool, calling, reading, translated
from ledger.postgres.records import PAGE, head_of, stored

_COLUMNS: Final[LiteralString] = """
SELECT r.index, r.stream_id, r.seq, r.act_id, r.author, r.topic, r.state, r.entry, r.recorded_at,
  CASE WHEN r.unread THEN ''::bytea ELSE w.wrap END, coalesce(s.name, ''), r.unit, r.registry
FROM mirror.records r
LEFT JOIN mirror.streams s ON s.stream_id = r.stream_id
LEFT JOIN mirror.wraps w ON w.origin = r.origin AND w.index = r.index
"""
_BY_INDEX: Final[LiteralString] = (
    _COLUMNS + "WHERE r.origin = %b AND r.index >= %b AND r.index < %b ORDER BY r.index"
)
_BY_STREAM: Final[LiteralString] = (
    _COLUMNS + "WHERE r.stream_id = %b AND r.seq > %b ORDER BY r.seq LIMIT %b"
)
_REGISTRY: Final[LiteralString] = (
    _COLUMNS + "WHERE r.origin = %b AND r.registry AND r.index > %b ORDER BY r.index LIMIT %b"
)
_BY_ACT: Final[LiteralString] = _COLUMNS + "WHERE r.origin = %b AND r.act_id = %b ORDER BY r.index"
_ENTRIES: Final[LiteralString] = (
    "SELECT entry FROM mirror.records WHERE origin = %b AND index >= %b AND index < %b"
    " ORDER BY index"
)
_WHOSE: Final[LiteralString] = "SELECT stream_id, index FROM mirror.tokens WHERE tag = %b"
_HEAD: Final[LiteralString] = (
    "SELECT size, recorded_at, registry_index FROM mirror.logs WHERE origin = %b"
)
_STANDING: Final[LiteralString] = "SELECT size, at, note FROM mirror.logs WHERE origin = %b"
_CLAIMS: Final[LiteralString] = """
SELECT r.index, r.entry, r.erased_by, r.erased_at FROM mirror.records r
WHERE r.origin = %b AND r.erased_by IS NOT NULL AND NOT EXISTS (
  SELECT FROM mirror.erased e
  WHERE e.origin = r.origin AND e.index = r.index AND e.act_id = r.erased_by)
ORDER BY r.index
"""
_HEADS: Final[LiteralString] = (
    "SELECT z.id, (SELECT max(r.seq) FROM mirror.records r WHERE r.stream_id = z.id)"
    " FROM unnest(%b::uuid[]) AS z (id)"
)
_FILE: Final[LiteralString] = (
    "SELECT state FROM mirror.files WHERE origin = %b AND index = %b AND n = %b AND state <> ''"
)
_LISTED: Final[LiteralString] = """
SELECT index, count(*) FROM mirror.files WHERE origin = %b AND index >= %b AND index < %b
GROUP BY index
"""
_ASIDES: Final[LiteralString] = (
    "SELECT index, aside FROM mirror.records WHERE origin = %b AND aside IS NOT NULL"
)
_SEGMENTS: Final[LiteralString] = (
    "SELECT at, size, root, taken_at FROM mirror.segments WHERE origin = %b ORDER BY at"
)
_REFS: Final[LiteralString] = (
    "SELECT ref FROM mirror.records WHERE origin = %b AND index >= %b AND index < %b ORDER BY index"
)
_ERASURES: Final[LiteralString] = "SELECT index, act_id FROM mirror.erased WHERE origin = %b"
_TAKE: Final[LiteralString] = (
    """
SELECT mirror.take(%b::text, %b::bigint, %b::bigint, %b::bytea, %b::bytea, %b::text[],
  %b::uuid[], %b::bigint[], %b::uuid[], %b::uuid[], %b::boolean[], %b::boolean[], %b::uuid[],
  %b::timestamptz[], %b::bytea[], %b::bytea[], %b::bytea[], %b::boolean[], %b::text[],
  %b::uuid[], %b::bigint[], %b::bytea[], %b::uuid[], %b::bigint[], %b::bigint[], %b::uuid[],
  %b::bigint[], %b::int[], %b::bytea[])
"""
    + DURABLY
)
_LOGS: Final[LiteralString] = """
SELECT l.origin, l.level, l.genesis, l.size, l.at, l.note,
  (SELECT count(*) FROM mirror.records r WHERE r.origin = l.origin AND r.aside IS NOT NULL),
  (SELECT count(*) FROM mirror.records r WHERE r.origin = l.origin AND r.unread),
  (SELECT count(*) FROM mirror.erased e WHERE e.origin = l.origin),
  (SELECT count(*) FROM mirror.files f WHERE f.origin = l.origin AND f.state <> ''),
  (SELECT count(*) FROM mirror.files f WHERE f.origin = l.origin AND f.state = '')
FROM mirror.logs l ORDER BY l.origin
"""
_TRUST: Final[LiteralString] = "SELECT mirror.trust(%b::text, %b::text, %b::bytea)"


@dataclass(frozen=True, slots=True)
class LowerLog:
    """A lower log as the operator is told of it.

    Attributes:
        origin: Its name.
        level: Its level.
        genesis: Entry of its record 0.
        size: Records taken in.
        at: Turn of the clock of the newest segment, in seconds since 1970; -1 before the first.
        note: The newest checkpoint taken in.
        aside: Records that the rules below set aside.
        unread: How many of these came without content, since nobody below can read them.
        erased: Records whose content an act below erased.
        files: Files of its acts that came.
        left_out: Files of its acts that did not: too long, or nowhere below.
    """

    origin: str
    level: str
    genesis: bytes
    size: int
    at: int
    note: bytes | None
    aside: int
    unread: int
    erased: int
    files: int
    left_out: int


class PostgresMirror:
    """One lower log.

    Args:
        pool: Of the importer's login, or of the reader's: that one reads what it is shown.
        origin: Of the log.
    """

    def __init__(self, pool: Lending, origin: str) -> None:
        self._pool = pool
        self._origin = origin

    def standing(self) -> Standing:
        """See `MirrorStore`."""
        row = self._row(_STANDING, self._origin)
        if row is None:
            return Standing(0, -1, None)
        size, at, note = cast("tuple[int, int, bytes | None]", row)
        claims = self._rows(_CLAIMS, self._origin)
        return Standing(size, at, note, tuple(Claimed(*cast("Any", one)) for one in claims))

    def file(self, index: int, n: int) -> bytes | None:
        """See `MirrorStore`."""
        row = self._row(_FILE, self._origin, index, n)
        return None if row is None else cast("bytes", row[0])

    def listed(self, start: int, end: int) -> Mapping[int, int]:
        """See `MirrorStore`."""
        return dict(cast("list[tuple[int, int]]", self._rows(_LISTED, self._origin, start, end)))

    def heads(self, stream_ids: Collection[UUID]) -> Mapping[UUID, int]:
        """See `MirrorStore`."""
        rows = cast("list[tuple[UUID, int | None]]", self._rows(_HEADS, list(stream_ids)))
        return {one: seq for one, seq in rows if seq is not None}

    def asides(self) -> Mapping[int, str]:
        """See `MirrorStore`."""
        return dict(cast("list[tuple[int, str]]", self._rows(_ASIDES, self._origin)))

    def segments(self) -> Sequence[TakenSegment]:
        """See `MirrorStore`."""
        return [TakenSegment(*cast("Any", row)) for row in self._rows(_SEGMENTS, self._origin)]

    def refs(self, start: int, limit: int) -> Sequence[UUID]:
        """See `MirrorStore`."""
        rows = self._rows(_REFS, self._origin, start, start + limit)
        return [cast("UUID", row[0]) for row in rows]

    def erasures(self) -> Mapping[int, UUID]:
        """See `MirrorStore`."""
        return dict(cast("list[tuple[int, UUID]]", self._rows(_ERASURES, self._origin)))

    def take(self, taken: Taken) -> None:
        """See `MirrorStore`."""
        try:
            with self._pool.connection() as connection:
                connection.execute(_TAKE, _arguments(self._origin, taken), binary=True)
        except psycopg.errors.LockNotAvailable as error:
            raise Conflict(
                "moved", Message("another import was first, or the epoch turned: import again")
            ) from error
        except psycopg.Error as error:
            raise translated(error) from error

    def head(self) -> LogHead:
        """See `RecordStore`."""
        return head_of(self._row(_HEAD, self._origin))

    def read(self, start: int, limit: int) -> Sequence[StoredRecord]:
        """See `RecordStore`."""
        return self._stored(_BY_INDEX, self._origin, start, start + limit)

    def cases(self, start: int, end: int, digits: str) -> Sequence[StoredRecord]:
        """All of them: nobody asks for a part of a mirror."""
        del digits
        return self.read(start, end - start)

    def stream(self, stream_id: UUID, after_seq: int = 0) -> Iterator[StoredRecord]:
        """See `RecordStore`."""
        while rows := self._stored(_BY_STREAM, stream_id, after_seq, PAGE):
            yield from rows
            if len(rows) < PAGE:
                return
            after_seq = rows[-1].seq

    def registry(self, after_index: int) -> Iterator[StoredRecord]:
        """See `RecordStore`."""
        while rows := self._stored(_REGISTRY, self._origin, after_index, PAGE):
            yield from rows
            if len(rows) < PAGE:
                return
            after_index = rows[-1].index

    def act(self, act_id: UUID) -> Sequence[StoredRecord]:
        """See `RecordStore`."""
        return self._stored(_BY_ACT, self._origin, act_id)

    def entries(self, start: int, end: int) -> Sequence[bytes]:
        """See `RecordStore`."""
        return [cast("bytes", row[0]) for row in self._rows(_ENTRIES, self._origin, start, end)]

    def token(self, tag: bytes) -> tuple[UUID, int] | None:
        """See `RecordStore`."""
        return cast("tuple[UUID, int] | None", self._row(_WHOSE, tag))

    def _stored(self, query: LiteralString, *arguments: object) -> list[StoredRecord]:
        return [stored(cast("Any", row)) for row in self._rows(query, *arguments)]

    def _row(self, query: LiteralString, *arguments: object) -> tuple[object, ...] | None:
        rows = self._rows(query, *arguments)
        return rows[0] if rows else None

    def _rows(self, query: LiteralString, *arguments: object) -> list[tuple[object, ...]]:
        return reading(
            self._pool,
            lambda connection: connection.execute(query, arguments, binary=True).fetchall(),
        )


def trusted_logs(pool: Lending) -> list[LowerLog]:
    """Every lower log that is trusted, by name; by the importer's login."""
    rows = reading(pool, lambda connection: connection.execute(_LOGS, binary=True).fetchall())
    return [LowerLog(*cast("Any", row)) for row in rows]


def trust(pool: Pool, origin: str, level: str, genesis: bytes) -> None:
    """Trusts a lower log from its record 0 on; by the migrator's login.

    Raises:
        Conflict: `trusted`: it is trusted by another first record already.
    """
    try:
        calling(pool, _TRUST, (origin, level, genesis), binary=True)
    except Exception as error:
        if isinstance(error.__cause__, psycopg.errors.UniqueViolation):
            raise Conflict(
                "trusted",
                Message("{origin} is trusted by another first record already", origin=origin),
            ) from error
        raise


def _arguments(origin: str, taken: Taken) -> list[object]:
    rows = [one.row for one in taken.rows]
    claims = [one.erased_by or (NIL_UNIT, -1) for one in taken.rows]
    tags = [(tag, one.row) for one in taken.rows for tag in one.tags]
    files = [(one.row.index, n, state) for one in taken.rows for n, state in enumerate(one.files)]
    columns = (
        [row.stream for row in rows],
        [row.stream_id for row in rows],
        [row.seq for row in rows],
        [row.act_id for row in rows],
        [ref_of(origin, row.act_id) for row in rows],
        [row.author for row in rows],
        [row.registry for row in rows],
        [row.unit for row in rows],
        [row.recorded_at for row in rows],
        [row.entry for row in rows],
        [row.state for row in rows],
        [row.wrap or b"" for row in rows],
        [row.wrap == b"" for row in rows],
        [one.aside or "" for one in taken.rows],
        [act for act, _ in claims],
        [at for _, at in claims],
        [tag for tag, _ in tags],
        [row.stream_id for _, row in tags],
        [row.index for _, row in tags],
        [index for index, _ in taken.erased],
        [act for _, act in taken.erased],
        [index for index, _, _ in files],
        [n for _, n, _ in files],
        [state or b"" for _, _, state in files],
    )
    return [origin, taken.start, taken.at, taken.checkpoint, taken.root, *columns]
