"""Views that are folded together: a batch at a time, rows and positions in one transaction.

DURABLE for a view is the COMMIT that moves its position; a crash before it repeats the batch, and
rows of a batch depend on nothing but the log. A record that cannot be folded or written stops the
views it stops, visibly, and nothing else (architecture.md §5).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Final, Protocol, Self

import psycopg

from keys.errors import Carried, KeyAway
from ledger.errors import LedgerError, Unavailable, VerificationError
from ledger.ports import RecordStore
from ledger.postgres.connect import is_passing
from ledger.regulation.acts.act import ORDINARY
from ledger.streams.record_reader import Opened, Reader
from ledger.write.judged_stream import JudgedStreams
from ledger.write.registry_follower import RegistryFollower
from projections.engine.generations import ConcurrentUpdate, ViewState
from projections.engine.log_source import RecordsLog
from projections.fold.fold import BATCH, Fold
from projections.fold.shard import ALL_SHARDS, DIGITS, Shard
from projections.fold.statement_check import Form
from projections.views import acts
from projections.views.base import Connection, Cursor, View

_log = logging.getLogger("socai.views")
LOOK_S: Final = 0.1
"""How long a look back lasts, but for the stream that it is at."""
_LOOK: Final = 100
_LEAST: Final = 16
"""Records of a batch, however long one takes."""
LARGEST: Final = 4 * BATCH
"""Most records, about, that are read at once, and that the loop has in a transaction of a
generation that nobody reads yet."""


class GenerationPosition(Protocol):
    """How far a generation of a view is folded; a record of the database, as it was read."""

    @property
    def view(self) -> str:
        """Name of the view."""

    @property
    def gen(self) -> int:
        """Its generation."""

    @property
    def position(self) -> int:
        """Last record folded, -1 for none."""

    def move(
        self, cursor: Cursor, position: int, recorded_at: datetime | None, *others: Self
    ) -> None:
        """Says in the cursor's transaction how far it and others beside it are folded now.

        Raises:
            ConcurrentUpdate: One has moved meanwhile.
        """

    def stop(self, connection: Connection, why: str, index: int) -> None:
        """Says which record stops it."""


class BatchTransaction:
    """One fold, and the views that take its steps.

    Args:
        views: By name.
        records: Stored rows.
        reader: Opens them, for folds.
        origin: Origin of the log.
        level: Its level.
        most: Most records in a transaction.
        follower: Follows the registry: one a process, however many groups it has.
        judged: As of `RecordsLog`: one a process, too.
        share: Which part of the log it folds.
        lean: As of `Fold`.
        turn_s: How long a batch may take: by what the last one took, the next is shorter. None: as
            long as it likes.
        read: As of `reader`, for batches; where what was read for another group is read again.
        form: As of `Fold`: groups that fold the same records share it.
    """

    def __init__(  # noqa: PLR0913 - the ports, the log's name and five choices
        self,
        views: Mapping[str, View],
        records: RecordStore,
        reader: Reader,
        *,
        origin: str,
        level: str,
        most: int,
        follower: RegistryFollower,
        judged: JudgedStreams | None = None,
        share: Shard = ALL_SHARDS,
        lean: bool = False,
        turn_s: float | None = None,
        read: Callable[[int, int], Sequence[Opened]] | None = None,
        form: Form | None = None,
    ) -> None:
        self._views = views
        self._records = records
        self._reader = reader
        self._read = read or reader.read
        self._form = form
        self._origin = origin
        self._level = level
        self._most = most
        self._share = share
        self._lean = lean
        self._turn_s = turn_s
        self._pace = most
        self._follower = follower
        self._judged = judged
        self._doubted: set[int] = set()  # records that stopped a view: judged in full before more
        self._fold: Fold | None = None
        self._width = most
        self._narrow_until = -1
        self._stuck_at: int | None = None  # where a look back failed that has been told of

    def advance(
        self, connection: Connection, places: Sequence[GenerationPosition], end: int
    ) -> int | None:
        """Folds the next batch of the places that are furthest behind.

        Args:
            connection: Of the projector, in autocommit mode.
            places: Of this group's views; not stopped.
            end: Index behind the last record to fold.

        Returns:
            How many indices it went through; None if all are at the end.

        Raises:
            ConcurrentUpdate: Another process is at work on the same.
            psycopg.Error: The database went away.
        """
        behind = min((place.position for place in places), default=end)
        if behind + 1 >= end:
            return None
        members = [place for place in places if place.position == behind]
        ahead = min((p.position for p in places if p.position > behind), default=end - 1)
        if behind >= self._narrow_until:
            self._width = self._most
        last, began = min(behind + min(self._width, self._pace), ahead), monotonic()
        try:
            self._batch(connection, members, behind, last)
            self._keep_pace(last - behind, monotonic() - began)
        except Exception as error:
            self._fold = None
            if isinstance(error, ConcurrentUpdate) or is_away(error):
                raise
            # whatever a record does must be seen
            self._failed(connection, members, behind, last, error)
        return last - behind

    def _keep_pace(self, folded: int, took_s: float) -> None:
        """A long batch makes the next one shorter, a quick one makes it at most twice as long."""
        if self._turn_s is not None:
            room = min(2.0, self._turn_s / max(took_s, 1e-6))
            self._pace = min(self._most, max(_LEAST, int(folded * room)))

    def look_back(self, connection: Connection, places: Sequence[ViewState]) -> bool:
        """Asks the guards too, for a moment, of what its views have folded without them.

        What the rules refuse is taken back. That a look fails stops no view: it is tried again, and
        told of in the log of the service; `socai_projection_unjudged_records` says how far it lags.

        Args:
            connection: Of the projector, in autocommit mode.
            places: As of `advance`; live ones.

        Returns:
            Whether it went on.

        Raises:
            ConcurrentUpdate: Another process is at work on the same.
            psycopg.Error: The database went away.
        """
        behind = min((place.judged for place in places), default=0)
        end = max((place.position for place in places), default=0)
        if behind >= end or any(place.position != end for place in places):
            return False
        last = min([end, *(place.judged for place in places if place.judged > behind)])
        members = [place for place in places if place.judged == behind]
        try:
            self._take_back(connection, members, self._at(connection, end), last)
        except Exception as error:
            if isinstance(error, ConcurrentUpdate) or is_away(error):
                self._fold = None
                raise
            if self._stuck_at != behind:  # once, not once a second
                self._stuck_at = behind
                _log.exception("what views show is not judged beyond record %d", behind)
            return False
        return True

    def _take_back(
        self, connection: Connection, members: Sequence[ViewState], fold: Fold, last: int
    ) -> None:
        behind, until = members[0].judged, monotonic() + LOOK_S
        judged, steps = behind, []
        for row in self._records.read(behind + 1, min(_LOOK, last - behind)):
            step = fold.look_back(row)
            steps += [] if step is None else [step]
            judged = row.index
            if monotonic() > until:
                break
        with connection.transaction(), connection.cursor() as cursor:
            for place in members:
                place.judge(cursor, judged)
            for place in members if steps else ():
                batch = self._views[place.view].batch(cursor, place.gen)
                for step in steps:
                    batch.take(step)
                batch.write()

    def take_forgotten(self) -> int:
        """Statements forgotten since this was last asked."""
        return 0 if self._fold is None else self._fold.take_forgotten()

    def let_go(self) -> int:
        """Lets go of the fold; returns the statements that are forgotten with it."""
        fold, self._fold = self._fold, None
        return 0 if fold is None else fold.take_forgotten() + fold.held

    def _batch(
        self, connection: Connection, members: Sequence[GenerationPosition], behind: int, last: int
    ) -> None:
        fold = self._at(connection, behind)
        if self._share.whole:
            opened = self._read(behind + 1, last - behind)
            if len(opened) < last - behind:
                missing = behind + 1 + len(opened)
                raise VerificationError("gap", "the log's head promises this record", missing)
            self._write(connection, members, fold, opened, last, opened[-1].recorded_at)
        else:
            self._write(connection, members, fold, self._owned(behind + 1, last + 1), last, None)
        fold.position = last

    def _owned(self, start: int, end: int) -> Iterator[Opened]:
        """Records [start, end) of its share, read while they are folded: that may be all it has."""
        width = LARGEST * len(DIGITS) // len(self._share.digits)
        for first in range(start, end, width):
            yield from self._reader.cases(first, min(first + width, end), self._share.digits)

    def _at(self, connection: Connection, position: int) -> Fold:
        """The fold after this record; begun anew where it does not stand there."""
        fold = self._fold
        if fold is None or fold.position != position:
            merged = self._level == ORDINARY and set(self._views) == {acts.NAME}
            log = RecordsLog(
                self._records, self._reader, connection, self._follower,
                numbered=self._share.whole or not merged, judged=self._judged,
            )  # fmt: skip
            fold = self._fold = Fold(
                log,
                self._origin,
                self._level,
                position,
                self._share,
                flags=any(view.flags for view in self._views.values()),
                lean=self._lean,
                form=self._form,
            )
            for index in self._doubted:
                fold.doubt(index)
        return fold

    def _write(
        self,
        connection: Connection,
        members: Sequence[GenerationPosition],
        fold: Fold,
        opened: Iterable[Opened],
        last: int,
        recorded_at: datetime | None,
    ) -> None:
        """Rows and positions of one batch in one transaction."""
        with connection.transaction(), connection.cursor() as cursor:
            members[0].move(cursor, last, recorded_at, *members[1:])
            batches = [(p, self._views[p.view].batch(cursor, p.gen)) for p in members]
            for step in fold.steps(opened):
                for place, batch in batches:
                    try:
                        batch.take(step)
                    except Exception as error:  # noqa: BLE001 - whatever a record does must be seen
                        raise _blamed(place, error)  # noqa: B904 - it has its cause
            for place, batch in batches:
                try:
                    batch.write()
                except Exception as error:  # noqa: BLE001 - whatever a record does must be seen
                    raise _blamed(place, error)  # noqa: B904 - it has its cause

    def _failed(
        self,
        connection: Connection,
        members: Sequence[GenerationPosition],
        behind: int,
        last: int,
        error: Exception,
    ) -> None:
        """A batch of one names the record that stops; a longer one is tried again by halves.

        It stops nothing before it was judged in full: what the rules refuse is set aside. That
        memory was short is no fault of a record's: where it is so for one, the process ends.
        """
        if last - behind > 1:
            self._narrow_until = max(self._narrow_until, last)
            self._width = (last - behind) // 2
            return
        if isinstance(error, MemoryError):
            raise error
        if last not in self._doubted:
            self._doubted.add(last)
            return
        if isinstance(error, _Failed):
            members, cause = [error.place], error.__cause__ or error
        else:
            cause = error
        for place in members:
            place.stop(connection, why(cause), last)


class _Failed(Carried):
    """One view could not take or write its part; the others are not to blame."""

    def __init__(self, place: GenerationPosition) -> None:
        super().__init__(place.view)
        self.place = place


def _blamed(place: GenerationPosition, error: Exception) -> Exception:
    """Names the view whose part fails; a database that goes away, or no memory, is nobody's."""
    if is_away(error) or isinstance(error, MemoryError):
        return error
    failed = _Failed(place)
    failed.__cause__ = error
    return failed


def why(error: BaseException) -> str:
    """What stopped a view, for who operates it: our own words, else kind and place of the error.

    The words of others quote what they met: rows that the database refuses, values that no code
    expects. Content of acts stands in no column but its own.
    """
    kind = type(error).__name__
    if isinstance(error, LedgerError):
        return f"{kind}: {error}"[:500]
    if isinstance(error, psycopg.Error):
        places = (error.diag.table_name, error.diag.column_name, error.diag.constraint_name)
        return " ".join((kind, *(place for place in places if place)))
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return kind
    return f"{kind} at {Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"


def is_away(error: Exception) -> bool:
    """Whether it is the database or what holds the KEK that failed, and not a record."""
    kinds = (psycopg.OperationalError, psycopg.InterfaceError, Unavailable, KeyAway)
    return isinstance(error, kinds) or is_passing(error)
