"""C2SP tlog-tiles: every path and width in one place, and proofs from tiles (formats.md §7).

A tile of level L holds up to 256 hashes of complete subtrees of 2**(8 L) leaves. Files and tables
are not known here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from ledger.errors import NotFound
from ledger.log import merkle
from ledger.log.merkle import HASH_BYTES

HEIGHT: Final = 8
WIDTH: Final = 1 << HEIGHT
MAX_LEVEL: Final = 63
ENTRIES: Final = -1
"""The level of entry bundles: beside the tree, not in it."""

_PATH: Final = re.compile(
    "tile/(?P<level>entries|0|[1-9][0-9]?)/(?P<n>(?:x[0-9]{3}/)*[0-9]{3})(?:\\.p/(?P<w>[1-9][0-9]{0,2}))?"
)
_GROUP: Final = 1000
_LENGTH_BYTES: Final = 2


@dataclass(frozen=True, slots=True, order=True)
class TileId:
    """Which tile, and how much of it.

    Attributes:
        level: 0 to 63, or `ENTRIES`.
        n: Position in its level.
        width: 1 to 256; below 256 the tile is partial.
    """

    level: int
    n: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """C2SP path, e.g. `tile/0/x001/234.p/5`."""
        groups = [f"{self.n % _GROUP:03}"]
        rest = self.n // _GROUP
        while rest:
            groups.append(f"x{rest % _GROUP:03}")
            rest //= _GROUP
        level = "entries" if self.level == ENTRIES else str(self.level)
        partial = "" if self.width == WIDTH else f".p/{self.width}"
        return f"tile/{level}/{'/'.join(reversed(groups))}{partial}"


def parse_path(path: str) -> TileId:
    """Strict inverse of `TileId.path`.

    Raises:
        NotFound: No tile has such a path.
    """
    match = _PATH.fullmatch(path)
    if match:
        level = ENTRIES if match["level"] == "entries" else int(match["level"])
        n = int(match["n"].replace("x", "").replace("/", ""))
        width = int(match["w"] or WIDTH)
        found = TileId(level, n, width)
        # One tile has one path: writing it again shows a group of zeros in front, and width 256 as
        # partial.
        if level <= MAX_LEVEL and width <= WIDTH and found.path == path:
            return found
    raise NotFound(f"no tile at {path}")


def width_at(level: int, n: int, size: int) -> int:
    """How many hashes or entries tile `n` has in a tree of `size`: 0 where it is absent."""
    count = size >> (HEIGHT * max(level, 0))
    return max(0, min(WIDTH, count - n * WIDTH))


def bundle(entries: Iterable[bytes]) -> bytes:
    """An entry bundle: each entry behind its length in two bytes."""
    return b"".join(len(entry).to_bytes(_LENGTH_BYTES) + entry for entry in entries)


def parse_bundle(data: bytes) -> list[bytes]:
    """Strict inverse of `bundle`.

    Raises:
        ValueError: The last entry is cut short.
    """
    entries: list[bytes] = []
    at = 0
    while at < len(data):
        start = at + _LENGTH_BYTES
        at = start + int.from_bytes(data[at:start])
        if start > len(data) or at > len(data):
            raise ValueError("the entry bundle is cut short")
        entries.append(data[start:at])
    return entries


class TileReader(Protocol):
    """Where tiles come from; `ports.TileStore` is one."""

    def tile(self, level: int, n: int, width: int) -> bytes:
        """`width` * 32 bytes. Raises: NotFound."""


def served(
    tile: TileId, size: int, stored: TileReader, entries: Callable[[int, int], Sequence[bytes]]
) -> bytes:
    """A hash tile, or an entry bundle, of a tree of `size`. Raises: NotFound: it is not in it."""
    if tile.width > width_at(tile.level, tile.n, size):
        raise NotFound
    if tile.level != ENTRIES:
        return stored.tile(tile.level, tile.n, tile.width)
    start = tile.n * WIDTH
    return bundle(entries(start, start + tile.width))


class TileLayers:
    """The hashes of one tile and the nodes over them, which are made once they are asked for.

    Args:
        data: Its hashes, one behind the other.
        begun: Nodes over the first of them, by height, that need not be made again.
    """

    def __init__(self, data: bytes, begun: Mapping[int, bytes] | None = None) -> None:
        self._layers = {0: data}
        self._begun = begun or {}

    def wider(self, data: bytes) -> TileLayers:
        """The tile once it has these hashes; of another one nothing is taken over."""
        return TileLayers(data, self._layers if data.startswith(self._layers[0]) else None)

    def hash_at(self, height: int, at: int) -> bytes:
        """Node `at` of those over 2**height of its hashes each; all of them exist.

        Raises:
            ValueError: They do not.
        """
        layer = self._layers.get(height) or self._made(height)
        found = layer[at * HASH_BYTES : (at + 1) * HASH_BYTES]
        if len(found) != HASH_BYTES:
            raise ValueError(f"no node {at} at height {height} of a tile that narrow")
        return found

    def _made(self, height: int) -> bytes:
        below = self._layers.get(height - 1) or self._made(height - 1)
        begun = self._begun.get(height, b"")
        made = self._layers[height] = begun + merkle.parents(below[2 * len(begun) :])
        return made


class TileNodes:
    """`merkle.Nodes` over the tiles of a tree of one size; each tile is read once.

    Args:
        size: Leaves of the tree; partial tiles are asked for in the width they have at this size.
        reader: Where tiles come from.
        tiles: Those that need not be read, by level and position.

    Attributes:
        tiles: Those, and what was read since.
    """

    def __init__(
        self,
        size: int,
        reader: TileReader,
        tiles: Mapping[tuple[int, int], TileLayers] | None = None,
    ) -> None:
        self._size = size
        self._reader = reader
        self.tiles = dict(tiles or {})

    def hash_at(self, level: int, n: int) -> bytes:
        """See `merkle.Nodes`. Raises: NotFound."""
        tile_level, height = divmod(level, HEIGHT)
        place = tile_level, n >> (HEIGHT - height)
        found = self.tiles.get(place)
        if found is None:
            found = self.tiles[place] = self._read(*place)
        return found.hash_at(height, n & ((WIDTH >> height) - 1))

    def _read(self, level: int, n: int) -> TileLayers:
        width = width_at(level, n, self._size)
        data = self._reader.tile(level, n, width)
        if len(data) != width * HASH_BYTES:
            raise NotFound(f"{TileId(level, n, width).path} has {len(data)} bytes")
        return TileLayers(data)


def root_from_tiles(size: int, reader: TileReader) -> bytes:
    """Root of a tree of `size`. Raises: NotFound: a tile is missing."""
    return merkle.root(size, TileNodes(size, reader))


Tile = tuple[int, int, int, bytes]
"""level, n, width and bytes, as `ports.CheckpointStore.advance` takes them."""


def new_tiles(old_size: int, leaves: Sequence[bytes], reader: TileReader) -> list[Tile]:
    """The hash tiles that change when leaves are appended: those to store with the next checkpoint.

    Args:
        old_size: Size of the tree so far; its tiles are in `reader`.
        leaves: Leaf hashes from index `old_size` on.
        reader: Where the partial tiles of the right edge come from.

    Returns:
        Tiles of every level, each in the width it has now; a full tile is final.

    Raises:
        NotFound: A partial tile of the old tree is missing.
    """
    tiles: list[Tile] = []
    fresh = list(leaves)
    level, count = 0, old_size
    while fresh:
        full, fresh = _grow_level(level, count, fresh, reader)
        tiles += full
        level, count = level + 1, count // WIDTH
    return tiles


def _grow_level(
    level: int, count: int, fresh: Sequence[bytes], reader: TileReader
) -> tuple[list[Tile], list[bytes]]:
    """The level's changed tiles, and the hashes its newly full tiles give to the level above."""
    first, held = divmod(count, WIDTH)
    data = (reader.tile(level, first, held) if held else b"") + b"".join(fresh)
    tiles: list[Tile] = []
    above: list[bytes] = []
    tile_bytes = WIDTH * HASH_BYTES
    for n, at in enumerate(range(0, len(data), tile_bytes), start=first):
        part = data[at : at + tile_bytes]
        tiles.append((level, n, len(part) // HASH_BYTES, part))
        if len(part) == tile_bytes:
            above.append(merkle.subtree(part))
    return tiles, above


class Overlay:
    """Tiles not stored yet over a reader of those that are: to know a root before storing it.

    Args:
        fresh: From `new_tiles`.
        below: The tiles that stand already.
    """

    def __init__(self, fresh: Iterable[Tile], below: TileReader) -> None:
        self._fresh = {(level, n, width): data for level, n, width, data in fresh}
        self._below = below

    def tile(self, level: int, n: int, width: int) -> bytes:
        """See `TileReader`."""
        found = self._fresh.get((level, n, width))
        return self._below.tile(level, n, width) if found is None else found
