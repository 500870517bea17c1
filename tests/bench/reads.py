"""What it costs to note a read before it is sent, beside the same read without (access.md U1).

An inspector under an order asks the same again and again, alone or as four at once, in turn with a
log of reads and with one that notes nothing; both sides of the work count, by processor time.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from flask.testing import FlaskClient

from ledger.reads.read import NotedRead, ReadLog
from tests.bench.row import Row
from tests.bench.run import Run, median
from tests.builders import T0
from tests.fixtures.app import found, open_service
from tests.fixtures.postgres import install_database
from tests.fixtures.under_order import INSPECTOR, UnderOrder, open_under_order

GROUP: Final = "reads"
_GOAL: Final = 1.5
_OFFICE: Final = 4
"""Readers at once."""


class Nothing:
    """Notes nothing."""

    def note(self, reads: Sequence[NotedRead]) -> None:
        """See `ReadLog`."""

    def note_at(self, read: NotedRead, chain: UUID, seq: int, prev: str | None) -> bool:
        """See `ReadLog`."""
        del read, chain, seq, prev
        return True


@dataclass(frozen=True, slots=True)
class _Turn:
    """Of one read, in microseconds: what processors worked for it, and how long its reader waited.

    In the middle of its reads; of the processors it is the mean.
    """

    processor: float
    waited: float


def rows(run: Run) -> Iterator[Row]:
    """The case file, one act, and its bytes; the case file also by several at once."""
    database = install_database(run.server)
    home = run.folder / "order"
    with closing(database):
        service = open_service(found(database, home, reads_at=T0 + timedelta(minutes=1)), database)
        service.start()
        try:
            under = open_under_order(service)
            service.halt()
            ids = under.world.hidden
            file = f"/v1/cases/{ids.case}"
            for measure, path, readers in (
                ("a case file", file, 1),
                ("a case file by 4 at once", file, _OFFICE),
                ("one act", f"/v1/acts/{ids.act}", 1),
                ("the bytes of an act", f"/v1/acts/{ids.act}/raw", 1),
                ("a case as it was", f"{file}?as_of={ids.index}", 1),
            ):
                noted, plain = _both(run, under, path, readers)
                yield Row(
                    GROUP, f"{measure}, read under an order", noted.processor, "µs",
                    against="without a row", theirs=plain.processor, sense="<=",
                    goal=_GOAL if readers == 1 else None, note="processor time of API and server",
                )  # fmt: skip
                if path == file:
                    yield Row(
                        GROUP, f"{measure}, read under an order, p50", noted.waited, "µs",
                        against="without a row", theirs=plain.waited, sense="<=",
                        note="a row waits for the disk",
                    )  # fmt: skip
        finally:
            service.stop()


def _both(run: Run, under: UnderOrder, path: str, readers: int) -> tuple[_Turn, _Turn]:
    """A read with a row and without; each has its turn."""
    enclave = under.service.enclave
    kinds: tuple[ReadLog, ReadLog] = (enclave.reads, Nothing())
    took: tuple[list[_Turn], list[_Turn]] = ([], [])
    times = 25 if run.quick else 400
    try:
        for _ in range(2 * run.rounds):
            for log, found_ in zip(kinds, took, strict=True):
                enclave.reads = log
                found_.append(_turn(run, under, path, readers, times // readers))
    finally:
        enclave.reads = kinds[0]
    noted, plain = (
        _Turn(median(one.processor for one in turns), median(one.waited for one in turns))
        for turns in took
    )
    return noted, plain


def _turn(run: Run, under: UnderOrder, path: str, readers: int, times: int) -> _Turn:
    # The time is stated: a rehearsal looks for its time in the log, and no other enclave does.
    headers = under.service.headers(INSPECTOR, at=under.service.clock.now())
    clients = [under.service.client for _ in range(readers)]

    def read(client: FlaskClient, times: int) -> list[float]:
        took = []
        for _ in range(times):
            begun = time.perf_counter()
            assert client.get(path, headers=headers, buffered=True).status_code == 200
            took.append(time.perf_counter() - begun)
        return took

    with ThreadPoolExecutor(readers) as office:
        list(office.map(read, clients, [1] * readers))
        begun = time.process_time() + run.server_cpu()
        waited = [one for took in office.map(read, clients, [times] * readers) for one in took]
        worked = time.process_time() + run.server_cpu() - begun
    return _Turn(1e6 * worked / (readers * times), 1e6 * median(waited))
