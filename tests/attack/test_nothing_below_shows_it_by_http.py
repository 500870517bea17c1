"""Nobody below tells that somebody is above: by HTTP, commands, files, metrics, log lines (V1).

Generated stories are told to a whole enclave, asked over a socket, with nobody above it, with
somebody and with somebody who does something else, in a process of their own. One comparison on a
push, three in `make attack`, three hundred in `make soak`.
"""

from __future__ import annotations

import random
from itertools import combinations, count
from pathlib import Path
from typing import Final

import pytest

from tests import two_levels
from tests.attacks import attack
from tests.differences import first_difference
from tests.examples import examples
from tests.fixtures.apart import Levels, WholeLeak
from tests.leaks import WHOLE
from tests.observers import Observed
from tests.two_levels import Step
from tests.whole_enclaves import a_story

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

SEED = 90
_ABOVE: Final = min(2, examples(1))
"""Histories of whoever is above: one on a push."""


@attack(
    "whoever is below tells by any route, command, file, metric or log line whether somebody is"
    " above, and works",
    stopped_by="nothing leads down; enclaves share no process and no sink (NI1, NI2, F9, F10)",
    noticed_by="-",
)
def test_every_observer_below_gets_the_same_whatever_is_above(
    levels: Levels, tmp_path: Path
) -> None:
    """Nobody above, somebody, and in `make attack` somebody who does something else."""
    told(levels, tmp_path, f"{SEED} 0", histories=_ABOVE)


def told(levels: Levels, folder: Path, name: str, *, histories: int = 2) -> None:
    """One story with nobody above, and with each of these histories there.

    Raises:
        AssertionError: Two of them can be told apart; with the story, as short as it gets.
    """
    lower, above = a_story(random.Random(name))  # noqa: S311 - a story
    above = above[:histories]
    numbers = count()

    def world(higher: list[Step] | None, of: list[Step]) -> Observed:
        return levels.told(folder / f"{next(numbers)}", of, higher)

    worlds = [world(None, lower), *(world(one, lower) for one in above)]
    for one, other in combinations(range(len(worlds)), 2):
        if found := first_difference(worlds[one].got, worlds[other].got):
            short = two_levels.shrunk(
                lower,
                above[other - 1],
                lambda below, high: bool(
                    first_difference(world(None, below).got, world(high, below).got)
                ),
            )
            raise AssertionError(two_levels.apart(name, *short, found))


# -- the test of the test (V17) --------------------------------------------------------------------

LOWER: list[Step] = [
    ("report", 0, 0), ("upload", 0, 1), ("register", 0, 1), ("publish", 0, 0), ("report", 1, 2),
    ("read", 0, 1),
]  # fmt: skip
ABOVE: list[Step] = [
    ("upload above", 0, 1), ("classify", 0, 0), ("import", 0, 0), ("loss", 0, 0), ("grant", 0, 0),
    ("read above", 0, 0),
]  # fmt: skip


@pytest.fixture(scope="module")
def silent(levels: Levels, tmp_path_factory: pytest.TempPathFactory) -> Observed:
    """The same story with nobody above."""
    return levels.told(tmp_path_factory.mktemp("silent") / "one", LOWER, None)


@pytest.mark.soak
@attack(
    "two enclaves are served by what they share",
    stopped_by="stories that show each of nine mistakes to somebody who asks (V17)",
    noticed_by="the suite",
)
@pytest.mark.parametrize("leak", WHOLE.values(), ids=WHOLE)
def test_a_leak_between_whole_enclaves_is_found(
    levels: Levels, silent: Observed, tmp_path: Path, leak: WholeLeak
) -> None:
    """Each shows in an answer, a file, a metric or a log line below."""
    busy = levels.told(tmp_path / "busy", LOWER, ABOVE, leak)
    assert first_difference(silent.got, busy.got) != ""
