"""Durable signed acts: verify, check, seal, append; beside eventsourcing, a check and an INSERT."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Final

from api.loading import collect_rarely
from api.ops.wiring.enclave import Enclave
from tests.bench import by_hand, plain, stock, workload
from tests.bench.by_hand import SignedOpening
from tests.bench.crew import Crew, Hand, Opening, Shift
from tests.bench.enclave import Founded
from tests.bench.plain import PlainOpening
from tests.bench.row import Row
from tests.bench.run import SUBMITTERS, Run, median
from tests.bench.stock import StockOpening
from tests.bench.workload import Officer, SignedAct

GROUP = "durable"
_SHARE: Final = 0.37
"""What three times by hand was of a check and an INSERT where that goal was set (ADR 116)."""
_FASTEST = 400
"""Most acts a second of one hand that are signed beforehand."""


@dataclass(frozen=True, slots=True)
class LedgerOpening:
    """Opens the enclave in a process of a crew, as an API process does."""

    enclave: Founded

    def __call__(self) -> LedgerShop:
        """One write path a process."""
        collect_rarely()
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
    found = rounds(run, "durable", _sides(run), (1, SUBMITTERS))
    many = found.shifts["ours", SUBMITTERS]
    latency = (
        f"p50 {median(s.ms(0.5) for s in many):.1f}, p99 {median(s.ms(0.99) for s in many):.1f} ms"
    )
    yield Row(
        GROUP, f"processor time of a durable act, {SUBMITTERS} submitters",
        found.cpu_us("ours", SUBMITTERS), "µs", "one Ed25519 check and one INSERT",
        found.cpu_us("checked", SUBMITTERS), sense="<=", goal=2.2,
        note=f"{found.cpu('ours', SUBMITTERS)}; theirs {found.cpu('checked', SUBMITTERS)}",
    )  # fmt: skip
    for hands, goals, note in (
        (1, {"signed": 1.0}, found.cpu("ours", 1)),
        (
            SUBMITTERS,
            {"signed": 3.0, "checked": _SHARE},
            f"{run.cores} processes; {latency}{found.lost}",
        ),
    ):
        name = f"durable signed acts, {hands} submitter{'s' if hands > 1 else ''}"
        for side, against in _AGAINST:
            yield Row(
                GROUP, name, found.rate("ours", hands), "acts/s", against, found.rate(side, hands),
                goal=goals.get(side), note=note if side == "signed" else "",
            )  # fmt: skip


_AGAINST: Final = (
    ("signed", "eventsourcing, signed and chained by hand"),
    ("stock", "eventsourcing save, unsigned"),
    ("checked", "Ed25519 check and INSERT"),
    ("insert", "plain INSERT of the bytes"),
)


def _sides(run: Run) -> dict[str, Opening]:
    main = run.main
    officer, origin = main.officers[0], main.facts.origin
    names = {side: run.database(side) for side, _ in _AGAINST}
    stock.prepare(names["stock"])
    by_hand.prepare(names["signed"])
    plain.prepare(names["insert"])
    plain.prepare(names["checked"])
    return {
        "ours": LedgerOpening(main),
        "signed": SignedOpening(names["signed"], officer, origin),
        "stock": StockOpening(names["stock"], officer, origin),
        "checked": PlainOpening(names["checked"], officer, origin, check=True),
        "insert": PlainOpening(names["insert"], officer, origin),
    }


@dataclass(slots=True)
class Found:
    """Rounds by side and hands, and what the server took in them for each item."""

    shifts: dict[tuple[str, int], list[Shift]] = field(default_factory=dict)
    server_us: dict[tuple[str, int], list[float]] = field(default_factory=dict)

    def rate(self, side: str, hands: int) -> float:
        """Items a second."""
        return median(shift.rate for shift in self.shifts[side, hands])

    def cpu_us(self, side: str, hands: int) -> float:
        """Processor time of an item, both sides: it says more than a rate on a machine of many."""
        key = side, hands
        return median(
            shift.cpu_us + server
            for shift, server in zip(self.shifts[key], self.server_us[key], strict=True)
        )

    def cpu(self, side: str, hands: int) -> str:
        """The same apart, in words."""
        ours = median(shift.cpu_us for shift in self.shifts[side, hands])
        return f"processor {ours:.0f} + server {median(self.server_us[side, hands]):.0f} µs"

    @property
    def lost(self) -> str:
        """What failed, if anything did."""
        failed = [shift for shifts in self.shifts.values() for shift in shifts if shift.failed]
        return f"; failed: {failed[0].reason}" if failed else ""


def rounds(run: Run, group: str, sides: Mapping[str, Opening], hands: Sequence[int]) -> Found:
    """Every side with so many hands each in turn, round after round."""
    found = Found()
    with ExitStack() as stack:
        run.tell(f"{group}: opening processes")
        crews = {
            name: stack.enter_context(Crew(opening, run.cores)) for name, opening in sides.items()
        }
        for crew in crews.values():  # connections, caches, prepared statements
            crew.work(SUBMITTERS, 24, run.seconds)
        for turn in range(run.rounds):
            run.tell(f"{group}: round {turn + 1} of {run.rounds}")
            for count in hands:
                for name, crew in crews.items():
                    _turn(run, found, (name, count), crew)
    return found


def _turn(run: Run, found: Found, side: tuple[str, int], crew: Crew) -> None:
    _, hands = side
    items = int(run.seconds * (3 * _FASTEST if hands == 1 else _FASTEST))
    spent = run.server_cpu()
    done = crew.work(hands, items, run.seconds)
    spent = run.server_cpu() - spent
    if not done.done:
        raise RuntimeError(f"{side[0]} did nothing: {done.reason}")
    found.shifts.setdefault(side, []).append(done)
    found.server_us.setdefault(side, []).append(1e6 * spent / done.done)
