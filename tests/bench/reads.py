"""What it costs to note a read before it is sent, beside the same read without (access.md U1).

One inspector under an order asks the same again and again, in turn with a log of reads and with one
that notes nothing; both sides of the work count, by processor time.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import timedelta
from typing import Final
from uuid import UUID

from ledger.reads.read import NotedRead, ReadLog
from tests.bench.row import Row
from tests.bench.run import Run, median
from tests.builders import T0
from tests.fixtures.app import found, open_service
from tests.fixtures.postgres import install_database
from tests.fixtures.under_order import INSPECTOR, UnderOrder, open_under_order

GROUP: Final = "reads"
_GOAL: Final = 1.5


class Nothing:
    """Notes nothing."""

    def note(self, reads: Sequence[NotedRead]) -> None:
        """See `ReadLog`."""

    def note_at(self, read: NotedRead, chain: UUID, seq: int, prev: str | None) -> bool:
        """See `ReadLog`."""
        del read, chain, seq, prev
        return True


def rows(run: Run) -> Iterator[Row]:
    """The case file, one act, and its bytes."""
    database = install_database(run.server)
    home = run.folder / "order"
    with closing(database):
        service = open_service(found(database, home, reads_at=T0 + timedelta(minutes=1)), database)
        service.start()
        try:
            under = open_under_order(service)
            service.halt()
            ids = under.world.hidden
            for measure, path in (
                ("a case file", f"/v1/cases/{ids.case}"),
                ("one act", f"/v1/acts/{ids.act}"),
                ("the bytes of an act", f"/v1/acts/{ids.act}/raw"),
                ("a case as it was", f"/v1/cases/{ids.case}?as_of={ids.index}"),
            ):
                noted, plain = _both(run, under, path)
                yield Row(
                    GROUP, f"{measure}, read under an order", 1e6 * noted, "µs",
                    against="without a row", theirs=1e6 * plain, sense="<=", goal=_GOAL,
                    note="processor time of API and server",
                )  # fmt: skip
        finally:
            service.stop()


def _both(run: Run, under: UnderOrder, path: str) -> tuple[float, float]:
    """Seconds of processor a read, with a row and without; each has its turn."""
    enclave = under.service.enclave
    kinds: tuple[ReadLog, ReadLog] = (enclave.reads, Nothing())
    took: tuple[list[float], list[float]] = ([], [])
    times = 25 if run.quick else 400
    try:
        for _ in range(2 * run.rounds):
            for log, found_ in zip(kinds, took, strict=True):
                enclave.reads = log
                found_.append(_each(run, under, path, times))
    finally:
        enclave.reads = kinds[0]
    return median(took[0]), median(took[1])


def _each(run: Run, under: UnderOrder, path: str, times: int) -> float:
    # The time is stated: a rehearsal looks for its time in the log, and no other enclave does.
    client = under.service.client
    headers = under.service.headers(INSPECTOR, at=under.service.clock.now())
    assert client.get(path, headers=headers, buffered=True).status_code == 200
    begun = time.process_time() + run.server_cpu()
    for _ in range(times):
        client.get(path, headers=headers, buffered=True)
    return (time.process_time() + run.server_cpu() - begun) / times
