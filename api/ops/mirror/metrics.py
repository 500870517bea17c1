"""What `socai mirror status` tells, as metrics for Prometheus' textfile collector.

How far each lower log has come, which its clock alone moves: nothing of what is in it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

from api.ops.mirror.inbox import RefusedSegment
from keys.custody.file import naming
from ledger.postgres.mirror.mirrored import LowerLog

_HARMLESS: Final = "replay"


def mirror_metrics(
    logs: Sequence[LowerLog], refused: Sequence[RefusedSegment], now: datetime
) -> CollectorRegistry:
    """The metrics of one look.

    Args:
        logs: Every lower log that is trusted.
        refused: The last segments that were refused, oldest first.
        now: The machine's time.
    """
    registry = CollectorRegistry()

    def gauge(name: str, what: str, *labels: str) -> Gauge:
        return Gauge(f"socai_mirror_{name}", what, labels, registry=registry)

    gauge("checked_timestamp_seconds", "When the mirror was last looked at").set(now.timestamp())
    newest = gauge(
        "published_timestamp_seconds",
        "Turn of the clock of the newest segment taken in, by lower log; 0 before the first",
        "log",
    )
    for one in logs:
        newest.labels(one.origin).set(max(0, one.at))
    bad = [one.at for one in refused if one.kind != _HARMLESS]
    last = gauge(
        "refused_timestamp_seconds",
        "When a segment was last refused that had not been taken in before; 0: none was",
    )
    last.set(datetime.fromisoformat(bad[-1]).timestamp() if bad else 0)
    return registry


def tell_mirror(
    path: Path, logs: Sequence[LowerLog], refused: Sequence[RefusedSegment], now: datetime
) -> None:
    """Writes them to a file whose name ends in `.prom`. Raises: OSError."""
    with naming(path):
        write_to_textfile(os.fspath(path), mirror_metrics(logs, refused, now))
