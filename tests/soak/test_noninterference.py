"""Three hundred pairs of histories: a silent and a busy neighbour look the same (NI3, V12)."""

from __future__ import annotations

import pytest

from tests.fixtures.neighbours import Neighbours

pytestmark = [pytest.mark.soak, pytest.mark.postgres]

PAIRS = 300
SEED = 7


def test_three_hundred_pairs_cannot_be_told_apart(neighbours: Neighbours) -> None:
    """One after the other in the same two enclaves, so that lists grow and pages turn."""
    for pair in range(PAIRS):
        neighbours.tell(pair, SEED)
    assert neighbours.busy.service.size() > neighbours.silent.service.size() + PAIRS
