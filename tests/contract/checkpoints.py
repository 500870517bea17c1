"""What `TileStore` and `CheckpointStore` promise."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest

from ledger.errors import Conflict, Fatal, NotFound
from ledger.ports import Appender, CheckpointStore, TileStore
from tests.contract.append import T0, a_draft


@dataclass(frozen=True, slots=True)
class TreeStore:
    """The ports of the tree, and the appender that makes it lawful to sign for three records."""

    appender: Appender
    tiles: TileStore
    checkpoints: CheckpointStore


def a_tile(width: int, letter: bytes = b"h") -> tuple[int, int, int, bytes]:
    """Tile 0 of level 0 at a width."""
    return 0, 0, width, (letter * 32) * width


class CheckpointContract:
    """Inherit it with a `tree` fixture."""

    @pytest.fixture
    def tree(self) -> TreeStore:
        """An empty tree."""
        raise NotImplementedError

    def test_the_newest_checkpoint_is_replaced_by_compare_and_swap(self, tree: TreeStore) -> None:
        """Two checkpointers cannot both sign what follows: one of them is told to look again."""
        _three_records(tree)
        assert tree.checkpoints.latest() is None
        tree.checkpoints.advance(None, 1, b"r" * 32, b"note 1", [a_tile(1)])
        for old in (None, 2):
            with pytest.raises(Conflict):
                tree.checkpoints.advance(old, 3, b"r" * 32, b"other", [a_tile(3)])
        assert tree.checkpoints.latest() == (1, b"note 1")
        tree.checkpoints.advance(1, 3, b"s" * 32, b"note 3", [a_tile(3)])
        assert tree.checkpoints.latest() == (3, b"note 3")
        assert tree.checkpoints.at(1) == b"note 1"
        assert tree.checkpoints.at(2) is None

    def test_a_size_is_never_signed_twice(self, tree: TreeStore) -> None:
        """Neither again nor below the last one."""
        _three_records(tree)
        tree.checkpoints.advance(None, 2, b"r" * 32, b"note", [a_tile(2)])
        for size in (1, 2):
            with pytest.raises(Conflict):
                tree.checkpoints.advance(2, size, b"x" * 32, b"again", [])

    def test_a_stored_tile_never_changes(self, tree: TreeStore) -> None:
        """A wider one is another row; the narrower reads as its beginning."""
        _three_records(tree)
        tree.checkpoints.advance(None, 1, b"r" * 32, b"note", [a_tile(1)])
        with pytest.raises(Fatal):
            tree.checkpoints.advance(1, 2, b"r" * 32, b"note", [a_tile(1, b"x")])
        assert tree.checkpoints.latest() == (1, b"note")
        tree.checkpoints.advance(1, 3, b"r" * 32, b"note", [a_tile(3)])
        assert tree.tiles.tile(0, 0, 1) == b"h" * 32
        assert tree.tiles.tile(0, 0, 2) == b"h" * 64
        with pytest.raises(NotFound):
            tree.tiles.tile(0, 0, 4)
        with pytest.raises(NotFound):
            tree.tiles.tile(1, 0, 1)

    def test_the_newest_checkpoint_comes_with_the_edge_of_its_tree(self, tree: TreeStore) -> None:
        """Of its partial tiles those that the asker has not; of others those that are full."""
        assert tree.checkpoints.latest_with(0, [(0, 0)]) is None
        _three_records(tree)
        tree.checkpoints.advance(None, 2, b"r" * 32, b"note 2", [a_tile(2)])
        assert _with(tree, 0, (0, 0)) == (2, b"note 2", [a_tile(2)])
        tree.checkpoints.advance(2, 3, b"s" * 32, b"note 3", [a_tile(3)])
        for known in (0, 2, 256 + 3):
            assert _with(tree, known, (0, 0), (1, 0)) == (3, b"note 3", [a_tile(3)])
        assert _with(tree, 3, (0, 0), (0, 16)) == (3, b"note 3", [])

    def test_what_is_not_covered_is_told_in_one_state_of_the_log(self, tree: TreeStore) -> None:
        """The newest checkpoint, how long the log is, and entries: as many as asked for."""
        assert tree.checkpoints.uncovered(0, 5) == (None, 0, [])
        _three_records(tree)
        latest, size, entries = tree.checkpoints.uncovered(0, 5)
        assert (latest, size, len(set(entries))) == (None, 3, 3)
        tree.checkpoints.advance(None, 1, b"r" * 32, b"note 1", [a_tile(1)])
        for start, most in ((0, 2), (1, 1), (1, 9), (3, 9), (7, 1)):
            told = tree.checkpoints.uncovered(start, most)
            assert told == ((1, b"note 1"), 3, entries[start : start + most])


def _with(tree: TreeStore, known: int, *groups: tuple[int, int]) -> tuple[int, bytes, list[object]]:
    found = tree.checkpoints.latest_with(known, groups)
    assert found is not None
    assert list(found.groups) == []
    return found.size, found.note, list(found.edge)


def _three_records(tree: TreeStore) -> None:
    for n in range(3):
        tree.appender.append(a_draft(f"case/{n}", at=T0 + timedelta(seconds=n)))
