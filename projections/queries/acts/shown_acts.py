"""Acts, as far as whoever asks is shown them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from ledger.asker import asker
from ledger.errors import NotFound
from ledger.regulation.acts.act import ORDINARY
from ledger.streams.names import is_case
from projections.queries.acts.told_act import ShownRows, ToldAct
from projections.queries.past import diff as changes
from projections.queries.past.as_of import Past
from projections.queries.signature_verdicts import StatementVerdict, judged
from projections.queries.sources import Sources
from projections.queries.view_positions import folded_to
from projections.queries.visibility import Visibility
from projections.queries.ways import Ways
from projections.views import act_list
from projections.views import acts as timeline
from projections.views.act_list import ActFilter, ActLine
from projections.views.acts import ActRow
from projections.views.base import Connection


class ShownActs:
    """The statements of a stream, acts of all cases, and one act with all that is told of it."""

    def __init__(self, over: Sources, visibility: Visibility, past: Past, ways: Ways) -> None:
        self._over, self._visibility, self._past, self._ways = over, visibility, past, ways

    def of(self, stream: str) -> tuple[int, list[StatementVerdict]]:
        """(index, statements with verdicts) of a stream in order.

        Raises:
            NotFound: There is no such stream.
        """
        with self._over.connecting() as connection:
            stands = self._past.footing(connection, stream)
            index, registry = stands.index, stands.newest.registry
            rows = self._over.evidence.fill_stream(stream, timeline.stream_rows(connection, stream))
            self._over.evidence.hold_stream(stream, rows, lambda one: one.index <= index)
            if not stands.whole:
                rows = self._visibility.as_seen(connection, rows)
            self._visibility.shows_records("RECORD", rows)
        if not rows:
            raise NotFound(stream)
        self._over.rights.require(stream, (row.act_id for row in rows))
        return index, [judged(row, registry, now=None) for row in rows]

    def across(
        self,
        wanted: ActFilter,
        *,
        limit: int,
        after: tuple[str, int] | None = None,
        snapshot: int | None = None,
    ) -> tuple[int, list[ActLine]]:
        """(snapshot index, lines) of one page of acts of all cases that the asker sees.

        Nobody asks above ordinary, where no view holds what an act says (access.md G15).
        """
        with self._over.connecting() as connection:
            index = snapshot
            if index is None:  # of what lies behind it is not known yet whose it is
                index = folded_to(connection, (*wanted.views, "audience"))
            who = asker()
            few = who is not None and self._ways.choose(connection, who.officer)
            lines = act_list.across(
                connection,
                wanted,
                limit=limit,
                snapshot=index,
                after=after,
                few=few,
                disputes=self._over.registries.as_of(connection, index).disputes,
            )
            self._visibility.shows_records("LIST", lines)
        return index, lines

    def at(self, stream: str, seq: int) -> str:
        """The act of which the statement at this place of a case is.

        Raises:
            NotFound: There is no such place, or it is not shown.
        """
        with self._over.connecting() as connection:
            found = timeline.act_at(connection, stream, seq)
        if found is None:
            raise NotFound(stream)
        return found

    def told(self, act_id: str, now: datetime) -> ToldAct:
        """One act with all that a reader asks of it.

        What it changed is told to whoever sees the whole case, and what names it as far as its
        stream is shown. Neither above ordinary, where nobody has a case opened to read one act.

        Raises:
            NotFound: There is no such act.
        """
        if not _is_uuid(act_id):
            raise NotFound(act_id)
        with self._over.connecting() as connection:
            stream = timeline.stream_of(connection, act_id)
            if stream is None:
                # what the log has and no view does
                self._act(connection, act_id, folded_to(connection, ("acts",)))
                raise NotFound(act_id)
            stands = self._past.footing(connection, stream)
            in_full = is_case(stream) and self._over.level == ORDINARY
            folded, registry = None, stands.newest.registry
            if in_full and stands.whole:
                folded = self._past.standing(connection, stream, now, stands)
                rows = folded.rows
                own = [row for row in rows if row.act_id == act_id]
            else:
                own = self._act(connection, act_id, stands.index)
                rows = timeline.stream_rows(connection, stream) if in_full else []
                rows = self._visibility.as_seen(connection, rows)
            told = ToldAct(
                stands.index,
                [judged(row, registry, now=None) for row in own],
                registry,
                ShownRows(rows),
                [] if folded is None else changes.of_act(folded, act_id),
                whole=folded is not None,
            )
            self._visibility.shows_records("RECORD", [*own, *told.related])
        self._over.rights.require(stream, [act_id], whole=told.whole)
        return told

    def _act(self, connection: Connection, act_id: str, index: int) -> list[ActRow]:
        """The statements of one act that the log has up to an index, as the asker sees them."""
        rows = self._over.evidence.fill_act(act_id, timeline.act_rows(connection, act_id))
        self._over.evidence.hold_act(act_id, rows, lambda one: one.index <= index)
        return self._visibility.as_seen(connection, rows)


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
