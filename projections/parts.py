"""A long generation is built by several processes, each folding its share of the log.

A part moves its own position in the transaction of its rows, as a view does, so that any of them
may die and go on where it stood. When all have reached where the log ended as they began, the loop
folds what has come since and switches.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from typing import Final, LiteralString

from keys.vault import Kek
from ledger.ports import RecordStore
from ledger.postgres.connect import connect, open_pool
from ledger.postgres.records import PostgresRecords
from ledger.reader import Reader
from projections import generations
from projections.fold import BATCH
from projections.generations import ViewState
from projections.group import Group, Overtaken, is_away
from projections.share import Share, shares
from projections.sweep import Sweep
from projections.view import Connection, Cursor, View

LARGEST: Final = 4 * BATCH
"""Most records in a transaction of a generation that nobody reads yet."""
WORTH: Final = 20_000
"""Records from which the processes are worth the half second they take to start."""
_NICE: Final = 5
"""Who writes and reads now goes before who builds."""
_LOOK_S: Final = 0.1
_MOST_ATTEMPTS: Final = 3

_PARTS: Final[LiteralString] = """
SELECT view, gen, digits, position, until FROM proj.parts WHERE view = %s AND gen = %s
ORDER BY digits
"""
_BEGIN: Final[LiteralString] = """
INSERT INTO proj.parts (view, gen, digits, until) VALUES (%s, %s, %s, %s)
"""
_MOVED: Final[LiteralString] = """
UPDATE proj.parts SET position = %s
WHERE view = %s AND gen = %s AND digits = %s AND position = %s
"""
_STATE: Final[LiteralString] = """
SELECT state = 'building' AND error IS NULL FROM proj.views WHERE view = %s AND gen = %s
"""
_SHOWN: Final[LiteralString] = "UPDATE proj.views SET position = %s WHERE view = %s AND gen = %s"
_JOINED: Final[LiteralString] = "DELETE FROM proj.parts WHERE view = %s AND gen = %s"
_TAKEN: Final[LiteralString] = "SELECT recorded_at FROM log.records WHERE index = %s"
_DENSE: Final[LiteralString] = "SELECT count(*) = %s FROM log.records WHERE index < %s"


@dataclass(frozen=True, slots=True)
class Part:
    """One share of a generation under way.

    Attributes:
        view: Name of the view.
        gen: The generation.
        digits: Its share.
        position: Last record folded, -1 for none.
        until: Index behind the last record it folds.
    """

    view: str
    gen: int
    digits: str
    position: int
    until: int

    @property
    def done(self) -> bool:
        """Whether nothing is left for it."""
        return self.position + 1 >= self.until

    def move(self, cursor: Cursor, position: int, _recorded_at: datetime | None) -> None:
        """Everything of the share up to `position` is folded.

        Raises:
            Overtaken: It does not stand where it stood when it was read.
        """
        said = [position, self.view, self.gen, self.digits, self.position]
        if not cursor.execute(_MOVED, said).rowcount:
            raise Overtaken

    def stop(self, connection: Connection, why: str, index: int) -> None:
        """A record stops the generation."""
        generations.stop(connection, self.view, self.gen, why, index)


def parts_of(connection: Connection, view: str, gen: int) -> list[Part]:
    """The parts of a generation; none where it is folded by one."""
    return [Part(*row) for row in connection.execute(_PARTS, [view, gen]).fetchall()]


@dataclass(frozen=True, slots=True)
class Opening:
    """What a process needs to open the log and the views by itself.

    Attributes:
        dsn: Connection string of the projector's login.
        kek: Opens the records.
        origin: Origin of the log.
        level: Its level.
    """

    dsn: str
    kek: Kek
    origin: str
    level: str

    @contextmanager
    def open(self) -> Iterator[tuple[Connection, RecordStore, Reader]]:
        """A connection that writes views, and the records as folds read them."""
        pool = open_pool(self.dsn, most=1)
        try:
            records = PostgresRecords(pool)
            reader = Reader(records, self.kek, self.origin, self.level).for_folds()
            with connect(self.dsn) as connection:
                connection.execute("SET synchronous_commit = off")
                yield connection, records, reader
        finally:
            pool.close()


class Builders:
    """The processes that build one generation at a time; they end with the process that has them.

    Args:
        opening: What each is given.
        number: How many, 2 to 16.
        worth: Records from which they are started.
    """

    def __init__(self, opening: Opening, number: int, worth: int = WORTH) -> None:
        self._opening = opening
        self._number = number
        self._worth = worth
        self._building: tuple[str, int] | None = None
        self._attempts: dict[str, _Attempt] = {}

    def begin(self, connection: Connection, state: ViewState, size: int) -> bool:
        """Shares out a generation that has not begun, if that is worth it."""
        if state.position >= 0 or size < self._worth:
            return False
        dense = connection.execute(_DENSE, [size, size]).fetchone()
        if dense is None or not dense[0]:
            return False  # a record is missing: who folds them all stops at it
        with connection.transaction():
            for share in shares(self._number):
                connection.execute(_BEGIN, [state.view, state.gen, share.digits, size])
        return True

    def tend(self, connection: Connection, view: View, state: ViewState) -> bool:
        """Sees that every part is at work, and waits a moment.

        Returns:
            False where the generation is in no parts.
        """
        parts = parts_of(connection, state.view, state.gen)
        if not parts:
            return False
        if self._building != (state.view, state.gen):
            self.stop()
            self._building = (state.view, state.gen)
        if all(part.done for part in parts):
            self.stop()
            _join(connection, state, parts)
            return True
        for part in parts:
            if not part.done and not self._at_work(view, part):
                state.stop(
                    connection, "the process that folds it ends by itself", part.position + 1
                )
                return True
        running = [a.process for a in self._attempts.values() if a.process.is_alive()]
        wait([process.sentinel for process in running], _LOOK_S)
        reached = min(part.position for part in parts)
        connection.execute(_SHOWN, [reached, state.view, state.gen])
        return True

    def tend_only(self, building: Sequence[ViewState]) -> None:
        """Ends the processes unless their generation is still among these."""
        if self._building not in {(state.view, state.gen) for state in building}:
            self.stop()

    def stop(self) -> None:
        """Ends every process; what they have committed stays."""
        for attempt in self._attempts.values():
            attempt.process.terminate()
        for attempt in self._attempts.values():
            attempt.process.join()
        self._attempts, self._building = {}, None

    def _at_work(self, view: View, part: Part) -> bool:
        """Starts its process if there is none; False where it has ended again and again there."""
        last = self._attempts.get(part.digits)
        if last is not None and last.process.is_alive():
            return True
        number = last.number + 1 if last is not None and last.position == part.position else 1
        process = get_context("spawn").Process(
            target=_build, args=(self._opening, view, part.gen, part.digits), daemon=True
        )
        process.start()
        self._attempts[part.digits] = _Attempt(process, part.position, number)
        return number <= _MOST_ATTEMPTS


@dataclass(frozen=True, slots=True)
class _Attempt:
    """A process, where its part stood when it was started, and how often it was from there."""

    process: SpawnProcess
    position: int
    number: int


def _join(connection: Connection, state: ViewState, parts: Sequence[Part]) -> None:
    """From here on the loop folds the generation as any other."""
    with connection.transaction(), connection.cursor() as cursor:
        last = parts[0].until - 1
        row = cursor.execute(_TAKEN, [last]).fetchone()
        state.move(cursor, last, None if row is None else row[0])
        cursor.execute(_JOINED, [state.view, state.gen])


# -- in a process of its own -------------------------------------------------------------------


def _build(opening: Opening, view: View, gen: int, digits: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who began it hears it, and ends this one
    os.nice(_NICE)
    try:
        with opening.open() as (connection, records, reader), Sweep() as sweep:
            group = Group(
                {view.name: view}, records, reader, origin=opening.origin, level=opening.level,
                most=LARGEST, share=Share(digits),
            )  # fmt: skip
            while _wanted(connection, view.name, gen):
                part = _found(parts_of(connection, view.name, gen), digits)
                if part is None or not _advance(group, connection, part):
                    return
                sweep.let_go(group.take_let_go())
    except Exception as error:
        if not is_away(error):
            raise


def _advance(group: Group, connection: Connection, part: Part) -> bool:
    try:
        return group.advance(connection, [part], part.until) is not None
    except Overtaken:
        return True  # by who came before and was thought dead: the next look says where it stands


def _wanted(connection: Connection, view: str, gen: int) -> bool:
    parent = parent_process()
    if parent is not None and not parent.is_alive():
        return False
    row = connection.execute(_STATE, [view, gen]).fetchone()
    return row is not None and bool(row[0])


def _found(parts: Sequence[Part], digits: str) -> Part | None:
    return next((part for part in parts if part.digits == digits), None)
