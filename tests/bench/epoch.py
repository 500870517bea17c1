"""How many wraps of records move to another KEK in a second of processor time (access.md K9).

Both sides of the work count: the process that opens and wraps, and the server that keeps them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from typing import Final
from uuid import UUID

from api.ops.wiring.key_files import open_kek
from keys.envelope_encryption import Kek
from ledger.erasure.epoch_turn import EpochTurn
from ledger.postgres.connect import open_pool
from ledger.postgres.keeping.epochs import PostgresEpochs
from ledger.postgres.keeping.keeper import PostgresKeeper
from tests.bench.row import Row
from tests.bench.run import Run
from tests.many_wraps import fill

GROUP: Final = "epoch"
_GOAL: Final = 3_000.0


def rows(run: Run) -> Iterator[Row]:
    """One turn of an epoch."""
    count = 20_000 if run.quick else 100_000
    enclave = run.enclave("epoch.example", officers=1)
    old, new = open_kek(enclave.settings).current, Kek.generate()
    fill(enclave.admin, old, enclave.facts.origin, count)
    with (
        closing(open_pool(enclave.dsn("keeper"), most=1)) as pool,
        closing(open_pool(enclave.dsn("migrator"), most=1)) as ending,
    ):
        keeper, epochs = PostgresKeeper(pool), PostgresEpochs(ending)
        epochs.begin(old.kek_id, new.kek_id)
        turn = EpochTurn(keeper, epochs, old, new, origin=enclave.facts.origin, digest=_no_file)
        begun = time.monotonic(), time.process_time(), run.server_cpu()
        turn.move()
        turn.look()
        closed = turn.close()
        waited = time.monotonic() - begun[0]
        spent = time.process_time() - begun[1] + run.server_cpu() - begun[2]
    yield Row(
        GROUP, f"wraps moved to another KEK, of {count}", count / spent, "1/s", goal=_GOAL,
        note=f"by processor time of both sides; {count / waited:.0f} by the clock"
        + ("" if closed else "; NOT closed"),
    )  # fmt: skip


def _no_file(name: UUID) -> bytes:
    raise LookupError(name)
