"""Stored checkpoints as readers may believe them: signed by the log, of the size they lie under.

Whoever holds the checkpointer's login can store any note; the keys of the log lie elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock
from typing import Final, Protocol

from keys.note import VKey
from ledger.errors import VerificationError
from ledger.log.checkpoint import Checkpoint, open_checkpoint
from ledger.ports import Checkpoints, NewestTree

_KEPT: Final = 256
"""Notes: of the last seconds, so that a proof for one that was just handed out is found."""


class StoredNewest(Protocol):
    """Where the newest checkpoint lies."""

    def latest(self) -> tuple[int, bytes] | None:
        """Size and note of the newest checkpoint."""


class NewestSigned:
    """The newest checkpoint of one log, each verified once a process.

    Args:
        stored: Where they lie.
        vkeys: Keys of the log that sign a size: those of record 0, or of the last recovery below
            it, as far as this process has followed the log.
        follow: Follows the log on; asked where a note is by none of these keys.
        origin: Origin of the log.

    Attributes:
        newest: Size and note of the largest that was found good.
    """

    def __init__(
        self,
        stored: StoredNewest,
        vkeys: Callable[[int], Sequence[VKey]],
        origin: str,
        *,
        follow: Callable[[], object],
    ) -> None:
        self._stored = stored
        self._vkeys = vkeys
        self._origin = origin
        self._follow = follow
        self._lock = Lock()
        self._good: dict[tuple[int, bytes], None] = {}
        self.newest: tuple[int, bytes] | None = None

    def latest(self) -> tuple[int, bytes] | None:
        """Size and note of the newest checkpoint. Raises: VerificationError."""
        found = self._stored.latest()
        if found is not None:
            self._require(*found)
        return found

    def _require(self, size: int, note: bytes) -> None:
        with self._lock:
            if (size, note) in self._good:
                return
        signed = self._opened(size, note)
        if signed.size != size:
            raise VerificationError("checkpoint", f"of {signed.size}, stored as one of {size}")
        with self._lock:
            self._good[size, note] = None
            if self.newest is None or size > self.newest[0]:
                self.newest = size, note
            if len(self._good) > _KEPT:
                del self._good[next(iter(self._good))]

    def _known(self, size: int) -> bytes | None:
        with self._lock:
            return next((note for held, note in reversed(self._good) if held == size), None)

    def _opened(self, size: int, note: bytes) -> Checkpoint:
        """A recovery may have turned the keys since this process looked."""
        try:
            return open_checkpoint(note, self._vkeys(size), origin=self._origin).checkpoint
        except VerificationError:
            self._follow()
            return open_checkpoint(note, self._vkeys(size), origin=self._origin).checkpoint


class SignedCheckpoints(NewestSigned):
    """Every checkpoint of one log, and not the newest alone. Implements `Checkpoints`."""

    def __init__(
        self,
        stored: Checkpoints,
        vkeys: Callable[[int], Sequence[VKey]],
        origin: str,
        *,
        follow: Callable[[], object],
    ) -> None:
        super().__init__(stored, vkeys, origin, follow=follow)
        self._every = stored

    def at(self, size: int) -> bytes | None:
        """The note of exactly this size. Raises: VerificationError."""
        note = self._every.at(size)
        if note is None:  # the store keeps not every one
            return self._known(size)
        self._require(size, note)
        return note

    def latest_with(self, known: int, groups: Sequence[tuple[int, int]]) -> NewestTree | None:
        """See `Checkpoints`; its tree is not looked at. Raises: VerificationError."""
        found = self._every.latest_with(known, groups)
        if found is not None:
            self._require(found.size, found.note)
        return found
