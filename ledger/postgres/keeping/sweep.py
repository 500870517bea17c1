"""Takes what is gone out of the pages and the write-ahead log of a database (access.md K8).

A row that was deleted or replaced stays on its page until somebody writes the page anew, what the
planner keeps of a column stays in its statistics, and both stay in the WAL behind the last
checkpoint. As the administrator, since only that login may write a checkpoint.
"""

from __future__ import annotations

import time
from typing import Any, Final, LiteralString

import psycopg
from psycopg import sql

from ledger.errors import Unavailable
from ledger.message import Message
from ledger.postgres.connect import as_administrator, of_database, translated

_PLAIN: Final[LiteralString] = """
SELECT schemaname, tablename FROM pg_tables WHERE schemaname = 'proj' ORDER BY 2
"""
_WRAPS: Final = (
    ("log", "wraps"),
    ("log", "file_wraps"),
    ("log", "file_key"),
    ("log", "wraps_aside"),
    ("access", "wraps"),
    ("mirror", "wraps"),
)
#: What an open transaction may still look at is written anew too: none is older than this one.
_BEGUN: Final[LiteralString] = "SELECT pg_current_xact_id()::text"
#: Until then a new transaction is as old as the oldest that writes, in whichever database.
_WRITING: Final[LiteralString] = "SELECT pg_snapshot_xmin(pg_current_snapshot()) <= %s::xid8"
_LOOKING: Final[LiteralString] = """
SELECT EXISTS (SELECT FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid()
    AND age(backend_xmin) >= age(%s::xid8::xid))
"""
_OLDER_S: Final = 120.0
"""Longer than any statement or idle transaction of a login may last."""
_LOOK_S: Final = 0.1
_LONGEST_S: Final = 10.0
#: The second, so that the place is inside the new file, and that it can be left again.
_SWITCH: Final[tuple[LiteralString, ...]] = (
    "SELECT pg_switch_wal()",
    "SELECT pg_logical_emit_message(false, 'socai', '')",
)
_CURRENT: Final[LiteralString] = "SELECT pg_walfile_name(pg_current_wal_insert_lsn())"
_LAST: Final[LiteralString] = """
SELECT max(name) FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$'
"""
_BEFORE: Final[LiteralString] = """
SELECT count(*) FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$' AND name < %s
"""
_KEPT_S: Final = 120.0
"""For an archiver, or whoever streams, to take what was written before."""
_STATISTICS: Final[LiteralString] = "pg_catalog.pg_statistic"


def require_administrator(dsn: str) -> None:
    """He is let in: asked before a turn begins, at whose end a sweep needs him.

    Args:
        dsn: His, to the enclave's database.

    Raises:
        Unavailable: The database cannot be reached, or does not let him in.
    """
    try:
        as_administrator(dsn).close()
    except psycopg.Error as error:
        raise translated(error) from error


def sweep(admin_dsn: str, dbname: str) -> bool:
    """Writes the views, the wraps and the planner's statistics anew, and lets go of the WAL.

    Whoever reads a view waits while its table is written.

    Returns:
        Whether no file is left of the WAL from before; a managed server may keep that to itself,
        and a slot or an archiver that does not go on keeps the files.

    Raises:
        Unavailable: The database cannot be reached, or a transaction that began before does not
            end; what was done is done.
    """
    try:
        with as_administrator(of_database(admin_dsn, dbname), autocommit=True) as connection:
            _await_older(connection)
            views = connection.execute(_PLAIN).fetchall()
            for schema, table in (*views, *_WRAPS):
                name = sql.Identifier(str(schema), str(table))
                connection.execute(sql.SQL("VACUUM (FULL, ANALYZE) {}").format(name))
            # an open transaction may still see the statistics that were replaced just now
            _await_older(connection)
            try:
                connection.execute(f"VACUUM (FULL) {_STATISTICS}")
                return _let_go_of_wal(connection)
            except psycopg.errors.InsufficientPrivilege:
                return False
    except psycopg.Error as error:
        raise translated(error) from error


def _let_go_of_wal(connection: psycopg.Connection) -> bool:
    """Takes the files from before away; False where they are still there two minutes later.

    A server gives a file that is done the name of one to come, and what stood in it stands there
    until it is written over. So all that have such names are written over: a file that is left is
    filled up.
    """
    until, pause_s = time.monotonic() + _KEPT_S, _LOOK_S
    begun, reached = _switched(connection), ""
    while True:
        connection.execute("CHECKPOINT")  # which gives the names
        before, last = _one(connection, _BEFORE, begun), str(_one(connection, _LAST))
        if last > reached:
            while (reached := _switched(connection)) <= last:
                pass
        if before == 0:
            return True
        if time.monotonic() > until:
            return False
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, _LONGEST_S)


def _switched(connection: psycopg.Connection) -> str:
    """Goes on in the next file; its name."""
    for step in _SWITCH:
        connection.execute(step)
    return str(_one(connection, _CURRENT))


def _one(connection: psycopg.Connection, query: LiteralString, *asked: object) -> Any:  # noqa: ANN401
    """The value that is asked for."""
    row = connection.execute(query, asked).fetchone()
    return None if row is None else row[0]


def _await_older(connection: psycopg.Connection) -> None:
    """Waits until every transaction is over that began before.

    Raises:
        Unavailable: One is not.
    """
    begun = connection.execute(_BEGUN).fetchone()
    until = time.monotonic() + _OLDER_S
    for older in (_WRITING, _LOOKING):
        while (found := connection.execute(older, begun).fetchone()) and found[0]:
            if time.monotonic() > until:
                raise Unavailable(
                    "older_transaction",
                    Message(
                        "a transaction of this server is open since before: end it"
                        " (pg_stat_activity), and run this again"
                    ),
                )
            time.sleep(_LOOK_S)
