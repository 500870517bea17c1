"""The checkpoints this log stands by, replaced by compare-and-swap (formats.md §7).

Implements `CheckpointStore`. Who signs them, and whether they are right, is not known here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import Final, LiteralString, cast

import psycopg

from ledger.checkpoints.seen_checkpoint import planted
from ledger.errors import Conflict, Fatal, VerificationError
from ledger.message import Message
from ledger.ports import NewestTree, Pruned, Uncovered
from ledger.postgres import definitions, direct
from ledger.postgres.connect import DURABLY, Pool, as_administrator, reading, translated
from ledger.postgres.direct import PreparedStatement
from ledger.postgres.records import LogSchema, inside

_LATEST: Final[LiteralString] = "SELECT size, note FROM log.checkpoints ORDER BY size DESC LIMIT 1"
_AT: Final[LiteralString] = "SELECT note FROM log.checkpoints WHERE size = %b"
# Of a partial tile a wider one is read where it is gone: it begins with the same hashes.
_TREE: Final[LiteralString] = """
SELECT c.size, c.note, a.level, a.n, a.width,
  CASE WHEN a.width > 0 THEN (
    SELECT substring(t.data FROM 1 FOR 32 * a.width) FROM log.tiles t
    WHERE t.level = a.level AND t.n = a.n AND t.width >= a.width ORDER BY t.width LIMIT 1)
  ELSE (
    SELECT substring(t.data FROM 512 * (a.n & 15)::int + 1 FOR 512) || t.middles FROM log.tiles t
    WHERE t.level = a.level AND t.n = a.n >> 4 AND t.width = 256)
  END
FROM (SELECT size, note FROM log.checkpoints ORDER BY size DESC LIMIT 1) c
LEFT JOIN LATERAL (
  SELECT l::bigint AS level, c.size >> 8 * l >> 8 AS n, (c.size >> 8 * l & 255)::int AS width
  FROM generate_series(0, 7) l
  WHERE c.size >> 8 * l & 255 > 0 AND c.size >> 8 * l <> $1::bigint >> 8 * l
  UNION ALL
  SELECT g.level, g.n, 0 FROM unnest($2::bigint[], $3::bigint[]) g (level, n)
  WHERE g.n >> 4 < c.size >> 8 * g.level::int >> 8
) a ON true
"""
_LATEST_WITH: Final[Mapping[LogSchema, PreparedStatement]] = {
    "log": PreparedStatement(b"newest_tree", _TREE.encode()),
    "access": PreparedStatement(b"newest_tree_of_reads", inside(_TREE, "access").encode()),
}
# One question: whoever waits for a proof waits for each answer before the signature.
_UNCOVERED: Final[LiteralString] = """
SELECT c.size, c.note, h.size, (SELECT string_agg(e.entry, NULL ORDER BY e.index)
  FROM log.entries($1::bigint, least(h.size, $1::bigint + $2::bigint)) e)
FROM log.log_head h
LEFT JOIN (SELECT size, note FROM log.checkpoints ORDER BY size DESC LIMIT 1) c ON true
"""
_ADVANCE: Final[LiteralString] = (
    """
SELECT log.checkpoint($1::bigint, $2::bigint, $3::bytea, $4::bytea,
  $5::bigint[]::smallint[], $6::bigint[], $7::bigint[]::smallint[], $8::bytea[])
"""
    + DURABLY
)
_ENTRY_BYTES: Final = 32
_TRUE: Final = b"\1"
_PRUNE: Final[LiteralString] = "SELECT upto, more, apart FROM log.prune(%b::int)"
_ALL: Final[LiteralString] = "SELECT size, note FROM log.checkpoints ORDER BY size DESC"
_SOME: Final = 64
"""Notes that are fetched at a time."""
_ALONE: Final[Mapping[LogSchema, LiteralString]] = {
    "log": "SELECT FROM log.enclave FOR UPDATE",
    "access": "SELECT FROM access.gate FOR UPDATE",
}
"""The row by which the checkpointers of a log wait for each other, and a prune for whoever does
this."""
_PAST_THE_TRIGGERS: Final[LiteralString] = "SET LOCAL session_replication_role = replica"
_AS_THEY_ARE: Final[Mapping[LogSchema, LiteralString]] = {
    "log": "LOCK TABLE log.enclave, log.checkpoints, log.tiles, log.pruned IN ROW EXCLUSIVE MODE",
    "access": (
        "LOCK TABLE access.gate, access.checkpoints, access.tiles, access.pruned"
        " IN ROW EXCLUSIVE MODE"
    ),
}
"""No trigger or rule is put there meanwhile, and no view in the place of one."""
_WITHOUT: Final[LiteralString] = "DELETE FROM log.checkpoints WHERE size > %b"
_TILES_BEHIND: Final[LiteralString] = (
    "DELETE FROM log.tiles WHERE n * 256 + width > %b::bigint >> (8 * level)"
)
# What a prune took as said twice is said once where a wider tile goes: what the sizes that stand
# had of it is cut out before.
_CUT: Final[LiteralString] = """
INSERT INTO log.tiles (level, n, width, data)
SELECT DISTINCT ON (l, t.n, h.k) l, t.n, k %% 256, substring(t.data FROM 1 FOR 32 * (k %% 256)::int)
FROM log.checkpoints c CROSS JOIN generate_series(0, 7) l
CROSS JOIN LATERAL (SELECT c.size >> (8 * l)) h (k)
JOIN log.tiles t ON t.level = l AND t.n = k / 256 AND t.width > k %% 256
WHERE k %% 256 > 0 AND c.size > %b::bigint / 256 * 256
  AND EXISTS (SELECT FROM log.pruned p WHERE p.upto > %b)
ORDER BY l, t.n, h.k, t.width
ON CONFLICT DO NOTHING
"""
_PRUNED_TO: Final[LiteralString] = """
UPDATE log.pruned SET upto = %b::bigint / 256 * 256,
  kept = (SELECT count(*) FROM log.checkpoints c WHERE c.size <= %b::bigint / 256 * 256)
WHERE upto > %b
"""


class PostgresCheckpoints:
    """Reads as checkpointer, reader or auditor; `advance` as the checkpointer only."""

    def __init__(self, pool: Pool, schema: LogSchema = "log") -> None:
        self._pool = pool
        self._schema: LogSchema = schema
        self._uncovered = PreparedStatement(b"uncovered", inside(_UNCOVERED, schema).encode())
        self._advance = PreparedStatement(b"advance", inside(_ADVANCE, schema).encode())

    def latest(self) -> tuple[int, bytes] | None:
        """Size and note of the newest checkpoint."""
        query = inside(_LATEST, self._schema)
        row = reading(
            self._pool, lambda connection: connection.execute(query, binary=True).fetchone()
        )
        return None if row is None else cast("tuple[int, bytes]", row)

    def at(self, size: int) -> bytes | None:
        """The note of exactly this size."""
        query = inside(_AT, self._schema)
        row = reading(self._pool, lambda connection: connection.execute(query, [size]).fetchone())
        return None if row is None else cast("bytes", row[0])

    def latest_with(self, known: int, groups: Sequence[tuple[int, int]]) -> NewestTree | None:
        """See `Checkpoints`: one statement, so that size, note and tree are of one moment."""
        levels, places = zip(*groups, strict=True) if groups else ((), ())
        asked = [direct.of_bigint(known), direct.bigints(levels), direct.bigints(places)]
        question = _LATEST_WITH[self._schema]
        rows = reading(self._pool, lambda connection: question.rows(connection, asked))
        if not rows:
            return None
        size, note = cast("list[bytes]", rows[0][:2])
        found = NewestTree(direct.bigint(size), note, edge := [], of_groups := [])
        for row in rows:
            if row[5] is None:  # the tree has nothing that was asked for, or it is missing
                continue
            *numbers, data = cast("list[bytes]", row[2:])
            level, n, width = map(direct.bigint, numbers)
            if width:
                edge.append((level, n, width, data))
            else:
                of_groups.append((level, n, data))
        return found

    def uncovered(self, start: int, most: int) -> Uncovered:
        """See `CheckpointStore`; of an empty log where a damaged database has no head."""
        asked = [direct.of_bigint(start), direct.of_bigint(most)]
        rows = reading(self._pool, lambda connection: self._uncovered.rows(connection, asked))
        at, note, size, entries = rows[0] if rows else (None, None, None, None)
        return Uncovered(
            None if at is None or note is None else (direct.bigint(at), note),
            0 if size is None else direct.bigint(size),
            [] if entries is None else _each(entries),
        )

    def advance(
        self,
        old_size: int | None,
        size: int,
        root: bytes,
        note: bytes,
        tiles: Sequence[tuple[int, int, int, bytes]],
    ) -> None:
        """Stores tiles and checkpoint in one transaction if the newest is still `old_size`.

        Raises:
            Conflict: It is not; nothing was written.
            Unavailable: The answer may have been lost: read `latest` before anything else.
            Doubt: `planted`: a tile of this place and width stands there, with other bytes.
        """
        levels, places, widths, data = zip(*tiles, strict=True) if tiles else [()] * 4
        arguments = [
            None if old_size is None else direct.of_bigint(old_size),
            direct.of_bigint(size),
            root,
            note,
            *(direct.bigints(column) for column in (levels, places, widths)),
            direct.byteas(data),
        ]
        try:
            with self._pool.connection() as connection:
                rows = self._advance.rows(connection, arguments)
        except psycopg.errors.UniqueViolation as error:
            there = error.diag.message_primary or "a checkpoint stands there already"
            raise planted(
                Message("something else stands where the checkpointer writes: {there}", there=there)
            ) from error
        except psycopg.Error as error:
            raise translated(error) from error
        if rows != [[_TRUE]]:
            raise Conflict(
                "checkpoint_moved",
                Message("the newest checkpoint is no longer of size {size}", size=old_size),
            )

    def prune(self, most: int) -> Pruned:
        """See `CheckpointStore`.

        Raises:
            Unavailable: Nothing went, or the answer was lost: what may go is asked for again.
        """
        try:
            with self._pool.connection() as connection:
                row = connection.execute(inside(_PRUNE, self._schema), [most]).fetchone()
        except psycopg.Error as error:
            raise translated(error) from error
        return Pruned(*cast("tuple[int, bool, bool]", row))


def _each(entries: bytes) -> list[bytes]:
    return [entries[n : n + _ENTRY_BYTES] for n in range(0, len(entries), _ENTRY_BYTES)]


@dataclass(frozen=True, slots=True)
class Discarded:
    """What `discard` did.

    Attributes:
        gone: Size and SHA-256 in hex of each note that it took away, the largest first.
        tiles: How many tiles went with them.
        stands: Size of the newest checkpoint that is signed; None where none is stored.
    """

    gone: Sequence[tuple[int, str]]
    tiles: int
    stands: int | None


def discard(
    admin_dsn: str,
    slug: str,
    signed: Callable[[int, bytes], bool],
    keep: Callable[[int, bytes], object],
    *,
    bare: bool,
    schema: LogSchema = "log",
) -> Discarded:
    """Takes away what others stored: checkpoints that are not signed, and the tiles behind.

    Behind the newest checkpoint that is signed nothing is proven yet, so nothing is lost.

    Args:
        admin_dsn: A superuser's connection string, to the log's database: no login of the log can
            do this.
        slug: Prefix of the enclave's roles.
        signed: Whether the log signed this note of this size; the first that it did is the end.
        keep: Given size and note of each that goes, before it does.
        bare: Whether all may go: something else than a stored checkpoint shows that `signed` asks
            by the right keys.
        schema: Where the log lies.

    Raises:
        VerificationError: The log signed none of those that are stored, and not `bare`. Nothing was
            changed.
        Unavailable: The database cannot be reached.
        Fatal: This login may not, or the log's tables are not as shipped: what somebody put there
            would run as the superuser. Nothing was changed.
    """
    gone: list[tuple[int, str]] = []
    stands: int | None = None
    try:
        with as_administrator(admin_dsn) as connection:
            connection.execute(_AS_THEY_ARE[schema])
            _refuse_altered(connection, slug, schema)
            connection.execute(_ALONE[schema])
            some = 0
            with closing(_fetched(connection, schema)) as notes:
                for size, note in notes:
                    if signed(size, note):
                        stands = size
                        break
                    some += 1
            if some and stands is None and not bare:
                raise VerificationError(
                    "checkpoint", f"the log signed none of the {some} that are stored"
                )
            for size, note in islice(_fetched(connection, schema), some):
                keep(size, note)
                gone.append((size, hashlib.sha256(note).hexdigest()))
            connection.execute(_PAST_THE_TRIGGERS)
            connection.execute(inside(_WITHOUT, schema), [stands or 0])
            connection.execute(inside(_CUT, schema), [stands or 0] * 2)
            connection.execute(inside(_PRUNED_TO, schema), [stands or 0] * 3)
            tiles = connection.execute(inside(_TILES_BEHIND, schema), [stands or 0]).rowcount
    except psycopg.Error as error:
        raise translated(error) from error
    return Discarded(gone, tiles, stands)


def _refuse_altered(connection: psycopg.Connection, slug: str, schema: LogSchema) -> None:
    """That nothing of the schema is another than shipped, before a superuser touches it."""
    lines = [one.line for one in definitions.altered(connection, slug)]
    if others := [line for line in lines if f"{schema}." in line]:
        raise Fatal(
            f"the log's definitions are not as shipped ({others[0]}): nothing was taken away, since"
            " it would run as the administrator. Put them back first; socai log audit names each"
        )


def _fetched(connection: psycopg.Connection, schema: LogSchema) -> Generator[tuple[int, bytes]]:
    """The stored notes, the largest first, a few at a time: there may be any number of them."""
    with connection.cursor("notes") as notes:
        notes.itersize = _SOME
        for row in notes.execute(inside(_ALL, schema), binary=True):
            yield cast("tuple[int, bytes]", row)
