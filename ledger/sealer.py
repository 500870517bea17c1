"""Signs checkpoints over committed records: the only holder of the log key (formats.md §7).

Every step can be repeated: the tree is a function of the entries, and a checkpoint is stored with
its tiles by compare-and-swap on the last size. Never two roots for a size, never a size below the
last one signed: on doubt it stops. What an act says is not known here.
"""

from __future__ import annotations

import threading
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Final

from keys.note import NoteSigner
from ledger.errors import Conflict, Fatal, NotFound, Unavailable, VerificationError
from ledger.log import checkpoint as checkpoints
from ledger.log import record, tiles
from ledger.log.checkpoint import Checkpoint
from ledger.log.tiles import Overlay, Tile, TileReader
from ledger.ports import CheckpointStore, Clock, Notices, RecordStore, TileStore

BATCH: Final = 32_768
POLL_S: Final = 1.0
PAUSE_S: Final = 0.02


@dataclass(frozen=True, slots=True)
class _Stand:
    """The last checkpoint this log stands by, and the tiles of its right edge."""

    checkpoint: Checkpoint | None
    edge: TileReader

    @property
    def size(self) -> int:
        return 0 if self.checkpoint is None else self.checkpoint.size


class Sealer:
    """One sealer of one log; a second one beside it loses every swap and harms nothing.

    Args:
        records: Gives heads and entries.
        tiles: Stored tiles.
        checkpoints: Stored checkpoints.
        log_key: Type 0x01 under the origin.
        pq_key: Type 0x06 under `<origin>/pq`.
        clock: Real time, also in a rehearsal: it dates the second signature.
        origin: Origin of the log.
        notices: Hints that records were committed; None only polls.
    """

    def __init__(  # noqa: PLR0913 - the ports of one process
        self,
        *,
        records: RecordStore,
        tiles: TileStore,
        checkpoints: CheckpointStore,
        log_key: NoteSigner,
        pq_key: NoteSigner,
        clock: Clock,
        origin: str,
        notices: Notices | None = None,
    ) -> None:
        self._records = records
        self._tiles = tiles
        self._checkpoints = checkpoints
        self._log_key = log_key
        self._pq_key = pq_key
        self._clock = clock
        self._origin = origin
        self._notices = notices
        self._stand: _Stand | None = None

    def seal_once(self) -> Checkpoint | None:
        """Covers what has been committed since the last checkpoint, a batch at most.

        Returns:
            The new checkpoint; None where there is nothing new, or another sealer was faster.

        Raises:
            Fatal: Store and signatures disagree; nothing more may be signed.
            Unavailable: Try again; the next call finds out what became of this one.
        """
        stand = self._stand if self._stand is not None else self._recovered()
        self._stand = stand
        head = self._records.head()
        if head.size < stand.size:
            raise Fatal(f"a checkpoint of {stand.size} is signed, {head.size} records are there")
        if head.size == stand.size:
            return None
        size = min(head.size, stand.size + BATCH)
        fresh, new = self._grown(stand, size)
        note = checkpoints.sign(
            new, self._log_key, self._pq_key, time_s=int(self._clock.now().timestamp())
        )
        self._stand = None  # until the swap is known to have gone through
        try:
            self._checkpoints.advance(stand.size or None, new.size, new.root, note, fresh)
        except Conflict:
            self._not_forked(new)
            return None
        self._stand = _Stand(new, _Edge(fresh, stand.edge, self._tiles))
        return new

    def run(self, stop: threading.Event, *, pause_s: float = PAUSE_S) -> None:
        """Seals until told to stop; begins by catching up.

        Args:
            stop: Set it to end the loop.
            pause_s: Least time between two checkpoints, so that many records share one.

        Raises:
            Fatal: On doubt.
        """
        listening = self._notices.listen("records") if self._notices else nullcontext(stop.wait)
        with listening as wait:
            while not stop.is_set():
                try:
                    sealed = self.seal_once()
                except Unavailable:
                    stop.wait(POLL_S)
                    continue
                if sealed is None:
                    wait(POLL_S)
                else:
                    stop.wait(pause_s)

    # -- the tree ----------------------------------------------------------------------------------

    def _grown(self, stand: _Stand, size: int) -> tuple[list[Tile], Checkpoint]:
        entries = self._records.entries(stand.size, size)
        if len(entries) != size - stand.size:
            raise Fatal(f"records {stand.size} to {size} have a gap")
        leaves = [record.leaf(entry) for entry in entries]
        try:
            fresh = tiles.new_tiles(stand.size, leaves, stand.edge)
            root = tiles.root_from_tiles(size, Overlay(fresh, stand.edge))
        except NotFound as error:
            raise Fatal(f"the tree is incomplete: {error}") from error
        return fresh, Checkpoint(self._origin, size, root)

    def _recovered(self) -> _Stand:
        """The stored checkpoint, if it is ours and the stored tiles lead to its root."""
        latest = self._checkpoints.latest()
        if latest is None:
            return _Stand(None, self._tiles)
        size, note = latest
        try:
            found = checkpoints.open_checkpoint(
                note, [self._log_key.vkey, self._pq_key.vkey], origin=self._origin
            ).checkpoint
            root = tiles.root_from_tiles(found.size, self._tiles)
        except (VerificationError, NotFound) as error:
            raise Fatal(f"the last checkpoint does not hold: {error}") from error
        if found.size != size or found.root != root:
            raise Fatal(f"the tiles of size {size} lead to another root than the one signed")
        return _Stand(found, self._tiles)

    def _not_forked(self, mine: Checkpoint) -> None:
        """Another sealer was first; a checkpoint of the same size must have the same root."""
        note = self._checkpoints.at(mine.size)
        if note is not None and checkpoints.unverified(note).root != mine.root:
            raise Fatal(f"two roots for size {mine.size}")


class _Edge:
    """The tiles just stored, kept at hand: the next ones grow out of them."""

    def __init__(self, fresh: list[Tile], before: TileReader, store: TileStore) -> None:
        newest: dict[int, tuple[int, int, bytes]] = {}
        if isinstance(before, _Edge):
            newest |= before.kept
        for level, n, width, data in fresh:
            if level not in newest or (n, width) >= newest[level][:2]:
                newest[level] = (n, width, data)
        self.kept: dict[int, tuple[int, int, bytes]] = newest
        self._store = store

    def tile(self, level: int, n: int, width: int) -> bytes:
        """See `TileReader`."""
        at = self.kept.get(level)
        if at is not None and at[:2] == (n, width):
            return at[2]
        return self._store.tile(level, n, width)
