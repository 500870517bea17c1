"""The feed: what happened in the log, never what acts say, as CloudEvents (http.md §4).

The one text in it is the title of a case, which its registration says for lists.

A translation of timeline rows; order and position are the log's, so a reader that keeps the last
index is told once of every record that they see when it is looked at. Who sees what changes behind
that, and is not told (http.md §6).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from keys import canonical
from ledger.log.moment import stamp
from projections.queries.sources import Sources
from projections.queries.view_positions import folded_to
from projections.queries.visibility import Visibility
from projections.views import acts as timeline
from projections.views import case_names
from projections.views.acts import ActRow

SPEC_VERSION: Final = "1.0"
TYPE_PREFIX: Final = "socai.act"
_NONE: Final[Mapping[str, str]] = MappingProxyType({})


class Feed:
    """The records of the log, for whoever follows it."""

    def __init__(self, over: Sources, visibility: Visibility) -> None:
        self._over, self._visibility = over, visibility

    def after(self, after: int, limit: int) -> tuple[int, int, list[dict[str, Any]]]:
        """(index, last index looked at, CloudEvents of at most `limit` indices behind `after`).

        Where the asker sees none of them there is no event, and the place to go on from all the
        same: how many records a log has is told to everybody (access.md D2). No index is looked at
        before it is known who takes part by its record: a follower does not come back to it.
        """
        with self._over.connecting() as connection:
            index = folded_to(connection, ("acts", "audience"))
            last = max(after, min(after + limit, index))
            rows = timeline.rows_between(connection, after, last)
            rows = self._over.evidence.fill_span(after + 1, limit, rows)
            self._over.evidence.hold_span(after + 1, limit, rows, lambda one: one.index <= index)
            rows = self._visibility.as_seen(connection, rows)
            of_cases = case_names.called(connection, {row.stream for row in rows})
            self._visibility.shows_records("FEED", rows)
        titles = {stream: one.title for stream, one in of_cases.items() if one.title is not None}
        return index, last, events(rows, self._over.origin, titles)


def events(
    rows: Iterable[ActRow], origin: str, titles: Mapping[str, str] = _NONE
) -> list[dict[str, Any]]:
    """One CloudEvent a record, in index order.

    Args:
        rows: The records.
        origin: Of the log.
        titles: What cases are about now, by stream, of those that have one.
    """
    return [event(row, origin, titles.get(row.stream)) for row in rows]


def event(row: ActRow, origin: str, title: str | None = None) -> dict[str, Any]:
    """A record as a CloudEvent: `id` is its index, unique under `source`."""
    return {
        "specversion": SPEC_VERSION,
        "id": str(row.index),
        "source": f"/logs/{origin}",
        "type": f"{TYPE_PREFIX}.{row.status}.v1",
        "subject": row.stream,
        "time": stamp(row.recorded_at),
        "datacontenttype": "application/json",
        "data": {
            "index": row.index,
            "entry": canonical.b64(row.entry),
            "stream": row.stream,
            "seq": row.seq,
            "act_id": row.act_id,
            "act": row.act,
            "status": row.status,
            "effect": row.effect,
            "state": row.state_after,
            "title": title,
        },
    }
