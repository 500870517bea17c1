"""Whether the views equal a fresh fold of the log: each row of the live generations is recomputed.

Part of `log audit`, above the ledger's own audit since a ledger does not know its views. The fresh
rows are written under a generation of their own in a transaction that is always rolled back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from typing import Final, LiteralString

from psycopg import sql

from ledger.ports import RecordStore
from ledger.postgres import definitions
from ledger.postgres.definitions import Altered
from ledger.streams.record_reader import Reader
from ledger.write.registry_follower import RegistryFollower
from projections.engine.gc_pause import GcPause
from projections.engine.generations import ViewState, altered, ddl, states
from projections.engine.log_source import RecordsLog
from projections.fold.fold import BATCH, Fold
from projections.views.all_views import VIEWS
from projections.views.audience import AT_ONCE
from projections.views.audience import NAME as AUDIENCE
from projections.views.base import Connection, View
from projections.views.statistics.counted_events import COUNTED_FLAGS

_FRESH: Final = -1
"""Generation of the fresh fold; it never outlives the comparison."""
_MOST: Final = 100

_COLUMNS: Final[LiteralString] = """
SELECT a.attname, format_type(a.atttypid, NULL)
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE c.relnamespace = to_regnamespace(%s) AND c.relname = %s
  AND a.attnum > 0 AND NOT a.attisdropped AND a.attname <> 'gen' ORDER BY a.attnum
"""
#: What a login has set for itself does not choose the functions that are asked here.
_PINNED: Final[LiteralString] = "SET LOCAL search_path = pg_catalog"
_ONLY_IN: Final[LiteralString] = """
SELECT row_to_json(d)::text FROM (
  SELECT {columns} FROM {table} t WHERE gen = %s{but}
  EXCEPT ALL
  SELECT {columns} FROM {table} t WHERE gen = %s{but}
) d LIMIT %s
"""

#: Behind a record whose content is erased a view still knows what it was told in time, and a fresh
#: fold never can: to which state acts led, which flags they raised, and, where another signer's
#: statement is gone, whether they took effect. What is erased is said by the fresh fold.
_HOLED: Final[LiteralString] = """
t.stream IN (SELECT e.stream FROM proj.acts e WHERE e.gen = -1 AND e.erased_by IS NOT NULL)
"""
_BEHIND_A_HOLE: Final[LiteralString] = """
t.stream IN (SELECT e.stream FROM proj.acts e WHERE e.gen = -1 AND e.erased_by IS NOT NULL)
AND t.index > (
  SELECT min(e.index) FROM proj.acts e
  WHERE e.gen = -1 AND e.stream = t.stream AND e.erased_by IS NOT NULL)
AND t.index NOT IN (SELECT e.index FROM proj.acts e WHERE e.gen = -1 AND e.erased_by IS NOT NULL)
"""
_HALF_ERASED: Final[LiteralString] = """
t.act_id IN (SELECT e.act_id FROM proj.acts e WHERE e.gen = -1 AND e.erased_by IS NOT NULL)
AND t.index NOT IN (SELECT e.index FROM proj.acts e WHERE e.gen = -1 AND e.erased_by IS NOT NULL)
"""
#: When it is not known, and what of it is compared all the same.
_NOT_KNOWN: Final[Mapping[tuple[str, str], tuple[LiteralString, LiteralString]]] = {
    ("acts", "state_after"): (_BEHIND_A_HOLE, "NULL"),
    ("acts", "flags"): (_BEHIND_A_HOLE, "NULL"),
    ("acts", "status"): (_HALF_ERASED, "NULL"),
    ("acts", "effect"): (_HALF_ERASED, "NULL"),
    ("acts", "officer"): (_HALF_ERASED, "NULL"),
    ("case_file", "body"): (_HOLED, "(body::jsonb - 'flags' - 'silences')::text"),
    ("case_file", "raised"): (_HOLED, "NULL"),
    ("case_file", "flags"): (_HOLED, "NULL"),
    ("case_file", "changes_at"): (_HOLED, "NULL"),
    ("marks", "n"): (_HOLED, "NULL"),
}
_COUNTED: Final = sql.SQL(" AND NOT (code = ANY ({codes}) AND {holed})").format(
    codes=sql.Literal(list(COUNTED_FLAGS)), holed=sql.SQL(_HOLED)
)
#: Rows that are not known as a whole: flags that are counted.
_ROWS_NOT_KNOWN: Final[Mapping[str, sql.Composable]] = {"marks": _COUNTED}

_ONE_SNAPSHOT: Final[LiteralString] = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"
#: What cannot be, and would stop the reading of the rest.
_UNREADABLE: Final[LiteralString] = """
SELECT coalesce(view, '') FROM proj.views
WHERE num_nulls(view, gen, state, shape, position, judged) > 0
  OR recorded_at NOT BETWEEN '2000-01-01' AND '9999-01-01'
"""
#: Generation -1 is the fresh fold's: what somebody has put there would be compared with itself.
_OF_NOBODY: Final[LiteralString] = """
SELECT DISTINCT gen FROM {table} WHERE (gen = ANY (%s::smallint[])) IS NOT TRUE
"""
_PARTS_OF_NOBODY: Final[LiteralString] = """
SELECT p.view, p.gen FROM proj.parts p WHERE NOT EXISTS (
  SELECT FROM proj.views v WHERE v.view = p.view AND v.gen = p.gen AND v.state = 'building')
"""

#: Rows that whoever records an exclusion has put in force, until they are folded.
_NOT_FOLDED: Final[Mapping[str, tuple[int, ...]]] = {"excluded": (AT_ONCE,)}
#: Of those, the ones that neither a record behind the fold nor a row of the fold bears out.
_BY_NOTHING: Final[LiteralString] = """
SELECT row_to_json(x)::text FROM sec.excluded x
WHERE x.gen = %(at_once)s
  AND NOT EXISTS (SELECT FROM log.records r
    WHERE r.index = x.index AND x.index > %(position)s
      AND (r.stream_id, r.act_id) = (x.comp, x.via))
  AND NOT EXISTS (SELECT FROM sec.excluded y WHERE y.gen = %(live)s
    AND (y.comp, y.officer, y.via, y.until) = (x.comp, x.officer, x.via, x.until))
LIMIT %(most)s
"""

Progress = Callable[[int, int], None]
Afresh = Callable[[Connection, Sequence[View], RecordsLog, Fold, int, Progress | None], None]


@dataclass(frozen=True, slots=True)
class RebuildDifference:
    """One row that the view and the fresh fold do not share.

    Attributes:
        view: Name of the view.
        table: Its table.
        where: `missing` in the view, or `extra` in it; `altered` for a table that is not as it was
            made, and may show each login other rows; `beyond` and `stopped` of a view as a whole.
        row: The row as JSON text.
    """

    view: str
    table: str
    where: str
    row: str


def fold_afresh(
    connection: Connection,
    views: Sequence[View],
    log: RecordsLog,
    fold: Fold,
    position: int,
    progress: Progress | None,
) -> None:
    """Writes the rows of a fold from record 0 to `position` under the generation of the fresh fold.

    Args:
        connection: Of the projector's login, in the transaction that is rolled back.
        views: Whose rows.
        log: What is folded.
        fold: At its beginning.
        position: Index of the last record.
        progress: As of `compare`.
    """
    with connection.cursor() as cursor:
        for start in range(0, position + 1, BATCH):
            batches = [view.batch(cursor, _FRESH) for view in views]
            opened = log.read(start, min(BATCH, position + 1 - start))
            for step in fold.steps(opened):
                for batch in batches:
                    batch.take(step)
            for batch in batches:
                batch.write()
            if progress is not None:
                progress(start + len(opened), position + 1)


def compare(  # noqa: PLR0913 - two sides, and how to read each
    connection: Connection,
    records: RecordStore,
    reader: Reader,
    *,
    origin: str,
    level: str = "ordinary",
    views: Sequence[View] = VIEWS,
    progress: Progress | None = None,
    afresh: Afresh = fold_afresh,
) -> list[RebuildDifference]:
    """Folds the log from record 0 and compares the rows with those that are read.

    Args:
        connection: Of the projector's login, outside a transaction; nothing it writes stays.
        records: Stored rows.
        reader: Opens them; the audit of the log has been before.
        origin: Origin of the log.
        level: Its level.
        views: Which views, each as far as it says that it is folded; one that is not there at all,
            or says that it is past the log, is a difference itself.
        progress: Called with (records done, records in all).
        afresh: Writes the fresh rows; whoever compares one log many times may keep them.

    Returns:
        Differences, at most a hundred a table and side; empty where the views are right.
    """
    reader, follower = reader.for_folds(), RegistryFollower(records, reader)
    with GcPause(), connection.transaction(force_rollback=True):
        connection.execute(_ONE_SNAPSHOT)
        connection.execute(_PINNED)
        if others := altered(connection):  # nothing in them is worth a look
            return [RebuildDifference("views", name, "altered", "{}") for name in others]
        if unreadable := connection.execute(_UNREADABLE).fetchall():
            return [
                RebuildDifference(str(name), "views", "altered", "{}") for (name,) in unreadable
            ]
        said = states(connection)
        live = {s.view: s for s in said if s.state == "live"}
        wrong = [*_unknown(connection, said, views), *_misstated(live, views, records)]
        _clear(connection, views)
        named = {found.view for found in wrong if found.where in {"missing", "beyond"}}
        chosen = [view for view in views if view.name not in named]
        for position in sorted({live[view.name].position for view in chosen}):
            group = [view for view in chosen if live[view.name].position == position]
            log = RecordsLog(records, reader, connection, follower)
            afresh(connection, group, log, Fold(log, origin, level), position, progress)
        for view in chosen:
            wrong += _differences(connection, view, live[view.name].gen)
            if view.name == AUDIENCE:
                wrong += _by_nothing(connection, live[view.name])
        return wrong


def any_views(connection: Connection) -> bool:
    """Whether there is a schema of views: a dump of the logs alone has none."""
    row = connection.execute("SELECT to_regnamespace('proj') IS NOT NULL").fetchone()
    return row is not None and bool(row[0])


def altered_definitions(connection: Connection, slug: str) -> list[Altered]:
    """Where schema `proj` is not as shipped: tables, columns, indexes, owners and grants.

    Args:
        connection: Of the projector's login.
        slug: Prefix of the enclave's roles.
    """
    text = resources.files("projections").joinpath("schema", definitions.FILE).read_bytes()
    found = definitions.told(connection, slug, "proj")
    return definitions.compared(definitions.shipped(text, slug), found)


def _misstated(
    live: Mapping[str, ViewState], views: Sequence[View], records: RecordStore
) -> Iterator[RebuildDifference]:
    """What is wrong with a view before a row of it is looked at."""
    size = records.head().size
    for view in views:
        state = live.get(view.name)
        if state is None:
            yield RebuildDifference(view.name, "views", "missing", '{"state":"live"}')
            continue
        if state.gen <= _FRESH or not -1 <= state.position < size:
            place = f'{{"gen":{state.gen},"position":{state.position}}}'
            yield RebuildDifference(view.name, "views", "beyond", place)
        elif state.recorded_at != _taken_at(records, state.position):
            yield RebuildDifference(
                view.name, "views", "altered", f'{{"recorded_at":"{state.recorded_at}"}}'
            )
        if state.shape != ddl(view.name)[1]:
            yield RebuildDifference(view.name, "views", "altered", f'{{"shape":"{state.shape}"}}')
        if state.error is not None or state.error_at is not None:
            yield RebuildDifference(
                view.name, "views", "stopped", f'{{"error_at":{state.error_at}}}'
            )


def _taken_at(records: RecordStore, position: int) -> datetime | None:
    """When the log took the last record that a view says it has folded."""
    rows = records.read(position, 1) if position >= 0 else ()
    return rows[0].recorded_at if rows else None


def _unknown(
    connection: Connection, said: Sequence[ViewState], views: Sequence[View]
) -> Iterator[RebuildDifference]:
    """Views that this program has not, a second one that is read, and rows of no generation."""
    names = {view.name for view in (*VIEWS, *views)}
    read: set[str] = set()
    for state in said:
        if state.view not in names or (state.state == "live" and state.view in read):
            yield RebuildDifference(state.view, "views", "extra", f'{{"gen":{state.gen}}}')
        read |= {state.view} if state.state == "live" else set()
    for view in views:
        begun = [state.gen for state in said if state.view == view.name]
        for table in view.tables:
            query = sql.SQL(_OF_NOBODY).format(table=sql.Identifier(view.schema, table))
            known = [*begun, *_NOT_FOLDED.get(table, ())]
            for (gen,) in connection.execute(query, [known]).fetchall():
                yield RebuildDifference(view.name, table, "extra", f'{{"gen":{gen}}}')
    for view_name, gen in connection.execute(_PARTS_OF_NOBODY).fetchall():
        yield RebuildDifference(view_name, "parts", "extra", f'{{"gen":{gen}}}')


def _clear(connection: Connection, views: Sequence[View]) -> None:
    """Makes room for the fresh fold; what stood there has been named."""
    for table in (sql.Identifier(view.schema, table) for view in views for table in view.tables):
        query = sql.SQL("DELETE FROM {table} WHERE gen = %s")
        connection.execute(query.format(table=table), [_FRESH])


def _differences(connection: Connection, view: View, gen: int) -> list[RebuildDifference]:
    found: list[RebuildDifference] = []
    for table in view.tables:
        columns = [
            _column(table, str(name), str(kind))
            for name, kind in connection.execute(_COLUMNS, [view.schema, table]).fetchall()
        ]
        query = sql.SQL(_ONLY_IN).format(
            columns=sql.SQL(", ").join(columns),
            table=sql.Identifier(view.schema, table),
            but=_ROWS_NOT_KNOWN.get(table, sql.SQL("")),
        )
        for where, sides in (("missing", (_FRESH, gen)), ("extra", (gen, _FRESH))):
            rows = connection.execute(query, [*sides, _MOST]).fetchall()
            found += [RebuildDifference(view.name, table, where, row[0]) for row in rows]
    return found


def _by_nothing(connection: Connection, live: ViewState) -> Iterator[RebuildDifference]:
    """Exclusions in force at once that nothing in the log says."""
    said = {"at_once": AT_ONCE, "live": live.gen, "position": live.position, "most": _MOST}
    for (row,) in connection.execute(_BY_NOTHING, said).fetchall():
        yield RebuildDifference(live.view, "excluded", "extra", row)


def _column(table: str, name: str, kind: str) -> sql.Composed:
    """A column as both sides must have it."""
    # json has no equality; its text is what was written.
    value = sql.SQL("{}::text" if kind == "json" else "{}").format(sql.Identifier(name))
    if (table, name) in _NOT_KNOWN:
        unknown, known = map(sql.SQL, _NOT_KNOWN[table, name])
        query = sql.SQL("CASE WHEN {unknown} THEN {known} ELSE {value} END")
        value = query.format(unknown=unknown, known=known, value=value)
    return sql.SQL("{} AS {}").format(value, sql.Identifier(name))
