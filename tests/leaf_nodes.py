"""A tree in memory, to hold against what is read from tiles."""

from __future__ import annotations

from collections.abc import Iterable

from ledger.log.merkle import node


class LeafNodes:
    """Nodes over leaf hashes in memory; each inner hash is made once.

    Args:
        leaves: Leaf hashes from index 0.
    """

    def __init__(self, leaves: Iterable[bytes]) -> None:
        self._levels: list[list[bytes]] = [list(leaves)]
        while len(below := self._levels[-1]) > 1:
            pairs = range(0, len(below) - 1, 2)
            self._levels.append([node(below[i], below[i + 1]) for i in pairs])

    def hash_at(self, level: int, n: int) -> bytes:
        """See `merkle.Nodes`."""
        return self._levels[level][n]
