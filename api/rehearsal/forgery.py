"""What a dishonest owner of the database could do, on a copy: for the drill and for tests.

Needs the superuser, as a forger would: grants and triggers bind everybody else. Only ever touches
a copy that it made itself. What the audit says about it is not known here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final, LiteralString

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from ledger.errors import Unavailable
from ledger.message import Message
from ledger.postgres.connect import Connection, connect, translated

# The guard against accidents is lifted first: triggers do not bind a superuser who says so.
_UNBOUND: Final[LiteralString] = "SET session_replication_role = replica"
_MIDDLE: Final[LiteralString] = "SELECT size / 2 FROM log.log_head"
_EDIT: Final[LiteralString] = """
UPDATE log.records SET state = set_byte(state, octet_length(state) / 2,
  get_byte(state, octet_length(state) / 2) # 1) WHERE index = %s
"""
_PARK: Final[LiteralString] = "UPDATE log.records SET index = %s WHERE index = %s"
_PARK_WRAP: Final[LiteralString] = "UPDATE log.wraps SET index = %s WHERE index = %s"
_DELETE: Final[LiteralString] = "DELETE FROM log.records WHERE index = %s"
_FREE_TILES: Final[LiteralString] = """
ALTER TABLE log.tiles DROP CONSTRAINT IF EXISTS tiles_check,
  DROP CONSTRAINT IF EXISTS tiles_data_check
"""
_OLD_TILE: Final[LiteralString] = """
UPDATE log.tiles t SET data = o.data FROM log.tiles o
WHERE (t.level, t.n) = (0, 0) AND (o.level, o.n) = (0, 0)
  AND t.width = (SELECT max(width) FROM log.tiles WHERE (level, n) = (0, 0))
  AND o.width = (SELECT max(width) FROM log.tiles WHERE (level, n) = (0, 0) AND width < t.width)
RETURNING o.width
"""


def _edit(connection: Connection, index: int) -> int:
    """One bit of one sealed record."""
    connection.execute(_EDIT, [index])
    return index


def _swap(connection: Connection, index: int) -> int:
    """Two neighbours change places, with their wraps."""
    for statement in (_PARK, _PARK_WRAP):
        for to, at in ((1 << 40, index), (index, index + 1), (index + 1, 1 << 40)):
            connection.execute(statement, [to, at])
    return index


def _delete(connection: Connection, index: int) -> int:
    """One record is gone."""
    connection.execute(_DELETE, [index])
    return index


def _restore_tile(connection: Connection, _index: int) -> int:
    """The newest tile holds what an older one held."""
    connection.execute(_FREE_TILES)
    row = connection.execute(_OLD_TILE).fetchone()
    return int(str(row[0])) if row else 0  # the first leaf that the old tile does not know


FORGERIES: Final[Mapping[str, Callable[[Connection, int], int]]] = {
    "edit": _edit,
    "swap": _swap,
    "delete": _delete,
    "old_tile": _restore_tile,
}


@contextmanager
def forged(admin_dsn: str, dbname: str, forgery: str) -> Iterator[tuple[str, int]]:
    """A copy of a database with one forgery in it; dropped when the block ends.

    Args:
        admin_dsn: The superuser's connection string.
        dbname: The database to copy; nobody may be connected to it meanwhile.
        forgery: One of `FORGERIES`.

    Yields:
        Name of the copy, and the index that the forger touched.

    Raises:
        Unavailable: The database cannot be reached, or is in use.
    """
    with copied(admin_dsn, dbname, forgery) as copy:
        try:
            with psycopg.connect(make_conninfo(admin_dsn, dbname=copy)) as connection:
                connection.execute(_UNBOUND)
                row = connection.execute(_MIDDLE).fetchone()
                touched = FORGERIES[forgery](connection, int(str(row[0])) if row else 0)
        except psycopg.Error as error:
            raise translated(error) from error
        yield copy, touched


@contextmanager
def copied(admin_dsn: str, dbname: str, name: str) -> Iterator[str]:
    """A copy of a database as it is now, dropped when the block ends: an operator's backup.

    Args:
        admin_dsn: The superuser's connection string.
        dbname: The database to copy; nobody may be connected to it meanwhile.
        name: What to call it.

    Yields:
        Name of the copy.

    Raises:
        Unavailable: The database cannot be reached, or is in use.
    """
    copy = f"{dbname[:50]}_{name}"
    names = {"copy": sql.Identifier(copy), "original": sql.Identifier(dbname)}
    with connect(admin_dsn) as admin:
        try:
            admin.execute(sql.SQL("DROP DATABASE IF EXISTS {copy} WITH (FORCE)").format(**names))
            admin.execute(sql.SQL("CREATE DATABASE {copy} TEMPLATE {original}").format(**names))
        except psycopg.errors.ObjectInUse as error:
            raise _in_use() from error
        except psycopg.Error as error:
            raise translated(error) from error
        try:
            yield copy
        finally:
            admin.execute(sql.SQL("DROP DATABASE IF EXISTS {copy} WITH (FORCE)").format(**names))


def _in_use() -> Unavailable:
    return Unavailable(
        "database_unavailable",
        Message("The database is in use and was not copied; stop the service, then run it again."),
    )
