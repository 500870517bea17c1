"""Whoever has a login of a database looks at everything that it may (access.md §7, SQL observer).

Every column of every relation, the size of each, every function that can be called without an
argument or with the id of a transaction. What is not allowed is kept as well: a refusal that hung
on somebody else would tell of them. Exceptions, each with its reason:

- X2 what is drawn: bytes that are sealed, whose length is compared.
- X4 the machine's time, process ids, counters that the server's own processes move or that a
  session tells by the machine's clock, and what is the observer's own session.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Final, LiteralString

import psycopg
from psycopg import sql

from ledger.postgres.migrate import LOGINS
from tests.fixtures.postgres import Database

Seen = Mapping[tuple[str, str], str]
"""What a login (first) sees of a relation or call (second)."""

_RELATIONS: Final[LiteralString] = """
SELECT n.nspname, c.relname, array_agg(a.attname::text ORDER BY a.attnum),
  n.nspname = 'pg_catalog' AND c.relkind = 'r' AND has_table_privilege('public', c.oid, 'SELECT')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'v', 'm', 'S', 'p') AND n.nspname !~ '^pg_(toast|temp)'
  AND (a.attnum > 0 OR a.attname = 'xmin' AND c.relkind = 'r')
  AND has_schema_privilege(n.oid, 'USAGE') AND has_column_privilege(c.oid, a.attnum, 'SELECT')
GROUP BY n.nspname, c.relname, c.relkind, c.oid ORDER BY 1, 2
"""
_CALLS: Final[LiteralString] = """
SELECT n.nspname, p.proname,
  CASE WHEN p.pronargs > p.pronargdefaults THEN format_type(p.proargtypes[0], NULL) END
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE p.prokind = 'f' AND has_schema_privilege(n.oid, 'USAGE')
  AND has_function_privilege(p.oid, 'EXECUTE') AND p.prorettype <> 'trigger'::regtype
  AND (p.pronargs = p.pronargdefaults
    OR p.pronargs - p.pronargdefaults = 1 AND p.proargtypes[0] IN ('xid'::regtype, 'xid8'::regtype))
ORDER BY 1, 2, 3
"""
_SIZES: Final[LiteralString] = """
SELECT c.relname::text, pg_total_relation_size(c.oid) FROM pg_class c
WHERE c.relkind IN ('r', 'i', 'S') ORDER BY 1
"""
_FEW: Final = 100
"""Rows that are kept as they are, so that a difference can be shown; of more, their digest."""

_SEALED: Final = {
    "log.records": {"state"}, "log.wraps": {"wrap"}, "log.file_wraps": {"wrap"},
    "log.file_key": {"wrap"}, "log.custody": {"state", "wrap", "entry"}, "proj.acts": {"envelope"},
    "access.records": {"state"}, "access.wraps": {"wrap"},
}  # fmt: skip
"""X2."""
_TIMES: Final = {"sec.beat": {"at"}, "proj.lease": {"holder", "until"}}
"""X4: what the projector says by the machine's clock, and who it is."""
_OF_THE_MACHINE: Final = re.compile(
    # X4: counters, of backends by the machine's clock, and of the server's own processes
    r"pg_stat|pg_shmem|pg_backend_memory|pg_aios|pg_get_(backend_memory|shmem|aios)"
    # X4: the machine's time, and chance
    r"|(clock|statement|transaction)_timestamp|^pg_catalog\.(now|timeofday|random|random_normal)\("
    r"|gen_random_uuid|uuidv\d|pg_postmaster_start|pg_conf_load"
    # X4: when the control file was written last; how much of the WAL is on the disk by now
    r"|pg_control_(system|checkpoint|recovery)|wal_(flush_)?lsn"
    # X4: the observer's own session
    r"|pg_backend_pid|pg_export_snapshot|pg_lock_status|pg_cursor|pg_prepared_statement"
)
_WAL: Final = "pg_catalog.pg_current_wal_insert_lsn()"
"""Compared all the same: how much was written, of which the disk may not have all yet."""
_WAL_SLACK: Final = 4096
"""X4, in bytes: a row with the machine's time in it is written shorter or longer, a hint sooner or
later. Whoever signs anything writes more."""
_ONCE: Final = re.compile(r"information_schema|pg_timezone|pg_available_ext|pg_(views|rules)$")
"""What says the same to everybody, and takes long: of the server's files, and what is shown of the
catalogs that are read besides."""


def seen_by_all(database: Database, *, whole: bool = False) -> Seen:
    """What each login of an enclave sees of its database.

    Args:
        database: It.
        whole: Also the views of the standard over catalogs that are read besides, which take most
            of the time.
    """
    seen: dict[tuple[str, str], str] = {}
    for login in LOGINS:
        with psycopg.connect(database.dsn(login), autocommit=True) as connection:
            first = login == LOGINS[0]
            for schema, name, columns, same in connection.execute(_RELATIONS).fetchall():
                relation = f"{schema}.{name}"
                if _of_the_machine(relation) or (not first and same):
                    continue
                if not whole and _ONCE.search(relation) and (not first or "info" in relation):
                    continue
                seen[login, relation] = _asked(connection, _select(schema, name, columns))
            for schema, name, argument in connection.execute(_CALLS).fetchall():
                call = f"{schema}.{name}({argument or ''})"
                if not _of_the_machine(call) and (first or not _ONCE.search(call)):
                    seen[login, call] = _asked(connection, _call(schema, name, argument))
            seen[login, "sizes"] = _asked(connection, sql.SQL(_SIZES))
    return seen


def differences(one: Seen, other: Seen) -> dict[str, str]:
    """Names of what differs, and how for one login, for people."""
    found: dict[str, str] = {}
    for login, name in sorted(one.keys() | other.keys()):
        mine, theirs = (seen.get((login, name), "not there") for seen in (one, other))
        if mine != theirs and not (name == _WAL and _much_alike(mine, theirs)):
            found.setdefault(name, f"{login} sees in {name}:\n{_apart(mine, theirs)}")
    return found


def _much_alike(mine: str, theirs: str) -> bool:
    at = [[int(part, 16) for part in where.split("/")] for where in (mine, theirs)]
    (high, low), (other_high, other_low) = at
    return abs((high << 32) + low - (other_high << 32) - other_low) < _WAL_SLACK


def _apart(mine: str, theirs: str) -> str:
    """The first line of each that the other does not have."""
    lines = [text.splitlines() for text in (mine, theirs)]
    only = [next((x for x in a if x not in b), "nothing") for a, b in (lines, lines[::-1])]
    return "\n".join(f"  {text[:160]}" for text in only)


def _of_the_machine(name: str) -> bool:
    return name != _WAL and _OF_THE_MACHINE.search(name) is not None


def _select(schema: str, name: str, columns: list[str]) -> sql.Composed:
    relation = f"{schema}.{name}"
    wanted = []
    for column in columns:
        if column in _TIMES.get(relation, ()):
            continue
        one = sql.Identifier(column)
        length = sql.SQL("octet_length({0}) AS {0}").format(one)
        wanted.append(length if column in _SEALED.get(relation, ()) else one)
    # locks of the observer's own session are X4
    others = " WHERE pid <> pg_backend_pid()" if relation == "pg_catalog.pg_locks" else ""
    return sql.SQL("SELECT r::text FROM (SELECT {} FROM {}.{}{}) r").format(
        sql.SQL(", ").join(wanted), sql.Identifier(schema), sql.Identifier(name), sql.SQL(others)
    )


def _call(schema: str, name: str, argument: str | None) -> sql.Composed:
    given = sql.SQL("" if argument is None else "'3'::xid" if argument == "xid" else "'3'::xid8")
    call = sql.SQL("SELECT f::text FROM {}.{}({}) f")
    return call.format(sql.Identifier(schema), sql.Identifier(name), given)


def _asked(connection: psycopg.Connection, query: sql.SQL | sql.Composed) -> str:
    """The answer, or that there is none; whatever a call does is undone."""
    try:
        with connection.transaction(force_rollback=True):
            rows = sorted(" ".join(map(str, row)) for row in connection.execute(query))
    except psycopg.Error as refused:
        return type(refused).__name__
    if len(rows) <= _FEW:
        return "\n".join(rows)
    return f"{len(rows)} rows {hashlib.sha256(repr(rows).encode()).hexdigest()}"
