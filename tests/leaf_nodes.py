"""A tree in memory, to hold against what is read from tiles."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from ledger.log import checkpoint, tiles
from ledger.log.checkpoint import Checkpoint
from ledger.log.merkle import node
from tests.fakes import MemoryRecordStore
from tests.fixtures.keys import log_keys

ORIGIN: Final = "rehearsal.bacninh.example/ordinary"


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


def cover(store: MemoryRecordStore, size: int, leaves: Sequence[bytes]) -> None:
    """A checkpoint over that many leaves, as a checkpointer stores it."""
    old = store.latest()
    at = 0 if old is None else old[0]
    fresh = tiles.new_tiles(at, leaves[at:size], store)
    root = tiles.root_from_tiles(size, tiles.Overlay(fresh, store))
    note = checkpoint.sign(Checkpoint(ORIGIN, size, root), log_keys(ORIGIN).log, None, time_s=1)
    store.advance(None if old is None else at, size, root, note, fresh)
