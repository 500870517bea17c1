"""The rows of a fresh fold, kept: one log is compared with many states of its views."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from psycopg import sql

from projections.checks.rebuild_comparison import Progress, fold_afresh
from projections.engine.log_source import RecordsLog
from projections.fold.fold import Fold
from projections.views.base import Connection, View

_GEN = -1
_READ = "SELECT t::text FROM {table} t WHERE gen = %s"
#: Read once a row, and not once a column: OFFSET keeps the inner query by itself.
_WRITE = """
INSERT INTO {table} SELECT (one).* FROM (
  SELECT text::{table} AS one FROM unnest(%s::text[]) AS text OFFSET 0) AS kept
"""


@dataclass(slots=True)
class KeptFold:
    """Folds a log once, and then writes the same rows again (`rebuild_comparison.Afresh`).

    Only for one log that does not change, and views whose timeline is as it was folded.
    """

    _rows: dict[tuple[str, str, int], list[str]] = field(default_factory=dict)

    def __call__(
        self,
        connection: Connection,
        views: Sequence[View],
        log: RecordsLog,
        fold: Fold,
        position: int,
        progress: Progress | None,
    ) -> None:
        """Writes the rows of these views under the generation of the fresh fold."""
        tables = [(view.schema, table, position) for view in views for table in view.tables]
        if all(table in self._rows for table in tables):
            for table in tables:
                query = sql.SQL(_WRITE).format(table=sql.Identifier(*table[:2]))
                connection.execute(query, [self._rows[table]])
            return
        fold_afresh(connection, views, log, fold, position, progress)
        for table in tables:
            query = sql.SQL(_READ).format(table=sql.Identifier(*table[:2]))
            rows = connection.execute(query, [_GEN]).fetchall()
            self._rows[table] = [str(row[0]) for row in rows]
