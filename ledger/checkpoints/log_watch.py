"""Holds the log of a running process to what its home has seen: nothing is recorded over doubt.

A database can be put in the place of another under a running service, so the question is asked at
the start, on every new connection of whoever writes, and in between. Reads are never refused here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, Protocol

from ledger.checkpoints.seen_checkpoint import SeenCheckpoint, forked, require, shorter
from ledger.errors import Doubt, Fatal, Unavailable, VerificationError
from ledger.log.checkpoint import unverified
from ledger.log.tiles import TileReader
from ledger.ports import LogHead

LOOK_S: Final = 1.0


class Entries(Protocol):
    """How long the log is and what it commits to; `ports.RecordStore` is one."""

    def head(self) -> LogHead:
        """The log as it stands."""

    def entries(self, start: int, end: int) -> Sequence[bytes]:
        """The 32-byte entries of indices [start, end)."""


class VerifiedCheckpoints(Protocol):
    """Stored checkpoints, each verified; `NewestSigned` is one."""

    newest: tuple[int, bytes] | None

    def latest(self) -> tuple[int, bytes] | None:
        """Size and note of the newest checkpoint. Raises: VerificationError."""


class LogWatch:
    """What one process makes of its home's memory.

    Args:
        seen: The memory of its role.
        checkpoints: Stored checkpoints; one that was verified, and so may have been handed out,
            counts at once and is kept at the next look.
        records: Of the same database.
        tiles: Stored tiles.
        tell: Called where `doubt` is another than before.

    Attributes:
        doubt: Why nothing may be recorded now; None where all is well.
        held: Index and entry of the last record that was covered when all was well; None where
            none was.
    """

    def __init__(
        self,
        seen: SeenCheckpoint,
        checkpoints: VerifiedCheckpoints,
        records: Entries,
        tiles: TileReader,
        tell: Callable[[Doubt | None], None] = lambda _doubt: None,
    ) -> None:
        self._seen = seen
        self._checkpoints = checkpoints
        self._records = records
        self._tiles = tiles
        self._tell = tell
        self._closing = threading.Event()
        self._looking: threading.Thread | None = None
        self.doubt: Doubt | None = None
        self.held: tuple[int, bytes] | None = None
        self._remembered = 0

    def start(self) -> None:
        """Asks again and again, in a thread, until closed."""
        self._looking = threading.Thread(target=self._run, name="log watch", daemon=True)
        self._looking.start()

    def close(self) -> None:
        """Ends the thread."""
        self._closing.set()
        if self._looking is not None:
            self._looking.join(timeout=2 * LOOK_S)

    @property
    def covered(self) -> int:
        """Records that the newest checkpoint covers which this process or its memory has seen."""
        newest = self._checkpoints.newest
        return max(self._remembered, newest[0] if newest else 0)

    def require(self) -> None:
        """Raises: Doubt: nothing may be recorded now."""
        doubt = self.doubt
        if doubt is not None:
            raise Doubt(doubt.kind, doubt.text, doubt.size)

    def look(self) -> None:
        """Asks the database, and moves the memory on to what it has; says in `doubt` what it found.

        A stored checkpoint that the log did not sign is no doubt of the records: what was signed
        stands in them, and whoever holds the checkpointer's login cannot shut the door to acts with
        it. The checkpointer stops over it, and readiness names it.

        Raises:
            Unavailable: It cannot be asked; what was found last stands.
        """
        try:
            self._hold()
            try:
                latest = self._checkpoints.latest()
            except VerificationError:
                latest = None  # none to believe: the memory stays
            if latest is not None:
                self._take(latest[0])
                with suppress(Unavailable):  # no room: it counts all the same, and is tried again
                    self._seen.keep(latest[1])
        except Doubt as doubt:
            self._found(doubt)
        else:
            self._found(None)

    def admit(self, records: Entries) -> None:
        """Asks before anything is recorded over a new connection.

        Args:
            records: Over that connection; its login need not see the tree. That it leads to the
                database that was asked is told by the entry of the last record seen.

        Raises:
            Doubt: Nothing may be.
            Unavailable: It cannot be asked.
        """
        try:
            size = self._hold()
            if records.head().size < size:
                raise shorter(size, records.head().size)
            last = max(size - 1, 0)
            if records.entries(last, size) != self._records.entries(last, size):
                raise forked(size)
        except Doubt as doubt:
            self._found(doubt)
            raise

    def _hold(self) -> int:
        """What was seen comes first and the database after it: a sound log is never behind."""
        seen, newest = self._seen.last().checkpoint, self._checkpoints.newest
        require(seen, self._records.head().size, self._tiles)
        self._remembered = size = seen.size
        if newest is not None and newest[0] > seen.size:
            require(unverified(newest[1]), self._records.head().size, self._tiles)
            size = newest[0]
        self._take(size)
        return size

    def _take(self, size: int) -> None:
        """The last record that a checkpoint covers, as it stands now."""
        if size and (self.held is None or self.held[0] < size - 1):
            last = self._records.entries(size - 1, size)
            if not last:  # another database stands there since the size was read
                raise shorter(size, self._records.head().size)
            self.held = size - 1, last[0]

    def _found(self, doubt: Doubt | None) -> None:
        before, self.doubt = self.doubt, doubt
        if str(before) != str(doubt):
            self._tell(doubt)

    def _run(self) -> None:
        while not self._closing.wait(LOOK_S):
            with suppress(Unavailable, Fatal):  # it is asked again, also where it was refused
                self.look()
