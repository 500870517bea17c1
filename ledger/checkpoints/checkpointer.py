"""Signs checkpoints over committed records: the only holder of the log key (formats.md §7).

The tree is a function of the entries, and a checkpoint is stored with its tiles by compare-and-swap
on the last size. Before that it is kept outside the database, as the last one signed: a crash
between the two leaves a note that is stored later as it is, and a database that does not lead to
it is never signed over. What an act says is not known here.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

from keys.note import NoteSigner
from ledger.checkpoints.seen_checkpoint import SeenCheckpoint, planted, require, shorter
from ledger.checkpoints.tree_growth import grown, late
from ledger.errors import Conflict, Fatal, Unavailable, VerificationError
from ledger.log import checkpoint as checkpoints
from ledger.log.checkpoint import Checkpoint
from ledger.log.merkle import EMPTY_ROOT
from ledger.log.tiles import Tile, TileReader
from ledger.message import Message
from ledger.ports import HINTS_APART_S, CheckpointStore, Clock, Notices, RecordStore, TileStore

BATCH: Final = 32_768
POLL_S: Final = 1.0
PAUSE_S: Final = 0.02
MANY: Final = 5
"""Records under one checkpoint from which on the pause is a whole one: it is there for records to
share a checkpoint, and where one comes at a time it would only be waited for."""
SOON_S: Final = 0.002
"""Until it looks again by itself, for as long as a hint may be held back (`HINTS_APART_S`)."""
HINT_S: Final = 0.0002
"""For the thread that sends a hint to begin: else it, and whoever waits for a proof, waits until
this one lets go of the interpreter."""
PRUNE_S: Final = 10.0
MORE_S: Final = 0.2
"""Between two prunes where there is more to do: a log of before, or one that grows fast."""
TILES: Final = 2
"""Full tiles a prune: `log discard`, which waits for it, waits for milliseconds."""
_END_S: Final = 0.5
_log = logging.getLogger("socai.checkpointer")


@dataclass(frozen=True, slots=True)
class _Stand:
    """The newest checkpoint that is stored, and the tiles of its right edge."""

    checkpoint: Checkpoint
    note: bytes | None
    edge: TileReader

    @property
    def size(self) -> int:
        return self.checkpoint.size

    @property
    def stored(self) -> tuple[int, bytes] | None:
        return None if self.note is None else (self.size, self.note)


class Checkpointer:
    """One checkpointer of one log; a second one beside it loses every swap and harms nothing.

    Args:
        records: Gives heads and entries.
        tiles: Stored tiles.
        checkpoints: Stored checkpoints.
        seen: The last checkpoint signed or seen by this home's checkpointer.
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
        seen: SeenCheckpoint,
        log_key: NoteSigner,
        pq_key: NoteSigner,
        clock: Clock,
        origin: str,
        notices: Notices | None = None,
    ) -> None:
        self._records = records
        self._tiles = tiles
        self._checkpoints = checkpoints
        self._seen = seen
        self._log_key = log_key
        self._pq_key = pq_key
        self._clock = clock
        self._origin = origin
        self._notices = notices
        self._stand: _Stand | None = None
        self._apart: int | None = None

    def checkpoint_once(self) -> Checkpoint | None:
        """Covers what has been committed since the last checkpoint, a batch at most.

        Returns:
            The new checkpoint; None where there is nothing new, or another checkpointer was faster.

        Raises:
            Fatal: Memory, store and signatures disagree; nothing more may be signed.
            Unavailable: Try again; the next call finds out what became of this one.
        """
        stand, self._stand = self._stand, None  # found anew unless this call goes through
        # What was seen comes first and the database after it: a sound log is never behind.
        seen = self._seen.last()
        ask = self._checkpoints.uncovered
        if stand is None or (log := ask(stand.size, BATCH)).latest != stand.stored:
            stand = self._recovered()
            seen = self._seen.last()
            log = ask(stand.size, BATCH)
        size = max(seen.checkpoint.size, stand.size)
        if log.size < size:
            raise shorter(size, log.size)
        if seen.checkpoint.size > stand.size:
            return self._stored_late(stand, seen)
        if log.size == stand.size:
            self._stand = stand
            return None
        reach = min(log.size, stand.size + BATCH)
        fresh, new = grown(log.entries, stand.size, stand.edge, reach, self._origin)
        note = self._seen.extend(stand.checkpoint, lambda: self._signed(new))
        return None if note is None else self._swapped(stand, _Stand(new, note, self._tiles), fresh)

    def run(self, stop: threading.Event, *, pause_s: float = PAUSE_S) -> None:
        """Signs until told to stop; begins by catching up.

        Args:
            stop: Set it to end the loop.
            pause_s: Most time between two checkpoints, so that many records share one. It pauses
                for no longer than the last one took, since whoever waits for a proof waits for
                both; and for less where that one was of fewer than `MANY` records, of one not at
                all.

        Raises:
            Fatal: On doubt.
        """
        with ExitStack() as stack:
            wait: Callable[[float], object] = stop.wait
            give: Callable[[], None] = _nobody
            if self._notices is not None:
                wait = stack.enter_context(self._notices.listen("records"))
                sent = stack.enter_context(self._notices.giving("checkpoint"))
                give = partial(_given, sent, stop)
            stack.enter_context(self._pruning())
            held, last = "", -HINTS_APART_S
            while not stop.is_set():
                began, covered = time.monotonic(), self._covered
                try:
                    signed = self.checkpoint_once()
                except Unavailable as error:
                    if (why := _why(error)) != held:  # once, not with every try
                        held = why
                        _log.warning(
                            "%s: nothing is signed until this is mended: %s", self._origin, held
                        )
                    stop.wait(POLL_S)
                    continue
                held = ""
                if signed is None:
                    held_back = time.monotonic() < last + HINTS_APART_S
                    wait(SOON_S if held_back else POLL_S)
                else:
                    give()
                    last = time.monotonic()
                    self._seen.last()  # verifies it now, while nobody waits, and not in the next
                    pause = _shared(signed.size - covered, min(pause_s, last - began))
                    stop.wait(max(0.0, last + pause - time.monotonic()))

    def prune_once(self) -> bool:
        """Takes what is said twice, of a few full tiles; whether there is more to do at once.

        Raises:
            Unavailable: Try again.
        """
        done = self._checkpoints.prune(TILES)
        if done.apart and done.upto != self._apart:
            _log.error(
                "%s: no partial tile from record %d on is thrown away: the tile there is missing or"
                " has other bytes than a narrower one; socai log audit says which",
                self._origin,
                done.upto,
            )
        self._apart = done.upto if done.apart else None
        return done.more

    @contextmanager
    def _pruning(self) -> Iterator[None]:
        """Prunes beside the block, over a connection of its own: no proof waits for it (ADR 91)."""
        over = threading.Event()

        def prune() -> None:
            due = PRUNE_S
            while not over.wait(due):
                due = self._tidied()

        pruning = threading.Thread(target=prune, name="prune", daemon=True)
        pruning.start()
        try:
            yield
        finally:
            over.set()
            pruning.join(_END_S)  # the database may hang: then it ends with the process

    def _tidied(self) -> float:
        """When to prune again, in seconds; what fails there is in nobody's way."""
        try:
            return MORE_S if self.prune_once() else PRUNE_S
        except (Unavailable, Fatal) as error:
            _log.warning(
                "%s: nothing is thrown away until this is mended: %s", self._origin, _why(error)
            )
            return PRUNE_S

    @property
    def _covered(self) -> int:
        return 0 if self._stand is None else self._stand.size

    # -- the tree ----------------------------------------------------------------------------------

    def _signed(self, new: Checkpoint) -> bytes:
        time_s = int(self._clock.now().timestamp())
        return checkpoints.sign(new, self._log_key, self._pq_key, time_s=time_s)

    def _swapped(self, stand: _Stand, new: _Stand, fresh: list[Tile]) -> Checkpoint | None:
        """Stores what is signed and kept already; None where another checkpointer was first."""
        try:
            self._checkpoints.advance(
                stand.size or None, new.size, new.checkpoint.root, new.note or b"", fresh
            )
        except Conflict:
            return None  # the next call asks whether both are of one tree
        self._stand = _Stand(new.checkpoint, new.note, _Edge(fresh, stand.edge, self._tiles))
        return new.checkpoint

    # -- memory and store --------------------------------------------------------------------------

    def _recovered(self) -> _Stand:
        """The stored checkpoint, if what was seen before is the beginning of its tree."""
        seen, stand = self._seen.last().checkpoint, self._newest()
        if seen.size <= stand.size:
            require(seen, stand.size, self._tiles)
            if stand.note is not None:
                self._seen.keep(stand.note)  # another home's checkpointer has signed it
        return stand

    def _stored_late(self, stand: _Stand, seen: checkpoints.OpenedCheckpoint) -> Checkpoint | None:
        """A crash came between file and swap: the same bytes again, never another signature."""
        fresh = late(seen.checkpoint, self._records, stand.size, stand.edge)
        return self._swapped(stand, _Stand(seen.checkpoint, seen.note, self._tiles), fresh)

    def _newest(self) -> _Stand:
        """The stored checkpoint, if it is ours and the stored tiles lead to its root."""
        latest = self._checkpoints.latest()
        if latest is None:
            return _Stand(Checkpoint(self._origin, 0, EMPTY_ROOT), None, self._tiles)
        size, note = latest
        try:
            found = checkpoints.open_checkpoint(
                note, [self._log_key.vkey, self._pq_key.vkey], origin=self._origin
            ).checkpoint
        except VerificationError as error:
            raise planted(
                Message(
                    "the last checkpoint, of {size} records, does not hold: {detail}",
                    size=size,
                    detail=error,
                ),
            ) from error
        if found.size != size:
            raise planted(
                Message(
                    "the last checkpoint, stored as one of {size} records, is signed for {signed}",
                    size=size,
                    signed=found.size,
                ),
            )
        require(found, size, self._tiles)
        return _Stand(found, note, self._tiles)


def _shared(records: int, pause_s: float) -> float:
    """The part of a pause that is worth it behind a checkpoint of so many records."""
    return pause_s * (min(records, MANY) - 1) / (MANY - 1)


def _why(error: Exception) -> str:
    """What the server said first; what it adds may be of what it was asked."""
    return str(error.__cause__ or error).partition("\n")[0]


def _given(give: Callable[[], None], stop: threading.Event) -> None:
    """Gives a hint, and lets the thread that sends it begin."""
    give()
    stop.wait(HINT_S)


def _nobody() -> None:
    """The hint of whoever signs for none that waits."""


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
