"""What is lost: only what a note or a proof shows, and never what contradicts the survivors."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from keys import canonical
from keys.lost_checkpoint import known
from ledger.errors import VerificationError
from ledger.log import merkle, record
from ledger.log.proof import Inclusion
from ledger.recovery.loss import (
    MOST_ACTS,
    MOST_CHECKPOINTS,
    Loss,
    Survivors,
    sizes_of,
    take_note,
    take_receipt,
)
from tests import recovered
from tests.leaf_nodes import LeafNodes

ORIGIN = "thu.bacninh.example/ordinary"
ENTRIES = [hashlib.sha256(f"{n}".encode()).digest() for n in range(40)]
TREE = LeafNodes([record.leaf(entry) for entry in ENTRIES])
LEFT = 12
VKEYS = known(recovered.vkeys(ORIGIN, "first"))


def note(size: int, root: bytes | None = None, by: str = "first") -> bytes:
    """A checkpoint of the log as it was."""
    return recovered.signed(ORIGIN, by, size, root or merkle.root(size, TREE))


def receipt(index: int, size: int) -> dict[str, Any]:
    """What somebody kept of an act."""
    hashes = tuple(merkle.inclusion_path(index, size, TREE))
    proof = Inclusion(index, size, hashes, note(size).decode()).to_json()
    entry = canonical.b64(ENTRIES[index])
    return {"log": ORIGIN, "index": index, "entry": entry, "proof": proof}


def lost(*notes: bytes, receipts: tuple[dict[str, Any], ...] = (), left: int = LEFT) -> Loss:
    """What these show."""
    survivors = Survivors(ENTRIES[:left], sizes_of(notes, receipts))
    found = Loss(survivors)
    for one in notes:
        take_note(found, ORIGIN, VKEYS, one)
    for kept in receipts:
        take_receipt(found, ORIGIN, VKEYS, kept)
    return found


def test_what_lies_beyond_the_survivors_is_lost_and_what_is_in_them_is_not() -> None:
    """Sizes, when the longest was signed, and acts whose proof holds."""
    nothing = lost(note(LEFT), note(5), receipts=(receipt(3, 9),))
    assert not nothing.any
    found = lost(note(20), note(30), receipts=(receipt(13, 25), receipt(2, 25)))
    assert sorted(size for size, _ in found.checkpoints) == [20, 25, 30]
    assert (found.longest, found.acts, found.signed_s) == (30, {13: ENTRIES[13]}, 1_700_000_000)
    assert not found.forked
    facts = found.facts()
    assert facts["size"] == LEFT
    assert facts["root"] == canonical.b64(merkle.root(LEFT, TREE))


def test_another_tree_of_a_size_that_is_left_is_no_loss() -> None:
    """The survivors are not the beginning of what was signed."""
    assert lost(note(7, bytes(32))).forked == [("checkpoint", 7)]
    other = [*ENTRIES[:11], bytes(32)]
    survivors = Survivors(other, sizes_of([], [receipt(11, 20)]))
    found = Loss(survivors)
    take_receipt(found, ORIGIN, VKEYS, receipt(11, 20))
    assert found.forked == [("record", 11)]


def test_two_trees_of_one_size_by_one_key_are_told() -> None:
    """Both are lost, and the key had forked; by two keys they are two histories that are lost."""
    found = lost(note(20), note(20, bytes(32)))
    assert (len(found.checkpoints), found.doubled) == (2, {20})


@pytest.mark.parametrize(
    "bad",
    [
        {"log": "khac.example/ordinary"},
        {"index": 14},
        {"entry": canonical.b64(bytes(32))},
        {"entry": "?"},
        {"proof": {"index": 13}},
    ],
)
def test_a_receipt_whose_proof_does_not_hold_shows_nothing(bad: dict[str, Any]) -> None:
    """It is refused, and so is a note by another key."""
    with pytest.raises(VerificationError):
        lost(receipts=(receipt(13, 25) | bad,))
    with pytest.raises(VerificationError):
        lost(note(20, by="second"))


def test_a_receipt_without_a_proof_is_a_claim() -> None:
    """It is told apart, and the act of recovery does not name it."""
    claim = receipt(13, 25)
    del claim["proof"]
    found = lost(receipts=(claim, {**claim, "index": 2, "entry": canonical.b64(ENTRIES[2])}))
    assert (found.claimed, found.any) == ([13], False)


def test_what_the_act_names_fits_a_payload() -> None:
    """formats.md §1: 64 KiB; the longest checkpoints explain those before them."""
    found = lost()
    found.acts = {LEFT + n: bytes(32) for n in range(MOST_ACTS + 50)}
    one = lost(note(20)).checkpoints[20, merkle.root(20, TREE)]
    found.checkpoints = {(10**15 + n, bytes(32)): one for n in range(MOST_CHECKPOINTS + 9)}
    keys = [*recovered.vkeys(ORIGIN, "first"), *recovered.vkeys(ORIGIN, "second")]
    facts = {**found.facts(), "old_vkeys": keys, "new_vkeys": keys, "reason": "x" * 2_000}
    assert len(canonical.encode(facts)) < 60_000
    assert (len(facts["lost"]), len(facts["lost_acts"])) == (MOST_CHECKPOINTS, MOST_ACTS)
