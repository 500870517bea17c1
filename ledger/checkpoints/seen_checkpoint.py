"""The newest checkpoint that one role of a home has seen of its log (formats.md §7).

The database is what this memory is there to doubt, so it lies elsewhere: a `SeenStore`. It only
moves forward, and only to notes that the log has signed. When it is asked is not known here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from keys.note import NoteSigner, VKey
from ledger.errors import Doubt, NotFound, VerificationError
from ledger.log import tiles as tiling
from ledger.log.checkpoint import Checkpoint, OpenedCheckpoint, open_checkpoint, sign, unverified
from ledger.log.merkle import EMPTY_ROOT
from ledger.log.tiles import TileReader
from ledger.message import Message, Text
from ledger.ports import SeenStore


class SeenCheckpoint:
    """What one role remembers of its log.

    Args:
        store: Where it is kept.
        vkeys: Keys of the log that sign a tree of a size, from a place that is not the database
            alone: what an ended key signed before its end is believed, and nothing after it.
        origin: Origin of the log.
    """

    def __init__(
        self, store: SeenStore, vkeys: Callable[[int], Sequence[VKey]], origin: str
    ) -> None:
        self._store = store
        self._vkeys = vkeys
        self._origin = origin
        self._good: OpenedCheckpoint | None = None  # verified once

    def last(self) -> OpenedCheckpoint:
        """The newest checkpoint seen.

        Raises:
            Doubt: `unseen` or `damaged`: no memory is not an empty log.
        """
        note = self._store.read()
        if note is None:
            raise Doubt(
                "unseen",
                Message("how far this log has signed is not known: no checkpoint seen is kept"),
            )
        return self.opened(note)

    def begin(self, note: bytes) -> None:
        """The first memory of a home: of a log just founded, or a checkpoint known from elsewhere.

        Raises:
            Doubt: There is a memory already, or this is no checkpoint of this log.
        """
        self.opened(note)
        with self._store.alone():
            if self._store.read() is not None:
                raise Doubt(
                    "damaged",
                    Message("a checkpoint seen of a log is kept already"),
                )
            self._store.write(note)

    def keep(self, note: bytes) -> None:
        """Moves forward to a checkpoint that was seen; an older one changes nothing.

        Raises:
            Doubt: Another root at the size last seen, or no checkpoint of this log.
        """
        found = self.opened(note).checkpoint
        with self._store.alone():
            last = self.last().checkpoint
            if found.size == last.size and found.root != last.root:
                raise forked(last.size)
            if found.size > last.size:
                self._store.write(note)

    def extend(self, known: Checkpoint, make: Callable[[], bytes]) -> bytes | None:
        """Signs the next checkpoint, and keeps it before anybody can see it.

        Args:
            known: The checkpoint that it grows from.
            make: Signs it.

        Returns:
            The note; None where another process of this home has signed meanwhile.

        Raises:
            Doubt: The memory is of another tree than `known`.
        """
        with self._store.alone():
            last = self.last().checkpoint
            if last.size > known.size:
                return None
            if last != known:
                raise forked(last.size)
            note = make()
            self._store.write(note)
            return note

    def opened(self, note: bytes) -> OpenedCheckpoint:
        """A note of this log, whoever kept it. Raises: Doubt: it is none."""
        good = self._good
        if good is not None and good.note == note:
            return good
        try:
            vkeys = self._vkeys(unverified(note).size)
            self._good = open_checkpoint(note, vkeys, origin=self._origin)
        except VerificationError as error:
            raise Doubt(
                "damaged",
                Message("the checkpoint seen is not of this log: {detail}", detail=error.message),
            ) from error
        return self._good


def beginning(log_key: NoteSigner, pq_key: NoteSigner, *, time_s: int) -> bytes:
    """The note that a home begins with where it founds its log: of no record yet."""
    return sign(Checkpoint(log_key.name, 0, EMPTY_ROOT), log_key, pq_key, time_s=time_s)


def require(seen: Checkpoint, records: int, tiles: TileReader) -> None:
    """That a log holds everything a checkpoint covers, and in that order.

    Args:
        seen: A checkpoint of this log, verified.
        records: How many records the log has; asked after `seen` was.
        tiles: Its stored tiles.

    Raises:
        Doubt: `shorter` or `forked`.
    """
    if records < seen.size:
        raise shorter(seen.size, records)
    try:
        root = tiling.root_from_tiles(seen.size, tiles)
    except NotFound as error:
        raise Doubt(
            "shorter",
            Message(
                "{size} records are signed over, the stored tree does not reach them",
                size=seen.size,
            ),
        ) from error
    if root != seen.root:
        raise forked(seen.size)


def shorter(size: int, records: int) -> Doubt:
    """Records that were signed over are gone."""
    return Doubt(
        "shorter",
        Message(
            "{size} records are signed over, {records} records are there",
            size=size,
            records=records,
        ),
        records,
    )


def forked(size: int) -> Doubt:
    """Going on would sign a second history."""
    return Doubt(
        "forked",
        Message("the tree of {size} records has another root than the one signed", size=size),
    )


def planted(what: Text) -> Doubt:
    """Something in the checkpointer's place that it did not put there; begins a sentence."""
    return Doubt(
        "planted",
        Message(
            "{what}; if the log did not sign it (socai log audit says so), somebody stored it"
            " in the checkpointer's place: change the checkpointer's password, run socai log"
            " discard, then socai log resume",
            what=what,
        ),
    )
