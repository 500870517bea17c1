"""What others make of the same acts, in one run: their own way, with what each of them lacks.

Peers come from PyPI (`uv sync --group bench`) and, pgaudit, from Debian; for each that is not here
one line says so. None but the first checks a signature; none has rules, sealing or proofs, but
pymerkle, which has proofs and nothing else.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import psycopg

from tests.bench import by_hand, durable, plain, workload
from tests.bench.by_hand import SignedOpening
from tests.bench.crew import Opening
from tests.bench.durable import LedgerOpening
from tests.bench.plain import PlainOpening
from tests.bench.row import Row
from tests.bench.run import SUBMITTERS, Run, each_us, median
from tests.other_servers import Debian

GROUP: Final = "peers"
_HISTORY: Final = "django-simple-history"
_AUDITED: Final = "pgaudit"
_TOLD: Final = {
    "signed": ("eventsourcing, signed and chained by hand", "no rules, sealing or proofs"),
    _HISTORY: ("django-simple-history", "no signatures either"),
    _AUDITED: ("INSERT under pgaudit", "in the server's log alone; no signatures"),
}


def rows(run: Run) -> Iterator[Row]:
    """Acts a second of all that are here, in turns; then proofs beside pymerkle."""
    audited = _audited_server(run)
    try:
        sides = _sides(run, audited)
        found = durable.rounds(run, GROUP, sides, (SUBMITTERS,))
    finally:
        if audited is not None:
            audited.stop()
    for side in (name for name in sides if name != "ours"):
        against, lacks = _TOLD[side]
        cost = "" if side == _AUDITED else f"; theirs {found.cpu(side, SUBMITTERS)}"
        yield Row(
            GROUP, f"durable acts, {SUBMITTERS} submitters", found.rate("ours", SUBMITTERS),
            "acts/s", against, found.rate(side, SUBMITTERS),
            goal=3.0 if side == "signed" else None,
            note=f"{lacks}; ours {found.cpu('ours', SUBMITTERS)}{cost}{found.lost}",
        )  # fmt: skip
    yield from _proofs(run)


def _sides(run: Run, audited: Debian | None) -> dict[str, Opening]:
    main = run.main
    officer, origin = main.officers[0], main.facts.origin
    signed = run.database("signed_peer")
    by_hand.prepare(signed)
    sides: dict[str, Opening] = {
        "ours": LedgerOpening(main),
        "signed": SignedOpening(signed, officer, origin),
    }
    if find_spec("simple_history") is None:
        run.tell(f"{GROUP}: {_HISTORY} is not installed (uv sync --group bench)")
    else:
        from tests.bench.django_history import HistoryOpening, prepare  # noqa: PLC0415 - not everywhere

        dsn = run.database("history")
        prepare(dsn)
        sides[_HISTORY] = HistoryOpening(dsn, officer, origin)
    if audited is not None:
        plain.prepare(audited.dsn())
        sides[_AUDITED] = PlainOpening(audited.dsn(), officer, origin)
    return sides


def _audited_server(run: Run) -> Debian | None:
    """A cluster of Debian's that logs every write; None where it has no pgaudit."""
    there = sorted(Path("/usr/share/postgresql").glob(f"*/extension/{_AUDITED}.control"))
    if not there:
        run.tell(f"{GROUP}: {_AUDITED} is not installed (postgresql-17-pgaudit)")
        return None
    version = int(there[-1].parent.parent.name)
    server = Debian(run.folder / _AUDITED, version)
    server.start()
    with psycopg.connect(server.dsn(), autocommit=True) as admin:
        admin.execute(f"ALTER SYSTEM SET shared_preload_libraries = {_AUDITED}".encode())
    server.stop()
    server.start()
    with psycopg.connect(server.dsn(), autocommit=True) as admin:
        admin.execute(f"CREATE EXTENSION {_AUDITED}".encode())
        admin.execute(f"ALTER SYSTEM SET {_AUDITED}.log = 'write'".encode())
        admin.execute("SELECT pg_reload_conf()")
    return server


def _proofs(run: Run) -> Iterator[Row]:
    """One writer, and a proof of any record: a tree in SQLite, rebuilt as its makers do it."""
    if find_spec("pymerkle") is None:
        run.tell(f"{GROUP}: pymerkle is not installed (uv sync --group bench)")
        return
    from pymerkle import SqliteTree  # noqa: PLC0415 - not everywhere

    number = 1_000 if run.quick else 4_000
    run.tell(f"{GROUP}: pymerkle, {number} records")
    ours = run.enclave("proofs.example", officers=1)
    officer, origin = ours.officers[0], ours.facts.origin
    acts = list(workload.acts(officer, origin, number))
    enclave = ours.open()
    try:
        appended = _each(enclave.ledger.record, [act.body for act in acts])
        ours.seal()
        size = enclave.records.head().size
        proved = each_us(lambda: enclave.proofs.inclusion(_any(size)), 200)
    finally:
        enclave.close()
    with SqliteTree(str(run.folder / "tree.db")) as tree:
        theirs = _each(tree.append_entry, [act.statement.compact.encode() for act in acts])
        shown = each_us(lambda: tree.prove_inclusion(_any(number) + 1, number), 200)
    told = f"{number} records, one writer; no signatures, rules or sealing"
    yield Row(
        GROUP, "durable acts, 1 writer", 1e6 / appended, "acts/s", "pymerkle in SQLite",
        1e6 / theirs, note=told,
    )  # fmt: skip
    yield Row(
        GROUP, "inclusion proof, p50", proved, "µs", "pymerkle in SQLite", shown, sense="<=",
        note="ours from the tiles in PostgreSQL",
    )  # fmt: skip


def _any(size: int) -> int:
    return random.randrange(size)  # noqa: S311 - any record


def _each(do: Callable[[bytes], object], items: Sequence[bytes]) -> float:
    """Microseconds of the middle one."""
    took = []
    for item in items:
        begun = time.perf_counter()
        do(item)
        took.append(time.perf_counter() - begun)
    return 1e6 * median(took)
