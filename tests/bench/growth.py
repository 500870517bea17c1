"""Whether a long log is a slow one: append and proof at 10 000 and 1 000 000 records, in turns.

The long log is filled by SQL with entries whose states are short; the checkpointer then covers them
as it always does. What grows with a log is its indexes and its tiles, and those are real.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from typing import Final, LiteralString

import psycopg

from tests.bench import workload
from tests.bench.enclave import Founded
from tests.bench.row import Row, figure
from tests.bench.run import Run, median

GROUP: Final = "growth"
_ROUND: Final = 40

# Indexes are dropped and made again: what counts is the log that stands there, not how it came.
_FILL: Final[LiteralString] = """
SET LOCAL synchronous_commit = off;
SET LOCAL maintenance_work_mem = '256MB';
ALTER TABLE log.records DROP CONSTRAINT records_stream_seq;
DROP INDEX log.records_act;
INSERT INTO log.streams (stream_id, name)
  SELECT md5('stream' || k)::uuid, 'case/' || md5('stream' || k)::uuid
  FROM generate_series({first} / 8, {size} / 8) AS k;
INSERT INTO log.records (index, seq, recorded_at, stream_id, unit, act_id, author, registry,
    topic, entry, state)
  SELECT i, i % 8 + 1, (SELECT recorded_at FROM log.log_head), md5('stream' || i / 8)::uuid,
    '00000000-0000-0000-0000-000000000000', md5('act' || i)::uuid, true, false,
    'socai.statement.v1', sha256(int8send(i)), sha256(int8send(i))
  FROM generate_series({first}::bigint, {size}::bigint - 1) AS i;
INSERT INTO log.wraps (index, kek_id, stream_id, unit, wrap)
  SELECT r.index, substr(r.entry, 1, 16), r.stream_id, r.unit,
    r.entry || r.entry || substr(r.entry, 1, 13)
  FROM log.records r WHERE r.index >= {first};
ALTER TABLE log.records ADD CONSTRAINT records_stream_seq UNIQUE (stream_id, seq);
CREATE UNIQUE INDEX records_act ON log.records (act_id) WHERE author;
UPDATE log.log_head SET size = {size};
"""


def rows(run: Run) -> Iterator[Row]:
    """Two logs, or three with `--soak`, asked in turn."""
    sizes = [10_000, 100_000 if run.quick else 1_000_000] + ([10_000_000] if run.soak else [])
    logs = {}
    for size in sizes:
        begun = time.monotonic()
        logs[size] = run.enclave(f"log{size}.example", officers=1)
        _fill(logs[size], size)
        logs[size].seal()
        run.tell(f"growth: {size} records made in {time.monotonic() - begun:.0f} s")
    appends, proofs = _measured(logs, 3 if run.quick else 6)
    small = sizes[0]
    for size in sizes[1:]:
        yield Row(
            GROUP, f"append, 1 submitter, p50 at {figure(size)} records", appends[size], "ms",
            f"at {figure(small)} records", appends[small], sense="<=", goal=1.2,
        )  # fmt: skip
        # a deeper tree reads a tile more, so the goal is a time and no ratio (architecture.md §8)
        yield Row(
            GROUP, f"inclusion proof, p50 at {figure(size)} records", proofs[size], "ms",
            sense="<=", goal=0.5,
            note=f"at {figure(small)} records {figure(proofs[small])} ms",
        )  # fmt: skip


def _fill(enclave: Founded, size: int) -> None:
    with psycopg.connect(enclave.admin) as connection:
        row = connection.execute("SELECT size FROM log.log_head").fetchone()
        first = (int(row[0]) if row else 0) // 8 * 8 + 8
        gap = first - (int(row[0]) if row else 0)
        # Positions up to a whole case are filled first, so that indices stay dense.
        start = first - gap
        text = _FILL.replace("{first}", str(start)).replace("{size}", str(size))
        connection.execute(text.encode())
    with psycopg.connect(enclave.admin, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE log.records, log.wraps, log.streams")
        connection.execute("CHECKPOINT")


def _measured(logs: dict[int, Founded], rounds: int) -> tuple[dict[int, float], dict[int, float]]:
    """Milliseconds of the middle append and the middle proof of each log."""
    appends: dict[int, list[float]] = {size: [] for size in logs}
    proofs: dict[int, list[float]] = {size: [] for size in logs}
    opened = {size: enclave.open() for size, enclave in logs.items()}
    try:
        for turn in range(rounds + 1):
            for size, enclave in opened.items():
                officer = logs[size].officers[0]
                acts = list(workload.acts(officer, enclave.facts.origin, _ROUND))
                for act in acts:
                    begun = time.perf_counter()
                    enclave.ledger.record(act.body, signer_officer=officer.id)
                    if turn:  # the first round warms
                        appends[size].append(time.perf_counter() - begun)
                for _ in range(_ROUND):
                    index = random.randrange(size)  # noqa: S311 - any record
                    begun = time.perf_counter()
                    enclave.proofs.inclusion(index)
                    if turn:
                        proofs[size].append(time.perf_counter() - begun)
    finally:
        for enclave in opened.values():
            enclave.close()
    return (
        {size: 1000 * median(took) for size, took in appends.items()},
        {size: 1000 * median(took) for size, took in proofs.items()},
    )
