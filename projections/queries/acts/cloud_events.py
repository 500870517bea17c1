"""The feed: what happened in the log, never what acts say, as CloudEvents (http.md §4).

The one text in it is the title of a case, which its registration says for lists.

A pure translation of timeline rows; order and position are the log's, so a reader that keeps the
last index misses nothing and gets nothing twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from keys import canonical
from ledger.log.moment import stamp
from projections.views.acts import ActRow

SPEC_VERSION: Final = "1.0"
TYPE_PREFIX: Final = "socai.act"
_NONE: Final[Mapping[str, str]] = MappingProxyType({})


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
