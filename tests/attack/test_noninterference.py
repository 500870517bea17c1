"""Nothing that an officer gets hangs on what goes on in cases they take no part in (NI3, V12).

One generated pair of histories on a push, twelve in `make attack`, three hundred in `make soak`.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import Final

import pytest

from tests.attacks import attack
from tests.examples import examples
from tests.fixtures.neighbours import Neighbours, a_story

pytestmark = [pytest.mark.postgres, pytest.mark.slow, pytest.mark.xdist_group("neighbours")]
SEED: Final = 1153
"""Of a first pair in which each side works, and is refused what it may not."""
PAIRS: Final = examples(3) if examples(1) > 1 else 1


@attack(
    "an officer tells from any answer whether the department next door is at work",
    stopped_by="row policies; what a caller gets is of what the caller sees (NI3)",
    noticed_by="-",
)
@pytest.mark.parametrize("pair", range(PAIRS))
def test_a_silent_and_a_busy_neighbour_look_the_same(neighbours: Neighbours, pair: int) -> None:
    """Each answer to reads, writes, refusals and probes, but for X1-X3 of access.md §7."""
    size = neighbours.busy.service.size()
    neighbours.tell(pair, SEED)
    busy, silent = neighbours.busy.service.size(), neighbours.silent.service.size()
    assert busy > max(size, silent), "the neighbours did nothing"


def test_stories_have_work_and_refusals_on_both_sides() -> None:
    """Or the pairs above would be alike because nothing happens in them."""
    kinds = Counter(
        (observed, act[0])
        for pair in range(PAIRS)
        for observed, act in a_story(random.Random(f"{SEED} {pair}"))  # noqa: S311  a story
    )
    assert {"CaseRegistered", "stale", "upload"} <= {kind for observed, kind in kinds if observed}
    assert {"CaseRegistered", "ReportReceived"} <= {
        kind for observed, kind in kinds if not observed
    }
