"""No login of a lower enclave tells from its database that somebody is above (access.md §7, V1).

Two clusters (P1), each run from one stored state: who is above works in the other cluster, and
every login below looks at all it may, though nobody fastened the belt. One comparison on a push,
three in `make attack`, two hundred in `make soak`, where the same in one cluster (P0) finds
differences: the test of the test.
"""

from __future__ import annotations

import random
from itertools import combinations
from typing import Final

import pytest

from tests.attacks import attack
from tests.examples import examples
from tests.fixtures.apart import Clusters
from tests.sql_observer import differences
from tests.two_levels import Step, in_words
from tests.whole_enclaves import HIGHER, a_story

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

SEED = 90
_ABOVE: Final = min(2, examples(1))
"""Histories of whoever is above: one on a push. One world takes 4 s of a core."""


@attack(
    "whoever has a login below tells from the database whether somebody is above, and works",
    stopped_by="a cluster of its own for each enclave (NI1, NI2, L5-L7)",
    noticed_by="-",
)
def test_every_login_below_sees_the_same_whatever_is_above(clusters: Clusters) -> None:
    """Nobody above, somebody, and in `make attack` somebody who does something else."""
    told(clusters, f"{SEED} 0", histories=_ABOVE)


def told(clusters: Clusters, name: str, *, whole: bool = False, histories: int = 2) -> None:
    """One story with nobody above, and with each history there.

    Raises:
        AssertionError: Two of them can be told apart, again and again; with the story.
    """
    lower, above = a_story(random.Random(name))  # noqa: S311 - a story
    higher: list[list[Step] | None] = [None, *above[:histories]]

    def seen(n: int) -> dict[tuple[str, str], str]:
        return dict(clusters.seen(lower, higher[n], whole=whole))

    worlds = [seen(n) for n in range(len(higher))]
    for one, other in combinations(range(len(higher)), 2):
        if found := differences(worlds[one], worlds[other]):
            # what differs between two equal runs is of the machine (X4), and not of who is above
            again = differences(seen(one), seen(other))
            found = {at: how for at, how in found.items() if at in again}
        story = in_words(lower, higher[other] or ())
        assert not found, f"{name}\n{story}\n\n" + "\n".join(found.values())


@pytest.mark.soak
@attack(
    "the same, where both enclaves lie in one cluster",
    stopped_by="nothing: P0 is for rehearsals",
    noticed_by="the operator's own word for it, the profile; a warning where the belt is loose",
)
def test_in_one_cluster_they_see_that_somebody_is_above(clusters: Clusters) -> None:
    """L6, L7: transaction ids, the length of the WAL, and locks tell."""
    lower: list[Step] = [("report", 0, 0), ("register", 0, 1)]
    above: list[Step] = [("classify", 0, 0), ("loss", 0, 0)]
    silent = clusters.seen(lower, None, together=True)
    busy = clusters.seen(lower, above, together=True)
    found = set(differences(silent, busy))
    assert {
        "pg_catalog.pg_current_xact_id()", "pg_catalog.txid_current()", "pg_catalog.age(xid)",
        "pg_catalog.pg_current_wal_insert_lsn()", "pg_catalog.pg_locks", "log.log_head",
    } <= found  # fmt: skip


def test_stories_reach_every_step_above() -> None:
    """Or the comparisons would be alike because nothing happens."""
    kinds = {
        step[0]
        for n in range(70)
        for history in a_story(random.Random(f"{SEED} {n}"))[1]  # noqa: S311 - a story
        for step in history
    }
    assert set(HIGHER) <= kinds
