"""The log of reads by the reader's login: it may note, and reads what it proves it may (G5).

Implements `RowStore`. The functions it calls answer whoever holds the key that the gate is made of,
and nobody who has the login alone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final, LiteralString, cast

import psycopg

from ledger.errors import NotFound
from ledger.ports import LogHead, StoredRecord
from ledger.postgres import direct
from ledger.postgres.connect import (
    DURABLY,
    Connection,
    Pool,
    calling,
    is_lost,
    is_quiet,
    reading,
    renew,
    translated,
)
from ledger.postgres.direct import PreparedStatement
from ledger.postgres.records import stored
from ledger.reads.writer import GroupTaken, RowGroup

_APPEND: Final = b"""
SELECT access.append($1::uuid, $2::text, $3::bigint, $4::timestamptz, $5::uuid[], $6::bytea[],
  $7::bytea[], $8::bytea, $9::bytea[], $10::bigint[], $11::bytea[], $12::bigint, $13::bytea) %s
""" % DURABLY.encode()
_APPEND_ONE: Final = b"""
SELECT access.append_one($1::uuid, $2::text, $3::bigint, $4::timestamptz, $5::uuid, $6::bytea,
  $7::bytea, $8::bytea, $9::bytea, $10::bigint, $11::bytea) %s
""" % DURABLY.encode()
_PLACES: Final = "records_stream_seq"
_HEAD: Final[LiteralString] = "SELECT size, recorded_at FROM access.head(%b::bytea)"
_KEEP_GATE: Final[LiteralString] = "SELECT access.keep_gate(%b::bytea)"
_NOTED: Final[LiteralString] = """
SELECT index, stream_id, seq, act_id, author, topic, state, entry, recorded_at, wrap,
  coalesce(name, ''), unit, registry
FROM access.noted(%b::bytea, %b::bytea[], %b::bigint, %b::int)
"""
_LATEST: Final[LiteralString] = "SELECT size, note FROM access.latest(%b::bytea)"
_TILE: Final[LiteralString] = (
    "SELECT access.tile(%b::bytea, %b::smallint, %b::bigint, %b::smallint)"
)
_BUNDLE: Final[LiteralString] = (
    "SELECT entry FROM access.bundle(%b::bytea, %b::bigint, %b::bigint) ORDER BY index"
)


class PostgresReads:
    """The rows of one log of reads.

    Args:
        pool: Of the reader's login, and no connection that says who asks: a row is noted by the
            service.
        gate: What opens the functions that read (`keys.read_tags.gate`).
        held: Index and entry of a row that was seen under a checkpoint: nothing is noted where it
            does not stand. None where none was.
        keeps: Whether the connection over which rows are noted is kept until `close`. To lend it
            for each row costs as much as to ask over it, and whoever notes waits for whoever does
            anyhow.
    """

    def __init__(
        self,
        pool: Pool,
        gate: bytes,
        held: Callable[[], tuple[int, bytes] | None] = lambda: None,
        *,
        keeps: bool = False,
    ) -> None:
        self._pool = pool
        self._gate = gate
        self._held = held
        self._keeps = keeps
        self._kept: Connection | None = None
        self._noting = threading.Lock()
        self._append = PreparedStatement(b"note", _APPEND)
        self._append_one = PreparedStatement(b"note one", _APPEND_ONE)

    def append(self, group: RowGroup) -> GroupTaken:
        """See `RowStore`."""
        held = self._held()
        seen = (None, None) if held is None else (direct.of_bigint(held[0]), held[1])
        place = [
            group.stream_id.bytes,
            group.stream.encode(),
            direct.of_bigint(group.seq),
            direct.of_moment(group.at),
        ]
        if len(group.ids) == 1:
            statement, rows = self._append_one, _of_one(group)
        else:
            statement, rows = self._append, _of_many(group)
        with self._noting:
            return self._appended(statement, [*place, *rows, *seen])

    def close(self) -> None:
        """Gives the connection back; a later append takes another."""
        with self._noting:
            self._give_back()

    def _give_back(self) -> None:
        connection, self._kept = self._kept, None
        if connection is not None:
            self._pool.putconn(connection)

    def _lent(self) -> Connection:
        """The connection that is kept, or another where the server has hung up meanwhile.

        That is seen before anything is sent: what was sent is never sent again, since nobody knows
        whether it ran, and a row stands for one read.
        """
        kept = self._kept
        if kept is not None and is_quiet(kept):
            return kept
        if kept is not None:
            kept.close()
            self._give_back()
            self._pool.check()  # after a restart every connection is dead at once
        kept = self._kept = self._pool.getconn()
        return kept

    def _appended(
        self, statement: PreparedStatement, arguments: Sequence[bytes | None]
    ) -> GroupTaken:
        try:
            connection = self._lent()
            ((told,),) = statement.rows(connection, arguments)
            status = cast("Any", (told or b"").decode())
            until: datetime | None = None
            if status == "late":
                row = connection.execute(_HEAD, [self._gate]).fetchone()
                until = cast("datetime | None", None if row is None else row[1])
            if not self._keeps:
                self._give_back()
        except psycopg.Error as error:
            self._give_back()
            if (  # somebody took the place while this waited for them
                isinstance(error, psycopg.errors.UniqueViolation)
                and error.diag.constraint_name == _PLACES
            ):
                return GroupTaken("stale", None)
            if is_lost(error):
                renew(self._pool, error)  # after a restart every connection is dead at once
            raise translated(error) from error
        except BaseException:  # whoever is stopped leaves an answer behind that nobody took
            self._give_back()
            raise
        return GroupTaken(status, until)

    def keep_gate(self, digest: bytes) -> bool:
        """Sets what opens the functions that read; False where something else does already."""
        return bool(calling(self._pool, _KEEP_GATE, [digest]))

    def noted(self, tags: Sequence[bytes], before: int, limit: int) -> list[StoredRecord]:
        """Rows that have all of these tags, newest first, before an index; of none: all rows."""
        arguments = [self._gate, list(tags), before, limit]
        rows = reading(
            self._pool,
            lambda connection: connection.execute(_NOTED, arguments, binary=True).fetchall(),
        )
        return [stored(cast("Any", row)) for row in rows]

    def head(self) -> LogHead:
        """How many rows there are, and when the last was noted; of a gate that is shut, none."""
        row = reading(
            self._pool, lambda connection: connection.execute(_HEAD, [self._gate]).fetchone()
        )
        size, at = cast("tuple[int, datetime | None]", row or (0, None))
        return LogHead(size, at, -1)

    def latest(self) -> tuple[int, bytes] | None:
        """Size and note of the newest checkpoint."""
        row = reading(
            self._pool, lambda connection: connection.execute(_LATEST, [self._gate]).fetchone()
        )
        return None if row is None else cast("tuple[int, bytes]", row)

    def tile(self, level: int, n: int, width: int) -> bytes:
        """A hash tile. Raises: NotFound."""
        arguments = [self._gate, level, n, width]
        row = reading(
            self._pool, lambda connection: connection.execute(_TILE, arguments).fetchone()
        )
        if row is None or row[0] is None:
            raise NotFound(f"{level}/{n}.{width}")
        return cast("bytes", row[0])

    def entries(self, start: int, end: int) -> list[bytes]:
        """The 32-byte entries of indices [start, end)."""
        arguments = [self._gate, start, end]
        rows = reading(
            self._pool, lambda connection: connection.execute(_BUNDLE, arguments).fetchall()
        )
        return [cast("bytes", row[0]) for row in rows]


def _of_one(group: RowGroup) -> list[bytes]:
    """Id, entry, state, wrap and tags of the one row of a group."""
    (one,), (row,), (tags,) = group.ids, group.sealed, group.tags
    # sorted, here and below: else their order tells which of them is the case
    return [one.bytes, row.entry, row.state, row.wrap, b"".join(sorted(tags))]


def _of_many(group: RowGroup) -> list[bytes]:
    """Ids, entries, states, key, wraps, and which rows have which tags."""
    of: list[int] = []
    tags: list[bytes] = []
    for n, some in enumerate(group.tags, 1):
        of += [n] * len(some)
        tags += sorted(some)
    return [
        direct.uuids(group.ids),
        direct.hashes([one.entry for one in group.sealed]),
        direct.byteas(one.state for one in group.sealed),
        group.sealed[0].kek_id,
        direct.byteas(one.wrap for one in group.sealed),
        direct.bigints(of),
        direct.hashes(tags),
    ]
