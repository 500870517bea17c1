"""Hundreds of rounds of acts that exclude each other, by really parallel HTTP."""

from __future__ import annotations

import pytest

from tests.attack.races import ROUNDS, Round
from tests.fixtures.arena import Arena

pytestmark = [pytest.mark.soak, pytest.mark.postgres]

_ROUNDS = 200


@pytest.mark.parametrize("play", ROUNDS.values(), ids=ROUNDS)
def test_no_round_of_hundreds_goes_wrong(arena: Arena, play: Round) -> None:
    """The audit is clean after all of them."""
    for n in range(_ROUNDS):
        play(arena, n)
    report = arena.audited()
    assert report.ok, report.message
