"""The keeper's end of the log (access.md G8): wraps move to another KEK, or go by an erasure.

Everything goes by functions of the database, which believe nobody (`0004_erasure.sql`). Nothing
sealed can be read with this login, and nothing is opened here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, LiteralString, cast
from uuid import UUID

import psycopg

from ledger.errors import Conflict, Rejected
from ledger.message import Message
from ledger.postgres.connect import DURABLY, Pool, calling, reading, translated

_RECORDS: Final[LiteralString] = """
SELECT w.index, r.entry, w.wrap FROM log.wraps w JOIN log.records r ON r.index = w.index
WHERE w.kek_id = %b AND (NOT %b OR EXISTS (
  SELECT FROM log.wraps_aside a WHERE a.of = 'record' AND a.index = w.index))
  AND w.index > %b ORDER BY w.index LIMIT %b
"""
_READS: Final[LiteralString] = """
SELECT w.index, r.entry, w.wrap FROM access.wraps w JOIN access.records r ON r.index = w.index
WHERE w.kek_id = %b AND (NOT %b OR EXISTS (
  SELECT FROM log.wraps_aside a WHERE a.of = 'read' AND a.index = w.index))
  AND w.index > %b ORDER BY w.index LIMIT %b
"""
_REWRAP_READS: Final[LiteralString] = (
    "SELECT log.rewrap_reads(%b::bigint[], %b::bytea[], %b::bytea[])"
)
_MIRRORED: Final[LiteralString] = """
SELECT w.origin, w.index, r.entry, w.wrap
FROM mirror.wraps w JOIN mirror.records r ON r.origin = w.origin AND r.index = w.index
WHERE w.kek_id = %b AND (NOT %b OR EXISTS (
  SELECT FROM log.wraps_aside a
  WHERE a.of = 'mirrored' AND a.origin = w.origin AND a.index = w.index))
  AND (w.origin, w.index) > (%b::text, %b::bigint)
ORDER BY w.origin, w.index LIMIT %b
"""
_REWRAP_MIRRORED: Final[LiteralString] = (
    "SELECT mirror.rewrap(%b::text[], %b::bigint[], %b::bytea[], %b::bytea[])"
)
_FILES: Final[LiteralString] = """
SELECT w.name, w.seq, c.entry, w.wrap
FROM log.file_wraps w LEFT JOIN log.custody c ON c.name = w.name AND c.seq = w.seq
WHERE w.kek_id = %b AND (NOT %b OR EXISTS (
  SELECT FROM log.wraps_aside a WHERE a.of = 'file' AND a.name = w.name AND a.index = w.seq))
  AND (w.name, w.seq) > (%b::uuid, %b::bigint) ORDER BY w.name, w.seq LIMIT %b
"""
_COUNT: Final[LiteralString] = """
SELECT (SELECT count(*) FROM log.wraps) + (SELECT count(*) FROM log.file_wraps)
  + (SELECT count(*) FROM access.wraps) + (SELECT count(*) FROM mirror.wraps)
  + (SELECT count(*) FROM log.file_key)
"""
_FILE_KEY: Final[LiteralString] = """
SELECT wrap FROM log.file_key
WHERE NOT %b OR EXISTS (SELECT FROM log.wraps_aside a WHERE a.of = 'file_key')
"""
_REWRAP: Final[LiteralString] = "SELECT log.rewrap(%b::bigint[], %b::bytea[], %b::bytea[])"
_REWRAP_FILES: Final[LiteralString] = (
    "SELECT log.rewrap_files(%b::uuid[], %b::bigint[], %b::bytea[], %b::bytea[])"
)
_REWRAP_KEY: Final[LiteralString] = "SELECT log.rewrap_file_key(%b::bytea, %b::bytea)"
_PUT_BACK: Final[LiteralString] = (
    "SELECT log.put_back(%b::text, %b::text[], %b::uuid[], %b::bigint[])"
)
_ASIDE: Final[LiteralString] = """
SELECT of, origin, name, index FROM log.wraps_aside ORDER BY of, origin, name, index LIMIT %b
"""
_GIVEN_UP: Final[LiteralString] = """
SELECT kek_id, before, begun_at, given_up_at, wraps_before, left_behind
FROM log.epochs_given_up ORDER BY given_up_at
"""
_EPOCHS: Final[LiteralString] = """
SELECT kek_id, before, begun_at, wraps_before, moved, closed_at, wraps_after, left_behind,
  destroyed_at, swept_at, wal_swept
FROM log.epochs ORDER BY begun_at
"""
_SHRED: Final[LiteralString] = (
    "SELECT log.shred(%b::uuid, %b::bytea[], %b::uuid[], %b::bigint, %b::uuid[])" + DURABLY
)
_SHREDS: Final[LiteralString] = (
    "SELECT act_id, index, at, keks, records, files, reporters, gone_before"
    " FROM log.shreds ORDER BY at"
)
_CARRIED_OUT: Final[LiteralString] = "SELECT FROM log.shreds WHERE act_id = %b::uuid"
_GONE: Final[LiteralString] = "SELECT index FROM log.shredded WHERE index = ANY (%b::bigint[])"
_GONE_FILES: Final[LiteralString] = (
    "SELECT s.name FROM log.shredded_files s WHERE s.act_id = %b::uuid"
    " AND NOT EXISTS (SELECT FROM log.file_wraps w WHERE w.name = s.name) ORDER BY s.name"
)


@dataclass(frozen=True, slots=True)
class Epoch:
    """A KEK that took another's place.

    Attributes:
        kek_id: The new one, 16 bytes.
        before: The one before it.
        begun_at: When the turn began.
        wraps_before: How many were under the old one then.
        moved: How many have moved so far.
        closed_at: When it was over; None while it goes on.
        wraps_after: How many were under the new one then.
        left_behind: How many could be opened by no key, and were left.
        destroyed_at: When the old one was destroyed; None before.
        swept_at: When pages and statistics were written anew behind that; None before.
        wal_swept: Whether the WAL was begun anew then too.
    """

    kek_id: bytes
    before: bytes
    begun_at: datetime
    wraps_before: int
    moved: int
    closed_at: datetime | None
    wraps_after: int | None
    left_behind: int | None
    destroyed_at: datetime | None
    swept_at: datetime | None
    wal_swept: bool | None


@dataclass(frozen=True, slots=True)
class GivenUp:
    """A turn that was given up: the KEK before it is in force.

    Attributes:
        kek_id: The KEK that was lost.
        before: The one before it.
        begun_at: When the turn began.
        given_up_at: When it was given up.
        wraps_before: How many were under the old one when it began.
        left_behind: How many were under the lost one alone.
    """

    kek_id: bytes
    before: bytes
    begun_at: datetime
    given_up_at: datetime
    wraps_before: int
    left_behind: int


@dataclass(frozen=True, slots=True)
class Shred:
    """An act of erasure that was carried out.

    Attributes:
        act_id: The act.
        index: Of its last statement.
        at: When.
        keks: Which KEKs the keys that went were wrapped under.
        records: How many records.
        files: How many files.
        reporters: Of how many reporters what R kept.
        gone_before: Indices of what it names and an earlier act had erased.
    """

    act_id: UUID
    index: int
    at: datetime
    keks: Sequence[bytes]
    records: int
    files: int
    reporters: int
    gone_before: Sequence[int]


class PostgresKeeper:
    """What the keeper's login may do, and no more.

    Args:
        pool: Of that login.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    # -- the turn ----------------------------------------------------------------------------------

    def count(self) -> int:
        """How many wraps there are."""
        return cast("int", self._rows(_COUNT)[0][0])

    def records(
        self, kek_id: bytes, after: int, limit: int, *, moved: bool = False
    ) -> Sequence[tuple[int, bytes, bytes]]:
        """Index, entry and wrap of records under a KEK, in order; of those alone that moved."""
        rows: Any = self._rows(_RECORDS, kek_id, moved, after, limit)
        return cast("Sequence[tuple[int, bytes, bytes]]", rows)

    def reads(
        self, kek_id: bytes, after: int, limit: int, *, moved: bool = False
    ) -> Sequence[tuple[int, bytes, bytes]]:
        """The same of the log of reads."""
        rows: Any = self._rows(_READS, kek_id, moved, after, limit)
        return cast("Sequence[tuple[int, bytes, bytes]]", rows)

    def mirrored(
        self, kek_id: bytes, after: tuple[str, int], limit: int, *, moved: bool = False
    ) -> Sequence[tuple[str, int, bytes, bytes]]:
        """Log, index, entry and wrap of what was taken in of lower logs, in order."""
        rows: Any = self._rows(_MIRRORED, kek_id, moved, *after, limit)
        return cast("Sequence[tuple[str, int, bytes, bytes]]", rows)

    def files(
        self, kek_id: bytes, after: tuple[UUID, int], limit: int, *, moved: bool = False
    ) -> Sequence[tuple[UUID, int, bytes | None, bytes]]:
        """File, position, entry of the event (None of the file's own) and wrap, in order."""
        rows: Any = self._rows(_FILES, kek_id, moved, *after, limit)
        return cast("Sequence[tuple[UUID, int, bytes | None, bytes]]", rows)

    def file_key(self, *, moved: bool = False) -> bytes | None:
        """The wrapped key of the files; None also where it had to move, and did not."""
        rows = self._rows(_FILE_KEY, moved)
        return cast("bytes", rows[0][0]) if rows else None

    def move_records(self, moves: Sequence[tuple[int, bytes, bytes]]) -> int:
        """Puts wraps (index, old, new) in the place of others; how many were still the old ones."""
        indices, old, new = (list(part) for part in zip(*moves, strict=True))
        return cast("int", calling(self._pool, _REWRAP, (indices, old, new), binary=True))

    def move_reads(self, moves: Sequence[tuple[int, bytes, bytes]]) -> int:
        """The same of the log of reads."""
        indices, old, new = (list(part) for part in zip(*moves, strict=True))
        return cast("int", calling(self._pool, _REWRAP_READS, (indices, old, new), binary=True))

    def move_mirrored(self, moves: Sequence[tuple[str, int, bytes, bytes]]) -> int:
        """The same of what was taken in: log, index, old, new."""
        parts = tuple(list(part) for part in zip(*moves, strict=True))
        return cast("int", calling(self._pool, _REWRAP_MIRRORED, parts, binary=True))

    def move_files(self, moves: Sequence[tuple[UUID, int, bytes, bytes]]) -> int:
        """The same of files: name, position, old, new."""
        parts = tuple(list(part) for part in zip(*moves, strict=True))
        return cast("int", calling(self._pool, _REWRAP_FILES, parts, binary=True))

    def move_file_key(self, old: bytes, new: bytes) -> int:
        """The same of the key of the files."""
        return cast("int", calling(self._pool, _REWRAP_KEY, (old, new), binary=True))

    def put_back(self, of: str, places: Sequence[tuple[str, UUID, int]]) -> int:
        """Puts back what stood in these places before it moved; how many went back."""
        columns = [list(column) for column in zip(*places, strict=True)]
        return cast("int", calling(self._pool, _PUT_BACK, (of, *columns), binary=True))

    def aside(self, limit: int) -> list[tuple[str, str, UUID, int]]:
        """What stands aside while a turn is open: of what, origin, name and index."""
        return [cast("Any", row) for row in self._rows(_ASIDE, limit)]

    def given_up(self) -> list[GivenUp]:
        """Every turn that was given up, oldest first."""
        return [GivenUp(*cast("Any", row)) for row in self._rows(_GIVEN_UP)]

    def epochs(self) -> list[Epoch]:
        """Every turn there was, oldest first."""
        return [Epoch(*cast("Any", row)) for row in self._rows(_EPOCHS)]

    # -- shredding ---------------------------------------------------------------------------------

    def shred(
        self,
        act_id: UUID,
        envelopes: Sequence[bytes],
        files: Sequence[UUID],
        size: int | None = None,
        items: Sequence[UUID] = (),
    ) -> int:
        """Carries out an act of erasure; how many wraps of records went.

        Args:
            act_id: The act.
            envelopes: Of its statements, in order.
            files: Which files go with the records.
            size: Of the log when it was asked who else lists them; None: nobody asked.
            items: What of R goes with the records.

        Raises:
            Conflict: `shredded`: it was carried out before.
            Rejected: `not_shredded`: the database refuses; nothing went.
            Unavailable: The log has another size by now; nothing went.
        """
        arguments = (act_id, list(envelopes), list(files), size, list(items))
        try:
            with self._pool.connection() as connection:
                row = connection.execute(_SHRED, arguments, binary=True).fetchone()
        except psycopg.errors.UniqueViolation as error:
            raise Conflict("shredded", Message("the act was carried out before")) from error
        except (
            psycopg.errors.CheckViolation,
            psycopg.errors.DataException,
            psycopg.errors.ObjectNotInPrerequisiteState,
        ) as error:
            raise Rejected(
                "not_shredded",
                Message(
                    "Nothing was erased: {why}.", why=error.diag.message_primary or "it is refused"
                ),
            ) from error
        except psycopg.Error as error:
            raise translated(error) from error
        return 0 if row is None else cast("int", row[0])

    def shreds(self) -> list[Shred]:
        """Every act that was carried out, oldest first."""
        return [Shred(*cast("Any", row)) for row in self._rows(_SHREDS)]

    def carried_out(self, act_id: UUID) -> bool:
        """Whether an act was carried out before."""
        return bool(self._rows(_CARRIED_OUT, act_id))

    def gone(self, indices: Sequence[int]) -> set[int]:
        """Which of these records went by an act."""
        return {cast("int", row[0]) for row in self._rows(_GONE, list(indices))}

    def gone_files(self, act_id: UUID) -> list[UUID]:
        """The files that went by an act."""
        return [cast("UUID", row[0]) for row in self._rows(_GONE_FILES, act_id)]

    def _rows(self, query: LiteralString, *arguments: object) -> list[tuple[object, ...]]:
        return reading(
            self._pool,
            lambda connection: connection.execute(query, arguments, binary=True).fetchall(),
        )
