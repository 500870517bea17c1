"""Tiles against the tree: grown in any steps, they give the tree's own roots and proofs."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import NotFound
from ledger.log import merkle, tiles
from ledger.log.tiles import ENTRIES, MAX_LEVEL, WIDTH, TileId, TileNodes
from tests.leaf_nodes import LeafNodes

LEAVES = [hashlib.sha256(i.to_bytes(4)).digest() for i in range(2000)]
NODES = LeafNodes(LEAVES)


class Kept:
    """A tile store in memory that counts what is read."""

    def __init__(self) -> None:
        self.stored: dict[tuple[int, int, int], bytes] = {}
        self.reads = 0

    def tile(self, level: int, n: int, width: int) -> bytes:
        """See `tiles.TileReader`."""
        self.reads += 1
        if (level, n, width) not in self.stored:
            raise NotFound(str((level, n, width)))
        return self.stored[level, n, width]

    def grow(self, old: int, new: int) -> None:
        """Appends leaves [old, new) as a checkpointer does."""
        fresh = tiles.new_tiles(old, LEAVES[old:new], self)
        assert tiles.root_from_tiles(new, tiles.Overlay(fresh, self)) == merkle.root(new, NODES)
        for level, n, width, data in fresh:
            assert self.stored.get((level, n, width), data) == data  # a stored tile never changes
            self.stored[level, n, width] = data


@settings(deadline=None)
@given(st.data(), st.lists(st.integers(0, 2000), min_size=1, max_size=6).map(sorted))
def test_tiles_grown_in_any_steps_give_the_tree_s_roots_and_proofs(
    data: st.DataObject, steps: list[int]
) -> None:
    """However checkpoints fell, every sealed size keeps its root and its proofs."""
    kept, size = Kept(), 0
    for step in steps:
        kept.grow(size, step)
        size = step
    for sealed in {*steps} - {0}:
        assert tiles.root_from_tiles(sealed, kept) == merkle.root(sealed, NODES)
        index = data.draw(st.integers(0, sealed - 1))
        expected = merkle.inclusion_path(index, sealed, NODES)
        assert merkle.inclusion_path(index, sealed, TileNodes(sealed, kept)) == expected
        old = data.draw(st.integers(0, sealed))
        consistency = merkle.consistency_path(old, sealed, NODES)
        assert merkle.consistency_path(old, sealed, TileNodes(sealed, kept)) == consistency


def test_only_changed_tiles_are_written() -> None:
    """A checkpoint of one record in a large log must not rewrite the log."""
    kept = Kept()
    kept.grow(0, 1025)
    fresh = tiles.new_tiles(1025, LEAVES[1025:1026], kept)
    assert [tile[:3] for tile in fresh] == [(0, 4, 2)]
    assert tiles.new_tiles(1025, [], kept) == []


def test_missing_or_short_tile_is_no_proof() -> None:
    """A hole in the store must show as one."""
    kept = Kept()
    kept.grow(0, 600)
    del kept.stored[0, 1, WIDTH]
    with pytest.raises(NotFound):
        merkle.inclusion_path(300, 600, TileNodes(600, kept))
    kept.stored[0, 1, WIDTH] = bytes(31)
    with pytest.raises(NotFound):
        merkle.inclusion_path(300, 600, TileNodes(600, kept))


@given(
    st.builds(TileId, st.integers(ENTRIES, MAX_LEVEL), st.integers(0, 2**55), st.integers(1, WIDTH))
)
def test_path_round_trip(tile: TileId) -> None:
    """One tile, one path."""
    assert tiles.parse_path(tile.path) == tile


@given(st.text(st.sampled_from("tile/0123x.p entries"), max_size=20).map("tile/".__add__))
def test_no_second_path_for_a_tile(path: str) -> None:
    """What is read is written back the same, or refused."""
    try:
        tile = tiles.parse_path(path)
    except NotFound:
        return
    assert tile.path == path


@given(st.lists(st.binary(max_size=40), max_size=5))
def test_bundle_round_trip_and_a_cut_one_is_refused(entries: list[bytes]) -> None:
    """A bundle that was cut in transit must not read as a shorter log."""
    data = tiles.bundle(entries)
    assert tiles.parse_bundle(data) == entries
    if entries:
        with pytest.raises(ValueError, match="short"):
            tiles.parse_bundle(data[:-1])
