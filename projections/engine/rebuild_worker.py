"""The process that folds one part of a generation; it ends with the process that started it.

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
from typing import Final, LiteralString

from keys.custody import core_dumps
from keys.envelope_encryption import Keks
from ledger.ports import RecordStore
from ledger.postgres.connect import connect, open_pool
from ledger.postgres.records import PostgresRecords
from ledger.streams.record_reader import Reader
from ledger.write.registry_follower import RegistryFollower
from projections.engine.batch_transaction import BatchTransaction, is_away
from projections.engine.gc_pause import GcPause
from projections.engine.generations import ConcurrentUpdate
from projections.engine.rebuild_shard import RebuildShard, parts_of
from projections.fold.fold import BATCH
from projections.fold.shard import DIGITS, Shard
from projections.views.base import Connection, View

LARGEST: Final = 4 * BATCH
"""Most records, about, in a transaction of a generation that nobody reads yet."""
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
    """

    dsn: str = field(repr=False)
    kek: Keks
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
                yield connection, records, reader
        finally:
            pool.close()


@dataclass(frozen=True, slots=True)
class WorkerTask:
    """Which part of which generation to fold."""

    opening: WorkerConfig
    view: View
    gen: int
    digits: str


def start(order: WorkerTask) -> Process:
    """Starts a process on a part."""
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
    """Folds the part named on standard input until it is done, stopped or not wanted."""
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
        group = BatchTransaction(
            {name: order.view}, records, reader, origin=opening.origin, level=opening.level,
            follower=RegistryFollower(records, reader),
            most=LARGEST * len(DIGITS) // len(order.digits), share=Shard(order.digits),
        )  # fmt: skip
        while _wanted(connection, name, order.gen):
            parts = parts_of(connection, name, order.gen)
            part = next((part for part in parts if part.digits == order.digits), None)
            if part is None or not _advance(group, connection, part):
                return
            sweep.released(group.take_forgotten())


def _advance(group: BatchTransaction, connection: Connection, part: RebuildShard) -> bool:
    try:
        return group.advance(connection, [part], part.until) is not None
    except ConcurrentUpdate:
        return True  # by who came before and was thought dead: the next look says where it stands


def _wanted(connection: Connection, view: str, gen: int) -> bool:
    if select.select([sys.stdin], [], [], 0)[0]:
        return False
    row = connection.execute(_STATE, [view, gen]).fetchone()
    return row is not None and bool(row[0])
