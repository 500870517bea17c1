"""What a case read above ordinary costs through the keeper, beside the same fold without (U1, U3).

One officer who takes part asks the same again and again: once where what is opened is noted, opened
by the keeper and what is shown noted again, and once where the process holds the KEK and notes
nothing. All sides count, by processor time; how long an answer takes stands beside it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

from api.http.app import create_app
from api.ops.wiring.enclave import Enclave
from api.ops.wiring.key_files import open_kek
from keys.envelope_encryption import Keks
from tests.bench.row import Row
from tests.bench.run import Run, median
from tests.bench.unnoted import Nothing
from tests.builders import an_act, at
from tests.fixtures.above import WHOLE, Above, opened
from tests.fixtures.app import Service

GROUP: Final = "keeping"
_GOAL: Final = 2.0
_ACTS: Final = 40


class _Held(Enclave):
    """The same enclave by a process that holds its KEK, as an ordinary one does."""

    def _keks(self) -> tuple[Keks, Keks]:
        kek = open_kek(self.settings)
        return kek, kek


def rows(run: Run) -> Iterator[Row]:
    """The case file, its timeline, one act."""
    with opened(run.server, run.folder / "above", "mat") as above:
        _fill(above)
        service = above.service
        service.halt()
        held = _Held.open(service.settings, clock=service.clock)
        held.reads = Nothing()
        plain = Service(service.settings, service.database, held, create_app(held), service.clock)
        try:
            for measure, path in (
                (f"a case file of {_ACTS + 2} acts", f"/v1/cases/{above.case}"),
                ("its timeline", f"/v1/cases/{above.case}/acts"),
                ("one act", f"/v1/acts/{above.plain.act_id}"),
            ):
                cpu, took = _both(run, (service, plain), path)
                yield Row(
                    GROUP, f"{measure}, through the keeper", 1e6 * cpu[0], "µs",
                    against="the KEK held, no row", theirs=1e6 * cpu[1], sense="<=", goal=_GOAL,
                    note="processor time of API, keeper and server",
                )  # fmt: skip
                yield Row(
                    GROUP, f"{measure}: how long it takes", 1e6 * took[0], "µs",
                    against="the KEK held, no row", theirs=1e6 * took[1],
                    note="one at a time",
                )  # fmt: skip
        finally:
            held.close()


def _fill(above: Above) -> None:
    """A case as long as one that is worked on."""
    service = above.service
    for n in range(_ACTS):
        act = an_act(
            "SecretLossReported", by="nst", also=[], level="mat", stream=above.stream,
            when=at("2026-10-16 09:00"), exact=True, act_id=_id(n), facts=dict(above.plain.facts),
        )  # fmt: skip
        service.clock.set(max(act.occurred_at, service.clock.now()))
        service.step(minutes=1)
        service.say(act, "nst")
    above.fold()


def _id(n: int) -> str:
    return f"{n:08x}-0000-4000-8000-000000000000"


def _both(
    run: Run, sides: tuple[Service, Service], path: str
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Seconds of processor, and seconds, a read by either side; each has its turn."""
    cpu: tuple[list[float], list[float]] = ([], [])
    took: tuple[list[float], list[float]] = ([], [])
    times = 10 if run.quick else 100
    for _ in range(2 * run.rounds):
        for n, service in enumerate(sides):
            client, headers = service.client, service.headers(WHOLE)
            assert client.get(path, headers=headers, buffered=True).status_code == 200
            begun, clock = time.process_time() + run.server_cpu(), time.perf_counter()
            for _ in range(times):
                client.get(path, headers=headers, buffered=True)
            took[n].append((time.perf_counter() - clock) / times)
            cpu[n].append((time.process_time() + run.server_cpu() - begun) / times)
    return (median(cpu[0]), median(cpu[1])), (median(took[0]), median(took[1]))
