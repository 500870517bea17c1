"""Opens wraps for processes that hold no KEK: of a case only against a committed row (U3, U4).

Whoever asks says which row of the log of reads it noted and for whom; what is opened is what that
row says, by the wraps that are stored, once. A registry record is everybody's (N6), and an event of
a file's custody, a row of the log of reads and the key of the file index hold nothing of a case:
these are opened unnoted. Every hour what was opened is held against what was noted; a difference
stops all of it. Sockets and SQL are not known here.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from keys import envelope_encryption
from keys.envelope_encryption import Keks
from keys.errors import KeysError, Unsealable
from ledger.admission import service_statements
from ledger.errors import Rejected, VerificationError
from ledger.files.file_key import ENTRY
from ledger.keeper.pace import Pace
from ledger.keeper.ports import KeeperStore, StoredWrap
from ledger.message import Message, Text
from ledger.ports import NIL_UNIT, NoRecords, StoredRecord
from ledger.reads.access_logged import OF_READS, WRAPS_OPENED, WrapsRow, origin_of, wraps_of
from ledger.reads.read import ReadBy
from ledger.reads.writer import RowPlace
from ledger.streams.record_reader import Reader

EVERY: Final = timedelta(hours=1)
"""How often opens and rows are held against each other."""
MOST_AGE: Final = timedelta(seconds=60)
"""How old a row may be: whoever notes asks at once."""
_SPAN: Final = 1_000
_log = logging.getLogger("socai.keeper")
_DIFFERS: Final = Message(
    "what was opened is not what was noted: nothing is opened any more. Row {row} of the log of"
    " reads: {opened} opened, {noted} noted. Look into it, then run: socai log resume"
)


class NotOpened(Exception):
    """The keeper does not open it; the text says why, to the log of whoever asked."""


class WrapKeeper:
    """One keeper of one enclave. Safe to call from many threads.

    Args:
        store: By the keeper's login.
        kek: Opens, and wraps.
        origin: Origin of the log of acts.
        level: Its level.
        now: The time.
        most_age: How old a row may be, by that time; None in a rehearsal, whose senders date rows.
        pace: How fast it opens; None: as fast as it is asked.
    """

    def __init__(  # noqa: PLR0913  what one opens with, and by which rules
        self,
        store: KeeperStore,
        kek: Keks,
        *,
        origin: str,
        level: str,
        now: Callable[[], datetime],
        most_age: timedelta | None = MOST_AGE,
        pace: Pace | None = None,
    ) -> None:
        self._store = store
        self._kek = kek
        self._origin = origin
        self._reads = origin_of(origin)
        self._reader = Reader(NoRecords(), kek, self._reads, level)
        self._now = now
        self._most_age = most_age
        self._pace = pace
        self._lock = threading.Lock()
        self._of_cases: dict[bytes, int] = {}  # entries, and where each stands first
        self._followed = 0  # up to where of the log
        self._opened: dict[int, int] = {}  # by row, since the last reckoning of this process
        self._due: datetime | None = None
        self._doubt: Text | None = None
        self._stands = 0  # up to where it was reckoned when the doubt came up

    @property
    def doubt(self) -> Text | None:
        """Why nothing is opened any more; None where all is well."""
        return self._doubt

    # -- what is opened against a row ----------------------------------------------------------

    def open(self, places: Sequence[RowPlace], by: ReadBy | None) -> dict[int, bytes | None]:
        """The keys of the records that rows name; None where a record's wrap is gone, or a copy.

        Args:
            places: Where the rows stand; rows of one log.
            by: For whom, as each row says: None where a process folds.

        Raises:
            NotOpened: There is no such row by then, it is of somebody else, old, was used, or too
                much was asked for.
        """
        found: dict[int, bytes | None] = {}
        for place in places:
            row, said = self._row(place, by)
            if said.file is not None:
                raise NotOpened(f"row {row.index} is of a file")
            stored = self._store.wraps(said.records, said.log)
            copies = self._copies(stored) if said.log is None else set[int]()
            self._take(row.index, said, by)
            found |= {
                n: None if n in copies else self._key(stored.get(n), said.log) for n in said.records
            }
        return found

    def open_file(self, place: RowPlace, by: ReadBy, name: UUID, entry: bytes) -> bytes:
        """The key of a file, against a row that names it.

        Raises:
            NotOpened: As `open`; or the row names another file.
            Unsealable: It does not open for this digest.
        """
        row, said = self._row(place, by)
        if said.file != name:
            raise NotOpened(f"row {row.index} is of another file, or of none")
        wrap = self._store.file(name)
        if wrap is None:
            raise Unsealable("the key of the file is gone")
        self._require_of_no_case(entry)
        self._take(row.index, said, by)
        return envelope_encryption.unwrap(self._kek, wrap, origin=self._origin, entry=entry)

    def _row(self, place: RowPlace, by: ReadBy | None) -> tuple[StoredRecord, WrapsRow]:
        row = self._store.row(place.stream_id, place.seq)
        said = None if row is None else self._said(row)
        if row is None or said is None:
            raise NotOpened(f"no row of what is to be opened is committed at {place}")
        if said.by != by:
            raise NotOpened(f"row {row.index} is of another reader")
        if self._most_age is not None and abs(self._now() - row.recorded_at) > self._most_age:
            raise NotOpened(f"row {row.index} is too old")
        return row, said

    def _said(self, row: StoredRecord) -> WrapsRow | None:
        """What a row says is to be opened; None where it says something else, or is damaged."""
        try:
            statement = self._reader.open(row).statement
            if statement is None:
                return None
            event = service_statements.parse(statement.members, OF_READS)
        except (VerificationError, Rejected, KeysError):
            return None
        return wraps_of(event) if event.event == WRAPS_OPENED else None

    def _take(self, row: int, said: WrapsRow, by: ReadBy | None) -> None:
        with self._lock:
            self._require_well()
            if self._pace is not None and not self._pace.take(by, said.wraps, self._now()):
                raise NotOpened(
                    f"row {row} is not opened: too much was asked for"
                    f" {'nobody' if by is None else by.officer} this minute, or for all"
                )
            if row in self._opened or not self._store.take(row, said.wraps):
                raise NotOpened(f"row {row} was used, or its time is over")
            self._opened[row] = said.wraps

    def _key(self, stored: StoredWrap | None, log: str | None) -> bytes | None:
        if stored is None:
            return None
        try:
            return envelope_encryption.unwrap(
                self._kek, stored.wrap, origin=log or self._origin, entry=stored.entry
            )
        except Unsealable:
            return None

    def _require_well(self) -> None:
        if self._doubt is not None:
            raise NotOpened(str(self._doubt))

    # -- what is opened unnoted ----------------------------------------------------------------

    def open_registry(self, indices: Sequence[int], log: str | None) -> dict[int, bytes | None]:
        """The keys of records that everybody in the enclave may read; None as of `open`.

        Args:
            indices: Of them.
            log: Origin of the lower log that they are of; None: of the own one.

        Raises:
            NotOpened: One is of a case.
        """
        self._require_well()
        stored = self._store.wraps(indices, log)
        if any(one.unit != NIL_UNIT for one in stored.values()):
            raise NotOpened("a record of a case is opened against a row alone")
        copies = self._copies(stored) if log is None else set[int]()
        return {n: None if n in copies else self._key(stored.get(n), log) for n in indices}

    def open_event(self, name: UUID, seq: int) -> bytes:
        """The key of an event of a file's custody. Raises: NotOpened, Unsealable."""
        self._require_well()
        found = self._store.event(name, seq) if seq > 0 else None
        if found is None:
            raise Unsealable("there is no such event")
        entry, wrap = found
        self._require_of_no_case(entry)
        return envelope_encryption.unwrap(self._kek, wrap, origin=self._origin, entry=entry)

    def _require_of_no_case(self, entry: bytes) -> None:
        """That no record of a case has it. Raises: NotOpened."""
        with self._lock:
            self._follow(None)
            if entry in self._of_cases:
                raise NotOpened("a copy of a record of a case is opened as nothing else")

    def _copies(self, stored: Mapping[int, StoredWrap]) -> set[int]:
        """Records that have the entry of an earlier one of a case: they are opened as nothing.

        A wrap opens for its entry, wherever both lie, and whoever has the writer's login can put a
        copy where no row is asked for, or the row of another case. One that is not opened is
        passed over like damage, and stops nobody from reading the others.
        """
        with self._lock:
            self._follow(max(stored, default=-1))
            found = {n for n, one in stored.items() if self._of_cases.get(one.entry, n) != n}
        if found:
            _log.warning("not opened: copies of records of a case: %s", sorted(found))
        return found

    def _follow(self, upto: int | None) -> None:
        """Knows the entries of cases up to a record, or all: a copy stands behind what it is of."""
        while upto is None or self._followed <= upto:
            end, new = self._store.of_cases(self._followed)
            if end == self._followed:
                return
            for index, entry in new:
                self._of_cases.setdefault(entry, index)
            self._followed = end

    def unwrapped(self, wrap: bytes, origin: str, entry: bytes) -> bytes:
        """A key of the log of reads, or of the index of files. Raises: NotOpened, Unsealable."""
        self._require_well()
        if origin != self._reads and (origin, entry) != (self._origin, ENTRY):
            raise NotOpened("a wrap of the log of acts is opened against a row alone")
        return envelope_encryption.unwrap(self._kek, wrap, origin=origin, entry=entry)

    def wrapped(self, dek: bytes, origin: str, entry: bytes) -> bytes:
        """A key wrapped for one entry of either log, by a nonce of its own. Raises: NotOpened."""
        if origin not in (self._origin, self._reads):
            raise NotOpened("nothing is wrapped for another log")
        return envelope_encryption.wrap(self._kek, dek, origin=origin, entry=entry)

    # -- reckoning -----------------------------------------------------------------------------

    def reckon_if_due(self) -> bool:
        """Holds opens against rows once an hour, and when the process began; whether it did."""
        now = self._now()
        if self._doubt is not None:
            if self._store.reckoned() <= self._stands:
                return False
            self._doubt = None  # an operator has looked into it
        elif self._due is not None and now < self._due:
            return False
        self.reckon()
        self._due = now + EVERY
        return True

    def reckon(self) -> None:
        """Holds what was opened since the last time against what was noted.

        A row that nobody used by then opens nothing any more. Where they differ nothing is opened
        from here on, and the next one who looks finds the same difference.
        """
        with self._lock:
            start, end = self._store.reckoned(), self._store.size()
            own = {row: used for row, used in self._opened.items() if row >= start}
            left = {**self._store.taken(start, end), **own}
            opened = lapsed = 0
            for begin in range(start, end, _SPAN):
                for row in self._store.rows(begin, min(begin + _SPAN, end)):
                    used, said = left.pop(row.index, 0), self._said(row)
                    noted = 0 if said is None else said.wraps
                    if used not in (0, noted):
                        self._stop(start, row.index, used, noted)
                        return
                    opened, lapsed = opened + used, lapsed + noted - used
            if left:  # against rows that are not there
                self._stop(start, min(left), left[min(left)], 0)
                return
            if end > start:
                self._store.reckon(end, opened, lapsed, differed=False)
            self._opened.clear()

    def accept(self) -> None:
        """Goes on behind a difference that an operator has looked into; that it was stays written.

        Whoever opens in another process takes it up at once.
        """
        with self._lock:
            self._store.reckon(self._store.size(), 0, 0, differed=True)
            self._doubt = None
            self._opened.clear()

    def _stop(self, start: int, row: int, opened: int, noted: int) -> None:
        self._stands = start
        self._doubt = _DIFFERS.filled(row=row, opened=opened, noted=noted)
