"""What `socai backup check` found, as metrics for Prometheus' textfile collector."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

from api.ops.backup.repository import BaseCopy
from keys.custody.file import naming

_CODES: Final = ("no_backup", "other_timeline", "epoch_turned", "gap", "behind")


def backup_metrics(
    found: Collection[str], bases: Sequence[BaseCopy], now: datetime
) -> CollectorRegistry:
    """The metrics of one check.

    Args:
        found: Codes of what is to be mended.
        bases: Full backups there are, the newest last.
        now: The machine's time.
    """
    registry = CollectorRegistry()

    def gauge(name: str, what: str, *labels: str) -> Gauge:
        return Gauge(f"socai_backup_{name}", what, labels, registry=registry)

    checked = gauge("checked_timestamp_seconds", "When the backups were last checked")
    checked.set(now.timestamp())
    last = gauge("timestamp_seconds", "When the newest full backup was over; 0 where there is none")
    last.set(datetime.fromisoformat(bases[-1].ended_at).timestamp() if bases else 0)
    fault = gauge("fault", "1 where the check found this fault", "code")
    for code in (*_CODES, *(one for one in found if one not in _CODES)):
        fault.labels(code).set(int(code in found))
    return registry


def tell_backups(
    path: Path, found: Collection[str], bases: Sequence[BaseCopy], now: datetime
) -> None:
    """Writes them to a file whose name ends in `.prom`. Raises: OSError."""
    with naming(path):
        write_to_textfile(os.fspath(path), backup_metrics(found, bases, now))
