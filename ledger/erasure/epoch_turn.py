"""Turns an epoch: every wrap under one KEK moves to the next, then it is over (access.md K9).

In batches, each of which is durable by itself: whoever was cut off begins again, and finds less to
do. Records and events that come meanwhile are under either KEK; those that come under the old one
are moved too, and once the turn is closed the database takes none. What stood before is kept aside
until then: whatever has moved is opened first, and where it does not open it goes back. What became
of the old key, and where the keys lie, is not known here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol
from uuid import UUID

from keys import envelope_encryption
from keys.envelope_encryption import Kek
from keys.errors import Unsealable
from ledger.errors import VerificationError
from ledger.files.file_key import ENTRY
from ledger.reads.access_logged import origin_of

BATCH: Final = 1_000
_NOBODY: Final = UUID(int=0)
_FIRST: Final = (_NOBODY, -1)


class _Read(Protocol):
    """`Wraps.records`, or `Wraps.reads`."""

    def __call__(
        self, kek_id: bytes, after: int, limit: int, /, *, moved: bool = False
    ) -> Sequence[tuple[int, bytes, bytes]]: ...


class Wraps(Protocol):
    """The wraps of a log, as its keeper sees them; `ledger.postgres.keeping.keeper` is one."""

    def records(
        self, kek_id: bytes, after: int, limit: int, *, moved: bool = False
    ) -> Sequence[tuple[int, bytes, bytes]]:
        """Index, entry and wrap of records under a KEK, in order; of those alone that moved."""

    def reads(
        self, kek_id: bytes, after: int, limit: int, *, moved: bool = False
    ) -> Sequence[tuple[int, bytes, bytes]]:
        """The same of the log of reads."""

    def files(
        self, kek_id: bytes, after: tuple[UUID, int], limit: int, *, moved: bool = False
    ) -> Sequence[tuple[UUID, int, bytes | None, bytes]]:
        """File, position, entry of the event (None of the file's own) and wrap, in order."""

    def mirrored(
        self, kek_id: bytes, after: tuple[str, int], limit: int, *, moved: bool = False
    ) -> Sequence[tuple[str, int, bytes, bytes]]:
        """Log, index, entry and wrap of what was taken in of lower logs, in order."""

    def file_key(self, *, moved: bool = False) -> bytes | None:
        """The wrapped key of the files; None also where it had to move, and did not."""

    def move_records(self, moves: Sequence[tuple[int, bytes, bytes]]) -> int:
        """Index, old and new wrap; how many were still the old ones."""

    def move_reads(self, moves: Sequence[tuple[int, bytes, bytes]]) -> int:
        """The same of the log of reads."""

    def move_files(self, moves: Sequence[tuple[UUID, int, bytes, bytes]]) -> int:
        """Name, position, old and new wrap."""

    def move_mirrored(self, moves: Sequence[tuple[str, int, bytes, bytes]]) -> int:
        """Log, index, old and new wrap."""

    def move_file_key(self, old: bytes, new: bytes) -> int:
        """Old and new wrap."""

    def put_back(self, of: str, places: Sequence[tuple[str, UUID, int]]) -> int:
        """Puts back what stood in these places before it moved; how many went back."""


class Epochs(Protocol):
    """Turns, as the administrator ends them; `ledger.postgres.keeping.epochs` is one."""

    def close(self, before: bytes, left: int, seen: int) -> bool:
        """Ends the turn where `left` wraps are under the old KEK, and `seen` have moved."""


class EpochTurn:
    """One turn.

    Args:
        wraps: The wraps.
        epochs: Ends the turn.
        old: The KEK that goes.
        new: The one that takes its place.
        origin: Origin of the log.
        digest: The 32 bytes that a file's own key is wrapped for: what its upload says.
            Raises: VerificationError.
        moved: Told how many more have moved.

    Attributes:
        unopened: Wraps that do not open, by what they are of: they cannot be moved.
        put_back: How many did not open once they had moved, and went back; this turn's, not ours.
    """

    def __init__(  # noqa: PLR0913 - wired once, by api.ops
        self,
        wraps: Wraps,
        epochs: Epochs,
        old: Kek,
        new: Kek,
        *,
        origin: str,
        digest: Callable[[UUID], bytes],
        moved: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._wraps = wraps
        self._epochs = epochs
        self._old = old
        self._new = new
        self._origin = origin
        self._digest = digest
        self._moved = moved
        self.unopened: list[str] = []
        self.put_back = 0
        self._seen = 0

    def move(self) -> None:
        """Moves everything that is there; what comes meanwhile is moved too, as far as it is met.

        Raises:
            VerificationError: `attachment`: the key of the files does not open.
            Unavailable: Begin again.
        """
        self.unopened = []
        self._move_file_key()
        wraps = self._wraps
        self._move_records("record", self._origin, wraps.records, wraps.move_records)
        self._move_records("read", origin_of(self._origin), wraps.reads, wraps.move_reads)
        self._move_files()
        self._move_mirrored()

    def look(self) -> bool:
        """Opens everything that has moved; what does not open goes back, to be moved again.

        Whoever else has the keeper's login can put noise in the place of what has not moved yet.

        Returns:
            Whether nothing went back.

        Raises:
            Unavailable: Begin again.
        """
        self._seen, before = 0, self.put_back
        wraps = self._wraps
        self._look_at("record", self._origin, wraps.records)
        self._look_at("read", origin_of(self._origin), wraps.reads)
        self._look_at_files()
        self._look_at_mirrored()
        if (key := wraps.file_key(moved=True)) is not None:
            good = self._opens(key, ENTRY)
            self._seen += good
            self._back("file_key", [] if good else [("", _NOBODY, 0)])
        return self.put_back == before

    def close(self, *, leave: bool = False) -> bool:
        """Ends the turn: from here on the old KEK opens nothing that is kept.

        Args:
            leave: Whether what does not open may be left behind; whatever may still be had of it
                from a backup can then never be opened.

        Returns:
            False where something is left that could be moved, or may not be left.
        """
        if self.unopened and not leave:
            return False
        return self._epochs.close(self._old.kek_id, len(self.unopened), self._seen)

    def _rewrapped(self, wrap: bytes, entry: bytes, origin: str | None = None) -> bytes:
        of = origin or self._origin
        dek = envelope_encryption.unwrap(self._old, wrap, origin=of, entry=entry)
        return envelope_encryption.wrap(self._new, dek, origin=of, entry=entry)

    def _move_file_key(self) -> None:
        wrap = self._wraps.file_key()
        if wrap is None or envelope_encryption.kek_id_of(wrap) == self._new.kek_id:
            return
        try:
            self._moved(self._wraps.move_file_key(wrap, self._rewrapped(wrap, ENTRY)))
        except Unsealable as error:
            raise VerificationError("attachment", "the key of the file index is damaged") from error

    def _move_records(
        self,
        what: str,
        origin: str,
        read: _Read,
        move: Callable[[Sequence[tuple[int, bytes, bytes]]], int],
    ) -> None:
        after = -1
        while rows := read(self._old.kek_id, after, BATCH):
            moves = []
            for index, entry, wrap in rows:
                try:
                    moves.append((index, wrap, self._rewrapped(wrap, entry, origin)))
                except Unsealable:
                    self.unopened.append(f"{what} {index}")
            if moves:
                self._moved(move(moves))
            after = rows[-1][0]

    def _move_mirrored(self) -> None:
        after = ("", -1)
        while rows := self._wraps.mirrored(self._old.kek_id, after, BATCH):
            moves = []
            for origin, index, entry, wrap in rows:
                try:
                    moves.append((origin, index, wrap, self._rewrapped(wrap, entry, origin)))
                except Unsealable:
                    self.unopened.append(f"{origin} {index}")
            if moves:
                self._moved(self._wraps.move_mirrored(moves))
            after = rows[-1][:2]

    def _move_files(self) -> None:
        after = _FIRST
        while rows := self._wraps.files(self._old.kek_id, after, BATCH):
            moves = []
            for name, seq, entry, wrap in rows:
                try:
                    bound = self._digest(name) if seq == 0 else entry or b""
                    moves.append((name, seq, wrap, self._rewrapped(wrap, bound)))
                except (Unsealable, VerificationError):
                    self.unopened.append(f"file {name} {seq}")
            if moves:
                self._moved(self._wraps.move_files(moves))
            after = rows[-1][:2]

    # -- looking at what has moved -----------------------------------------------------------------

    def _opens(self, wrap: bytes, entry: bytes, origin: str | None = None) -> bool:
        try:
            envelope_encryption.unwrap(self._new, wrap, origin=origin or self._origin, entry=entry)
        except Unsealable:
            return False
        return True

    def _back(self, of: str, places: Sequence[tuple[str, UUID, int]]) -> None:
        if places:
            self.put_back += self._wraps.put_back(of, places)

    def _look_at(self, of: str, origin: str, read: _Read) -> None:
        after = -1
        while rows := read(self._new.kek_id, after, BATCH, moved=True):
            bad = [
                ("", _NOBODY, at)
                for at, entry, wrap in rows
                if not self._opens(wrap, entry, origin)
            ]
            self._seen += len(rows) - len(bad)
            self._back(of, bad)
            after = rows[-1][0]

    def _look_at_mirrored(self) -> None:
        after = ("", -1)
        while rows := self._wraps.mirrored(self._new.kek_id, after, BATCH, moved=True):
            bad = [
                (of, _NOBODY, at)
                for of, at, entry, wrap in rows
                if not self._opens(wrap, entry, of)
            ]
            self._seen += len(rows) - len(bad)
            self._back("mirrored", bad)
            after = rows[-1][:2]

    def _look_at_files(self) -> None:
        after = _FIRST
        while rows := self._wraps.files(self._new.kek_id, after, BATCH, moved=True):
            bad = [
                ("", name, seq)
                for name, seq, entry, wrap in rows
                if not self._file_opens(name, seq, entry, wrap)
            ]
            self._seen += len(rows) - len(bad)
            self._back("file", bad)
            after = rows[-1][:2]

    def _file_opens(self, name: UUID, seq: int, entry: bytes | None, wrap: bytes) -> bool:
        try:
            return self._opens(wrap, self._digest(name) if seq == 0 else entry or b"")
        except VerificationError:
            return False
