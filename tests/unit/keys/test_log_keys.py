"""Which keys sign which sizes, and a lost checkpoint as a recovery names it."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys import note
from keys.errors import Malformed
from keys.log_keys import LogKeys
from keys.lost_checkpoint import LostCheckpoint
from tests import recovered

ORIGIN = "thu.bacninh.example/ordinary"
STEPS = st.lists(st.integers(min_value=1, max_value=50), max_size=6)


@given(STEPS, st.integers(min_value=0, max_value=400))
def test_each_size_has_one_pair_of_keys_whatever_has_turned(steps: list[int], size: int) -> None:
    """formats.md §7: old keys sign nothing longer than what was left, new ones nothing else."""
    keys, turns = LogKeys.of(["k0"]), [-1]
    for n, step in enumerate(steps, 1):
        turns.append(max(turns[-1], 0) + step)
        keys = keys.turned(turns[-1], [f"k{n}"])
    covering = [span for span in keys.spans if span.covers(size)]
    assert [span.vkeys for span in covering] == [keys.at(size)]
    assert keys.at(size) == (f"k{sum(turn < size for turn in turns) - 1}",)
    assert keys.current == (f"k{len(steps)}",)
    assert all(before.upto == after.above for before, after in pairwise(keys.spans))


@given(st.integers(min_value=0, max_value=50), st.integers(min_value=-1, max_value=50))
def test_keys_turn_forward_only(first: int, second: int) -> None:
    """A recovery never takes back what the keys before it have signed."""
    keys = LogKeys.of(["k0"]).turned(first, ["k1"])
    if second > first:
        assert keys.turned(second, ["k2"]).at(second) == ("k1",)
    else:
        with pytest.raises(ValueError, match="sign nothing"):
            keys.turned(second, ["k2"])
    with pytest.raises(ValueError, match="sign nothing"):
        LogKeys().turned(first, ["k1"])


def test_a_lost_checkpoint_says_what_the_log_signed_and_no_more() -> None:
    """Three lines and the log's own line come back byte for byte; another key or size does not."""
    whole = note.parse_note(recovered.signed(ORIGIN, "first", 7, bytes(32)))
    lost = LostCheckpoint.from_note(ORIGIN, 7, bytes(32), whole)
    assert LostCheckpoint.of(lost.fact()) == lost
    assert note.parse_note(lost.note(ORIGIN)).signatures == whole.signatures[:1]
    first = recovered.vkeys(ORIGIN, "first")
    assert lost.signed_by(ORIGIN, ["no vkey", *first])
    assert not lost.signed_by(ORIGIN, recovered.vkeys(ORIGIN, "second"))
    assert not LostCheckpoint(8, bytes(32), lost.signature).signed_by(ORIGIN, first)
    assert not lost.signed_by("khac.example/ordinary", first)
    with pytest.raises(Malformed):
        LostCheckpoint.from_note("khac.example/ordinary", 7, bytes(32), whole)
    with pytest.raises(Malformed):
        LostCheckpoint.of({"size": 1})
