"""Draws mutations of two logs, tries them and counts what became of them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from api.ops.embedded_postgres import Embedded
from tests.fixtures.postgres import Database, make_database
from tests.mutation import harmless
from tests.mutation.bench import Bench, Outcome
from tests.mutation.enclave import SCHEMAS, a_long_log, a_rich_log
from tests.mutation.kinds import Spec

_TURNS = 100
LOGS: Mapping[str, tuple[Callable[[Database], object], bool, tuple[str, ...]]] = {
    "rehearsal": (a_rich_log, True, SCHEMAS),
    "real": (a_long_log, False, ("log",)),
}


@dataclass(slots=True)
class Figures:
    """What became of the mutations that were tried.

    Attributes:
        fates: How many were named, harmless, missed, refused or changed nothing.
        reasons: Harmless ones by their entry.
        missed: Those nobody named, written out.
    """

    fates: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    missed: list[str] = field(default_factory=list)

    @property
    def tried(self) -> int:
        """Mutations that changed something."""
        return sum(self.fates[fate] for fate in ("named", "harmless", "missed"))

    def add(self, log: str, seed: int, number: int, outcome: Outcome) -> None:
        """Counts one."""
        fate = outcome.fate
        entry = next((e for e in harmless.entries() if e.covers(outcome.spec, log)), None)
        if fate == "missed" and not outcome.said and entry is not None:
            fate = "harmless"
            self.reasons[f"{entry.table}: {' '.join(entry.reason.split())[:70]}"] += 1
        elif fate == "missed":
            replay = f"python -m tests.mutation {log} {seed} {number} '{outcome.spec}'"
            done = "; ".join(outcome.done)
            self.missed.append(
                f"{log}: {outcome.spec}: {outcome.said}\n  {done}\n  again: {replay}"
            )
        self.fates[fate] += 1

    def __str__(self) -> str:
        lines = [f"{self.tried} tried: {dict(self.fates)}"]
        lines += [
            f"  {count:5} harmless: {reason}…" for reason, count in self.reasons.most_common()
        ]
        return "\n".join([*lines, *self.missed])


def benches(server: Embedded, *, keep: bool = True) -> Iterator[tuple[str, Bench]]:
    """Each log, mutated by nobody yet; closed when the next is asked for.

    Args:
        server: Where they lie.
        keep: As of `Bench`.
    """
    for name, (make, rehearsal, schemas) in LOGS.items():
        database = make_database(server)
        made = make(database)
        if not rehearsal:
            database.end_rehearsal()
        yield name, Bench(made, schemas, keep)  # type: ignore[arg-type]


def run(bench: Bench, log: str, specs: Sequence[Spec], number: int, seed: int) -> Figures:
    """Tries so many mutations of these kinds, each kind once before any comes again."""
    figures = Figures()
    turns = random.Random(seed)  # noqa: S311 - repeatable
    order, turn = list(specs), 0
    while order and turn < _TURNS:
        turns.shuffle(order)
        again: list[Spec] = []
        for outcome in bench.tried([(spec, turn) for spec in order], seed):
            figures.add(log, seed, turn, outcome)
            if figures.tried >= number:
                return figures
            if outcome.fate in {"named", "missed"}:
                again.append(outcome.spec)
        order, turn = again, turn + 1
    return figures
