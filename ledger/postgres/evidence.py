"""The stored bytes of one log as an auditor takes them: raw rows, nothing opened (`Evidence`).

One connection, one REPEATABLE READ transaction: what is appended meanwhile is not half in the
audit. Read as projector (with states and wraps: a reader sees what its ticket shows alone,
access.md G19), as auditor (without), or on a dump restored elsewhere.
"""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Final, LiteralString, Self, cast
from uuid import UUID

from psycopg import sql
from psycopg.errors import InvalidSchemaName

from ledger.audit.content import RawRecord
from ledger.audit.rules.token_owners import RawToken
from ledger.audit.snapshot_port import ALONE, StreamPartition
from ledger.audit.tables import Beside, Reckoning
from ledger.audit.tree import NOTHING_PRUNED, PrunedTree, RawCheckpoint, RawTile
from ledger.errors import NotFound
from ledger.log.moment import EPOCH
from ledger.ports import LogHead
from ledger.postgres import definitions
from ledger.postgres.connect import Connection, connect
from ledger.postgres.definitions import Altered
from ledger.postgres.file_evidence import PostgresFileEvidence
from ledger.postgres.forms import misfits
from ledger.postgres.records import LogSchema, head_of, inside

_BEGIN: Final[LiteralString] = "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"
_PATIENT: Final[LiteralString] = """
SELECT set_config('statement_timeout', '0', true),
  set_config('idle_in_transaction_session_timeout', '0', true)
"""
_MAY_OPEN: Final[LiteralString] = """
SELECT has_column_privilege('log.records', 'state', 'SELECT')
  AND has_column_privilege('log.wraps', 'wrap', 'SELECT')
"""
_EXPORT: Final[LiteralString] = "SELECT pg_export_snapshot()"
# The greatest where there are several; that there are several is said elsewhere.
_HEAD: Final[LiteralString] = """
SELECT coalesce(size, 0), timestamptz_send(recorded_at), coalesce(registry_index, -2)
FROM log.log_head ORDER BY 1 DESC LIMIT 1
"""
_HEADS: Final[LiteralString] = "SELECT count(*) FROM log.log_head"
_REHEARSAL: Final[LiteralString] = "SELECT bool_or(rehearsal) FROM log.enclave"
_UNUSED: Final[LiteralString] = """
SELECT coalesce(name, '') FROM (
  SELECT stream_id, name, count(*) OVER (PARTITION BY stream_id) AS kept FROM log.streams
) s
WHERE kept > 1 OR NOT EXISTS (SELECT FROM log.records r WHERE r.stream_id = s.stream_id)
ORDER BY 1 LIMIT 100
"""
_STRAYS: Final[LiteralString] = """
SELECT coalesce(index, -1) FROM log.wraps w
WHERE NOT EXISTS (SELECT FROM log.records r WHERE r.index = w.index) ORDER BY 1 LIMIT 100
"""
_COSIGNED: Final[LiteralString] = """
SELECT coalesce(witness, ''), coalesce(size, 0) FROM log.cosignatures ORDER BY 2, 1 LIMIT 100
"""
# A dump of before there was any is audited too.
_HAS_PRUNED: Final[LiteralString] = "SELECT to_regclass('log.pruned') IS NOT NULL"
_PRUNED: Final[LiteralString] = "SELECT coalesce(upto, 0), coalesce(kept, -1) FROM log.pruned"
_COUNT: Final[LiteralString] = "SELECT count(*) FROM log.records"
_LAST: Final[LiteralString] = "SELECT coalesce(max(index), -1) FROM log.records"
# Where what cannot be null is, it is read as what cannot be right: the audit goes on behind it.
_SEALED: Final[LiteralString] = """
SELECT index, coalesce(uuid_send(stream_id), ''), coalesce(seq, 0),
  uuid_send(coalesce(act_id, '00000000-0000-0000-0000-000000000000')), author, topic,
  timestamptz_send(coalesce(recorded_at, '-infinity')), coalesce(entry, ''), registry,
  coalesce(uuid_send(unit), ''), state
FROM log.records
"""
_PLAIN: Final[LiteralString] = """
SELECT index, coalesce(uuid_send(stream_id), ''), coalesce(seq, 0),
  uuid_send(coalesce(act_id, '00000000-0000-0000-0000-000000000000')), author, topic,
  timestamptz_send(coalesce(recorded_at, '-infinity')), coalesce(entry, ''), registry,
  coalesce(uuid_send(unit), ''), NULL::bytea
FROM log.records
"""
_IN_RANGE: Final[LiteralString] = "WHERE index >= %b AND index < %b ORDER BY index"
_OF_PARTITION: Final[LiteralString] = """
WHERE index >= %b AND index < %b AND get_byte(uuid_send(stream_id), 15) %% %b = %b ORDER BY index
"""
_PAGE: Final = 64
"""Rows that are fetched at a time where nobody says how many there are."""
_OF_STREAM: Final[LiteralString] = (
    "WHERE stream_id = %b AND index > %b AND index < %b ORDER BY index LIMIT %b"
)
_PLACES: Final[LiteralString] = (
    "SELECT DISTINCT index FROM log.records WHERE stream_id = ANY (%b) AND index < %b ORDER BY 1"
)
_AT_PLACES: Final[LiteralString] = "WHERE index = ANY (%b) ORDER BY index"
_OF_REGISTRY: Final[LiteralString] = "WHERE registry AND index > %b ORDER BY index LIMIT %b"
_WRAPS: Final[LiteralString] = """
SELECT index, coalesce(wrap, ''), coalesce(uuid_send(stream_id) || uuid_send(unit) || kek_id, '')
FROM log.wraps
WHERE index >= %b AND index < %b ORDER BY index, kek_id
"""
_WRAPS_IN: Final[LiteralString] = """
SELECT index, coalesce(wrap, ''), coalesce(uuid_send(stream_id) || uuid_send(unit) || kek_id, '')
FROM log.wraps
WHERE index = ANY(%b) ORDER BY index, kek_id
"""
_NAME: Final[LiteralString] = """
SELECT uuid_send(stream_id), name FROM log.streams WHERE stream_id = ANY (%b)
"""
_TILES: Final[LiteralString] = (
    "SELECT coalesce(level, -1), coalesce(n, -1), coalesce(width, 0), coalesce(data, '')"
    " FROM log.tiles ORDER BY level, n, width"
)
_CHECKPOINTS: Final[LiteralString] = """
SELECT coalesce(size, 0), coalesce(root, ''), coalesce(note, '') FROM log.checkpoints ORDER BY size
"""
_SIZES: Final[LiteralString] = "SELECT coalesce(size, 0) FROM log.checkpoints"
_MAY_READ_TOKENS: Final[LiteralString] = (
    "SELECT has_any_column_privilege(to_regclass('log.tokens'), 'SELECT')"
)
_TOKENS: Final[LiteralString] = """
SELECT coalesce(tag, ''), coalesce(uuid_send(stream_id), ''), coalesce(index, -1) FROM log.tokens
"""

_TAGS: Final[LiteralString] = "SELECT index, tag FROM access.tags WHERE index >= %b AND index < %b"
_GATES: Final[LiteralString] = "SELECT coalesce(digest, '') FROM access.gate"
_OPENS: Final[LiteralString] = "SELECT row, opened FROM access.opens ORDER BY row"
_RECKONINGS: Final[LiteralString] = (
    "SELECT upto, opened, lapsed, differed FROM access.reckonings ORDER BY upto"
)
_BEFORE_ALL: Final = -(1 << 63)
_ID_BYTES: Final = 16
_EPOCH_US: Final = 946_684_800_000_000
"""From 1970 to PostgreSQL's own epoch."""
_KEK_ID: Final = slice(1, 17)

_make: Final = RawRecord._make
_Wraps = Mapping[int, Sequence[tuple[bytes, bytes]]]


@dataclass(frozen=True, slots=True)
class PostgresShare:
    """The way to a snapshot that another connection holds open.

    Attributes:
        dsn: Of the same login.
        snapshot: Its name in the server.
    """

    dsn: str = field(repr=False)
    snapshot: str

    def open(self) -> PostgresEvidence:
        """Evidence over that snapshot."""
        return PostgresEvidence(self.dsn, self.snapshot)


class PostgresEvidence:
    """Evidence of one log, read in one snapshot; use it as a context manager.

    Args:
        dsn: Of a login that may read the log.
        snapshot: A snapshot that is open elsewhere; None for one of its own.
        within: A connection in a transaction, to see what it has not committed too.
        schema: Where the log lies.

    Raises:
        Unavailable: The database cannot be reached.
        NotFound: It holds no log.
    """

    def __init__(
        self,
        dsn: str,
        snapshot: str | None = None,
        *,
        within: Connection | None = None,
        schema: LogSchema = "log",
    ) -> None:
        self._dsn = dsn
        self._schema: LogSchema = schema
        self._connection: Connection = connect(dsn) if within is None else within
        if within is None:
            _begin(self._connection, snapshot)
        self._connection.execute(_PATIENT)
        self._cursors = itertools.count()
        try:
            row = self._connection.execute(inside(_MAY_OPEN, schema)).fetchone()
        except InvalidSchemaName as error:
            self._connection.close()
            raise NotFound("the database holds no log") from error
        self.sealed = bool(row is not None and row[0])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the snapshot."""
        self._connection.close()

    def share(self) -> PostgresShare:
        """A way to this snapshot for other processes, as long as this connection is open."""
        return PostgresShare(self._dsn, str(cast("tuple[str]", self._one(_EXPORT))[0]))

    def altered(self, slug: str) -> list[Altered]:
        """Where the database's own definitions are not those of this program.

        Args:
            slug: Prefix of the enclave's roles.
        """
        return definitions.altered(self._connection, slug)

    def head(self) -> LogHead:
        """The one row of the head; where it is gone, a log without records."""
        rows = self._all(_HEAD)
        if not rows:
            return head_of(None)
        size, sent, registry_index = rows[0]
        return LogHead(size, None if sent is None else _moment(sent), registry_index)

    def count(self) -> int:
        """Rows in `records`, whatever their index."""
        return cast("tuple[int]", self._one(_COUNT))[0]

    def last(self) -> int:
        """Highest index in `records`, -1 without rows."""
        return cast("tuple[int]", self._one(_LAST))[0]

    def records(
        self, start: int, end: int, partition: StreamPartition = ALONE
    ) -> Sequence[RawRecord]:
        """Every row of an index in [`start`, `end`) whose stream the partition has, by index."""
        # Three plain reads: a join would cost the server more than opening costs the auditor.
        if partition.of == 1:
            rows = self._all(self._columns + _IN_RANGE, start, end)
            wraps = self._wraps(_WRAPS, start, end)
        else:
            rows = self._all(
                self._columns + _OF_PARTITION, start, end, partition.of, partition.rest
            )
            wraps = self._wraps(_WRAPS_IN, [row[0] for row in rows])
        return _raw(rows, wraps, self._names(rows))

    def registry(self) -> Iterator[RawRecord]:
        """Every row marked as a registry record, in index order, as it is asked for."""
        return self._pages(lambda after: self._all(self._columns + _OF_REGISTRY, after, _PAGE))

    def stream(self, stream_id: bytes, before: int) -> Iterator[RawRecord]:
        """The rows of one stream of an index below `before`, in order, as they are asked for."""
        key, query = UUID(bytes=stream_id), self._columns + _OF_STREAM
        return self._pages(lambda after: self._all(query, key, after, before, _PAGE))

    def streams(self, stream_ids: Collection[bytes], before: int) -> Iterator[RawRecord]:
        """The rows of several streams of an index below `before`, in order, as they are asked for.

        Of all of them no more than the places are held at once, 8 bytes each.
        """
        found = self._connection.execute(_PLACES, [_uuids(stream_ids), before], binary=True)
        places = array("q", (at for (at,) in cast("Iterable[tuple[int]]", found)))
        for start in range(0, len(places), _PAGE):
            page = list(places[start : start + _PAGE])
            yield from self._wrapped(self._all(self._columns + _AT_PLACES, page))

    def _pages(self, after: Callable[[int], list[Any]]) -> Iterator[RawRecord]:
        reached = _BEFORE_ALL
        while rows := after(reached):
            reached = rows[-1][0]
            yield from self._wrapped(rows)

    def _wrapped(self, rows: Sequence[tuple[Any, ...]]) -> list[RawRecord]:
        wraps = self._wraps(_WRAPS_IN, [row[0] for row in rows])
        return _raw(rows, wraps, self._names(rows))

    def _names(self, rows: Iterable[tuple[Any, ...]]) -> Mapping[bytes, str]:
        """Of the streams of these rows, whose range is not read a second time for it."""
        return dict(self._all(_NAME, _uuids({row[1] for row in rows})))

    def tiles(self) -> Iterator[RawTile]:
        """Every stored tile."""
        for row in self._connection.execute(inside(_TILES, self._schema), binary=True):
            yield RawTile(*cast("tuple[int, int, int, bytes]", row))

    def checkpoints(self) -> Iterator[RawCheckpoint]:
        """Every stored checkpoint by size, as they are asked for."""
        with self._connection.cursor(f"checkpoints {next(self._cursors)}") as cursor:
            cursor.itersize = _PAGE
            for row in cursor.execute(inside(_CHECKPOINTS, self._schema), binary=True):
                yield RawCheckpoint(*cast("tuple[int, bytes, bytes]", row))

    def sizes(self) -> Sequence[int]:
        """The size of every stored checkpoint."""
        return [size for (size,) in self._all(_SIZES)]

    def beside(self) -> Beside:
        """What stands beside the records.

        What an enclave has once, its own kind and rows against the schema's rules, is told with the
        log of acts.
        """
        acts = self._schema == "log"
        return Beside(
            heads=self._all(_HEADS)[0][0],
            rehearsal=self._all(_REHEARSAL)[0][0] if acts else False,
            unused=tuple(name for (name,) in self._all(_UNUSED)),
            strays=tuple(index for (index,) in self._all(_STRAYS)),
            cosigned=tuple(self._all(_COSIGNED)),
            misfits=tuple(misfits(self._connection)) if acts else (),
            pruned=self._pruned(),
        )

    def _pruned(self) -> PrunedTree | None:
        if self._all(_HAS_PRUNED) != [(True,)]:
            return NOTHING_PRUNED
        rows = self._all(_PRUNED)
        return PrunedTree(*rows[0]) if rows else None

    def tokens(self) -> Sequence[RawToken] | None:
        """Every row of `tokens`, in this snapshot; None where the login may not read them.

        One that answers officers may not, or whoever holds a token could ask it for the case
        (access.md G5).
        """
        row = self._connection.execute(_MAY_READ_TOKENS).fetchone()
        if row is None or not row[0]:
            return None
        return [
            RawToken(*cast("tuple[bytes, bytes, int]", found))
            for found in self._connection.execute(_TOKENS, binary=True)
        ]

    def tags(self, start: int, end: int) -> Sequence[tuple[int, bytes]]:
        """What rows of a log of reads are found by."""
        return self._all(_TAGS, start, end)

    def gates(self) -> Sequence[bytes]:
        """What a log of reads is opened by to whoever asks: SHA-256 of it, once."""
        return [digest for (digest,) in self._all(_GATES)]

    def opens(self) -> Sequence[tuple[int, int]]:
        """Which rows of a log of reads were opened against, and how many wraps, by row."""
        return self._all(_OPENS)

    def reckonings(self) -> Sequence[Reckoning]:
        """How that was held against the rows, by `upto`."""
        return [Reckoning(*row) for row in self._all(_RECKONINGS)]

    def files(self) -> PostgresFileEvidence:
        """The rows about files, in this snapshot."""
        return PostgresFileEvidence(self._connection, sealed=self.sealed)

    @property
    def _columns(self) -> LiteralString:
        return _SEALED if self.sealed else _PLAIN

    def _wraps(self, query: LiteralString, *arguments: object) -> _Wraps:
        found: dict[int, list[tuple[bytes, bytes]]] = {}
        if self.sealed:
            for index, wrapped, place in self._all(query, *arguments):
                found.setdefault(index, []).append((wrapped, place))
        return found

    def _all(self, query: LiteralString, *arguments: object) -> list[Any]:
        asked = inside(query, self._schema)
        return self._connection.execute(asked, arguments, binary=True).fetchall()

    def _one(self, query: LiteralString) -> tuple[object, ...] | None:
        return self._connection.execute(inside(query, self._schema)).fetchone()


def _begin(connection: Connection, snapshot: str | None) -> None:
    connection.execute(_BEGIN)
    if snapshot is not None:
        connection.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(sql.Literal(snapshot)))


def _raw(
    rows: Sequence[tuple[Any, ...]], wraps: _Wraps, names: Mapping[bytes, str]
) -> list[RawRecord]:
    found: list[RawRecord] = []
    for at, stream_id, seq, act_id, author, topic, sent, entry, registry, unit, state in rows:
        astray, keys = False, []
        for wrapped, kept in wraps.get(at, ()):
            keys.append(wrapped)
            if kept != stream_id + unit + wrapped[_KEK_ID]:
                astray = True
        found.append(
            _make(
                (at, stream_id, seq, act_id, author, topic, _milliseconds(sent), entry, state,
                 tuple(keys), names.get(stream_id), registry, unit, astray)
            )
        )  # fmt: skip
    return found


def _uuids(ids: Iterable[bytes]) -> list[UUID]:
    return [UUID(bytes=one) for one in ids if len(one) == _ID_BYTES]


def _moment(sent: bytes) -> datetime | None:
    """A time as sent; None where no calendar has it."""
    try:
        return EPOCH + timedelta(microseconds=int.from_bytes(sent, signed=True) + _EPOCH_US)
    except OverflowError:
        return None


def _milliseconds(sent: bytes) -> float:
    """Since 1970; whole unless somebody has moved it by less."""
    whole, rest = divmod(int.from_bytes(sent, signed=True) + _EPOCH_US, 1000)
    return whole + rest / 1000 if rest else whole
