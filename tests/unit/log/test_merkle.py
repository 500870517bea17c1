"""The tree against RFC 9162's own recursive definition, for every small size and some large."""

from __future__ import annotations

import hashlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import VerificationError
from ledger.log import merkle
from tests.leaf_nodes import LeafNodes

LEAVES = [hashlib.sha256(bytes((i % 256, i // 256))).digest() for i in range(700)]
NODES = LeafNodes(LEAVES)


def naive_root(leaves: list[bytes]) -> bytes:
    """RFC 9162 §2.1.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    left, right = naive_root(leaves[:k]), naive_root(leaves[k:])
    return hashlib.sha256(b"\1" + left + right).digest()


def naive_path(m: int, leaves: list[bytes]) -> list[bytes]:
    """RFC 9162 §2.1.3.1, word for word."""
    if len(leaves) == 1:
        return []
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if m < k:
        return [*naive_path(m, leaves[:k]), naive_root(leaves[k:])]
    return [*naive_path(m - k, leaves[k:]), naive_root(leaves[:k])]


def naive_subproof(m: int, leaves: list[bytes], *, known: bool) -> list[bytes]:
    """RFC 9162 §2.1.4.1, word for word."""
    if m == len(leaves):
        return [] if known else [naive_root(leaves)]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if m <= k:
        return [*naive_subproof(m, leaves[:k], known=known), naive_root(leaves[k:])]
    return [*naive_subproof(m - k, leaves[k:], known=False), naive_root(leaves[:k])]


def test_every_root_up_to_130_is_the_definition_s() -> None:
    """Frontier and nodes agree with the definition."""
    frontier = merkle.Frontier()
    for size in range(131):
        expected = naive_root(LEAVES[:size])
        assert merkle.root(size, NODES) == expected
        assert frontier.root() == expected
        frontier.append(LEAVES[size])


def test_every_proof_of_small_trees_is_the_definition_s_and_verifies() -> None:
    """Exhaustive where exhaustion is cheap."""
    for size in range(1, 34):
        root = merkle.root(size, NODES)
        for index in range(size):
            path = merkle.inclusion_path(index, size, NODES)
            assert path == naive_path(index, LEAVES[:size])
            merkle.verify_inclusion(index, size, LEAVES[index], path, root)
        for old in range(1, size):
            path = merkle.consistency_path(old, size, NODES)
            assert path == naive_subproof(old, LEAVES[:size], known=True)
            merkle.verify_consistency(old, size, path, merkle.root(old, NODES), root)


sizes = st.integers(1, 700)


@given(st.data(), sizes)
def test_inclusion_proof_proves_one_leaf_at_one_place_only(data: st.DataObject, size: int) -> None:
    """No other index, leaf, size or change of one hash may pass."""
    index = data.draw(st.integers(0, size - 1))
    root = merkle.root(size, NODES)
    path = merkle.inclusion_path(index, size, NODES)
    merkle.verify_inclusion(index, size, LEAVES[index], path, root)
    other = data.draw(st.integers(0, size))
    bad = [(index, LEAVES[(index + 1) % 700], path), (index, LEAVES[index], [*path, root])]
    if other != index:
        bad.append((other, LEAVES[index], path))
    if path:
        at = data.draw(st.integers(0, len(path) - 1))
        bad.append((index, LEAVES[index], [*path[:at], bytes(32), *path[at + 1 :]]))
        bad.append((index, LEAVES[index], path[:at] + path[at + 1 :]))
    for claimed, leaf, proof in bad:
        with pytest.raises(VerificationError):
            merkle.verify_inclusion(claimed, size, leaf, proof, root)


@given(st.data(), sizes)
def test_consistency_proof_proves_these_two_trees_only(data: st.DataObject, new: int) -> None:
    """A log that rewrote one record cannot show consistency."""
    old = data.draw(st.integers(0, new))
    old_root, new_root = merkle.root(old, NODES), merkle.root(new, NODES)
    path = merkle.consistency_path(old, new, NODES)
    merkle.verify_consistency(old, new, path, old_root, new_root)
    bad = [
        (path, old_root, bytes(32)),
        (path, bytes(32), new_root),
        ([*path, new_root], old_root, new_root),
    ]
    if old == 0 < new:
        bad.pop(0)  # from nothing every root is consistent: that is what size 0 proves
    if path:
        at = data.draw(st.integers(0, len(path) - 1))
        bad.append((path[:at] + path[at + 1 :], old_root, new_root))
        bad.append(([*path[:at], bytes(32), *path[at + 1 :]], old_root, new_root))
    for proof, first, second in bad:
        with pytest.raises(VerificationError):
            merkle.verify_consistency(old, new, proof, first, second)


@given(st.lists(sizes, min_size=2, max_size=6).map(sorted))
def test_consistency_holds_along_a_chain(chain: list[int]) -> None:
    """Checkpoint after checkpoint, each is the beginning of the next."""
    for old, new in pairwise(chain):
        path = merkle.consistency_path(old, new, NODES)
        merkle.verify_consistency(old, new, path, merkle.root(old, NODES), merkle.root(new, NODES))


def test_no_proof_is_made_of_what_is_not_there() -> None:
    """A wrong question is the caller's fault, not an empty proof."""
    for make, first in (
        (merkle.inclusion_path, 3),
        (merkle.inclusion_path, -1),
        (merkle.consistency_path, 4),
    ):
        with pytest.raises(ValueError, match="tree"):
            make(first, 3, NODES)


@pytest.mark.parametrize("length", [0, 16, 33, 96, 160])
def test_no_root_is_made_over_what_is_no_complete_subtree(length: int) -> None:
    """Of none, of half a hash, of three: another number of hashes would be another tree."""
    with pytest.raises(ValueError, match="complete subtree"):
        merkle.subtree(bytes(length))
