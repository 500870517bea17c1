"""Durable signed acts a second: verify, check, seal, append; beside eventsourcing and an INSERT."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

from api.ops.wiring import Enclave
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
    found = _rounds(run)
    rate = {key: median(shift.rate for shift in shifts) for key, shifts in found.shifts.items()}
    many = found.shifts["ours", SUBMITTERS]
    told = f"{run.cores} processes; {found.cpu(SUBMITTERS)}"
    latency = (
        f"p50 {median(s.ms(0.5) for s in many):.1f}, p99 {median(s.ms(0.99) for s in many):.1f} ms"
    )
    for hands, goals, notes in (
        (1, (1.0, None), (found.cpu(1), "")),
        (SUBMITTERS, (4.0, 0.5), (told, f"{latency}{found.lost}")),
    ):
        name = f"durable signed acts, {hands} submitter{'s' if hands > 1 else ''}"
        for n, (side, against) in enumerate(
            (("stock", "eventsourcing save, unsigned"), ("insert", "plain INSERT of the bytes"))
        ):
            yield Row(
                GROUP, name, rate["ours", hands], "acts/s", against, rate[side, hands],
                goal=goals[n], note=notes[n],
            )  # fmt: skip


@dataclass(slots=True)
class _Found:
    """Rounds by side and hands, and what the server took for ours."""

    shifts: dict[tuple[str, int], list[Shift]] = field(default_factory=dict)
    server_us: dict[int, list[float]] = field(default_factory=dict)

    def cpu(self, hands: int) -> str:
        """Processor time an act, which says more than a rate where others use the machine too."""
        ours = median(shift.cpu_us for shift in self.shifts["ours", hands])
        return f"processor {ours:.0f} + server {median(self.server_us[hands]):.0f} µs an act"

    @property
    def lost(self) -> str:
        """What failed, if anything did."""
        failed = [shift for shifts in self.shifts.values() for shift in shifts if shift.failed]
        return f"; failed: {failed[0].reason}" if failed else ""


def _rounds(run: Run) -> _Found:
    main, found = run.main, _Found()
    other, inserts = run.database("stock"), run.database("inserts")
    stock.prepare(other)
    plain.prepare(inserts)
    officer, origin = main.officers[0], main.facts.origin
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
                    _turn(run, found, (name, hands), crew)
    return found


def _turn(run: Run, found: _Found, side: tuple[str, int], crew: Crew) -> None:
    name, hands = side
    items = int(run.seconds * (3 * _FASTEST if hands == 1 else _FASTEST))
    spent = run.server_cpu()
    done = crew.work(hands, items, run.seconds)
    found.shifts.setdefault(side, []).append(done)
    if name == "ours" and done.done:
        spent = run.server_cpu() - spent
        found.server_us.setdefault(hands, []).append(1e6 * spent / done.done)
