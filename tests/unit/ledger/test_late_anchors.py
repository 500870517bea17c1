"""Where the log went on without an anchor: said, and called no damage."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ledger.audit.files.late_anchors import Anchored, Gap, gaps
from tests.builders import T0


def anchored(index: int, hours: float) -> Anchored:
    """An anchor so many hours after the beginning."""
    return Anchored(index, "", b"", "", T0 + timedelta(hours=hours), 3600)


@pytest.mark.parametrize(
    ("anchors", "newest", "expected"),
    [
        ([], (1, 0.1), ()),
        ([], (9, 2.5), (Gap(1, 9, 9000),)),
        ([(2, 1), (3, 2), (9, 3)], (10, 4.9), ()),
        ([(2, 1), (3, 2), (9, 3)], (12, 5.5), (Gap(9, 12, 9000),)),
        ([(2, 1), (9, 4)], (9, 4), (Gap(2, 9, 10800),)),
        ([(2, 1), (3, 40)], (4, 41), ()),  # nothing was recorded meanwhile: it was not served
    ],
)
def test_an_hour_without_an_anchor_is_told_where_the_log_lived(
    anchors: list[tuple[int, float]], newest: tuple[int, float], expected: tuple[Gap, ...]
) -> None:
    """More than two intervals, with records in between."""
    end = (newest[0], T0 + timedelta(hours=newest[1]))
    assert gaps([anchored(*one) for one in anchors], (1, T0), end) == expected
    assert not gaps([], None, end)
