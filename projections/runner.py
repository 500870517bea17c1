"""The one loop of all views: read a batch, fold, write rows and position in one transaction.

Rebuild beside, then switch.

A notice is a hint, the poll is the truth. One loop is active at a time, by an advisory lock. A
record that cannot be folded or written stops the views it stops, visibly, and nothing else
(architecture.md §5). DURABLE for a view is the COMMIT that moves its position; a crash before it
repeats the batch, and rows of a batch depend on nothing but the log.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from threading import Event
from typing import Any, Final, LiteralString, Protocol
from uuid import UUID

import psycopg
from psycopg import sql

from ledger.errors import LedgerError, Unavailable
from ledger.ports import Notices, StoredRecord
from ledger.postgres.connect import is_lost
from ledger.reader import Opened, Reader
from projections import timeline
from projections.fold import BATCH, REPORTS, Fold
from projections.sweep import Sweep
from projections.view import Connection, Step, View
from projections.views import VIEWS

POLL_S: Final = 1.0
REBUILD_BATCH: Final = 4 * BATCH
"""Most records in a transaction of a generation that nobody reads yet."""
GATHER_S: Final = 0.03
"""After a batch that was not full, so that under load records are folded many at a time."""
_LOCK: Final = 0x70726F6A  # "proj": one active loop in a database
_INSTALLING: Final = 0x70726F6B  # one at a time makes tables; never waits for the loop
_PURGE_ROWS: Final = 5_000

_ACTIVE: Final[LiteralString] = "SELECT pg_try_advisory_lock(%s)"
_STATES: Final[LiteralString] = """
SELECT view, gen, state, shape, position, recorded_at, target, error, error_at FROM proj.views
ORDER BY view, gen
"""
_NEW: Final[LiteralString] = """
INSERT INTO proj.views (view, gen, state, shape, target) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT DO NOTHING
"""
_NEXT_GEN: Final[LiteralString] = """
SELECT coalesce(max(gen), 0) + 1 FROM proj.views WHERE view = %s
"""
_MOVED: Final[LiteralString] = """
UPDATE proj.views SET position = %s, recorded_at = %s WHERE view = %s AND gen = %s
"""
_STOPPED: Final[LiteralString] = """
UPDATE proj.views SET error = %s, error_at = %s WHERE view = %s AND gen = %s
"""
_RESUMED: Final[LiteralString] = """
UPDATE proj.views SET error = NULL, error_at = NULL WHERE view = %s AND state <> 'old'
"""
_RETIRE: Final[LiteralString] = """
UPDATE proj.views SET state = 'old' WHERE view = %s AND state = 'live'
"""
_PROMOTE: Final[LiteralString] = """
UPDATE proj.views SET state = 'live' WHERE view = %s AND gen = %s
"""
_FORGET: Final[LiteralString] = "DELETE FROM proj.views WHERE view = %s AND gen = %s"
_ABANDON: Final[LiteralString] = """
UPDATE proj.views SET state = 'old' WHERE view = %s AND state = 'building'
"""
_SHAPE: Final[LiteralString] = "SELECT shape FROM proj.views WHERE view = %s LIMIT 1"
_DROP_VIEW: Final[LiteralString] = "DELETE FROM proj.views WHERE view = %s"
_NOTIFY: Final[LiteralString] = "SELECT pg_notify('projected', %s)"
_INSTALL_LOCK: Final[LiteralString] = "SELECT pg_advisory_xact_lock(%s)"
_REPORTS: Final = sorted(REPORTS)


class Records(Protocol):
    """What a projector asks of the stored records (`ledger.ports.RecordStore`)."""

    def head(self) -> Any: ...  # noqa: ANN401 - a LogHead; only its size is read

    def read(self, start: int, limit: int) -> Sequence[StoredRecord]: ...

    def stream(self, stream_id: UUID, after_seq: int = 0) -> Sequence[StoredRecord]: ...

    def registry(self, after_index: int) -> Sequence[StoredRecord]: ...


@dataclass(frozen=True, slots=True)
class ViewState:
    """One generation of a view as it stands.

    Attributes:
        view: Name.
        gen: Generation.
        state: `building`, `live` or `old`.
        shape: SHA-256 of its DDL.
        position: Last record folded, -1 for none.
        recorded_at: When that record was taken.
        target: Size of the log when a rebuild was asked for.
        error: Why it stopped; None while it goes on.
        error_at: Index of the record it stopped at.
    """

    view: str
    gen: int
    state: str
    shape: str
    position: int
    recorded_at: datetime | None
    target: int | None
    error: str | None
    error_at: int | None

    @property
    def stopped(self) -> bool:
        """Whether a record stopped it."""
        return self.error is not None


class RecordsLog:
    """The log as the fold reads it: stored rows, opened (`projections.fold.Log`).

    Args:
        records: Stored rows.
        reader: Opens them.
        connection: Of the projector; for reports it asks the timeline.
    """

    def __init__(self, records: Records, reader: Reader, connection: Connection) -> None:
        self._records = records
        self._reader = reader
        self._connection = connection

    def size(self) -> int:
        """Records committed."""
        return int(self._records.head().size)

    def read(self, start: int, limit: int) -> Sequence[Opened]:
        """Records `start` …, opened. Raises: VerificationError."""
        return self._reader.read(start, limit)

    def stream(self, stream_id: UUID) -> Iterator[Opened]:
        """One stream, each record opened when it is asked for. Raises: VerificationError."""
        for row in self._records.stream(stream_id):
            yield self._reader.open(row)

    def registry(self) -> Sequence[Opened]:
        """Registry records, opened. Raises: VerificationError."""
        return [self._reader.open(row) for row in self._records.registry(-1)]

    def reports(self, upto: int) -> Iterator[Opened]:
        """Report records up to an index: by the timeline where it reaches, else by reading all."""
        if _folded(self._connection, timeline.NAME) >= upto:
            for row in timeline.effective_indices(self._connection, _REPORTS, upto):
                yield from self.read(row, 1)
            return
        for start in range(0, upto + 1, BATCH):
            for opened in self.read(start, min(BATCH, upto + 1 - start)):
                act = opened.act
                if act is not None and act.act in REPORTS and _is_last(opened):
                    yield opened


def _is_last(opened: Opened) -> bool:
    """Whether this statement is that of the act's last signer."""
    act, statement = opened.act, opened.statement
    return act is not None and statement is not None and act.signers[-1].role == statement.role


def _folded(connection: Connection, view: str) -> int:
    for state in states(connection):
        if state.view == view and state.state == "live":
            return state.position
    return -1


# -- DDL ---------------------------------------------------------------------------------------


def ddl(name: str) -> tuple[bytes, str]:
    """DDL of a view and its SHA-256."""
    text = resources.files("projections").joinpath("schema", f"{name}.sql").read_bytes()
    return text, hashlib.sha256(text).hexdigest()


def install(connection: Connection, views: Sequence[View] = VIEWS) -> None:
    """Makes the tables of every view that is not there yet; a view whose DDL changed starts anew.

    Run as the projector, which owns schema `proj`. Views are disposable: nothing is migrated.
    """
    with connection.transaction():
        connection.execute(_INSTALL_LOCK, [_INSTALLING])
        connection.execute(ddl("views")[0])
        for view in views:
            text, shape = ddl(view.name)
            found = connection.execute(_SHAPE, [view.name]).fetchone()
            if found is not None and found[0] != shape:
                for table in view.tables:
                    connection.execute(
                        sql.SQL("DROP TABLE IF EXISTS proj.{}").format(sql.Identifier(table))
                    )
                connection.execute(_DROP_VIEW, [view.name])
            connection.execute(text)
            if found is None or found[0] != shape:
                connection.execute(_NEW, [view.name, 1, "live", shape, None])


def states(connection: Connection) -> list[ViewState]:
    """Every generation of every view."""
    return [ViewState(*row) for row in connection.execute(_STATES).fetchall()]


def ask_rebuild(
    connection: Connection, view: str, target: int, views: Sequence[View] = VIEWS
) -> int:
    """Asks for a new generation of a view; the active loop builds it beside the one that is read.

    Returns:
        The new generation.

    Raises:
        LookupError: There is no such view, or a rebuild of it is under way.
    """
    if view not in {v.name for v in views}:
        raise LookupError(f"no such view: {view}")
    with connection.transaction():
        gen = connection.execute(_NEXT_GEN, [view]).fetchone()
        number = int(gen[0]) if gen else 1
        done = connection.execute(_NEW, [view, number, "building", ddl(view)[1], target])
        if not done.rowcount:
            raise LookupError(f"a rebuild of {view} is under way")
    return number


def abandon_rebuild(connection: Connection, view: str) -> None:
    """Gives up a rebuild; its rows are cleared away by the loop."""
    connection.execute(_ABANDON, [view])


def resume(connection: Connection, view: str) -> None:
    """Lets a stopped view try its record again."""
    connection.execute(_RESUMED, [view])


# -- the loop ----------------------------------------------------------------------------------

Progress = Callable[[str, int, int], None]
"""Called with (view, records folded, records in all) while a generation is built."""


class Projector:
    """The loop; one per enclave does the work, the others wait for its lock.

    Args:
        connect: Opens a connection of the projector's login in autocommit mode.
        records: Stored rows, by the same login.
        reader: Opens them.
        origin: Origin of the log.
        level: Its level.
        views: Which views to keep.
        batch: Most records in a transaction; fewer than `BATCH` also for a rebuild.
    """

    def __init__(  # noqa: PLR0913 - the ports, the log's name and two choices
        self,
        connect: Callable[[], Connection],
        records: Records,
        reader: Reader,
        *,
        origin: str,
        level: str = "ordinary",
        views: Sequence[View] = VIEWS,
        batch: int = BATCH,
    ) -> None:
        self._connect = connect
        self._records = records
        self._reader = reader.for_folds()
        self._origin = origin
        self._level = level
        self._views = {view.name: view for view in views}
        self._batch = min(batch, BATCH)
        self._largest = batch if batch < BATCH else REBUILD_BATCH
        self._connection: Connection | None = None
        self._folds: dict[str, Fold] = {}
        self._careful_until = -1
        self._folded = 0  # records of the last batch
        self._sweep = Sweep()

    # -- running -------------------------------------------------------------------------------

    def run(self, stop: Event, notices: Notices | None = None) -> None:
        """Keeps every view up until `stop` is set.

        Survives a database that goes away and comes back.
        """
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._sweep)
            wait: Callable[[float], object] = stop.wait
            if notices is not None:
                wait = stack.enter_context(notices.listen("records"))
            while not stop.is_set():
                try:
                    worked = self.advance()
                except Exception as error:
                    if not _is_away(error):
                        raise
                    self.close()
                    worked = False
                    stop.wait(POLL_S)
                if worked and self._folded < self._batch:
                    stop.wait(GATHER_S)
                elif not worked and not stop.is_set():
                    wait(POLL_S)
            self.close()

    def close(self) -> None:
        """Lets go of the lock and of everything in memory."""
        if self._connection is not None:
            self._connection.close()
        self._connection, self._folds = None, {}

    def catch_up(self) -> int:
        """Folds all that is committed now, live generations first; returns the position reached."""
        with self._sweep:
            while self.advance():
                pass
        return min((s.position for s in self._live() if not s.stopped), default=-1)

    def rebuild(self, view: str, progress: Progress | None = None) -> None:
        """Builds a view anew beside the one that is read, and switches.

        For a process that may be the loop.

        Raises:
            LookupError: No such view, or a rebuild of it is under way.
            Unavailable: Another process is the loop: ask it with `ask_rebuild`.
            LedgerError: A record stopped the new generation; the old one is still read.
        """
        connection = self._active()
        if connection is None:
            raise _busy()
        gen = ask_rebuild(connection, view, self._size(), tuple(self._views.values()))
        with self._sweep:
            self._build(connection, view, gen, progress)

    def _build(
        self, connection: Connection, view: str, gen: int, progress: Progress | None
    ) -> None:
        while True:
            state = next((s for s in states(connection) if (s.view, s.gen) == (view, gen)), None)
            if state is None or state.state != "building":
                return
            if state.stopped:
                abandon_rebuild(connection, view)
                raise LedgerError(f"rebuild of {view} stopped at {state.error_at}: {state.error}")
            if progress is not None:
                progress(view, state.position + 1, max(self._size(), state.target or 0))
            self.advance()

    def advance(self) -> bool:
        """One batch of whatever is furthest behind.

        False when all is done or another loop is active.
        """
        connection = self._active()
        if connection is None:
            return False
        every = states(connection)
        size = self._size()
        live = [s for s in every if s.state == "live" and s.view in self._views and not s.stopped]
        if self._advance_group(connection, "live", live, size):
            return True
        for state in every:
            if state.state == "building" and not state.stopped and state.view in self._views:
                if state.position + 1 >= size:
                    self._switch(connection, state)
                else:
                    self._advance_group(connection, f"{state.view}/{state.gen}", [state], size)
                return True
        return self._purge_one(connection, every)

    # -- one batch -----------------------------------------------------------------------------

    def _advance_group(
        self, connection: Connection, group: str, states_: Sequence[ViewState], size: int
    ) -> bool:
        behind = min((s.position for s in states_), default=size)
        if behind + 1 >= size:
            return False
        members = [s for s in states_ if s.position == behind]
        ahead = min((s.position for s in states_ if s.position > behind), default=size - 1)
        limit = min(self._batch if group == "live" else self._largest, ahead - behind)
        if behind < self._careful_until:
            limit = 1
        self._fold_batch(connection, group, members, behind, limit)
        return True

    def _fold_batch(
        self,
        connection: Connection,
        group: str,
        members: Sequence[ViewState],
        position: int,
        limit: int,
    ) -> None:
        try:
            fold = self._fold_at(connection, group, position)
            opened = self._reader.read(position + 1, limit)
            self._folded = len(opened)
            if opened:
                self._write(connection, members, fold, opened)
                self._sweep.let_go(fold.take_let_go())
        except _Failed as error:
            self._folds.pop(group, None)
            self._fail(connection, [error.state], position, limit, error.__cause__ or error)
        except Exception as error:
            self._folds.pop(group, None)
            if _is_away(error):
                raise
            # whatever a record does must be seen
            self._fail(connection, members, position, limit, error)

    def _fold_at(self, connection: Connection, group: str, position: int) -> Fold:
        fold = self._folds.get(group)
        if fold is None or fold.position != position:
            log = RecordsLog(self._records, self._reader, connection)
            fold = self._folds[group] = Fold(log, self._origin, self._level, position)
        return fold

    def _write(
        self,
        connection: Connection,
        members: Sequence[ViewState],
        fold: Fold,
        opened: Sequence[Opened],
    ) -> None:
        """Rows and positions of one batch in one transaction."""
        last = opened[-1]
        with connection.transaction(), connection.cursor() as cursor:
            batches = {s: self._views[s.view].batch(cursor, s.gen) for s in members}
            takers = [(state, batch.take) for state, batch in batches.items()]
            for step in fold.steps(opened):
                for state, take in takers:
                    try:
                        take(step)
                    except Exception as error:  # noqa: BLE001 - whatever a record does must be seen
                        raise _blamed(state, error)  # noqa: B904 - it has its cause
            for state, batch in batches.items():
                try:
                    batch.write()
                except Exception as error:  # noqa: BLE001 - whatever a record does must be seen
                    raise _blamed(state, error)  # noqa: B904 - it has its cause
                cursor.execute(_MOVED, [last.index, last.recorded_at, state.view, state.gen])
            cursor.execute(_NOTIFY, [str(last.index)])

    def _fail(
        self,
        connection: Connection,
        members: Sequence[ViewState],
        position: int,
        limit: int,
        error: BaseException,
    ) -> None:
        """A batch of one names the record that stops; a longer one is repeated record by record."""
        if limit > 1:
            self._careful_until = position + limit
            return
        text = f"{type(error).__name__}: {error}"[:500]
        for state in members:
            connection.execute(_STOPPED, [text, position + 1, state.view, state.gen])

    # -- generations ---------------------------------------------------------------------------

    def _switch(self, connection: Connection, state: ViewState) -> None:
        """One transaction, two rows: whoever reads sees the old generation or the new one whole."""
        with connection.transaction():
            connection.execute(_RETIRE, [state.view])
            connection.execute(_PROMOTE, [state.view, state.gen])
        self._folds.pop(f"{state.view}/{state.gen}", None)

    def _purge_one(self, connection: Connection, every: Sequence[ViewState]) -> bool:
        """Clears some rows of a generation that nobody reads any more."""
        for state in every:
            if state.state == "old" and state.view in self._views:
                gone = 0
                for table in self._views[state.view].tables:
                    query = sql.SQL(
                        "DELETE FROM proj.{table} WHERE ctid = ANY (ARRAY("
                        "SELECT ctid FROM proj.{table} WHERE gen = %s LIMIT %s))"
                    ).format(table=sql.Identifier(table))
                    gone += connection.execute(query, [state.gen, _PURGE_ROWS]).rowcount
                if not gone:
                    connection.execute(_FORGET, [state.view, state.gen])
                return True
        return False

    # -- connection ----------------------------------------------------------------------------

    def _active(self) -> Connection | None:
        """The loop's connection while it holds the lock; None while another process does."""
        if self._connection is None or self._connection.closed:
            self._folds = {}
            connection = self._connect()
            connection.autocommit = True
            # Views are disposable: a position and its rows are lost together or not at all.
            connection.execute("SET synchronous_commit = off")
            row = connection.execute(_ACTIVE, [_LOCK]).fetchone()
            if row is None or not row[0]:
                connection.close()
                return None
            install(connection, tuple(self._views.values()))
            self._connection = connection
        return self._connection

    def _size(self) -> int:
        return int(self._records.head().size)

    def _live(self) -> list[ViewState]:
        connection = self._active()
        return [] if connection is None else [s for s in states(connection) if s.state == "live"]


class _Failed(Exception):
    """One view could not take or write its part; the others are not to blame."""

    def __init__(self, state: ViewState) -> None:
        super().__init__(state.view)
        self.state = state


def _blamed(state: ViewState, error: Exception) -> Exception:
    """Names the view whose part fails; a database that goes away is nobody's fault."""
    if _is_away(error):
        return error
    failed = _Failed(state)
    failed.__cause__ = error
    return failed


def _is_away(error: Exception) -> bool:
    """Whether it is the database that failed, and not a record."""
    kinds = (psycopg.OperationalError, psycopg.InterfaceError, Unavailable)
    return isinstance(error, kinds) or is_lost(error)


def _busy() -> Unavailable:
    return Unavailable(
        "projector_active",
        "Một tiến trình khác đang cập nhật các bản đọc; yêu cầu đã được giao cho tiến trình đó.",
        "Another process keeps the views; ask it to rebuild.",
    )


__all__ = [
    "Projector",
    "RecordsLog",
    "Step",
    "ViewState",
    "abandon_rebuild",
    "ask_rebuild",
    "install",
    "resume",
    "states",
]
