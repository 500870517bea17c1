"""Inclusion and consistency proofs from stored tiles, and waiting for one (formats.md §6).

A proof names the checkpoint it leads to; who verifies it needs the log's key and nothing from here.
None is made of a tile, stored or kept, that does not lead to that checkpoint's root (ADR 92).
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import nullcontext
from itertools import islice
from math import inf
from typing import Any, Final

from ledger.errors import Fatal, NotFound, Unavailable, VerificationError
from ledger.log import checkpoint, merkle
from ledger.log.merkle import HASH_BYTES
from ledger.log.proof import Consistency, Inclusion
from ledger.log.tiles import HEIGHT, WIDTH, TileId, TileLayers, TileNodes
from ledger.ports import Checkpoints, Notices, TileStore

POLL_S: Final = 0.5
LEAF_HALVES: Final = 2_048
UPPER_HALVES: Final = 4_096
_AT_ONCE: Final = 512
"""Groups of hashes that come with the newest checkpoint at most, 1 KiB each."""
_HALF: Final = HEIGHT // 2
_GROUP: Final = 1 << _HALF
_GROUP_BYTES: Final = _GROUP * HASH_BYTES

Place = tuple[int, int]
"""A level, and a position in it."""


class KeptHalves:
    """Sixteen nodes each, and those over them: halves of full tiles, used last, 11 MB at most.

    A full tile is seventeen of them: groups of its hashes, and one of the nodes over these. Each
    takes 1.7 kB. Those of the leaves have a bound of their own: all others are 256 times fewer, and
    of a log of 15 million records all are kept.

    Args:
        store: Where tiles lie.
    """

    def __init__(self, store: TileStore) -> None:
        self.store = store
        self._lock = threading.Lock()
        self._leaves: OrderedDict[Place, TileLayers] = OrderedDict()
        self._above: OrderedDict[Place, TileLayers] = OrderedDict()

    def get(self, place: Place) -> TileLayers | None:
        """The half, where it is kept."""
        kept = self._leaves if place[0] < HEIGHT // _HALF else self._above
        with self._lock:
            found = kept.get(place)
            if found is not None:
                kept.move_to_end(place)
            return found

    def keep(self, place: Place, half: TileLayers) -> None:
        """In the place of the one that was not used for longest."""
        leaves = place[0] < HEIGHT // _HALF
        kept, most = (self._leaves, LEAF_HALVES) if leaves else (self._above, UPPER_HALVES)
        with self._lock:
            kept[place] = half
            if len(kept) > most:
                kept.popitem(last=False)


class _ProofNodes(TileNodes):
    """Nodes for one proof; half a tile is taken where its root is the one that the tree has."""

    def __init__(self, size: int, edge: Mapping[Place, TileLayers], kept: KeptHalves) -> None:
        super().__init__(size, kept.store, edge)
        self._edge = edge
        self._kept = kept
        self._halves: dict[Place, TileLayers] = {}

    def hash_at(self, level: int, n: int) -> bytes:
        """See `merkle.Nodes`. Raises: NotFound; VerificationError."""
        half, height = divmod(level, _HALF)
        place = half, n >> (_HALF - height)
        found = self._halves.get(place)
        if found is None:
            tile_level, height_in_tile = divmod(level, HEIGHT)
            if (tile_level, n >> (HEIGHT - height_in_tile)) in self._edge:
                return super().hash_at(level, n)
            found = self._halves[place] = self._half(*place)
        return found.hash_at(height, n & ((_GROUP >> height) - 1))

    def _half(self, half: int, n: int) -> TileLayers:
        expected = self.hash_at(_HALF * (half + 1), n)
        found = self._kept.get((half, n))
        if found is None or found.hash_at(_HALF, 0) != expected:
            found = self._of_whole(half, n)
            if found.hash_at(_HALF, 0) != expected:
                raise VerificationError("tile", f"{_path(half, n)} is of another tree")
            self._kept.keep((half, n), found)
        return found

    def _of_whole(self, half: int, n: int) -> TileLayers:
        """Made of a tile that is read whole: where no more was asked for, or that does not fit."""
        hash_at, first = super().hash_at, n << _HALF
        nodes = [hash_at(half * _HALF, first + i) for i in range(_GROUP)]
        return TileLayers(b"".join(nodes))


def _path(half: int, n: int) -> str:
    return TileId(half // 2, n if half % 2 else n // _GROUP).path


class CheckpointTree:
    """One checkpoint and the nodes under it.

    Args:
        size: Of the tree.
        note: As it was signed.
        edge: Its partial tiles, as far as they are known.
        kept: Halves of its full tiles.

    Attributes:
        size: Of the tree.
        note: As it was signed.
    """

    def __init__(
        self, size: int, note: str, edge: Mapping[Place, TileLayers], kept: KeptHalves
    ) -> None:
        self.size, self.note = size, note
        self._edge = edge
        self._kept = kept
        self._sound = False

    def inclusion(self, index: int) -> dict[str, Any]:
        """That record `index` stands in it.

        Raises:
            NotFound: It does not, or a tile is missing.
            VerificationError: A tile is of another tree than the one that was signed.
        """
        if not 0 <= index < self.size:
            raise NotFound(f"no record {index} in a tree of {self.size}")
        path = merkle.inclusion_path(index, self.size, self._nodes())
        return Inclusion(index, self.size, tuple(path), self.note).to_json()

    def consistency(self, old: int) -> dict[str, Any]:
        """That the tree of `old` records is its beginning. Raises: as `inclusion`."""
        if not 0 <= old <= self.size:
            raise NotFound(f"no tree of {old} under one of {self.size}")
        path = merkle.consistency_path(old, self.size, self._nodes())
        return Consistency(old, self.size, tuple(path), self.note).to_json()

    def partial(self, place: Place) -> TileLayers | None:
        """The partial tile at a place; None where none is known."""
        return self._edge.get(place)

    def edge_of(self, size: int) -> dict[Place, TileLayers]:
        """Partial tiles that a tree of another size has as well."""
        return {
            place: tile
            for place, tile in self._edge.items()
            if self.size >> (HEIGHT * place[0]) == size >> (HEIGHT * place[0])
        }

    def groups(self, indices: Iterable[int]) -> Iterator[Place]:
        """Groups of sixteen hashes of full tiles that proofs of these records are made of."""
        seen: set[Place] = set()
        for index in indices:
            place = 0, index // _GROUP
            # where a tile is partial, or a group was seen, so it is above
            while place not in seen and place[1] // _GROUP < self.size >> HEIGHT * (place[0] + 1):
                yield place
                seen.add(place)
                place = place[0] + 1, place[1] // WIDTH

    def _nodes(self) -> _ProofNodes:
        if not self._sound:
            self._require_root()
        return _ProofNodes(self.size, self._edge, self._kept)

    def _require_root(self) -> None:
        """The root is made of all that the partial tiles hold, and of nothing else.

        Where it is not, what was known of them may be of a log that was put back: they are read.
        """
        signed = checkpoint.unverified(self.note.encode()).root
        for known in (self._edge, {}):
            nodes = TileNodes(self.size, self._kept.store, known)
            if merkle.root(self.size, nodes) == signed:
                self._edge, self._sound = nodes.tiles, True
                return
        raise VerificationError("tile", f"the edge at {self.size} is of another tree")


class _Waiter:
    """One that waits for a record to be covered; woken when it is, and by nothing else.

    Attributes:
        index: Of the record.
        tree: That covers it, once one does.
        covered: Held until then.
    """

    __slots__ = ("covered", "index", "tree")

    def __init__(self, index: int) -> None:
        self.index = index
        self.tree: CheckpointTree | None = None
        self.covered = threading.Lock()
        self.covered.acquire()


class Proofs:
    """Proofs of one log.

    Args:
        tiles: Stored tiles.
        checkpoints: Stored checkpoints; one that fails its check is as good as none.
        notices: Hints that a checkpoint was stored; None only polls.
    """

    def __init__(
        self, tiles: TileStore, checkpoints: Checkpoints, notices: Notices | None = None
    ) -> None:
        self._kept = KeptHalves(tiles)
        self._checkpoints = checkpoints
        self._notices = notices
        self._lock = threading.Lock()
        self._waiting: list[_Waiter] = []
        self._newest: CheckpointTree | None = None
        self._passed_by = 0.0  # when a hint came last while nobody waited, and nobody looked since
        self._follower: threading.Thread | None = None
        self._closing = threading.Event()
        self._end = inf  # monotonic time after which nobody waits any more

    def inclusion(self, index: int, size: int | None = None) -> dict[str, Any]:
        """That record `index` stands in the tree of a checkpoint.

        Args:
            index: Leaf index.
            size: Size of a checkpoint; None takes the newest.

        Raises:
            NotFound: No such checkpoint, the record is not under it, or a tile is missing.
            VerificationError: A tile is of another tree than the one that was signed.
        """
        return self._tree(size, [index]).inclusion(index)

    def newest(self, indices: Iterable[int] = ()) -> CheckpointTree | None:
        """The tree of the newest checkpoint, to prove several records of; None: there is none.

        Args:
            indices: The records, as far as they are known: what their proofs are made of comes in
                the same answer of the database.
        """
        known = self._newest
        missing = [] if known is None else self._missing(known, indices)
        found = self._checkpoints.latest_with(0 if known is None else known.size, missing)
        if found is None:
            return None
        size, note, tiles, groups = found
        edge = {} if known is None else known.edge_of(size)
        for level, n, width, data in tiles:
            if len(data) == width * HASH_BYTES:  # else it is as good as missing
                before = None if known is None else known.partial((level, n))
                edge[level, n] = TileLayers(data) if before is None else before.wider(data)
        for level, n, data in groups:
            if len(data) == 2 * _GROUP_BYTES:
                self._kept.keep((2 * level, n), TileLayers(data[:_GROUP_BYTES]))
                self._kept.keep((2 * level + 1, n // _GROUP), TileLayers(data[_GROUP_BYTES:]))
        if known is not None and (known.size, known.note) == (size, note.decode()):
            return known
        tree = CheckpointTree(size, note.decode(), edge, self._kept)
        self._take(tree)
        return tree

    def consistency(self, old: int, new: int | None = None) -> dict[str, Any]:
        """That the tree of one checkpoint is the beginning of another's.

        Raises:
            NotFound: `new` is no checkpoint's size, `old` is above it, or a tile is missing.
            VerificationError: A tile is of another tree than the one that was signed.
        """
        return self._tree(new).consistency(old)

    def wait(self, index: int, timeout_s: float, *, since: float = 0.0) -> dict[str, Any] | None:
        """The inclusion proof of a record once a checkpoint covers it; None: not in time.

        Args:
            index: Of the record.
            timeout_s: How long it may take.
            since: Monotonic time before which there was no such record; 0 where it may be covered
                long since.

        Raises:
            NotFound: A tile is missing.
            VerificationError: A tile is of another tree than the one that was signed.
        """
        deadline = time.monotonic() + timeout_s
        self._follow()
        waiter = _Waiter(index)
        with self._lock:
            deadline = min(deadline, self._end)
            tree, unheard = self._newest, since <= self._passed_by
            if tree is None or tree.size <= index:
                self._waiting.append(waiter)
                tree = None
        if tree is None:
            if unheard:
                self._look()
            waiter.covered.acquire(timeout=max(0.0, deadline - time.monotonic()))
            with self._lock:
                tree = waiter.tree
                if waiter in self._waiting:
                    self._waiting.remove(waiter)
        return None if tree is None else tree.inclusion(index)

    def end_waits(self, within_s: float) -> None:
        """The process is to end: by then whoever waits, or comes now, is told that it is late."""
        with self._lock:
            self._end = time.monotonic() + within_s
        ending = threading.Timer(within_s, self._send_away)
        ending.daemon = True
        ending.start()

    def _send_away(self) -> None:
        with self._lock:
            left, self._waiting = self._waiting, []
            for one in left:
                one.covered.release()

    def close(self) -> None:
        """Ends the thread that waits for checkpoints."""
        self._closing.set()
        if self._follower is not None:
            self._follower.join(timeout=2 * POLL_S)

    def _tree(self, size: int | None, indices: Iterable[int] = ()) -> CheckpointTree:
        if size is None:
            newest = self.newest(indices)
            if newest is None:
                raise NotFound("no checkpoint is signed yet")
            return newest
        note = self._checkpoints.at(size)
        if note is None:
            raise NotFound(f"no checkpoint of size {size}")
        newest = self._newest
        if newest is not None and (newest.size, newest.note) == (size, note.decode()):
            return newest
        edge = {} if newest is None else newest.edge_of(size)
        return CheckpointTree(size, note.decode(), edge, self._kept)

    def _missing(self, tree: CheckpointTree, indices: Iterable[int]) -> list[Place]:
        missing = (
            (level, n)
            for level, n in tree.groups(indices)
            if self._kept.get((2 * level, n)) is None
            or self._kept.get((2 * level + 1, n // _GROUP)) is None
        )
        return list(islice(missing, _AT_ONCE))

    def _follow(self) -> None:
        """One thread a process follows the checkpoints; it starts with the first who waits."""
        if self._follower is not None and self._follower.is_alive():
            return
        with self._lock:
            if self._follower is None or not self._follower.is_alive():
                self._follower = threading.Thread(target=self._run, name="checkpoints", daemon=True)
                self._follower.start()

    def _run(self) -> None:
        """Looks at each hint for whoever waits; while nobody does, only that there was one."""
        pause = nullcontext(self._closing.wait)
        with self._notices.listen("checkpoint") if self._notices else pause as wait:
            while not self._closing.is_set():
                with self._lock:
                    awaited = bool(self._waiting)
                    if not awaited:
                        self._passed_by = time.monotonic()
                if awaited and not self._look():
                    self._closing.wait(POLL_S)
                    continue
                wait(POLL_S if self._notices else POLL_S / 10)

    def _look(self) -> bool:
        """Takes the newest checkpoint; False: there is none to believe now.

        Of what was passed by before, this tells everybody.
        """
        with self._lock:
            unheard, self._passed_by = self._passed_by, 0.0
        try:
            self.newest()
        except (Unavailable, VerificationError, Fatal):  # who waits is told that it is late
            with self._lock:
                self._passed_by = max(self._passed_by, unheard)
            return False
        return True

    def _take(self, tree: CheckpointTree) -> None:
        """Wakes those whose records it covers, and nobody to wait on."""
        with self._lock:
            if self._newest is None or tree.size >= self._newest.size:
                self._newest = tree
            size = self._newest.size
            over = [one for one in self._waiting if one.index < size]
            self._waiting = [one for one in self._waiting if one.index >= size]
            for one in over:
                one.tree = self._newest
                one.covered.release()
