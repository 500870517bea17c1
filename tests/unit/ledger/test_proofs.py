"""Proofs of a log that grows: as the definition has them, in one question, and of its own tiles."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Sequence
from typing import Final

import pytest

from ledger.checkpoints import proofs as module
from ledger.checkpoints.proofs import Proofs
from ledger.errors import NotFound, VerificationError
from ledger.log import checkpoint, merkle, tiles
from ledger.log.proof import consistency_from_json, inclusion_from_json
from ledger.ports import NewestTree
from tests.attacks import attack
from tests.fakes import MemoryRecordStore
from tests.leaf_nodes import LeafNodes, cover

LEAVES: Final = [hashlib.sha256(i.to_bytes(4)).digest() for i in range(66_100)]
NODES: Final = LeafNodes(LEAVES)
_GROWN: Final = (1, 255, 256, 257, 300, 511, 512, 4_000, 65_535, 65_536, 65_537, 66_000, 66_100)
_PLACE = tuple[int, int, int]


class Asked(MemoryRecordStore):
    """A store that counts what it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def tile(self, level: int, n: int, width: int) -> bytes:
        """See `TileStore`."""
        self.asked.append("tile")
        return super().tile(level, n, width)

    def latest_with(self, known: int, groups: Sequence[tuple[int, int]]) -> NewestTree | None:
        """See `Checkpoints`."""
        self.asked.append("latest")
        return super().latest_with(known, groups)

    def grow(self, size: int, leaves: Sequence[bytes] = LEAVES) -> None:
        """As a checkpointer does it, which is not counted."""
        cover(self, size, leaves)
        self.asked.clear()

    def harm(self, *places: _PLACE) -> dict[str, object]:
        """One bit of each tile turned; what stood there, to be restored."""
        before = self.backup()
        harmed = dict(before["_tiles"])
        for place in places:
            data = harmed[place]
            harmed[place] = bytes([data[0] ^ 1]) + data[1:]
        self.restore(before | {"_tiles": harmed})
        return before


def _same(proofs: Proofs, index: int, size: int) -> None:
    given = inclusion_from_json(proofs.inclusion(index))
    assert (given.index, given.size) == (index, size)
    assert list(given.hashes) == merkle.inclusion_path(index, size, NODES)
    root = checkpoint.unverified(given.checkpoint.encode()).root
    merkle.verify_inclusion(index, size, LEAVES[index], given.hashes, root)


def _some(draw: random.Random, size: int) -> Iterator[int]:
    yield from {0, size - 1, max(0, size - 2), size // 2, size // 256 * 256 % size}
    yield from (draw.randrange(size) for _ in range(8))


def test_a_growing_log_is_proven_as_the_definition_says() -> None:
    """By a process that has seen all of it and by one that has seen nothing, at every edge."""
    store, draw = Asked(), random.Random(3)  # noqa: S311 - any
    lasting = Proofs(store, store)
    assert lasting.newest() is None
    for size in _GROWN:
        store.grow(size)
        for index in _some(draw, size):
            _same(lasting, index, size)
            _same(Proofs(store, store), index, size)
        old = draw.randrange(size + 1)
        given = consistency_from_json(lasting.consistency(old))
        assert list(given.hashes) == merkle.consistency_path(old, size, NODES)
    for size in _GROWN:  # an older checkpoint, by who knows the newest
        index = draw.randrange(size)
        path = merkle.inclusion_path(index, size, NODES)
        assert list(inclusion_from_json(lasting.inclusion(index, size)).hashes) == path


def test_a_tile_that_has_grown_is_hashed_on_from_where_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever waits for a proof of one record does not wait for all the others of its tile."""
    store, hashed = Asked(), list[int]()
    store.grow(250)
    proofs = Proofs(store, store)
    _same(proofs, 249, 250)
    parents = merkle.parents

    def counted(data: bytes) -> bytes:
        hashed.append(len(data) // merkle.HASH_BYTES)
        return parents(data)

    monkeypatch.setattr(merkle, "parents", counted)
    for size in (251, 252, 254):
        store.grow(size)
        hashed.clear()
        proofs.inclusion(size - 1)
        assert sum(hashed) < 32
    monkeypatch.undo()
    for index in (0, 249, 253):
        _same(proofs, index, 254)


def test_a_tile_of_another_log_begins_none() -> None:
    """Of what was made of other hashes nothing is taken."""
    begun = tiles.TileLayers(b"".join(LEAVES[:7]))
    begun.hash_at(2, 0)
    other = b"".join(LEAVES[1:9])
    for data in (other, other[:96]):
        grown, alone = begun.wider(data), tiles.TileLayers(data)
        assert grown.hash_at(1, 0) == alone.hash_at(1, 0)
    same = b"".join(LEAVES[:9])
    grown, alone = begun.wider(same), tiles.TileLayers(same)
    for height in range(4):
        assert [grown.hash_at(height, n) for n in range(8 >> height)] == [
            alone.hash_at(height, n) for n in range(8 >> height)
        ]


def test_a_proof_asks_once() -> None:
    """Checkpoint and tiles come in one answer, also of several records and after the log grew."""
    store, draw = Asked(), random.Random(4)  # noqa: S311 - any
    store.grow(66_000)
    proofs = Proofs(store, store)
    proofs.newest()
    store.asked.clear()
    for index in (0, 300, 30_000, 65_500, 65_999):
        _same(proofs, index, 66_000)
    assert store.asked == ["latest"] * 5
    store.grow(66_100)
    _same(proofs, 66_050, 66_100)
    indices = [draw.randrange(65_000) for _ in range(30)]
    tree = proofs.newest(indices)
    assert tree is not None
    for index in indices:
        tree.inclusion(index)
    assert store.asked == ["latest"] * 2


@attack(
    "a stored tile, or the nodes made of it, altered or lost",
    stopped_by="a proof is held to the signed root before it is handed out",
    noticed_by="who asks is told `evidence_fails`; `log audit`",
)
@pytest.mark.parametrize(
    "place", [(0, 3, 256), (1, 0, 256), (0, 258, 52), (1, 1, 2), (2, 0, 1)], ids=str
)
def test_a_tile_of_another_tree_proves_nothing(place: _PLACE) -> None:
    """Whoever changes a stored tile gets no proof that fails, and none of it is kept."""
    store = Asked()
    store.grow(66_100)
    knowing, index = Proofs(store, store), 3 * 256 + 7
    knowing.newest()
    before = store.harm(place)
    fresh = Proofs(store, store)
    with pytest.raises(VerificationError, match="another tree"):
        fresh.inclusion(index)
    if place[2] == tiles.WIDTH:
        with pytest.raises(VerificationError, match="another tree"):
            knowing.inclusion(index)
    else:
        _same(knowing, index, 66_100)  # it has the edge of this tree
    store.restore(before)
    _same(fresh, index, 66_100)
    _same(knowing, index, 66_100)


@pytest.mark.parametrize("place", [(0, 3, 256), (1, 0, 256), (1, 1, 2)], ids=str)
def test_a_tile_that_is_missing_proves_nothing(place: _PLACE) -> None:
    """It is found missing, whoever asks for it how."""
    store = Asked()
    store.grow(66_100)
    before = store.backup()
    rest = {at: data for at, data in before["_tiles"].items() if at[:2] != place[:2]}
    store.restore(before | {"_tiles": rest})
    with pytest.raises(NotFound):
        Proofs(store, store).inclusion(3 * 256 + 7)


def test_what_is_kept_proves_nothing_in_another_tree() -> None:
    """A process that outlives a restore proves what the log has now, not what it had."""
    store = Asked()
    store.grow(1_000)
    proofs = Proofs(store, store)
    for index in (5, 700, 999):
        _same(proofs, index, 1_000)
    other = Asked()
    leaves = [LEAVES[i] if i < 256 else LEAVES[-i] for i in range(1_300)]
    other.grow(1_300, leaves)
    store.restore(other.backup())
    for index in (5, 700, 999, 1_250):
        given = inclusion_from_json(proofs.inclusion(index))
        root = checkpoint.unverified(given.checkpoint.encode()).root
        merkle.verify_inclusion(index, 1_300, leaves[index], given.hashes, root)


@pytest.mark.parametrize("size", [None, 850])
def test_what_is_kept_of_a_longer_log_keeps_no_proof_back(size: int | None) -> None:
    """Nor that of any checkpoint of another tree that is not as long yet, however often asked."""
    store, other = Asked(), Asked()
    store.grow(900)
    proofs = Proofs(store, store)
    _same(proofs, 700, 900)
    leaves = [LEAVES[i] if i < 600 else LEAVES[-i] for i in range(850)]
    other.grow(850, leaves)
    store.restore(other.backup())
    for index in (5, 700, 700, 849):
        given = inclusion_from_json(proofs.inclusion(index, size))
        root = checkpoint.unverified(given.checkpoint.encode()).root
        merkle.verify_inclusion(index, 850, leaves[index], given.hashes, root)


@pytest.mark.parametrize("middles", [b"", bytes(512), bytes(100)], ids=["none", "other", "cut"])
def test_middles_are_believed_no_more_than_a_tile(
    monkeypatch: pytest.MonkeyPatch, middles: bytes
) -> None:
    """Whatever stands there, the proof is that of the definition: it is made of the whole tile."""
    store = Asked()
    store.grow(66_100)
    proofs = Proofs(store, store)
    proofs.newest()
    monkeypatch.setattr(store, "middles", lambda _: middles)
    for index in (3 * 256 + 7, 3 * 256 + 99, 65_535):
        _same(proofs, index, 66_100)
    assert "tile" in store.asked


def test_a_shorter_log_is_proven_as_it_is() -> None:
    """Where the newest checkpoint was taken out, no proof leads to it."""
    store = Asked()
    store.grow(700)
    shorter = store.backup()
    store.grow(900)
    proofs = Proofs(store, store)
    _same(proofs, 650, 900)
    store.restore(shorter)
    _same(proofs, 650, 700)


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many records are asked for: the tiles used last, of the leaves and above."""
    monkeypatch.setattr(module, "LEAF_HALVES", 6)
    store = Asked()
    store.grow(66_000)
    proofs = Proofs(store, store)
    proofs.newest()
    for index in range(0, 20 * 256, 256):
        _same(proofs, index, 66_000)
    for half, width in ((0, 16), (1, 1)):
        kept = [proofs._kept.get((half, n * width)) is not None for n in range(20)]
        assert kept == [False] * 17 + [True] * 3
    assert proofs._kept.get((2, 0)) is not None
