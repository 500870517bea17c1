"""The stored bytes of one log as an auditor takes them: raw rows, nothing opened (`Evidence`).

One connection, one REPEATABLE READ transaction: what is appended meanwhile is not half in the
audit. Read as reader (with states and wraps), as auditor (without), or on a dump restored
elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, LiteralString, Self, cast
from uuid import UUID

from psycopg import sql
from psycopg.errors import InvalidSchemaName

from ledger.checks.content import RawRecord
from ledger.checks.evidence import ALONE, Seat
from ledger.checks.tree import RawCheckpoint, RawTile
from ledger.errors import NotFound
from ledger.ports import LogHead
from ledger.postgres.connect import Connection, connect
from ledger.postgres.records import HEAD, head_of

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
_COUNT: Final[LiteralString] = "SELECT count(*) FROM log.records"
_LAST: Final[LiteralString] = "SELECT coalesce(max(index), -1) FROM log.records"
_SEALED: Final[LiteralString] = """
SELECT index, uuid_send(stream_id), seq, uuid_send(act_id), author, topic,
  timestamptz_send(recorded_at), entry, registry, uuid_send(unit), state
FROM log.records
"""
_PLAIN: Final[LiteralString] = """
SELECT index, uuid_send(stream_id), seq, uuid_send(act_id), author, topic,
  timestamptz_send(recorded_at), entry, registry, uuid_send(unit), NULL::bytea
FROM log.records
"""
_IN_RANGE: Final[LiteralString] = "WHERE index >= %b AND index < %b ORDER BY index"
_OF_SEAT: Final[LiteralString] = """
WHERE index >= %b AND index < %b AND get_byte(uuid_send(stream_id), 15) %% %b = %b ORDER BY index
"""
_OF_STREAM: Final[LiteralString] = "WHERE stream_id = %b AND index < %b ORDER BY index"
_OF_REGISTRY: Final[LiteralString] = "WHERE registry ORDER BY index"
_WRAPS: Final[LiteralString] = """
SELECT index, wrap, uuid_send(stream_id) || uuid_send(unit) || kek_id FROM log.wraps
WHERE index >= %b AND index < %b ORDER BY index, kek_id
"""
_WRAPS_IN: Final[LiteralString] = """
SELECT index, wrap, uuid_send(stream_id) || uuid_send(unit) || kek_id FROM log.wraps
WHERE index = ANY(%b) ORDER BY index, kek_id
"""
_NAME: Final[LiteralString] = """
SELECT uuid_send(stream_id), name FROM log.streams WHERE stream_id = %b
"""
_WRAPS_OF: Final[LiteralString] = """
SELECT index, wrap, uuid_send(stream_id) || uuid_send(unit) || kek_id FROM log.wraps
WHERE index IN (SELECT index FROM log.records WHERE registry) ORDER BY index, kek_id
"""
_NAMES: Final[LiteralString] = """
SELECT uuid_send(stream_id), name FROM log.streams
WHERE stream_id IN (SELECT stream_id FROM log.records WHERE index >= %b AND index < %b)
"""
_NAMES_OF: Final[LiteralString] = """
SELECT uuid_send(stream_id), name FROM log.streams
WHERE stream_id IN (SELECT stream_id FROM log.records WHERE registry)
"""
_TILES: Final[LiteralString] = (
    "SELECT level, n, width, data FROM log.tiles ORDER BY level, n, width"
)
_CHECKPOINTS: Final[LiteralString] = "SELECT size, root, note FROM log.checkpoints ORDER BY size"


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

    Raises:
        Unavailable: The database cannot be reached.
        NotFound: It holds no log.
    """

    def __init__(self, dsn: str, snapshot: str | None = None) -> None:
        self._dsn = dsn
        self._connection: Connection = connect(dsn)
        self._connection.execute(_BEGIN)
        if snapshot is not None:
            self._connection.execute(
                sql.SQL("SET TRANSACTION SNAPSHOT {}").format(sql.Literal(snapshot))
            )
        self._connection.execute(_PATIENT)
        try:
            row = self._connection.execute(_MAY_OPEN).fetchone()
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

    def head(self) -> LogHead:
        """The one row of the head; where it is gone, a log without records."""
        return head_of(self._one(HEAD))

    def count(self) -> int:
        """Rows in `records`, whatever their index."""
        return cast("tuple[int]", self._one(_COUNT))[0]

    def last(self) -> int:
        """Highest index in `records`, -1 without rows."""
        return cast("tuple[int]", self._one(_LAST))[0]

    def records(self, start: int, end: int, seat: Seat = ALONE) -> Sequence[RawRecord]:
        """Every row of an index in [`start`, `end`) whose stream a seat has, in index order."""
        # Three plain reads: a join would cost the server more than opening costs the auditor.
        if seat.of == 1:
            rows = self._all(self._columns + _IN_RANGE, start, end)
            wraps = self._wraps(_WRAPS, start, end)
        else:
            rows = self._all(self._columns + _OF_SEAT, start, end, seat.of, seat.rest)
            wraps = self._wraps(_WRAPS_IN, [row[0] for row in rows])
        return _raw(rows, wraps, dict(self._all(_NAMES, start, end)))

    def registry(self) -> Sequence[RawRecord]:
        """Every row marked as a registry record, in index order."""
        rows = self._all(self._columns + _OF_REGISTRY)
        return _raw(rows, self._wraps(_WRAPS_OF), dict(self._all(_NAMES_OF)))

    def stream(self, stream_id: bytes, before: int) -> Sequence[RawRecord]:
        """The rows of one stream of an index below `before`, in index order."""
        key = UUID(bytes=stream_id)
        rows = self._all(self._columns + _OF_STREAM, key, before)
        wraps = self._wraps(_WRAPS_IN, [row[0] for row in rows])
        return _raw(rows, wraps, dict(self._all(_NAME, key)))

    def tiles(self) -> Iterator[RawTile]:
        """Every stored tile."""
        for row in self._connection.execute(_TILES, binary=True):
            yield RawTile(*cast("tuple[int, int, int, bytes]", row))

    def checkpoints(self) -> Iterator[RawCheckpoint]:
        """Every stored checkpoint by size."""
        for row in self._connection.execute(_CHECKPOINTS, binary=True):
            yield RawCheckpoint(*cast("tuple[int, bytes, bytes]", row))

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
        return self._connection.execute(query, arguments, binary=True).fetchall()

    def _one(self, query: LiteralString) -> tuple[object, ...] | None:
        return self._connection.execute(query).fetchone()


def _raw(
    rows: Sequence[tuple[Any, ...]], wraps: _Wraps, names: Mapping[bytes, str]
) -> list[RawRecord]:
    found: list[RawRecord] = []
    for *columns, sent, entry, registry, unit, state in rows:
        at, stream_id = columns[:2]
        held = wraps.get(at, ())
        astray = held and any(kept != stream_id + unit + wrapped[_KEK_ID] for wrapped, kept in held)
        wrapped = tuple([wrapped for wrapped, _ in held])
        name, ms = names.get(stream_id), _milliseconds(sent)
        found.append(
            _make((*columns, ms, entry, state, wrapped, name, registry, unit, bool(astray)))
        )
    return found


def _milliseconds(sent: bytes) -> float:
    """Since 1970; whole unless somebody has moved it by less."""
    whole, rest = divmod(int.from_bytes(sent, signed=True) + _EPOCH_US, 1000)
    return whole + rest / 1000 if rest else whole
