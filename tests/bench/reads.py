"""What it costs to note a read before it is sent, beside the same read without (access.md U1).

An inspector under an order asks the same again and again over HTTP, alone or as four at once, in
turn of the API and of one that notes nothing; the API's processor and the server's both count.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from api.settings import Settings, child_environment
from tests.bench import wire
from tests.bench.crew import Crew
from tests.bench.row import Row
from tests.bench.run import Run, median
from tests.bench.serving import await_ready, processor_s, running
from tests.bench.wire import GetOpening
from tests.builders import T0
from tests.fixtures.app import found, open_service
from tests.fixtures.postgres import install_database
from tests.fixtures.under_order import INSPECTOR, UnderOrder, open_under_order
from tests.processes import free_port

GROUP: Final = "reads"
_GOAL: Final = 1.5
_OFFICE: Final = 4
"""Readers at once."""
_NOTED: Final = "api.http.wsgi"
_UNNOTED: Final = "tests.bench.unnoted"


@dataclass(frozen=True, slots=True)
class _Api:
    pid: int
    port: int


@dataclass(frozen=True, slots=True)
class _Turn:
    """Of one read, in microseconds: what processors worked for it, and how long its reader waited.

    In the middle of its reads; of the processors it is the mean.
    """

    processor: float
    waited: float


def rows(run: Run) -> Iterator[Row]:
    """The case file, one act, and its bytes; the case file also by several at once."""
    database = install_database(run.server)
    home = run.folder / "order"
    with closing(database):
        service = open_service(found(database, home, reads_at=T0 + timedelta(minutes=1)), database)
        service.start()
        try:
            under = open_under_order(service)
            service.halt()
            yield from _reading(run, under)
        finally:
            service.stop()


def _reading(run: Run, under: UnderOrder) -> Iterator[Row]:
    ids = under.world.hidden
    file = f"/v1/cases/{ids.case}"
    with ExitStack() as stack:
        apis = [_serving(stack, under.service.settings, module) for module in (_NOTED, _UNNOTED)]
        for measure, path, readers in (
            ("a case file", file, 1),
            (f"a case file by {_OFFICE} at once", file, _OFFICE),
            ("one act", f"/v1/acts/{ids.act}", 1),
            ("the bytes of an act", f"/v1/acts/{ids.act}/raw", 1),
            ("a case as it was", f"{file}?as_of={ids.index}", 1),
        ):
            noted, plain = _both(run, under, apis, path, readers)
            yield Row(
                GROUP, f"{measure}, read under an order", noted.processor, "µs",
                against="without a row", theirs=plain.processor, sense="<=",
                goal=_GOAL if readers == 1 else None, note="processor time of API and server",
            )  # fmt: skip
            if path == file:
                yield Row(
                    GROUP, f"{measure}, read under an order, p50", noted.waited, "µs",
                    against="without a row", theirs=plain.waited, sense="<=",
                    note="a row waits for the disk",
                )  # fmt: skip


def _serving(stack: ExitStack, settings: Settings, module: str) -> _Api:
    own = replace(settings, port=free_port(), workers=1)
    command = [sys.executable, "-m", module]
    log = own.home / f"{module}.log"
    (pid,) = stack.enter_context(running([command], child_environment(own), log))
    await_ready(own.port, "/health/live")
    return _Api(pid, own.port)


def _both(
    run: Run, under: UnderOrder, apis: list[_Api], path: str, readers: int
) -> tuple[_Turn, _Turn]:
    """A read with a row and without; each has its turn."""
    # The time is stated: a rehearsal looks for its time in the log, and no other enclave does.
    headers = under.service.headers(INSPECTOR, at=under.service.clock.now())
    request = wire.get(path, headers=headers)
    with ExitStack() as stack:
        crews = [stack.enter_context(Crew(GetOpening(api.port, (request,)), 1)) for api in apis]
        took: list[list[_Turn]] = [[], []]
        for turn in range(2 * run.rounds + 1):
            for api, crew, turns in zip(apis, crews, took, strict=True):
                one = _turn(run, api, crew, readers)
                if turn:  # the first round warms
                    turns.append(one)
    noted, plain = (
        _Turn(median(one.processor for one in turns), median(one.waited for one in turns))
        for turns in took
    )
    return noted, plain


def _turn(run: Run, api: _Api, crew: Crew, readers: int) -> _Turn:
    begun = processor_s(api.pid) + run.server_cpu()
    done = crew.work(readers, 4000, run.seconds)
    if done.failed:
        raise RuntimeError(done.reason)
    worked = processor_s(api.pid) + run.server_cpu() - begun
    return _Turn(1e6 * worked / done.done, 1000 * done.ms(0.5))
