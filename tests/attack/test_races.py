"""Pairs of acts, each lawful alone, by really parallel HTTP: the log stays one that may be.

Each pair once on a push, four times in `make attack`, and longer in `make soak`.
"""

from __future__ import annotations

from typing import Final

import pytest

from tests.attack.races import ROUNDS
from tests.attacks import attack
from tests.examples import examples, share
from tests.fixtures.arena import Arena

pytestmark = [pytest.mark.postgres, pytest.mark.slow, pytest.mark.xdist_group("arena")]

_ROUNDS: Final = examples(1)


@attack(
    "two acts that are lawful each alone are sent at the same moment",
    stopped_by="what an act was judged by is checked inside the append",
    noticed_by="log audit",
)
@pytest.mark.parametrize("name", share(list(ROUNDS), 2, "races"))
def test_of_two_that_exclude_each_other_one_stands(arena: Arena, name: str) -> None:
    """The other is refused in a guard's words, and the log is sound."""
    for n in range(_ROUNDS):
        ROUNDS[name](arena, n)
    report = arena.audited()
    assert report.ok, report.message
