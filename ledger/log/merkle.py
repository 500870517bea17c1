"""The RFC 9162 tree: roots, inclusion and consistency, built and checked (formats.md §4, §6).

Building takes a `Nodes` source, so that the same code makes a proof from leaves in memory and from
tiles. What a leaf holds is not known here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from struct import Struct
from typing import Final, Protocol

from ledger.errors import VerificationError

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = hashlib.sha256().digest()
_PAIRS: Final = Struct(f"{2 * HASH_BYTES}s")
_BEGUN: Final = hashlib.sha256(b"\1")
"""An inner node's hash behind its domain byte: a copy of it costs less than a new one."""


def node(left: bytes, right: bytes) -> bytes:
    """Inner node, RFC 9162 §2.1.1: domain byte 0x01."""
    return hashlib.sha256(b"\1" + left + right).digest()


def parents(data: bytes) -> bytes:
    """The nodes over hashes one behind the other, of each two; a last one alone has none yet.

    As `node` of each two: a proof makes some 250 of these out of the tile that has its leaf.
    """
    made: list[bytes] = []
    for (pair,) in _PAIRS.iter_unpack(data[: len(data) // _PAIRS.size * _PAIRS.size]):
        begun = _BEGUN.copy()
        begun.update(pair)
        made.append(begun.digest())
    return b"".join(made)


def subtree(data: bytes) -> bytes:
    """Root over hashes one behind the other, whose number is a power of two.

    Raises:
        ValueError: There are none, or another number.
    """
    length = len(data)
    if length < HASH_BYTES or length & (length - 1):
        raise ValueError(f"{length} bytes are no hashes of a complete subtree")
    while len(data) > HASH_BYTES:
        data = parents(data)
    return data


class Nodes(Protocol):
    """Where hashes of complete subtrees come from."""

    def hash_at(self, level: int, n: int) -> bytes:
        """Root of the leaves [n * 2**level, (n + 1) * 2**level); all of them exist."""


def _range_root(start: int, end: int, nodes: Nodes) -> bytes:
    """Root of the leaves [start, end), where the range's largest power of two divides `start`."""
    pieces: list[bytes] = []
    for level in reversed(range((end - start).bit_length())):
        if (end - start) >> level & 1:
            at = start + ((end - start) >> (level + 1) << (level + 1))
            pieces.append(nodes.hash_at(level, at >> level))
    return fold_peaks(pieces)


def fold_peaks(peaks: Sequence[bytes]) -> bytes:
    """Root over complete subtrees in order, each smaller than the one before."""
    if not peaks:
        return EMPTY_ROOT
    root = peaks[-1]
    for peak in reversed(peaks[:-1]):
        root = node(peak, root)
    return root


def root(size: int, nodes: Nodes) -> bytes:
    """Root of the first `size` leaves; of none, SHA-256 of nothing."""
    return _range_root(0, size, nodes)


def _split(width: int) -> int:
    """Largest power of two below `width`, which is at least 2."""
    return 1 << ((width - 1).bit_length() - 1)


def inclusion_path(index: int, size: int, nodes: Nodes) -> list[bytes]:
    """RFC 9162 §2.1.3.1: siblings from the leaf up.

    Raises:
        ValueError: `index` is not in a tree of `size`.
    """
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}")
    # Below where its way parts from that of the last leaf, every sibling is complete; so are those
    # above, which are on the left. The one in between ends with the tree.
    parting = (index ^ (size - 1)).bit_length() - 1
    path = [nodes.hash_at(level, index >> level ^ 1) for level in range(parting)]
    if parting >= 0:
        path.append(_range_root((index >> parting ^ 1) << parting, size, nodes))
    above = range(parting + 1, size.bit_length())
    path += [nodes.hash_at(up, (index >> up) - 1) for up in above if index >> up & 1]
    return path


def consistency_path(old: int, new: int, nodes: Nodes) -> list[bytes]:
    """RFC 9162 §2.1.4.1; empty from size 0 and between equal sizes.

    Raises:
        ValueError: `old` is above `new` or below 0.
    """
    if not 0 <= old <= new:
        raise ValueError(f"a tree does not shrink from {old} to {new}")
    if old in {0, new}:
        return []
    path: list[bytes] = []
    low, high = 0, new
    while old != high:
        middle = low + _split(high - low)
        if old <= middle:
            path.append(_range_root(middle, high, nodes))
            high = middle
        else:
            path.append(_range_root(low, middle, nodes))
            low = middle
    if low > 0:  # the old tree is a subtree whose root the verifier cannot know yet
        path.append(_range_root(low, high, nodes))
    return path[::-1]


def verify_inclusion(
    index: int, size: int, leaf: bytes, path: Sequence[bytes], expected_root: bytes
) -> None:
    """RFC 9162 §2.1.3.2.

    Raises:
        VerificationError: `inclusion`, naming the first thing wrong.
    """
    # formats.md §6: index >= size is refused before any hashing.
    if not 0 <= index < size:
        raise VerificationError("inclusion", f"index {index} is not in a tree of {size}", index)
    found = leaf
    at, last = index, size - 1
    for sibling in path:
        if last == 0:
            raise VerificationError("inclusion", "the proof is longer than the path", index)
        if at & 1 or at == last:
            found = node(sibling, found)
            while not at & 1 and at != 0:
                at, last = at >> 1, last >> 1
        else:
            found = node(found, sibling)
        at, last = at >> 1, last >> 1
    if last != 0:
        raise VerificationError("inclusion", "the proof is shorter than the path", index)
    if found != expected_root:
        raise VerificationError("inclusion", "the proof leads to another root", index)


def verify_consistency(
    old: int, new: int, path: Sequence[bytes], old_root: bytes, new_root: bytes
) -> None:
    """RFC 9162 §2.1.4.2, with the edges of formats.md §6.

    Raises:
        VerificationError: `consistency`, naming the first thing wrong.
    """
    # formats.md §6: from = to needs equal roots and no hashes; from > to is refused; from 0 has no
    # hashes.
    if not 0 <= old <= new:
        raise VerificationError("consistency", f"a tree does not shrink from {old} to {new}")
    if old in {0, new}:
        _verify_edge(old, new, path, old_root, new_root)
        return
    hashes = list(path)
    if old & (old - 1) == 0:
        hashes.insert(0, old_root)
    if not hashes:
        raise VerificationError("consistency", "the proof is shorter than the path")
    found_old, found_new = _climb(old, new, hashes)
    if found_old != old_root:
        raise VerificationError("consistency", "the proof leads to another old root")
    if found_new != new_root:
        raise VerificationError("consistency", "the proof leads to another new root")


def _verify_edge(
    old: int, new: int, path: Sequence[bytes], old_root: bytes, new_root: bytes
) -> None:
    if path:
        raise VerificationError("consistency", "the proof must be empty")
    if old == 0 and old_root != EMPTY_ROOT:
        raise VerificationError("consistency", "a tree of size 0 has one root")
    if old == new and old_root != new_root:
        raise VerificationError("consistency", "two roots of one size")


def _climb(old: int, new: int, hashes: Sequence[bytes]) -> tuple[bytes, bytes]:
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    found_old = found_new = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            raise VerificationError("consistency", "the proof is longer than the path")
        if at & 1 or at == last:
            found_old, found_new = node(sibling, found_old), node(sibling, found_new)
            while not at & 1 and at != 0:
                at, last = at >> 1, last >> 1
        else:
            found_new = node(found_new, sibling)
        at, last = at >> 1, last >> 1
    if last != 0:
        raise VerificationError("consistency", "the proof is shorter than the path")
    return found_old, found_new


@dataclass(slots=True)
class Frontier:
    """The complete subtrees of a growing tree: enough to append and to know the root.

    Attributes:
        size: Leaves so far.
        peaks: Roots of complete subtrees, largest first.
    """

    size: int = 0
    peaks: list[bytes] = field(default_factory=list)

    def append(self, leaf: bytes) -> None:
        """Adds one leaf hash."""
        carried, size = leaf, self.size
        while size & 1:
            carried = node(self.peaks.pop(), carried)
            size >>= 1
        self.peaks.append(carried)
        self.size += 1

    def root(self) -> bytes:
        """Root of the leaves so far."""
        return fold_peaks(self.peaks)
