"""Nothing below shows that somebody is above, or what they do (access.md §7 NI1, NI2; V1, V4, V17).

Generated stories on enclaves of the product's own parts over stores in memory (`two_levels`):
seventy-five comparisons on a push, in which whatever is done below stands beside whatever is done
above, twelve hundred in `make attack`, twenty thousand in `make soak`.
"""

from __future__ import annotations

import random
from itertools import combinations, count, product
from pathlib import Path

import pytest

from tests import two_levels
from tests.attacks import attack
from tests.examples import share
from tests.leaks import LEAKS, Leak
from tests.two_levels import Step, World, a_full_story, a_story, a_world, first_difference, played

SEED = 90
STORIES = len(share(range(400), 16, "stories below"))
PARTS = 4


@attack(
    "whoever is below tells whether somebody is above, and works",
    stopped_by="nothing leads down; slots, clock and padding (NI1, NI2)",
    noticed_by="-",
)
@pytest.mark.parametrize("part", range(PARTS))
def test_whoever_is_below_gets_the_same_whatever_is_above(tmp_path: Path, part: int) -> None:
    """Nobody above, somebody, somebody who does something else: three comparisons a story."""
    for n in range(part, STORIES, PARTS):
        told(tmp_path, f"{SEED} {n}")


def told(folder: Path, name: str) -> None:
    """One story in three worlds.

    Raises:
        AssertionError: Two of them can be told apart; with the story, as short as it gets.
    """
    lower, above = a_story(random.Random(name))  # noqa: S311 - a story
    numbers = count()

    def world(higher: list[Step] | None, of: list[Step]) -> World:
        made = a_world(folder / name / str(next(numbers)), above=higher is not None)
        return played(made, name, of, higher or ())

    worlds = [world(None, lower), *(world(one, lower) for one in above)]
    for one, other in combinations(range(3), 2):
        found = first_difference(worlds[one], worlds[other])
        if found:
            short = two_levels.shrunk(
                lower,
                above[other - 1],
                lambda below, high: bool(first_difference(world(None, below), world(high, below))),
            )
            seen = first_difference(world(None, short[0]), world(short[1], short[0]))
            raise AssertionError(two_levels.apart(name, *short, seen or found))


def _full(folder: Path, leak: Leak | None) -> World:
    """The story of every kind of step, with somebody above."""
    lower, (above, _) = a_full_story()
    made = a_world(folder, above=True)
    if leak is not None and made.higher is not None:
        leak(made, made.higher)
    return played(made, "full", lower, above)


@pytest.fixture(scope="module")
def silent(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The same story with nobody above."""
    lower, _ = a_full_story()
    return played(a_world(tmp_path_factory.mktemp("silent"), above=False), "full", lower)


@attack(
    "the same, by every kind of step there is",
    stopped_by="the same (V4)",
    noticed_by="-",
)
def test_the_story_of_every_step_looks_alike(silent: World, tmp_path: Path) -> None:
    """Commands and segments are the same bytes with somebody above and with nobody (V4)."""
    busy = _full(tmp_path / "busy", None)
    assert first_difference(silent, busy) == ""
    assert busy.higher is not None
    assert len(busy.higher.taken) > 1
    assert busy.higher.store.gone, "the erasure below did not reach the mirror"


@attack(
    "two enclaves are wired wrongly",
    stopped_by="stories that show each of thirteen mistakes (V17)",
    noticed_by="the suite",
)
@pytest.mark.parametrize("name", share(list(LEAKS), 2, "leaks"))
def test_a_seeded_leak_is_found(silent: World, tmp_path: Path, name: str) -> None:
    """The test of the test: each mistake in the wiring shows in what whoever is below gets."""
    assert first_difference(silent, _full(tmp_path / "leaks", LEAKS[name])) != ""


def test_a_story_that_tells_a_leak_is_short_enough_to_read(tmp_path: Path) -> None:
    """Every step that is not needed is left out, and the rest is said in words."""
    lower, (above, _) = a_full_story()
    numbers = count()
    leak = next(leak for name, leak in LEAKS.items() if name.startswith("L2 "))

    def seen(below: list[Step], high: list[Step]) -> str:
        worlds = []
        for seeded in (False, True):
            made = a_world(tmp_path / str(next(numbers)), above=seeded)
            if made.higher is not None:
                leak(made, made.higher)
            worlds.append(played(made, "full", below, high if seeded else ()))
        return first_difference(*worlds)

    short = two_levels.shrunk(lower[:6], above[:6], lambda *both: bool(seen(*both)))
    told = two_levels.apart("full", *short, seen(*short)).splitlines()
    assert max(map(len, told)) <= 80
    assert [line[:8] for line in told[8:] if line[2] != " "] == ["  one:  ", "  other:"]
    assert told[:8] == [
        "Somebody below can tell whether this was done above (story full):",
        "",
        "1. below, a report opens case 1",
        "2. above, an annex of case 2 is classified, naming the act below",
        "3. below, a report opens case 2",
        "",
        "They see it here:",
        "  by:    below, a report opens case 2",
    ]


def test_stories_have_work_and_refusals_on_both_sides() -> None:
    """Or the comparisons above would be alike because nothing happens: in those of a push too."""
    met: set[tuple[str, str]] = set()
    for n in range(STORIES):
        lower, above = a_story(random.Random(f"{SEED} {n}"))  # noqa: S311 - a story
        assert 2 <= len(lower) <= 25
        for history in above:
            met |= set(product((step[0] for step in lower), (step[0] for step in history)))
    assert met >= set(product(two_levels.LOWER, two_levels.HIGHER)), "not each beside each"
    full, (busy, _) = a_full_story()
    assert {step[0] for step in (*full, *busy)} - {""} == {*two_levels.LOWER, *two_levels.HIGHER}
