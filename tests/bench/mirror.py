"""How many records of a lower log are taken in above in a second of processor time (access.md F12).

All of the work counts: opening the segment, the process that takes it apart, leaves, signatures by
the registry below, sealing anew, and the server that stores it.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from typing import Final

from api.ops.mirror.inbox import taken_in
from api.ops.wiring.key_files import open_kek
from keys import canonical, sealed_segment
from ledger.log.statement import AUTHOR, make
from ledger.mirror.taking_in import Mirror
from ledger.postgres.connect import open_pool
from ledger.postgres.mirror.mirrored import PostgresMirror, trust
from tests import builders
from tests.a_ledger import T0
from tests.bench.row import Row
from tests.bench.run import Run
from tests.mirrored import Above, Below
from tests.smuggle import smuggler_of

GROUP: Final = "mirror"
_GOAL: Final = 2_000.0


def rows(run: Run) -> Iterator[Row]:
    """One full segment, and one whose records are all there already."""
    count = 1_000 if run.quick else 4_000
    below = _a_log(count)
    size = below.newest()
    made = time.process_time()
    sealed = below.publish()
    made = time.process_time() - made
    enclave = run.enclave("above.example", officers=1)
    above, lower = Above(below), below.lower
    with (
        closing(open_pool(enclave.dsn("importer"), most=1)) as pool,
        closing(open_pool(enclave.dsn("migrator"), most=1)) as trusting,
    ):
        trust(trusting, lower.origin, lower.level, lower.genesis)
        store = PostgresMirror(pool, lower.origin)
        mirror = Mirror(store, open_kek(enclave.settings), lower, "mat", above.now)
        begun = time.monotonic(), _spent() + run.server_cpu()
        framed = sealed_segment.open_segment(sealed, [below.keys[1]])
        taken = taken_in(framed, mirror)
        spent = _spent() + run.server_cpu() - begun[1]
        waited = time.monotonic() - begun[0]
    if (taken.size, taken.aside) != (size, 0):
        raise RuntimeError(f"{taken} is not what was published")
    yield Row(
        GROUP, f"records taken in of a segment of {taken.records}", taken.records / spent, "1/s",
        goal=_GOAL, note=f"by processor time of both sides; {taken.records / waited:.0f} by the"
        " clock",
    )  # fmt: skip
    yield Row(
        GROUP, "records published", taken.records / made, "1/s",
        note=f"one segment of {len(sealed) / 2**20:.1f} MiB",
    )  # fmt: skip


def _spent() -> float:
    """Processor time of this process and of those it started."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _a_log(count: int) -> Below:
    """A log of so many reports, each of a case of its own, signed by an officer in post."""
    below = Below.founded()
    smuggler, key = smuggler_of(below.a), builders.key("hotline")
    below.a.ledger.refresh()
    for n in range(count):
        below.a.clock.step(milliseconds=10)
        when = below.a.clock.now()
        stream = f"case/{builders.an_id(f'mirrored {n}')}"
        act = builders.an_act(
            "ReportReceived", by="hotline", when=T0 + timedelta(minutes=5), stream=stream
        )
        signed = make(
            canonical.encode(dict(act.signed)), key, iat=int(when.timestamp()),
            log=below.a.origin, seq=1, prev=None, role=AUTHOR,
        )  # fmt: skip
        smuggler.put(signed, when)
    below.checkpoint()
    return below
