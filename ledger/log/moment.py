"""How the ledger writes a moment of its own: UTC, milliseconds, `Z` (formats.md §1).

Only `recorded_at` and what the service dates use it; `occurred_at` has its own form and keeps its
offset.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

# Hours to 23: some readers take 24:00 for the next day. What else is no moment, all refuse.
_STAMP: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}\.[0-9]{3}Z"
)


def stamp(at: datetime) -> str:
    """Writes a moment, e.g. `2024-06-04T01:12:31.042Z`; what is below a millisecond is cut off.

    Raises:
        ValueError: The datetime has no zone.
    """
    if at.tzinfo is None:
        raise ValueError("a moment has a zone")
    utc = at if at.tzinfo is UTC else at.astimezone(UTC)
    return utc.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def cut(at: datetime) -> datetime:
    """The instant as the ledger keeps it: in UTC, cut to milliseconds."""
    utc = at if at.tzinfo is UTC else at.astimezone(UTC)
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)


def milliseconds(at: datetime) -> int:
    """Milliseconds since 1970, exactly: a moment has no finer part."""
    return round(at.timestamp() * 1000)


def of_milliseconds(since: int) -> datetime:
    """Inverse of `milliseconds`."""
    return EPOCH + timedelta(milliseconds=since)


def unstamp(text: str) -> datetime:
    """Strict inverse of `stamp`.

    Raises:
        ValueError: Another form, or no such moment.
    """
    if not _STAMP.fullmatch(text):
        raise ValueError("a moment is UTC with milliseconds and Z")
    return datetime.fromisoformat(text)
