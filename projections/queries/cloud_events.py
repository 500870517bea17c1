"""The feed: what happened in the log, never what acts say, as CloudEvents (http.md §4).

A pure translation of timeline rows; order and position are the log's, so a reader that keeps the
last index misses nothing and gets nothing twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from keys import canonical
from ledger.log.moment import stamp
from projections.views.acts import ActRow

SPEC_VERSION: Final = "1.0"
TYPE_PREFIX: Final = "socai.act"


def events(rows: Iterable[ActRow], origin: str) -> list[dict[str, Any]]:
    """One CloudEvent a record, in index order."""
    return [event(row, origin) for row in rows]


def event(row: ActRow, origin: str) -> dict[str, Any]:
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
        },
    }
