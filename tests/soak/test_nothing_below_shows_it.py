"""Twenty thousand comparisons: nobody below can tell what is above, or that it is (NI1, NI2)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.attack.test_nothing_below_shows_it import told

pytestmark = pytest.mark.soak

STORIES = 6_667
SEED = 7


def test_twenty_thousand_comparisons_find_no_difference(tmp_path: Path) -> None:
    """Three of each story: nobody above, somebody, somebody who does something else."""
    for n in range(STORIES):
        told(tmp_path, f"{SEED} {n}")
