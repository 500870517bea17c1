"""Generations of the views: which one is read, how far each is folded, and where one stopped.

A generation is built beside the one that is read; the switch is one row changed, so nobody waits.
Views are disposable: one whose DDL changed starts anew. Their tables are made by whoever migrates
and belong to nobody who logs in, so that whoever writes rows puts nothing else in their place.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from typing import Final, LiteralString

import psycopg
from psycopg import sql

from ledger.errors import Fatal
from ledger.ports import LogHead
from ledger.postgres import definitions, migrate
from projections.views.all_views import VIEWS
from projections.views.base import Connection, Cursor, View
from projections.views.column import column

_PURGE_ROWS: Final = 5_000

COLUMNS: Final[LiteralString] = (
    "v.view, v.gen, v.state, v.shape, v.position, v.judged,"
    " CASE WHEN v.recorded_at BETWEEN '0001-01-02Z' AND '9999-12-30Z' THEN v.recorded_at END,"
    " v.target, v.error, v.error_at"
)
"""Of a row of `proj.views`, in the order of the attributes of `ViewState`.

What is no time of a record is told as none: whoever has the projector's login could write one that
no process can read, and neither the loop nor readiness would come past it again.
"""
_STATES: Final[LiteralString] = (
    "SELECT " + COLUMNS + " FROM proj.views v ORDER BY v.view, v.gen"  # noqa: S608  a constant
)
_NEW: Final[LiteralString] = """
INSERT INTO proj.views (view, gen, state, shape, target) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT DO NOTHING
"""
#: The one after the last; where somebody wrote the last that there can be, after one before it.
_NEXT_GEN: Final[LiteralString] = """
SELECT n FROM (
  SELECT 1 AS n
  UNION SELECT gen + 1 FROM proj.views WHERE view = %(view)s AND gen BETWEEN 1 AND 32766
) v WHERE NOT EXISTS (SELECT FROM proj.views o WHERE o.view = %(view)s AND o.gen = n)
ORDER BY n DESC LIMIT 1
"""
_MOVED: Final[LiteralString] = """
UPDATE proj.views v SET position = %s, recorded_at = %s, judged = least(v.judged, v.position)
FROM unnest(%b::text[], %b::smallint[]) AS g (view, gen)
WHERE v.view = g.view AND v.gen = g.gen AND v.position = %s
"""
_JUDGED: Final[LiteralString] = """
UPDATE proj.views SET judged = %s WHERE view = %s AND gen = %s AND judged = %s AND position = %s
"""
_STOPPED: Final[LiteralString] = """
UPDATE proj.views SET error = %s, error_at = %s
WHERE view = %s AND gen = %s AND (error_at IS NULL OR error_at > %s)
"""
_BUILT: Final[LiteralString] = """
SELECT state = 'building' FROM proj.views WHERE view = %s AND gen = %s FOR UPDATE
"""
_RETIRE: Final[LiteralString] = """
UPDATE proj.views SET state = 'old' WHERE view = %s AND state = 'live'
"""
_PROMOTE: Final[LiteralString] = """
UPDATE proj.views SET state = 'live' WHERE view = %s AND gen = %s
"""
UNSHARE: Final[LiteralString] = "DELETE FROM proj.parts WHERE view = %s AND gen = %s"
_FORGET: Final[LiteralString] = "DELETE FROM proj.views WHERE view = %s AND gen = %s"
_ABANDON: Final[LiteralString] = """
UPDATE proj.views SET state = 'old' WHERE view = %s AND state = 'building'
"""
_ABANDON_STOPPED: Final[LiteralString] = _ABANDON + " AND error IS NOT NULL"
_SHAPE: Final[LiteralString] = """
SELECT shape FROM proj.views WHERE view = %s AND NOT EXISTS (
  SELECT FROM unnest(%s::text[]) t (name) WHERE to_regclass('proj.' || t.name) IS NULL)
ORDER BY state <> 'live' LIMIT 1
"""
_SHAPES: Final[LiteralString] = "SELECT view, shape FROM proj.views WHERE state = 'live'"
_OUTDATE: Final[LiteralString] = "UPDATE proj.views SET state = 'old' WHERE view = %s"
_DROP_VIEW: Final[LiteralString] = "DELETE FROM proj.views WHERE view = %s"
_FORGOTTEN: Final[LiteralString] = "DELETE FROM proj.views WHERE view <> ALL (%s)"
_TABLES: Final[LiteralString] = """
SELECT tablename FROM pg_tables WHERE schemaname = 'proj' AND tablename <> ALL (%s)
"""
#: What is more than a table of rows: it can show each login others (views), or change what is
#: written to be compared (triggers, columns).
_ALTERED: Final[LiteralString] = """
SELECT c.relname FROM pg_class c
WHERE c.relnamespace = 'proj'::regnamespace AND c.relkind IN ('r', 'v', 'm', 'f', 'p') AND (
  c.relkind <> 'r' OR c.relhasrules
  OR EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal)
  OR EXISTS (SELECT FROM pg_inherits i WHERE c.oid IN (i.inhrelid, i.inhparent))
  OR EXISTS (
    SELECT FROM pg_attribute a JOIN pg_type y ON y.oid = a.atttypid
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      AND (a.attgenerated <> '' OR y.typnamespace <> 'pg_catalog'::regnamespace
        OR a.attcollation NOT IN (0, y.typcollation))))
ORDER BY 1
"""
#: Whom each row is shown to, and what runs as whoever reads (functions), in the lines of
#: `definitions.sql`; the owner of the schema tells the prefix of the enclave's roles.
_SHOWN_TO: Final[LiteralString] = """
WITH plain AS (
  SELECT c.oid, c.relname, c.relowner, c.relpersistence, c.relrowsecurity, c.relforcerowsecurity,
    regexp_replace(pg_get_userbyid(n.nspowner), 'views$', '') AS prefix
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = 'proj' AND c.relkind = 'r'
), shown (relname, prefix, line) AS (
  SELECT relname, prefix, format(
    'relation proj.%s kind r persistence %s owner %s row security %s forced %s', relname,
    relpersistence, pg_get_userbyid(relowner), relrowsecurity, relforcerowsecurity)
  FROM plain
  UNION ALL
  SELECT c.relname, c.prefix, format(
    'policy %s on proj.%s permissive %s for %s to %s using %s check %s', w.polname, c.relname,
    w.polpermissive, w.polcmd, (SELECT string_agg(
      CASE o WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(o) END, ', '
      ORDER BY CASE o WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(o) END COLLATE "C")
      FROM unnest(w.polroles) o),
    regexp_replace(pg_get_expr(w.polqual, w.polrelid), '\\s+', ' ', 'g'),
    regexp_replace(pg_get_expr(w.polwithcheck, w.polrelid), '\\s+', ' ', 'g'))
  FROM pg_policy w JOIN plain c ON c.oid = w.polrelid
  UNION ALL
  SELECT f.proname, regexp_replace(pg_get_userbyid(n.nspowner), 'views$', ''), format(
    'function proj.%s(%s) returns %s kind %s language %s owner %s security definer %s leakproof %s'
    ' strict %s volatile %s set %s body %s',
    f.proname, pg_get_function_identity_arguments(f.oid), pg_get_function_result(f.oid), f.prokind,
    l.lanname, pg_get_userbyid(f.proowner), f.prosecdef, f.proleakproof, f.proisstrict,
    f.provolatile, f.proconfig, encode(sha256(convert_to(
      f.prosrc || coalesce(pg_get_function_sqlbody(f.oid), ''), 'UTF8')), 'hex'))
  FROM pg_proc f JOIN pg_language l ON l.oid = f.prolang
  JOIN pg_namespace n ON n.oid = f.pronamespace
  WHERE n.nspname = 'proj'
)
SELECT relname, replace(line, prefix, '{slug}_') FROM shown
"""
_SHOWN_LINE: Final = re.compile(r"(?:relation|policy \S+ on|function) proj\.(\w+)")
_OF_ALL: Final = ("views", "parts", "lease")


class ConcurrentUpdate(Exception):
    """Another process has moved the place meanwhile: its transaction counts, not this one."""


@dataclass(frozen=True, slots=True)
class ViewState:
    """One generation of a view as it stands.

    Attributes:
        view: Name.
        gen: Generation.
        state: `building`, `live` or `old`.
        shape: SHA-256 of its DDL.
        position: Last record folded, -1 for none.
        judged: Last record of which the rules were asked in full, -1 for none.
        recorded_at: When that record was taken.
        target: Size of the log when a rebuild was asked for.
        error: Why it stopped; None while it goes on.
        error_at: Index of the record it stopped at.
    """

    view: str
    gen: int
    state: str
    shape: str
    position: int
    judged: int
    recorded_at: datetime | None
    target: int | None
    error: str | None
    error_at: int | None

    @property
    def stopped(self) -> bool:
        """Whether a record stopped it."""
        return self.error is not None

    def behind(self, head: LogHead) -> tuple[int, int | None]:
        """Records that it lacks, and how many seconds of the log they span.

        None: it has folded nothing yet. Seconds are of `recorded_at`, a rehearsal's own time.
        """
        lag = max(0, head.size - 1 - self.position)
        if not lag:
            return 0, 0
        if head.recorded_at is None or self.recorded_at is None:
            return lag, None
        return lag, int((head.recorded_at - self.recorded_at).total_seconds())

    def move(
        self, cursor: Cursor, position: int, recorded_at: datetime | None, *others: ViewState
    ) -> None:
        """Everything up to `position` is folded, in the transaction of the cursor.

        Args:
            cursor: Of the transaction.
            position: Last record that is folded then.
            recorded_at: When that was taken.
            others: Which stand where this one does, and move with it.

        Raises:
            ConcurrentUpdate: One does not stand where it stood when it was read.
        """
        moved = (self, *others)
        views, gens = zip(*((one.view, one.gen) for one in moved), strict=True)
        named = [column("text", views), column("smallint", gens)]
        found = cursor.execute(_MOVED, [position, recorded_at, *named, self.position])
        if found.rowcount != len(moved):
            raise ConcurrentUpdate

    def judge(self, cursor: Cursor, judged: int) -> None:
        """Everything up to `judged` stands, or is taken back, in the transaction of the cursor.

        Raises:
            ConcurrentUpdate: It does not stand where it stood when it was read.
        """
        said = [judged, self.view, self.gen, self.judged, self.position]
        if not cursor.execute(_JUDGED, said).rowcount:
            raise ConcurrentUpdate

    def stop(self, connection: Connection, why: str, index: int) -> None:
        """A record stops it."""
        stop(connection, self.view, self.gen, why, index)


def ddl(name: str) -> tuple[bytes, str]:
    """DDL of a view, with `{slug}` where a role's prefix goes, and its SHA-256."""
    text = resources.files("projections").joinpath("schema", f"{name}.sql").read_bytes()
    return text, hashlib.sha256(text).hexdigest()


def install(connection: Connection, slug: str, views: Sequence[View] = VIEWS) -> None:
    """Makes the tables of every view that is not there yet; a view whose DDL changed starts anew.

    Views that this program does not know go.

    Args:
        connection: In a transaction of the owner of schema `proj` (`migrate.making_views`).
        slug: Prefix of the enclave's roles.
        views: Which views to keep.
    """
    connection.execute(migrate.filled(ddl("views")[0], slug))
    _forget_others(connection, (*VIEWS, *views))
    for view in views:
        text, shape = ddl(view.name)
        own = list(view.tables) if view.schema == "proj" else []
        if connection.execute(_SHAPE, [view.name, own]).fetchone() == (shape,):
            continue  # a policy is not made again: that would wait for whoever reads
        _outdate(connection, view)
        connection.execute(migrate.filled(text, slug))
        gen = connection.execute(_NEXT_GEN, {"view": view.name}).fetchone()
        connection.execute(_NEW, [view.name, gen[0] if gen else 1, "live", shape, None])


def _outdate(connection: Connection, view: View) -> None:
    """Its tables go, with what it said of them; where the ledger makes them, its rows will."""
    if view.schema != "proj":
        connection.execute(_OUTDATE, [view.name])
        return
    for table in view.tables:
        connection.execute(sql.SQL("DROP TABLE IF EXISTS proj.{}").format(sql.Identifier(table)))
    connection.execute(_DROP_VIEW, [view.name])


def require_installed(connection: Connection, views: Sequence[View] = VIEWS) -> None:
    """Whether the tables of these views are the ones this program writes; any login may ask.

    Raises:
        Fatal: They are another program's, or are not there.
    """
    try:
        found: dict[str, str] = dict(connection.execute(_SHAPES).fetchall())
    except psycopg.errors.UndefinedTable:
        found = {}
    other = [view.name for view in views if found.get(view.name) != ddl(view.name)[1]]
    if other:
        raise Fatal(f"not this program's views: {', '.join(other)}; run: socai migrate")


def _forget_others(connection: Connection, views: Sequence[View]) -> None:
    """Views of an older or newer program, and their tables."""
    connection.execute(_FORGOTTEN, [[view.name for view in views]])
    ours = [*_OF_ALL, *(t for view in views if view.schema == "proj" for t in view.tables)]
    for (name,) in connection.execute(_TABLES, [ours]).fetchall():
        connection.execute(sql.SQL("DROP TABLE proj.{}").format(sql.Identifier(name)))


def states(connection: Connection) -> list[ViewState]:
    """Every generation of every view."""
    return [ViewState(*row) for row in connection.execute(_STATES).fetchall()]


def altered(connection: Connection) -> list[str]:
    """Tables and functions that are not as this program makes them, or show rows to others."""
    with connection.transaction():
        connection.execute(definitions.PINNED)
        names = {str(row[0]) for row in connection.execute(_ALTERED).fetchall()}
        found: list[tuple[str, str]] = connection.execute(_SHOWN_TO).fetchall()
    there = {table for table, _ in found}
    made = [(table, line) for table, line in _shown_to() if table in there]
    differing = (Counter(found) - Counter(made)) + (Counter(made) - Counter(found))
    return sorted(names | {table for table, _ in differing})


def _shown_to() -> list[tuple[str, str]]:
    """Each table and function with what says whom it shows something to, as shipped."""
    text = resources.files("projections").joinpath("schema", definitions.FILE).read_text("utf-8")
    lines = text.splitlines()
    return [(match[1], line) for line in lines if (match := _SHOWN_LINE.match(line))]


def live_position(connection: Connection, view: str) -> int:
    """Last record folded into the generation that is read; -1 for none."""
    for state in states(connection):
        if state.view == view and state.state == "live":
            return state.position
    return -1


def ask_rebuild(
    connection: Connection, view: str, target: int, views: Sequence[View] = VIEWS
) -> int:
    """Asks for a new generation of a view; the active loop builds it beside the one that is read.

    One that a record has stopped makes way: what was in its way may be mended. It begins empty: a
    row with a number that is yet to come was put there by no fold, and would stop it.

    Returns:
        The new generation.

    Raises:
        LookupError: There is no such view, or a rebuild of it is under way.
    """
    asked = next((one for one in views if one.name == view), None)
    if asked is None:
        raise LookupError(f"no such view: {view}")
    with connection.transaction():
        connection.execute(_ABANDON_STOPPED, [view])
        gen = connection.execute(_NEXT_GEN, {"view": view}).fetchone()
        number = int(gen[0]) if gen else 1
        done = connection.execute(_NEW, [view, number, "building", ddl(view)[1], target])
        if not done.rowcount:
            raise LookupError(f"a rebuild of {view} is under way")
        for table in asked.tables:
            name = sql.Identifier(asked.schema, table)
            connection.execute(sql.SQL("DELETE FROM {} WHERE gen = %s").format(name), [number])
    return number


def abandon_rebuild(connection: Connection, view: str) -> None:
    """Gives up a rebuild; its rows are cleared away by the loop."""
    connection.execute(_ABANDON, [view])


def stop(connection: Connection, view: str, gen: int, why: str, index: int) -> None:
    """A record stops a generation; of several the first one is named."""
    connection.execute(_STOPPED, [why, index, view, gen, index])


def switch(connection: Connection, state: ViewState) -> None:
    """One transaction, two rows: whoever reads sees the old generation or the new one whole."""
    with connection.transaction():
        row = connection.execute(_BUILT, [state.view, state.gen]).fetchone()
        if row is None or not row[0]:
            return  # somebody else was faster
        connection.execute(_RETIRE, [state.view])
        connection.execute(_PROMOTE, [state.view, state.gen])


def purge(connection: Connection, state: ViewState, view: View) -> None:
    """Clears some rows of a generation that nobody reads any more; in the end, itself.

    Its parts go first: that waits for who is still writing one, and whoever comes later is
    overtaken, so that no row appears behind the broom.
    """
    connection.execute(UNSHARE, [state.view, state.gen])
    gone = 0
    for table in view.tables:
        query = sql.SQL(
            "DELETE FROM {table} WHERE ctid = ANY (ARRAY("
            "SELECT ctid FROM {table} WHERE gen = %s LIMIT %s))"
        ).format(table=sql.Identifier(view.schema, table))
        gone += connection.execute(query, [state.gen, _PURGE_ROWS]).rowcount
    if not gone:
        connection.execute(_FORGET, [state.view, state.gen])
