"""The process that folds parts of a generation; it ends with the process that started it.

An interpreter of its own, which loads nothing but this, and nothing that lies in the folder it is
started in. What it is to do comes by its standard input, since it holds a key; that the input ends
says that nobody waits for it any more.
"""

from __future__ import annotations

import os
import pickle
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, LiteralString

from keys.custody import core_dumps
from keys.envelope_encryption import Keks
from ledger.ports import RecordStore
from ledger.postgres.connect import connect, open_pool
from ledger.postgres.records import PostgresRecords
from ledger.streams.record_reader import Reader
from ledger.write.judged_stream import JudgedStreams
from ledger.write.registry_follower import RegistryFollower
from projections.engine.batch_transaction import BatchTransaction, is_away
from projections.engine.gc_pause import GcPause
from projections.engine.generations import ConcurrentUpdate
from projections.engine.noted_signatures import NotedSignatures
from projections.engine.rebuild_shard import PART, RebuildShard, parts_of
from projections.fold.shard import DIGITS, Shard
from projections.fold.statement_check import Form
from projections.views.base import Connection, View

_NICE: Final = 5
"""Who writes and reads now goes before who builds."""
_PROGRAM: Final = """
import gc
gc.disable()
from projections.engine.rebuild_worker import main
gc.freeze()
gc.enable()
main()
"""
"""What is loaded stays, so nobody looks through it for cycles: a quarter of the time of a start."""
_STATE: Final[LiteralString] = """
SELECT state = 'building' AND error IS NULL FROM proj.views WHERE view = %s AND gen = %s
"""

Process = subprocess.Popen[bytes]


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """What a process needs to open the log and the views by itself.

    Attributes:
        dsn: Connection string of the projector's login.
        kek: Opens the records.
        origin: Origin of the log.
        level: Its level.
        seen: The folder in which signatures are noted that were good; None: each is checked.
    """

    dsn: str = field(repr=False)
    kek: Keks
    origin: str
    level: str
    seen: Path | None = None

    @contextmanager
    def open(self) -> Iterator[tuple[Connection, RecordStore, Reader]]:
        """A connection that writes views, and the records as folds read them."""
        pool = open_pool(self.dsn, most=1)
        try:
            records = PostgresRecords(pool)
            reader = Reader(records, self.kek, self.origin, self.level).for_folds()
            with connect(self.dsn) as connection:
                # rows of a part are written when all of it is folded
                connection.execute("SET idle_in_transaction_session_timeout = 0")
                yield connection, records, reader
        finally:
            pool.close()


@dataclass(frozen=True, slots=True)
class WorkerTask:
    """Which parts of which generation to fold, by their shares, one after the other."""

    opening: WorkerConfig
    view: View
    gen: int
    shares: tuple[str, ...]


def start(order: WorkerTask) -> Process:
    """Starts a process on its parts."""
    command = [sys.executable, "-I", "-c", _PROGRAM]
    process = subprocess.Popen(command, stdin=subprocess.PIPE)  # noqa: S603 - our own words
    assert process.stdin is not None  # noqa: S101 - asked for
    with suppress(BrokenPipeError):  # one that has died already is found dead
        pickle.dump(order, process.stdin)
        process.stdin.flush()
    return process


def end(process: Process) -> None:
    """Ends it; what it has committed stays."""
    process.terminate()
    process.wait()
    if process.stdin is not None:
        with suppress(BrokenPipeError):
            process.stdin.close()


# -- in the process ----------------------------------------------------------------------------


def main() -> None:
    """Folds the parts named on standard input until they are done, stopped or not wanted."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who began it hears it, and ends this one
    os.nice(_NICE)
    core_dumps.leave_none()
    order = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the process that started this one
    try:
        _build(order)
    except Exception as error:
        if not is_away(error):
            raise


def _build(order: WorkerTask) -> None:
    name, opening = order.view.name, order.opening
    with opening.open() as (connection, records, reader), GcPause() as sweep:
        follower = RegistryFollower(records, reader)
        judged = JudgedStreams(follower, records, reader)  # what is in no case, once for all parts
        checked = None if opening.seen is None else NotedSignatures(opening.seen)
        form = Form(opening.origin, opening.level, checked)
        for digits in order.shares:
            group = BatchTransaction(
                {name: order.view}, records, reader, origin=opening.origin, level=opening.level,
                follower=follower, judged=judged, form=form,
                most=PART * len(DIGITS) // len(digits), share=Shard(digits),
            )  # fmt: skip
            while (part := _wanted(connection, name, order.gen, digits)) is not None:
                if not _advance(group, connection, part):
                    break
                sweep.released(group.take_forgotten())
            sweep.released(group.let_go())


def _advance(group: BatchTransaction, connection: Connection, part: RebuildShard) -> bool:
    try:
        return group.advance(connection, [part], part.until) is not None
    except ConcurrentUpdate:
        return True  # by who came before and was thought dead: the next look says where it stands


def _wanted(connection: Connection, view: str, gen: int, digits: str) -> RebuildShard | None:
    """The part as it stands; None where nobody wants any of its generation any more."""
    if select.select([sys.stdin], [], [], 0)[0]:
        return None
    row = connection.execute(_STATE, [view, gen]).fetchone()
    parts = parts_of(connection, view, gen) if row is not None and row[0] else []
    return next((part for part in parts if part.digits == digits), None)
