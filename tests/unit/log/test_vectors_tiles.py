"""Every row of tiles.json (formats.md §7; C2SP tlog-tiles)."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from keys.note import VKey
from ledger.errors import NotFound
from ledger.log import checkpoint, record, tiles
from ledger.log.tiles import ENTRIES, WIDTH, TileId
from tests.vector_files import load, name_of, rows


def _entry(index: int) -> bytes:
    return hashlib.sha256(str(index).encode()).digest()


class MemoryTiles:
    """Tiles of a log of `size`, grown in one step from nothing."""

    def __init__(self, size: int) -> None:
        leaves = [record.leaf(_entry(i)) for i in range(size)]
        self.stored = {t[:3]: t[3] for t in tiles.new_tiles(0, leaves, self)}

    def tile(self, level: int, n: int, width: int) -> bytes:
        """See `tiles.TileReader`."""
        if (level, n, width) not in self.stored:
            raise NotFound(str((level, n, width)))
        return self.stored[level, n, width]


@cache
def _log(size: int) -> MemoryTiles:
    return MemoryTiles(size)


def _bytes(tile: TileId, size: int) -> bytes:
    if tile.level == ENTRIES:
        first = tile.n * WIDTH
        return tiles.bundle(_entry(i) for i in range(first, first + tile.width))
    return _log(size).tile(tile.level, tile.n, tile.width)


def _ids(size: int) -> Iterator[TileId]:
    """Every hash tile and entry bundle of a log; partial at the right edge only."""
    counts = [size >> (8 * level) for level in range(8)]
    for level, count in [(ENTRIES, size), *enumerate(counts)]:
        for n in range(-(-count // WIDTH)):
            yield TileId(level, n, tiles.width_at(level, n, size))


def _listed(size: int) -> dict[str, bytes]:
    return {tile.path: _bytes(tile, size) for tile in _ids(size)}


SIZES = {int(size): files for size, files in load("tiles")["other_sizes"].items()} | {
    load("tiles")["size"]: rows("tiles", "files")
}


@pytest.mark.parametrize("size", sorted(SIZES))
def test_every_tile_and_bundle_of_a_log(size: int) -> None:
    """A mirror that fetches these paths must get these bytes, no more and no fewer."""
    listed = _listed(size)
    assert sorted(listed) == sorted(row["path"] for row in SIZES[size])
    for row in SIZES[size]:
        data = listed[row["path"]]
        assert (len(data), hashlib.sha256(data).hexdigest()) == (row["length"], row["sha256"])
        assert data.hex() == row.get("hex", data.hex())
        if row["path"].startswith("tile/entries/"):
            assert tiles.bundle(tiles.parse_bundle(data)) == data


def test_log_of_70000() -> None:
    """Three levels, and a partial tile at each right edge."""
    expected = load("tiles")["size_70000"]
    ids = list(_ids(70_000))
    level = {ENTRIES: "entries"}
    kinds = Counter(
        f"{level.get(t.level, t.level)} {'full' if t.width == WIDTH else 'partial'}" for t in ids
    )
    assert dict(kinds) == expected["counts"]
    assert sorted(t.path for t in ids if t.width < WIDTH) == sorted(expected["partial"])
    total = hashlib.sha256()
    for path, data in sorted(_listed(70_000).items(), key=lambda item: item[0].encode()):
        total.update(path.encode() + b"\n" + hashlib.sha256(data).digest())
    assert total.hexdigest() == expected["sha256_of_all"]


def test_tiles_lead_to_the_signed_root() -> None:
    """Whoever has the tiles can check the checkpoint."""
    vectors = load("tiles")
    vkey = VKey.parse(vectors["vkey"])
    found = checkpoint.open_checkpoint(vectors["checkpoint"].encode(), [vkey]).checkpoint
    assert found.size == vectors["size"]
    assert tiles.root_from_tiles(found.size, _log(found.size)) == found.root


@pytest.mark.parametrize("row", rows("tiles", "paths"), ids=name_of)
def test_path(row: dict[str, Any]) -> None:
    """Groups of three digits, all but the last with an x."""
    level = ENTRIES if row["level"] == "entries" else row["level"]
    tile = TileId(level, row["n"], row["width"])
    assert tile.path == row["path"]
    assert tiles.parse_path(row["path"]) == tile


@pytest.mark.parametrize("path", rows("tiles", "reject_paths"))
def test_bad_path_is_refused(path: str) -> None:
    """A path is foreign text: another spelling must not reach a store."""
    with pytest.raises(NotFound):
        tiles.parse_path(path)


@pytest.mark.parametrize("path", rows("tiles", "absent_for_600"))
def test_tile_beyond_the_tree_is_absent(path: str) -> None:
    """What a log of 600 does not have, it must not serve."""
    tile = tiles.parse_path(path)
    assert tile.width != tiles.width_at(tile.level, tile.n, 600)
