"""Durable signed acts a second: verify, check, seal, append; beside eventsourcing and an INSERT."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

from api.bootstrap import Enclave
from tests.bench import plain, stock, workload
from tests.bench.crew import Crew, Hand, Shift
from tests.bench.enclave import Founded
from tests.bench.plain import PlainOpening
from tests.bench.row import Row
from tests.bench.run import SUBMITTERS, Run, median
from tests.bench.stock import StockOpening
from tests.bench.workload import Officer, SignedAct

GROUP = "durable"
_FASTEST = 400
"""Most acts a second of one hand that are signed beforehand."""


@dataclass(frozen=True, slots=True)
class LedgerOpening:
    """Opens the enclave in a process of a crew, as an API process does."""

    enclave: Founded

    def __call__(self) -> LedgerShop:
        """One write path a process."""
        return LedgerShop(self.enclave.open(), self.enclave.officers)


@dataclass(slots=True)
class LedgerShop:
    """Records signed statements, each hand as another officer."""

    enclave: Enclave
    officers: tuple[Officer, ...]

    def hands(self, first: int, count: int, items: int) -> list[Hand]:
        """Each hand with acts of its own cases, signed by its own officer."""
        origin = self.enclave.facts.origin
        made = []
        for n in range(first, first + count):
            officer = self.officers[n % len(self.officers)]
            ready = list(workload.acts(officer, origin, items))
            made.append(Hand(_recorder(self.enclave, officer.id), ready))
        return made


def _recorder(enclave: Enclave, officer: str) -> Callable[[SignedAct], None]:
    record = enclave.ledger.record

    def send(act: SignedAct) -> None:
        record(act.body, signer_officer=officer)

    return send


def rows(run: Run) -> Iterator[Row]:
    """Every side in turn, some rounds; the middle one counts."""
    main = run.main
    other, inserts = run.database("stock"), run.database("inserts")
    stock.prepare(other)
    plain.prepare(inserts)
    officer, origin = main.officers[0], main.facts.origin
    shifts: dict[tuple[str, int], list[Shift]] = {}
    with ExitStack() as stack:
        run.tell("durable: opening processes")
        crews = {
            "ours": stack.enter_context(Crew(LedgerOpening(main), run.cores)),
            "stock": stack.enter_context(Crew(StockOpening(other, officer, origin), run.cores)),
            "insert": stack.enter_context(Crew(PlainOpening(inserts, officer, origin), run.cores)),
        }
        for crew in crews.values():  # connections, caches, prepared statements
            crew.work(SUBMITTERS, 24, run.seconds)
        for turn in range(run.rounds):
            run.tell(f"durable: round {turn + 1} of {run.rounds}")
            for hands in (1, SUBMITTERS):
                for name, crew in crews.items():
                    items = int(run.seconds * (3 * _FASTEST if hands == 1 else _FASTEST))
                    done = crew.work(hands, items, run.seconds)
                    shifts.setdefault((name, hands), []).append(done)
    rate = {key: median(shift.rate for shift in found) for key, found in shifts.items()}
    lost = sum(shift.failed for found in shifts.values() for shift in found)
    note = next((s.reason for found in shifts.values() for s in found if s.reason), "")
    p50 = median(shift.ms(0.5) for shift in shifts["ours", SUBMITTERS])
    p99 = median(shift.ms(0.99) for shift in shifts["ours", SUBMITTERS])
    told = f"{run.cores} processes; p50 {p50:.1f} ms, p99 {p99:.1f} ms"
    if lost:
        told += f"; {lost} failed: {note}"
    unit = "acts/s"
    yield Row(
        GROUP, "durable signed acts, 1 submitter", rate["ours", 1], unit, "eventsourcing save",
        rate["stock", 1], goal=1.0,
    )  # fmt: skip
    yield Row(
        GROUP, "durable signed acts, 1 submitter", rate["ours", 1], unit, "plain INSERT",
        rate["insert", 1],
    )  # fmt: skip
    yield Row(
        GROUP, f"durable signed acts, {SUBMITTERS} submitters", rate["ours", SUBMITTERS], unit,
        "eventsourcing save", rate["stock", SUBMITTERS], goal=4.0, note=told,
    )  # fmt: skip
    yield Row(
        GROUP, f"durable signed acts, {SUBMITTERS} submitters", rate["ours", SUBMITTERS], unit,
        "plain INSERT", rate["insert", SUBMITTERS], goal=0.5,
    )  # fmt: skip
