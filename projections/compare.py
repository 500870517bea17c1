"""Whether the views equal a fresh fold of the log: each row of the live generations is recomputed.

Part of `log audit`, above the ledger's own audit since a ledger does not know its views. The fresh
rows are written under a generation of their own in a transaction that is always rolled back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, LiteralString

from psycopg import IsolationLevel, sql

from ledger.ports import RecordStore
from ledger.reader import Reader
from projections.fold import BATCH, Fold
from projections.generations import ViewState, altered, states
from projections.records import RecordsLog
from projections.sweep import Sweep
from projections.view import Connection, View
from projections.views import VIEWS

_FRESH: Final = -1
"""Generation of the fresh fold; it never outlives the comparison."""
_MOST: Final = 100

_COLUMNS: Final[LiteralString] = """
SELECT column_name, data_type FROM information_schema.columns
WHERE table_schema = 'proj' AND table_name = %s AND column_name <> 'gen' ORDER BY ordinal_position
"""
#: What a login has set for itself does not choose the functions that are asked here.
_PINNED: Final[LiteralString] = "SET LOCAL search_path = pg_catalog"
_ONLY_IN: Final[LiteralString] = """
SELECT row_to_json(d)::text FROM (
  SELECT {columns} FROM proj.{table} WHERE gen = %s
  EXCEPT ALL
  SELECT {columns} FROM proj.{table} WHERE gen = %s
) d LIMIT %s
"""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Difference:
    """One row that the view and the fresh fold do not share.

    Attributes:
        view: Name of the view.
        table: Its table.
        where: `missing` in the view, or `extra` in it; `altered` for a table that is not as it was
            made, and may show each login other rows.
        row: The row as JSON text.
    """

    view: str
    table: str
    where: str
    row: str


def compare(  # noqa: PLR0913 - two sides, and how to read each
    connection: Connection,
    records: RecordStore,
    reader: Reader,
    *,
    origin: str,
    level: str = "ordinary",
    views: Sequence[View] = VIEWS,
    progress: Progress | None = None,
) -> list[Difference]:
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

    Returns:
        Differences, at most a hundred a table and side; empty where the views are right.
    """
    before = connection.isolation_level
    reader = reader.for_folds()
    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    try:
        with Sweep(), connection.transaction(force_rollback=True):
            connection.execute(_PINNED)
            if others := altered(connection):  # nothing in them is worth a look
                return [Difference("views", name, "altered", "{}") for name in others]
            live = {s.view: s for s in states(connection) if s.state == "live"}
            size = records.head().size
            wrong = [found for view in views if (found := _state(view, live, size))]
            named = {found.view for found in wrong}
            chosen = [view for view in views if view.name not in named]
            for position in sorted({live[view.name].position for view in chosen}):
                group = [view for view in chosen if live[view.name].position == position]
                log = RecordsLog(records, reader, connection)
                _fold_afresh(connection, group, log, Fold(log, origin, level), position, progress)
            for view in chosen:
                wrong += _differences(connection, view, live[view.name].gen)
            return wrong
    finally:
        connection.isolation_level = before


def _state(view: View, live: Mapping[str, ViewState], size: int) -> Difference | None:
    """What is wrong with a view before a row of it is looked at."""
    state = live.get(view.name)
    if state is None:
        return Difference(view.name, "views", "missing", '{"state":"live"}')
    if state.position >= size:
        return Difference(view.name, "views", "extra", f'{{"position":{state.position}}}')
    return None


def _fold_afresh(
    connection: Connection,
    views: Sequence[View],
    log: RecordsLog,
    fold: Fold,
    position: int,
    progress: Progress | None,
) -> None:
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


def _differences(connection: Connection, view: View, gen: int) -> list[Difference]:
    found: list[Difference] = []
    for table in view.tables:
        columns = [
            # json has no equality; its text is what was written.
            sql.SQL("{0}::text AS {0}").format(sql.Identifier(name))
            if kind == "json"
            else sql.Identifier(name)
            for name, kind in connection.execute(_COLUMNS, [table]).fetchall()
        ]
        query = sql.SQL(_ONLY_IN).format(
            columns=sql.SQL(", ").join(columns), table=sql.Identifier(table)
        )
        for where, sides in (("missing", (_FRESH, gen)), ("extra", (gen, _FRESH))):
            rows = connection.execute(query, [*sides, _MOST]).fetchall()
            found += [Difference(view.name, table, where, row[0]) for row in rows]
    return found
