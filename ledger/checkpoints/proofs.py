"""Inclusion and consistency proofs from stored tiles, and waiting for one (formats.md §6).

A proof names the checkpoint it leads to; who verifies it needs the log's key and nothing from here.
"""

from __future__ import annotations

import threading
import time
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, Final

from ledger.errors import NotFound, Unavailable, VerificationError
from ledger.log import merkle
from ledger.log.proof import Consistency, Inclusion
from ledger.log.tiles import WIDTH, TileNodes
from ledger.ports import Checkpoints, Notices, TileStore

POLL_S: Final = 0.5
_MOST_TILES: Final = 512
_MOST_NODES: Final = 32_768


class _Final:
    """What never changes as a log grows, within bounds: full tiles above the leaves, and nodes.

    A node asked for by a proof stands over a whole subtree, so it is the same in every tree of the
    log that has it.
    """

    def __init__(self, store: TileStore) -> None:
        self._store = store
        self._tiles: dict[tuple[int, int], bytes] = {}
        self.nodes: dict[tuple[int, int], bytes] = {}

    def tile(self, level: int, n: int, width: int) -> bytes:
        """See `TileReader`."""
        found = self._tiles.get((level, n)) if width == WIDTH else None
        if found is None:
            found = self._store.tile(level, n, width)
            if level and width == WIDTH:
                _keep(self._tiles, (level, n), found, _MOST_TILES)
        return found


class _Nodes:
    """Nodes of one tree; those that are final are made once for all trees."""

    def __init__(self, size: int, final: _Final) -> None:
        self._tiles = TileNodes(size, final)
        self._made = final.nodes

    def hash_at(self, level: int, n: int) -> bytes:
        """See `merkle.Nodes`."""
        found = self._made.get((level, n))
        if found is None:
            found = self._tiles.hash_at(level, n)
            _keep(self._made, (level, n), found, _MOST_NODES)
        return found


def _keep(
    kept: dict[tuple[int, int], bytes], key: tuple[int, int], value: bytes, most: int
) -> None:
    if len(kept) >= most:
        kept.clear()  # cheap to make again, and nothing waits for it
    kept[key] = value


@dataclass(frozen=True, slots=True)
class CheckpointTree:
    """One checkpoint and the nodes under it.

    Attributes:
        size: Of the tree.
        note: As it was signed.
        nodes: Of the tree.
    """

    size: int
    note: str
    nodes: _Nodes = field(repr=False)

    def inclusion(self, index: int) -> dict[str, Any]:
        """That record `index` stands in it. Raises: NotFound."""
        if not 0 <= index < self.size:
            raise NotFound(f"no record {index} in a tree of {self.size}")
        path = merkle.inclusion_path(index, self.size, self.nodes)
        return Inclusion(index, self.size, tuple(path), self.note).to_json()


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
        self._final = _Final(tiles)
        self._checkpoints = checkpoints
        self._notices = notices
        self._news = threading.Condition()
        self._newest: CheckpointTree | None = None
        self._follower: threading.Thread | None = None
        self._closing = threading.Event()

    def inclusion(self, index: int, size: int | None = None) -> dict[str, Any]:
        """That record `index` stands in the tree of a checkpoint.

        Args:
            index: Leaf index.
            size: Size of a checkpoint; None takes the newest.

        Raises:
            NotFound: No such checkpoint, or the record is not under it.
        """
        return self._tree(size).inclusion(index)

    def newest(self) -> CheckpointTree | None:
        """The tree of the newest checkpoint, to prove several records of; None: there is none."""
        latest = self._checkpoints.latest()
        return None if latest is None else self._kept(*latest)

    def consistency(self, old: int, new: int | None = None) -> dict[str, Any]:
        """That the tree of one checkpoint is the beginning of another's.

        Raises:
            NotFound: `new` is no checkpoint's size, or `old` is above it.
        """
        tree = self._tree(new)
        if not 0 <= old <= tree.size:
            raise NotFound(f"no tree of {old} under one of {tree.size}")
        path = merkle.consistency_path(old, tree.size, tree.nodes)
        return Consistency(old, tree.size, tuple(path), tree.note).to_json()

    def wait(self, index: int, timeout_s: float) -> dict[str, Any] | None:
        """The inclusion proof of a record once a checkpoint covers it; None: not in time."""
        deadline = time.monotonic() + timeout_s
        self._follow()
        with self._news:
            while self._newest is None or self._newest.size <= index:
                left = deadline - time.monotonic()
                if left <= 0:
                    return None
                self._news.wait(left)
            tree = self._newest
        return tree.inclusion(index)

    def close(self) -> None:
        """Ends the thread that waits for checkpoints."""
        self._closing.set()
        if self._follower is not None:
            self._follower.join(timeout=2 * POLL_S)

    def _tree(self, size: int | None) -> CheckpointTree:
        if size is None:
            newest = self.newest()
            if newest is None:
                raise NotFound("no checkpoint is signed yet")
            return newest
        note = self._checkpoints.at(size)
        if note is None:
            raise NotFound(f"no checkpoint of size {size}")
        return self._kept(size, note)

    def _kept(self, size: int, note: bytes) -> CheckpointTree:
        newest = self._newest
        if newest is not None and newest.size == size:
            return newest
        return CheckpointTree(size, note.decode(), _Nodes(size, self._final))

    def _follow(self) -> None:
        """One thread a process follows the checkpoints; it starts with the first who waits."""
        if self._follower is not None and self._follower.is_alive():
            return
        with self._news:
            if self._follower is None or not self._follower.is_alive():
                self._follower = threading.Thread(target=self._run, name="checkpoints", daemon=True)
                self._follower.start()

    def _run(self) -> None:
        pause = nullcontext(self._closing.wait)
        with self._notices.listen("checkpoint") if self._notices else pause as wait:
            while not self._closing.is_set():
                try:
                    latest = self._checkpoints.latest()
                except (Unavailable, VerificationError):  # no checkpoint to believe
                    self._closing.wait(POLL_S)
                    continue
                if latest is not None:
                    self._tell(*latest)
                wait(POLL_S if self._notices else POLL_S / 10)

    def _tell(self, size: int, note: bytes) -> None:
        with self._news:
            if self._newest is None or size > self._newest.size:
                self._newest = CheckpointTree(size, note.decode(), _Nodes(size, self._final))
                self._news.notify_all()
