"""Whether bytes grow with acts to a million of them: `python -m tests.bench.length 1000000`.

Every record is an act that was signed, judged, sealed, covered and folded, 32 at a time, with the
checkpointer and the projector beside. No part of `make bench`: it takes as long as they take. What
is held is asked as the server left it, after its own vacuums, with every view caught up.
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from typing import TYPE_CHECKING, Final, LiteralString

import psycopg

from api.ops.wiring.checkpointer import open_checkpointer
from api.ops.wiring.enclave import Enclave
from api.ops.wiring.key_files import open_kek
from api.ops.wiring.projector import open_projector
from ledger.audit import audit
from ledger.errors import Unavailable
from ledger.postgres.evidence import PostgresEvidence
from tests.bench import workload
from tests.bench.run import Run, median

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.enclave import Founded

_HANDS: Final = 32
_ONE_BY_ONE: Final = 200
_HELD: Final[LiteralString] = """
SELECT n.nspname, sum(pg_total_relation_size(c.oid))::bigint
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname IN ('log', 'proj', 'sec') GROUP BY 1
"""


def main() -> int:
    """Tells a line at each step, then whether the whole log is sound."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.length", description=__doc__)
    parser.add_argument("acts", type=int)
    parser.add_argument("--step", type=int, default=50_000)
    parser.add_argument("--minutes", type=float, default=600.0, help="no step begins after that")
    asked = parser.parse_args()
    with Run() as run:
        grown = run.enclave("length.example", officers=_HANDS)
        _tell("records  B in log  in views  of this step  of this step  append    acts/s")
        with _beside(grown):
            enclave = grown.open()
            try:
                _grow(grown, enclave, asked)
            finally:
                enclave.close()
        return _audited(run, grown)


def _grow(grown: Founded, enclave: Enclave, asked: argparse.Namespace) -> None:
    """Until the log has so many records; a line at each step.

    A line: records, bytes a record of log and of views from the first on and of this step alone,
    the middle append of one hand, acts a second.
    """
    until = time.monotonic() + 60 * asked.minutes
    before, size = _held(grown), enclave.records.head().size
    begun, first = dict(before), size
    while size < asked.acts and time.monotonic() < until:
        started, was = time.monotonic(), size
        share = -(-asked.step // _HANDS)
        with ThreadPoolExecutor(_HANDS) as threads:
            list(threads.map(partial(_record, enclave, share), grown.officers))
        rate = share * _HANDS / (time.monotonic() - started)
        took = list(_one_by_one(enclave, grown.officers[0]))
        size = enclave.records.head().size
        _caught_up(grown, size)
        held = _held(grown)
        whole = {name: (held[name] - begun[name]) / (size - first) for name in held}
        last = {name: (held[name] - before[name]) / (size - was) for name in held}
        before = held
        _tell(
            f"{size:7} {whole['log']:9.0f} {whole['proj'] + whole['sec']:9.0f}"
            f" {last['log']:13.0f} {last['proj'] + last['sec']:13.0f}"
            f" {1000 * median(took):7.2f} ms {rate:7.0f}"
        )


def _record(enclave: Enclave, number: int, officer: workload.Officer) -> None:
    for act in workload.acts(officer, enclave.facts.origin, number):
        while True:  # a machine that has others is late at times: the same is sent again
            try:
                enclave.ledger.record(act.body, signer_officer=officer.id)
                break
            except Unavailable:
                time.sleep(1.0)


def _one_by_one(enclave: Enclave, officer: workload.Officer) -> Iterator[float]:
    for act in list(workload.acts(officer, enclave.facts.origin, _ONE_BY_ONE)):
        begun = time.perf_counter()
        enclave.ledger.record(act.body, signer_officer=officer.id)
        yield time.perf_counter() - begun


def _caught_up(grown: Founded, size: int) -> None:
    """Waits for the views, and lets go what the checkpointer's next prunes would."""
    checkpointer, pool = open_checkpointer(grown.settings)
    try:
        while checkpointer.prune_once():
            pass
    finally:
        pool.close()
    with psycopg.connect(grown.admin, autocommit=True) as admin:
        while True:
            row = admin.execute("SELECT min(position) FROM proj.views").fetchone()
            if row and int(row[0]) >= size - 1:
                return
            time.sleep(1.0)


def _held(grown: Founded) -> dict[str, int]:
    with psycopg.connect(grown.admin, autocommit=True) as admin:
        return {str(name): int(size) for name, size in admin.execute(_HELD).fetchall()}


@contextmanager
def _beside(grown: Founded) -> Iterator[None]:
    """The two loops, each a process of its own."""
    spawn = get_context("spawn")
    stop = spawn.Event()
    loops = [spawn.Process(target=loop, args=(grown, stop)) for loop in (_seal, _fold)]
    for loop in loops:
        loop.start()
    try:
        yield
    finally:
        stop.set()
        for loop in loops:
            loop.join()


def _seal(grown: Founded, stop: Event) -> None:
    checkpointer, pool = open_checkpointer(grown.settings)
    try:
        checkpointer.run(stop)  # type: ignore[arg-type]  # an event of processes, as of threads
    finally:
        pool.close()


def _fold(grown: Founded, stop: Event) -> None:
    projector, notices, pool = open_projector(grown.settings)
    try:
        projector.run(stop, notices)  # type: ignore[arg-type]
    finally:
        projector.close()
        pool.close()


def _audited(run: Run, grown: Founded) -> int:
    enclave = grown.open()
    vkeys = enclave.vkeys
    enclave.close()
    begun = time.monotonic()
    with PostgresEvidence(grown.dsn("projector")) as source:
        report = audit.audit(
            source, origin=grown.facts.origin, vkeys=vkeys, kek=open_kek(grown.settings),
            genesis=grown.facts.genesis, workers=run.cores,
        )  # fmt: skip
    took = time.monotonic() - begun
    _tell(f"audit, rules replayed: {report.records} records in {took:.0f} s")
    _tell(str(report.message or "sound"))
    return 1 if report.message else 0


def _tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
