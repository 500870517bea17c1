"""A reader at a break of a log: what is left goes on, what is lost is said, else it is refused."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.log_keys import LogKeys
from keys.lost_checkpoint import LostCheckpoint
from ledger.errors import VerificationError
from ledger.log import merkle, record
from ledger.log.checkpoint import Checkpoint
from ledger.log.recovery import Recovery, turned
from ledger.log.verify import TrustedLog
from tests import recovered
from tests.leaf_nodes import LeafNodes

ORIGIN = "thu.bacninh.example/ordinary"
LEFT = 20
LONGEST = 50


def nodes(name: str, size: int) -> LeafNodes:
    """A tree whose first `LEFT` leaves are the same under every name."""
    each = (f"{name if n >= LEFT else ''}{n}".encode() for n in range(size))
    return LeafNodes([record.leaf(hashlib.sha256(one).digest()) for one in each])


GONE = nodes("gone", LONGEST + 10)
HERE = nodes("here", LONGEST + 10)


def point(tree: LeafNodes, size: int) -> Checkpoint:
    """A checkpoint of one of the two."""
    return Checkpoint(ORIGIN, size, merkle.root(size, tree))


def a_recovery(size: int = LEFT, old: str = "first", new: str = "second") -> Recovery:
    """A recovery after `size` records; the longest tree that was lost is named."""
    longest = size + LONGEST - LEFT
    return Recovery(
        index=size + 1,
        size=size,
        root=merkle.root(size, HERE),
        lost=(LostCheckpoint(longest, merkle.root(longest, GONE), bytes(68)),),
        lost_acts=(),
        old_vkeys=tuple(recovered.vkeys(ORIGIN, old)),
        new_vkeys=tuple(recovered.vkeys(ORIGIN, new)),
    )


def trusting(trusted: Checkpoint | None) -> TrustedLog:
    """A reader from before the loss."""
    return TrustedLog(ORIGIN, LogKeys.of(recovered.vkeys(ORIGIN, "first")), trusted)


@given(
    st.integers(min_value=1, max_value=LONGEST + 9),
    st.booleans(),
    st.integers(min_value=LEFT + 2, max_value=LONGEST + 10),
)
def test_every_checkpoint_from_before_is_left_lost_or_refused(
    size: int,
    gone: bool,  # noqa: FBT001  drawn
    now: int,
) -> None:
    """formats.md §7: what is left must be the beginning; what is lost must be said to be."""
    trusted = point(GONE if gone else HERE, size)
    reader, broken = trusting(trusted), a_recovery()
    keys = turned(recovered.vkeys(ORIGIN, "first"), [broken])
    note = recovered.signed(ORIGIN, "second", now, merkle.root(now, HERE))
    hashes = merkle.consistency_path(min(size, LEFT), now, HERE)
    explained = size < LONGEST or (size == LONGEST and gone)
    if size <= LEFT or explained:
        (crossed,) = reader.cross([broken], keys, note, hashes)
        assert crossed.lost == (None if size <= LEFT else trusted)
        assert reader.trusted == point(HERE, now)
        assert reader.keys == keys
    else:
        with pytest.raises(VerificationError, match="not said to be lost"):
            reader.cross([broken], keys, note, hashes)
        assert reader.trusted == trusted


def test_what_is_left_must_be_the_beginning_of_what_is_shown() -> None:
    """A recovery is no leave to show another tree."""
    reader, broken = trusting(point(HERE, 9)), a_recovery()
    keys = turned(recovered.vkeys(ORIGIN, "first"), [broken])
    other = nodes("", 40)
    astray = LeafNodes([bytes(32), *(other.hash_at(0, n) for n in range(1, 40))])
    note = recovered.signed(ORIGIN, "second", 40, merkle.root(40, astray))
    with pytest.raises(VerificationError):
        reader.cross([broken], keys, note, merkle.consistency_path(9, 40, astray))
    assert reader.trusted == point(HERE, 9)


def test_a_recovery_that_ends_other_keys_is_not_gone_over() -> None:
    """Not even where it is the log's own: there is nothing to go over for this reader."""
    first, third = a_recovery(), a_recovery(LEFT + 9, "second", "third")
    keys = turned(recovered.vkeys(ORIGIN, "first"), [first, third])
    note = recovered.signed(ORIGIN, "third", 50, merkle.root(50, HERE))
    stranger = TrustedLog(ORIGIN, LogKeys.of(recovered.vkeys(ORIGIN, "x")), point(HERE, 9))
    hashes = merkle.consistency_path(9, 50, HERE)
    with pytest.raises(VerificationError, match="no recovery ends"):
        stranger.cross([first, third], keys, note, hashes)
    reader = trusting(point(HERE, 9))
    assert [one.recovery for one in reader.cross([first, third], keys, note, hashes)] == [
        first,
        third,
    ]
    with pytest.raises(VerificationError, match="no recovery ends"):
        reader.cross([first, third], keys, note, ())


@pytest.mark.parametrize(
    "chain",
    [
        [a_recovery(), a_recovery(LEFT + 9, "first", "third")],
        [a_recovery(), a_recovery(LEFT, "second", "third")],
        [a_recovery(new="first")],
        [a_recovery(), a_recovery(LEFT + 9, "second", "first")],
    ],
)
def test_a_chain_of_keys_that_does_not_hold_is_none(chain: list[Recovery]) -> None:
    """Each ends the keys in force, further on, and begins keys that never signed."""
    with pytest.raises(VerificationError):
        turned(recovered.vkeys(ORIGIN, "first"), chain)
