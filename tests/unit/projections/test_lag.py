"""How far a view is behind, in records and in seconds: one reckoning for all who tell it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ledger.ports import LogHead
from projections.generations import ViewState

_NOW = datetime(2024, 6, 4, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("position", "recorded_at", "told"),
    [
        (9, _NOW, (0, 0)),
        (6, _NOW - timedelta(seconds=90), (3, 90)),
        (-1, None, (10, None)),
        (12, _NOW, (0, 0)),
    ],
)
def test_lag_is_told_in_records_and_seconds(
    position: int, recorded_at: datetime | None, told: tuple[int, int | None]
) -> None:
    """A view that has folded nothing has no time to be behind by; one ahead is not behind."""
    view = ViewState("acts", 1, "live", "", position, position, recorded_at, None, None, None)
    assert view.behind(LogHead(size=10, recorded_at=_NOW, registry_index=0)) == told
