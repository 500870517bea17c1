"""The first checkpoint under the keys that a recovery begins (formats.md §7).

It goes on from the newest one that the ended keys have signed over what was left, and covers the
recovery itself: a reader who meets the new key finds its reason in the same tree. From then on the
checkpointer stands on a checkpoint of its own keys, as ever.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from keys.errors import KeysError
from keys.log_keys import LogKeys
from keys.lost_checkpoint import known
from keys.note import NoteSigner
from ledger.checkpoints.tree_growth import grown
from ledger.errors import Conflict, Fatal, NotFound, VerificationError
from ledger.log import checkpoint as checkpoints
from ledger.log import tiles
from ledger.log.checkpoint import Checkpoint
from ledger.log.merkle import EMPTY_ROOT
from ledger.log.recovery import Recovery
from ledger.log.tiles import Overlay, Tile
from ledger.ports import CheckpointStore, RecordStore, TileStore

_BATCH: Final = 32_768


class FirstCheckpoint:
    """Signs and stores it; every step can be repeated.

    Args:
        records: Gives the entries.
        tiles: Stored tiles.
        store: Stored checkpoints.
        keys: The keys of the log, turned by the recovery.
        signers: The new log key, and the new `/pq`.
        recovery: What is gone on from.
    """

    def __init__(
        self,
        *,
        records: RecordStore,
        tiles: TileStore,
        store: CheckpointStore,
        keys: LogKeys,
        signers: tuple[NoteSigner, NoteSigner],
        recovery: Recovery,
    ) -> None:
        self._records = records
        self._tiles = tiles
        self._store = store
        self._keys = keys
        self._signers = signers
        self._recovery = recovery
        self._origin = signers[0].name

    def sign(self, kept: bytes | None, keep: Callable[[bytes], None], *, time_s: int) -> bytes:
        """The note, stored.

        Args:
            kept: The note that the checkpointer's memory holds.
            keep: Keeps a note there, and does what else is to be done, durable on return. Before it
                is stored: once it is, nobody knows any more that a run was cut off.
            time_s: Time of signing.

        Returns:
            The newest note under the new keys.

        Raises:
            Fatal: What is stored is not what the recovery names.
            Unavailable: Try again.
        """
        stand = self._newest()
        if stand.size > self._recovery.size:
            return self._stored(stand.size)
        fresh, new = self._grown(stand)
        note = kept if kept is not None and self._is(kept, new) else None
        if note is None:
            note = checkpoints.sign(new, *self._signers, time_s=time_s)
        keep(note)
        try:
            self._store.advance(stand.size or None, new.size, new.root, note, fresh)
        except Conflict as error:
            raise Fatal(
                "somebody else has signed meanwhile: stop every checkpointer first"
            ) from error
        return note

    def _newest(self) -> Checkpoint:
        latest = self._store.latest()
        if latest is None:
            return Checkpoint(self._origin, 0, EMPTY_ROOT)
        size, note = latest
        try:
            vkeys = known(self._keys.at(size))
            found = checkpoints.open_checkpoint(note, vkeys, origin=self._origin).checkpoint
            root = tiles.root_from_tiles(found.size, self._tiles)
        except (VerificationError, KeysError, NotFound) as error:
            raise Fatal(f"the last checkpoint does not hold: {error}") from error
        if (found.size, found.root) != (size, root):
            raise Fatal(f"the tiles of size {size} lead to another root than the one signed")
        return found

    def _stored(self, size: int) -> bytes:
        return self._store.at(size) or b""

    def _grown(self, stand: Checkpoint) -> tuple[list[Tile], Checkpoint]:
        """The tree up to the recovery, which has the root that the recovery names below it."""
        head, fresh = self._records.head().size, list[Tile]()
        if head <= self._recovery.index:
            raise Fatal("the recovery is not in the log")
        below: tiles.TileReader = self._tiles
        for stop in (self._recovery.size, head):
            while stand.size < stop:
                end = min(stop, stand.size + _BATCH)
                entries = self._records.entries(stand.size, end)
                new, stand = grown(entries, stand.size, below, end, self._origin)
                fresh, below = [*fresh, *new], Overlay(new, below)
            if stop == self._recovery.size and stand.root != self._recovery.root:
                raise Fatal("what is left has another root than the recovery names")
        # What was partial on the way is no tile of any checkpoint: only the widest is stored.
        widest = {(level, n): (level, n, width, data) for level, n, width, data in sorted(fresh)}
        return [*widest.values()], stand

    def _is(self, note: bytes, new: Checkpoint) -> bool:
        """Whether the memory holds this very checkpoint: a crash came before it was stored."""
        try:
            vkeys = [signer.vkey for signer in self._signers]
            return checkpoints.open_checkpoint(note, vkeys, origin=self._origin).checkpoint == new
        except VerificationError:
            return False
