"""A page of the log of reads over a million rows that are made up: by no filter, by one, by two.

As in `province`, what is measured is the plans of `access.noted`, which finds rows by their tags:
no row opens. What opening and checking one costs is of `reads`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final, LiteralString

import psycopg

from ledger.postgres.connect import Pool, open_pool
from ledger.postgres.reads.rows import PostgresReads
from tests.bench.enclave import Founded
from tests.bench.row import Row
from tests.bench.run import Run, median

GROUP: Final = "noted"
_ROWS: Final = 1_000_000
_PAGE: Final = 101
_END: Final = 2**62
_GATE: Final = bytes(32)
_GOAL_MS: Final = 150.0
#: Officers have 500 rows each, cases 20; an agency and an act every second row, not the same.
_FILL: Final[LiteralString] = """
SET LOCAL synchronous_commit = off;
ALTER TABLE access.gate DISABLE TRIGGER USER;
DELETE FROM access.gate;
ALTER TABLE access.gate ENABLE TRIGGER USER;
INSERT INTO access.gate (digest) VALUES (sha256(decode(repeat('00', 32), 'hex')));
CREATE TEMPORARY TABLE made ON COMMIT DROP AS
  SELECT i AS index, i - h.size + 1 AS seq, md5('reads')::uuid AS stream_id
  FROM access.log_head h, generate_series(h.size, h.size + {rows} - 1) AS i;
INSERT INTO access.streams (stream_id, name) VALUES (md5('reads')::uuid, 'reads/made');
INSERT INTO access.records (index, seq, recorded_at, stream_id, unit, act_id, author, registry,
    topic, entry, state)
  SELECT index, seq, now(), stream_id, '00000000-0000-0000-0000-000000000000',
    md5('read' || index)::uuid, true, false, 'socai.statement.v1', sha256(int8send(index)),
    decode(repeat('00', 1100), 'hex')
  FROM made;
INSERT INTO access.wraps (index, kek_id, stream_id, unit, wrap)
  SELECT index, substr(sha256(''), 1, 16), stream_id, '00000000-0000-0000-0000-000000000000',
    substr(sha256(int8send(index)) || sha256('') || sha256(''), 1, 77)
  FROM made;
INSERT INTO access.tags (tag, index)
  SELECT sha256(convert_to(t.said, 'UTF8')), index FROM made, LATERAL (VALUES
    ('officer ' || index % ({rows} / 500)), ('case ' || (index * 7919) % ({rows} / 20)),
    (CASE WHEN index % 2 = 0 THEN 'agency' ELSE 'agency ' || index % 100 END),
    (CASE WHEN index % 2 = 1 THEN 'act' ELSE 'act ' || index % 50 END)) AS t (said)
  ORDER BY 1, 2;
UPDATE access.log_head SET size = size + {rows}, recorded_at = now();
"""
_ANALYZE: Final[LiteralString] = (
    "VACUUM ANALYZE access.records, access.wraps, access.streams, access.tags, access.log_head"
)
_ASKED: Final[Mapping[str, Sequence[str]]] = {
    "of all": (),
    "of an officer": ("officer 8",),
    "of half of all": ("agency",),
    "of an officer in an agency": ("officer 8", "agency"),
    "of a case by an officer, in nothing": ("case 8", "officer 9"),
    "of two halves that have nothing in common": ("agency", "act"),
    "of a half and a fiftieth in it": ("agency", "act 8"),
    "of a half and a hundredth not in it": ("agency", "agency 7"),
}


def rows(run: Run) -> Iterator[Row]:
    """Fills, then asks for the newest page of each."""
    many = 50_000 if run.quick else _ROWS
    enclave = run.enclave("noted.example", officers=0)
    _fill(enclave, many)
    pool = open_pool(enclave.dsn("reader"), most=1)
    try:
        noted = PostgresReads(pool, _GATE)
        for what, said in _ASKED.items():
            tags = [sha256(one.encode()).digest() for one in said]
            took = [_processor_ms(noted, pool, tags) for _ in range(3 * run.rounds)]
            yield Row(
                GROUP, f"a page {what}", median(took), "ms", sense="<=", goal=_GOAL_MS,
                note=f"{many} rows made up; processor time of the server; least {min(took):.2f}",
            )  # fmt: skip
    finally:
        pool.close()


def _fill(enclave: Founded, many: int) -> None:
    with psycopg.connect(enclave.admin) as connection:
        connection.execute(_FILL.replace("{rows}", str(many)).encode())
    with psycopg.connect(enclave.admin, autocommit=True) as connection:
        connection.execute(_ANALYZE)


def _processor_ms(noted: PostgresReads, pool: Pool, tags: list[bytes]) -> float:
    with pool.connection() as connection:
        told = Path(f"/proc/{connection.info.backend_pid}/schedstat")
    before = _ns(told)
    noted.noted(tags, _END, _PAGE)
    return (_ns(told) - before) / 1e6


def _ns(told: Path) -> int:
    return int(told.read_text("ascii").split()[0])
