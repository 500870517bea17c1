"""Reads of the records of one log, in index order or stream by stream; implements `RecordStore`.

Indices are dense and a group commits under the lock of `log_head`, so a reader that tails by index
misses nothing. Nothing is opened here: states stay sealed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal, LiteralString, cast
from uuid import UUID

from ledger.ports import LogHead, StoredRecord
from ledger.postgres.connect import Lending, reading

LogSchema = Literal["log", "access"]
"""Where a log lies: `log`, the acts; `access`, the reads (access.md §6)."""

HEAD: Final[LiteralString] = "SELECT size, recorded_at, registry_index FROM log.log_head"
_COLUMNS: Final[LiteralString] = """
SELECT r.index, r.stream_id, r.seq, r.act_id, r.author, r.topic, r.state, r.entry, r.recorded_at,
  w.wrap, coalesce(s.name, ''), r.unit, r.registry
FROM log.records r
LEFT JOIN log.streams s ON s.stream_id = r.stream_id
LEFT JOIN log.wraps w ON w.index = r.index
"""
# An outer join does not hand a range on to its other side: it is said twice, or all wraps are read.
_RANGE: Final[LiteralString] = (
    _COLUMNS.rstrip()
    + " AND w.index >= %(start)b AND w.index < %(end)b\n"
    + "WHERE r.index >= %(start)b AND r.index < %(end)b"
)
_BY_INDEX: Final[LiteralString] = _RANGE + " ORDER BY r.index"
_CASES: Final[LiteralString] = (
    _RANGE
    + " AND (r.registry OR s.name IS NULL OR s.name NOT LIKE 'case/%%'"
    + " OR CASE WHEN strpos('0123456789abcdef', right(s.name, 1)) > 0 THEN right(s.name, 1)"
    + " ELSE '0' END = ANY (string_to_array(%(digits)b, NULL))) ORDER BY r.index"
)
PAGE: Final = 64
"""Rows that are fetched at a time, each a sealed state of 256 KiB at most."""
_FURTHER: Final = 3 * PAGE
"""The same of a long stream, behind its first page: each page is asked of the policies anew."""
# A page is of records, and not of wraps, of which one record may have several. Each is asked of the
# policy once, and of one stream the name.
_BY_STREAM: Final[LiteralString] = """
SELECT r.index, r.stream_id, r.seq, r.act_id, r.author, r.topic, r.state, r.entry, r.recorded_at,
  w.wrap, coalesce((SELECT s.name FROM log.streams s WHERE s.stream_id = %(stream)b LIMIT 1), ''),
  r.unit, r.registry
FROM (SELECT * FROM log.records WHERE stream_id = %(stream)b AND seq > %(after)b
  ORDER BY seq LIMIT %(page)b) r
LEFT JOIN log.wraps w ON w.index = r.index
ORDER BY r.seq, w.kek_id
"""
_REGISTRY: Final[LiteralString] = (
    _COLUMNS.replace(  # noqa: S608 - constants of this file
        "FROM log.records r",
        "FROM (SELECT * FROM log.records WHERE registry AND index > %(after)b"
        " ORDER BY index LIMIT %(page)b) r",
    )
    + "ORDER BY r.index, w.kek_id"
)
_BY_ACT: Final[LiteralString] = (
    _COLUMNS  # noqa: S608 - constants of this file
    + "WHERE r.stream_id = (SELECT a.stream_id FROM log.records a WHERE a.act_id = %b AND a.author)"
    + " AND r.act_id = %b ORDER BY r.index"
)
_ENTRIES: Final[LiteralString] = "SELECT e.entry FROM log.entries(%b, %b) e"
_SHREDS: Final[LiteralString] = "SELECT count(*) FROM log.shreds"
_WHOSE: Final[LiteralString] = "SELECT stream_id, index FROM log.tokens WHERE tag = %b"


def inside(query: LiteralString, schema: LogSchema) -> LiteralString:
    """A question about tables of `log`, asked of the same tables of another log."""
    return query if schema == "log" else query.replace("log.", "access.")


class PostgresRecords:
    """The records as one login may read them (access.md §3).

    Args:
        pool: Of the writer's, reader's or projector's login; the checkpointer's only for `head` and
            `entries`.
        schema: Where the log lies.
    """

    def __init__(self, pool: Lending, schema: LogSchema = "log") -> None:
        self._pool = pool
        self._schema: LogSchema = schema

    def head(self) -> LogHead:
        """The one row of `log_head`."""
        query = inside(HEAD, self._schema)
        return head_of(reading(self._pool, lambda connection: connection.execute(query).fetchone()))

    def read(self, start: int, limit: int) -> Sequence[StoredRecord]:
        """Records `start` … in index order, at most `limit`."""
        return self._select(_BY_INDEX, {"start": start, "end": start + limit})

    def cases(self, start: int, end: int, digits: str) -> Sequence[StoredRecord]:
        """Records [start, end) but for those that are of other cases alone, in index order."""
        return self._select(_CASES, {"start": start, "end": end, "digits": digits})

    def stream(self, stream_id: UUID, after_seq: int = 0) -> Iterator[StoredRecord]:
        """One stream in `seq` order, from `after_seq` + 1 on; read as it is asked for."""
        page = PAGE
        while rows := self._page(_BY_STREAM, after_seq, page, stream=stream_id):
            yield from rows
            if len(rows) < page:  # most streams: no question that is answered by nothing
                return
            after_seq, page = rows[-1].seq, _FURTHER

    def registry(self, after_index: int) -> Iterator[StoredRecord]:
        """Every record after `after_index` by which the registry changed, as it is asked for."""
        while rows := self._page(_REGISTRY, after_index, PAGE):
            yield from rows
            if len(rows) < PAGE:
                return
            after_index = rows[-1].index

    def act(self, act_id: UUID) -> Sequence[StoredRecord]:
        """Every record of one act, in index order."""
        return self._select(_BY_ACT, (act_id, act_id))

    def entries(self, start: int, end: int) -> Sequence[bytes]:
        """The 32-byte entries of indices [start, end)."""
        query = inside(_ENTRIES, self._schema)
        rows = reading(
            self._pool,
            lambda connection: connection.execute(query, [start, end], binary=True).fetchall(),
        )
        return [cast("bytes", row[0]) for row in rows]

    def token(self, tag: bytes) -> tuple[UUID, int] | None:
        """The stream that has this token, and since which record; the reader may not ask."""
        row = reading(self._pool, lambda connection: connection.execute(_WHOSE, (tag,)).fetchone())
        return None if row is None else cast("tuple[UUID, int]", row)

    def shreds(self) -> int:
        """How many acts of erasure were carried out."""
        row = reading(self._pool, lambda connection: connection.execute(_SHREDS).fetchone())
        return 0 if row is None else cast("int", row[0])

    def _page(
        self, query: LiteralString, after: int, page: int, **of: object
    ) -> Sequence[StoredRecord]:
        return self._select(query, {"after": after, "page": page, **of})

    def _select(
        self, query: LiteralString, arguments: Sequence[object] | Mapping[str, object]
    ) -> Sequence[StoredRecord]:
        asked = inside(query, self._schema)
        rows = reading(
            self._pool,
            lambda connection: connection.execute(asked, arguments, binary=True).fetchall(),
        )
        return [stored(cast("Any", row)) for row in rows]


def head_of(row: tuple[object, ...] | None) -> LogHead:
    """The head from its row; of an empty log where a damaged database has none."""
    if row is None:
        return LogHead(0, None, -1)
    size, at, registry_index = cast("tuple[int, datetime | None, int]", row)
    return LogHead(size, None if at is None else at.astimezone(UTC), registry_index)


def stored(row: tuple[Any, ...]) -> StoredRecord:
    """A row of `records` with its wrap and the name of its stream."""
    index, stream_id, seq, act_id, author, topic, state, entry, at, wrap, name, unit, registry = row
    return StoredRecord(
        index=index,
        stream_id=stream_id,
        seq=seq,
        act_id=act_id,
        author=author,
        topic=topic,
        state=state,
        entry=entry,
        recorded_at=at.astimezone(UTC),
        wrap=wrap,
        stream=name,
        unit=unit,
        registry=registry,
    )
