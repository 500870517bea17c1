"""Twenty thousand comparisons: nobody below can tell what is above, or that it is (NI1, NI2).

And two hundred by whoever has a login of the database below, three hundred by all other observers;
and a thousand of releases (NI4). `make soak-pairs PART=1/60` runs a piece of each.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.attack import test_nothing_below_shows_it_by_http as by_http
from tests.attack import test_nothing_below_shows_it_by_sql as by_sql
from tests.attack import test_releases_show_nothing_else as of_releases
from tests.attack.test_nothing_below_shows_it import told
from tests.fixtures.apart import Clusters, Levels
from tests.parts import Part

pytestmark = pytest.mark.soak

STORIES = 6_667
STORIES_BY_SQL = 67
STORIES_BY_HTTP = 100
RELEASES = 1_000
SEED = 7


def test_twenty_thousand_comparisons_find_no_difference(tmp_path: Path, part: Part) -> None:
    """Three of each story: nobody above, somebody, somebody who does something else."""
    for n in part.of(STORIES):
        told(tmp_path, f"{SEED} {n}")


@pytest.mark.postgres
def test_two_hundred_comparisons_by_every_login_find_no_difference(
    clusters: Clusters, part: Part
) -> None:
    """The same, of everything that a login reads; once the views of the SQL standard too."""
    for n in part.of(STORIES_BY_SQL):
        by_sql.told(clusters, f"{SEED} {n}", whole=n == 0)


@pytest.mark.postgres
def test_three_hundred_comparisons_by_every_observer_find_no_difference(
    levels: Levels, tmp_path: Path, part: Part
) -> None:
    """By HTTP, commands, files, metrics, log lines and segments."""
    for n in part.of(STORIES_BY_HTTP):
        by_http.told(levels, tmp_path, f"{SEED} {n}")


def test_a_thousand_pairs_of_releases_tell_nothing_else(tmp_path: Path, part: Part) -> None:
    """The same texts in the same slots, and all else above is different."""
    for n in part.of(RELEASES):
        of_releases.told(tmp_path, f"{SEED} {n}")
