"""Over the whole log: audit, rebuild, a case as of a moment, bytes an act."""

from __future__ import annotations

import gc
import resource
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread
from typing import Any, Final, LiteralString, NamedTuple

import psycopg
from psycopg import sql

from api.home import Home
from api.ops.machine import RealClock
from api.ops.wiring.checkpointer import open_checkpointer
from api.ops.wiring.enclave import Enclave
from api.ops.wiring.key_files import open_kek
from api.ops.wiring.projector import open_projector
from keys.envelope_encryption import Keks
from ledger.asker import asking
from ledger.audit import audit
from ledger.postgres.evidence import PostgresEvidence
from ledger.postgres.migrate import making_views
from ledger.postgres.ticket import TicketKey
from projections.engine.generations import install
from projections.engine.rebuild_pool import WORTH
from projections.views.all_views import VIEWS
from tests.bench import stock, stock_files, workload
from tests.bench.enclave import Founded
from tests.bench.listing import asker
from tests.bench.row import Row
from tests.bench.run import SUBMITTERS, Run, median, verify_rate
from tests.bench.unit import in_units, unit_ms

GROUP: Final = "whole_log"
_LONG_CASE: Final = 200
_PARTS: Final = 8
_BYTES: Final[LiteralString] = """
SELECT relname, pg_total_relation_size(c.oid) FROM pg_class c
WHERE relnamespace = 'log'::regnamespace AND relkind = 'r'
"""


def rows(run: Run) -> Iterator[Row]:
    """Sees that the log is long enough, then reads it whole."""
    main = run.main
    long_case = _grow(run, main, 2_000 if run.quick else 50_000)
    main.seal()
    yield from _audited(run, main)
    yield from _rebuilt(run, main)
    asof = _as_of(main, long_case)
    yield from (asof, in_units(asof, unit_ms(run, GROUP)))
    yield from _bytes(main)
    for hands in (1, SUBMITTERS):
        yield _bytes_at(run, hands)


def _grow(run: Run, main: Founded, records: int) -> str:
    """Adds cases until there are so many records, then one long case; its stream."""
    enclave = main.open()
    try:
        missing = max(0, records - enclave.records.head().size)
        run.tell(f"whole_log: {missing} more records")
        share = -(-missing // SUBMITTERS)
        with ThreadPoolExecutor(SUBMITTERS) as threads:
            list(threads.map(lambda o: _record(enclave, o, share, 8), main.officers))
        return _record(enclave, main.officers[0], _LONG_CASE, _LONG_CASE)
    finally:
        enclave.close()


def _record(enclave: Enclave, officer: workload.Officer, number: int, length: int) -> str:
    stream = ""
    for act in workload.acts(officer, enclave.facts.origin, number, acts_a_case=length):
        enclave.ledger.record(act.body, signer_officer=officer.id)
        stream = act.statement.members["stream"]
    return stream


def _audited(run: Run, main: Founded) -> Iterator[Row]:
    kek = open_kek(main.settings)
    enclave = main.open()
    vkeys = enclave.vkeys
    enclave.close()
    # goals of architecture.md §8; what they were before ADR 48 is said beside them
    kinds = (
        (False, "audit of the whole log, without the rules", 0.5, "; 0.6 before ADR 48"),
        (True, "audit of the whole log, rules replayed", 0.3, ""),
    )
    turns: dict[bool, list[_Turn]] = {replay: [] for replay, *_ in kinds}
    for turn in range(1 if run.quick else 3):
        for replay, name, *_ in kinds:
            run.tell(f"whole_log: {name} {turn + 1}")
            turns[replay].append(_audit(run, main, kek, vkeys, replay=replay))
    for replay, name, goal, before in kinds:
        # the turn with the middle ratio: the machine is not as fast in one as in the next
        found = sorted(turns[replay], key=lambda one: one.records_s / one.verified_s)
        middle = found[len(found) // 2]
        yield Row(
            GROUP, name, middle.records_s, "records/s",
            f"Ed25519 verify, {run.cores} cores at once", middle.verified_s, goal=goal,
            note=middle.told + before,
        )  # fmt: skip


class _Turn(NamedTuple):
    """One audit, and what the verifier in use did right before and after it."""

    records_s: float
    verified_s: float
    told: str


def _audit(run: Run, main: Founded, kek: Keks, vkeys: Sequence[str], *, replay: bool) -> _Turn:
    before = verify_rate(run.cores)
    begun, spent = time.perf_counter(), _processor_s()
    with PostgresEvidence(main.dsn("projector")) as source:
        report = audit.audit(
            source, origin=main.facts.origin, vkeys=vkeys, kek=kek, genesis=main.facts.genesis,
            workers=run.cores, replay=replay,
        )  # fmt: skip
    took, spent = time.perf_counter() - begun, _processor_s() - spent
    said = f"{report.message or 'sound'}; processor {1e6 * spent / report.records:.0f} µs a record"
    return _Turn(
        report.records / took,
        (before + verify_rate(run.cores)) / 2,
        f"{report.records} records, {report.checkpoints} checkpoints; {said}",
    )


def _processor_s() -> float:
    """Processor seconds of this process and of its children that have ended."""
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in spent)


def _rebuilt(run: Run, main: Founded) -> Iterator[Row]:
    run.tell("whole_log: rebuild")
    with psycopg.connect(main.admin) as connection:
        for view in VIEWS:
            gone = "DROP TABLE {}" if view.schema == "proj" else "TRUNCATE {}"
            for table in view.tables:
                connection.execute(sql.SQL(gone).format(sql.Identifier(view.schema, table)))
        connection.execute("DELETE FROM proj.views")
    with making_views(main.dsn("migrator"), main.facts.slug) as connection:
        install(connection, main.facts.slug)
    projector, _, pool = open_projector(main.settings)
    try:
        begun = time.perf_counter()
        reached = projector.catch_up()
        fresh = (reached + 1) / (time.perf_counter() - begun)
        size = reached + 1
        rates = {}
        for name in ("case_file", "acts"):
            begun = time.perf_counter()
            projector.rebuild(name)
            rates[name] = size / (time.perf_counter() - begun)
    finally:
        projector.close()
        pool.close()
    rows_, files = _stock(run, main)
    who = f"{run.cores} processes" if size >= WORTH else "one process"
    told = f"{size} records, opened and folded by {who}, signatures known (ADR 100)"
    for named, rate in rates.items():
        yield Row(
            GROUP, f"rebuild of view {named}", rate, "acts/s",
            "stock ProjectionRunner, one row a case", rows_, goal=3.0,
            note=f"{told}; 15 before ADR 48",
        )  # fmt: skip
    yield Row(
        GROUP, "rebuild of view case_file", rates["case_file"], "acts/s",
        "stock ProjectionRunner, our case files", files,
        goal=10.0, note="the same fold and rows; theirs opens and proves nothing",
    )  # fmt: skip
    yield Row(
        GROUP, "catching up all views at once", fresh, "acts/s",
        "stock ProjectionRunner, one row a case", rows_,
    )  # fmt: skip


def _stock(run: Run, main: Founded) -> tuple[float, float]:
    """Acts a second of the stock runner, over acts of its own: a row a case, and our files."""
    other = run.database("stockview")
    stock.prepare(other)
    app = stock.Cases(stock.environment(other))
    saver = stock.StockShop(app, main.officers[0], main.facts.origin)
    hand = saver.hands(0, 1, 1_500 if run.quick else 4_000)[0]
    for act in hand.items:
        hand.do(act)
    app.close()
    run.tell("whole_log: stock projections")
    stock_files.prepare(other)
    seconds = 4 if run.quick else 8
    rows_ = stock.projection_rate(other, stock.PLAIN, seconds)
    return rows_, stock.projection_rate(other, stock_files.FILES, seconds)


def _as_of(main: Founded, stream: str) -> Row:
    enclave = main.open()
    now = RealClock().now()
    took = []
    key = TicketKey(Home(main.settings).ticket_key())
    gc.collect()
    gc.freeze()  # as a process that serves does (api/http/wsgi.py)
    try:
        with asking(asker(key, main.officers[0].id)):
            rows_ = enclave.queries.acts.of(stream)[1]
            middle = rows_[len(rows_) * 9 // 10].row.index
            for turn in range(30):
                begun = time.perf_counter()
                enclave.queries.past.file(stream, middle + turn % 7, now)
                took.append(time.perf_counter() - begun)
    finally:
        enclave.close()
    return Row(
        GROUP, f"as-of of a case of {_LONG_CASE} acts, p50", 1000 * median(took[5:]), "ms",
        sense="<=", goal=25, note="fold of 180 statements and SQL",
    )  # fmt: skip


def _bytes_at(run: Run, hands: int) -> Row:
    """What an act takes where so many wait for their proof at a time, tree and notes included.

    Pruned as the checkpointer does, and vacuumed as often as the server does at an office's pace.
    """
    enclave = run.enclave(f"bytes{hands}.example", officers=hands)
    checkpointer, pool = open_checkpointer(enclave.settings)
    stop, halves, acts = Event(), list[int](), 4_000 if run.quick else 10_000
    running = Thread(target=checkpointer.run, args=(stop,), kwargs={"pause_s": 0.002})
    opened, size = enclave.open(), 0
    run.tell(f"whole_log: {acts} acts by {hands} at a time")
    begun = _held(enclave)
    running.start()
    try:
        with ThreadPoolExecutor(hands) as threads:
            share = acts // _PARTS // hands
            for _ in range(_PARTS):
                list(threads.map(lambda o: _prove(opened, o, share), enclave.officers))
                while checkpointer.prune_once():
                    pass
                size = opened.records.head().size
                halves.append((_held(enclave) - begun) // size)
    finally:
        stop.set()
        running.join()
        opened.close()
        pool.close()
    statement = median(
        len(act.statement.compact)
        for act in workload.acts(enclave.officers[0], enclave.facts.origin, 80)
    )
    name = f"bytes in Postgres per act, {hands} at a time"
    return Row(
        GROUP, name, halves[-1], "B",
        "bytes of its statement", statement, sense="<=", goal=3.0,
        note=f"{size} records, at the half of them {halves[_PARTS // 2 - 1]} B",
    )  # fmt: skip


def _prove(enclave: Enclave, officer: workload.Officer, number: int) -> None:
    for act in workload.acts(officer, enclave.facts.origin, number, acts_a_case=8):
        said = enclave.ledger.record(act.body, signer_officer=officer.id)
        enclave.proofs.wait(said.index, 10.0)


def _held(enclave: Founded) -> int:
    """Bytes of the log's schema, vacuumed."""
    with psycopg.connect(enclave.admin, autocommit=True) as connection:
        connection.execute("VACUUM log.log_head, log.tiles, log.checkpoints, log.pruned")
        return sum(size for _, size in connection.execute(_BYTES).fetchall())


def _bytes(main: Founded) -> Iterator[Row]:
    with psycopg.connect(main.admin, autocommit=True) as connection:
        connection.execute("VACUUM log.log_head")
        sizes: dict[str, Any] = dict(connection.execute(_BYTES).fetchall())
        row = connection.execute(
            "SELECT size, (SELECT count(*) FROM log.checkpoints) FROM log.log_head"
        ).fetchone()
    records, checkpoints = row or (1, 0)
    acts = workload.acts(main.officers[0], main.facts.origin, 80)
    statement = median(len(act.statement.compact) for act in acts)
    held = sum(sizes[name] for name in ("records", "wraps", "streams", "log_head"))
    tree = sum(sizes[name] for name in ("tiles", "checkpoints", "cosignatures"))
    yield Row(
        GROUP, "bytes in Postgres per act: records, wraps, indexes", held / records, "B",
        "bytes of its statement", statement, sense="<=",
    )  # fmt: skip
    yield Row(
        GROUP, "bytes in Postgres per act: all tables of the log", (held + tree) / records, "B",
        "bytes of its statement", statement, sense="<=", goal=3.0,
        note=f"{records} records, {checkpoints} checkpoints of {tree / max(1, checkpoints):.0f} B",
    )  # fmt: skip
