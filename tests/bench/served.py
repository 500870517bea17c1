"""Over HTTP: proven acts beside durable ones, proof at half load, a case beside a bare SELECT.

API, checkpointer and projector are the processes of `serve`; the bare routes stand in the same
gunicorn workers.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import httpx
import orjson
import psycopg

from api.client.client import Client
from api.ops.child_processes import python
from api.ops.service.roles import CHECKPOINTER, PROJECTOR, ROLES, command
from api.ops.service.supervisor import Supervisor
from api.settings import child_environment
from tests.bench import plain, wire, workload
from tests.bench.crew import Crew, Shift
from tests.bench.row import Row
from tests.bench.run import Run, median
from tests.bench.serving import await_ready, children, processor_s, running
from tests.bench.unit import in_units, unit_ms
from tests.bench.wire import GetOpening, PostOpening
from tests.processes import free_port, pids

GROUP: Final = "served"
_CLIENTS: Final = 64
_FASTEST: Final = 60
_READERS: Final = 4
_CASES: Final = 24


def rows(run: Run) -> Iterator[Row]:
    """Ready and memory by `serve` itself, then the shared server."""
    check_ms = unit_ms(run, GROUP)
    yield from _resident(run, check_ms)
    bare = run.database("bare")
    plain.prepare(bare)
    with _serving(run, bare) as served:
        yield from _writing(run, served, check_ms)
        yield from _reading(run, served, bare)


# -- serve ---------------------------------------------------------------------------------------


def _resident(run: Run, check_ms: float) -> Iterator[Row]:
    run.tell("served: start of `serve`")
    settings = replace(run.main.settings, port=free_port(), workers=run.cores)
    supervisor = Supervisor(settings, output=settings.home / "serve.log")
    begun = time.monotonic()
    try:
        supervisor.start(ROLES)
        supervisor.wait_ready()
        ready = time.monotonic() - begun
        token = _tokens(run, settings.port)[0]
        for _ in range(40):  # what a worker loads with its first requests
            httpx.get(
                f"{supervisor.url}/v1/cases", headers={"Authorization": f"Bearer {token}"}
            ).raise_for_status()
        api = pids(supervisor)["api"]
        workers = [_memory_mb(pid) for pid in children(api)]
        loops = {role: _memory_mb(pids(supervisor)[role])[0] for role in (CHECKPOINTER, PROJECTOR)}
    finally:
        supervisor.stop()
    told = ", ".join(f"{role} {size:.0f} MB" for role, size in loops.items())
    row = Row(GROUP, "serve to ready, database up", ready, "s", sense="<=", goal=3)
    yield from (row, in_units(row, check_ms))
    yield Row(
        GROUP, "resident memory of an API worker", max(rss for rss, _ in workers), "MB",
        sense="<=", goal=150, note=f"its own share {max(p for _, p in workers):.0f} MB; {told}",
    )  # fmt: skip


def _memory_mb(pid: int) -> tuple[float, float]:
    """(RSS, PSS): pages shared after the fork count whole in the one, by share in the other."""
    sizes = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines()[1:]:
        name, _, rest = line.partition(":")
        sizes[name] = int(rest.split()[0]) / 1024
    return sizes["Rss"], sizes["Pss"]


# -- the shared server ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Served:
    pid: int
    port: int
    tokens: tuple[str, ...]


@contextmanager
def _serving(run: Run, bare: str) -> Iterator[_Served]:
    settings = replace(run.main.settings, port=free_port(), workers=run.cores)
    environment = child_environment(settings)
    commands = [
        [sys.executable, "-m", "tests.bench.server", bare],
        python("-m", *command(CHECKPOINTER)),
        python("-m", *command(PROJECTOR)),
    ]
    with running(commands, environment, settings.home / "beside.log") as (api, *_):
        await_ready(settings.port)
        yield _Served(api, settings.port, _tokens(run, settings.port))


def _tokens(run: Run, port: int) -> tuple[str, ...]:
    tokens = []
    for officer in run.main.officers:
        with Client(f"http://127.0.0.1:{port}", officer.signer) as client:
            tokens.append(client.login())
    return tuple(tokens)


def _writing(run: Run, served: _Served, check_ms: float) -> Iterator[Row]:
    main = run.main
    given = PostOpening(served.port, "/v1/acts", main.officers, served.tokens, main.facts.origin)
    with ExitStack() as stack:
        proven = stack.enter_context(Crew(given, run.cores))
        kept = stack.enter_context(Crew(replace(given, prefer="respond-async"), run.cores))
        bare = stack.enter_context(
            Crew(replace(given, path=f"{plain.PREFIX}/acts", tokens=()), run.cores)
        )
        sides = {"proven": proven, "durable": kept, "bare": bare}
        for crew in sides.values():
            crew.work(_CLIENTS, 8, run.seconds)
        found: dict[str, list[Shift]] = {name: [] for name in sides}
        for turn in range(run.rounds):
            run.tell(f"served: round {turn + 1} of {run.rounds}")
            for name, crew in sides.items():
                items = int(_FASTEST * run.seconds)
                found[name].append(crew.work(_CLIENTS, items, run.seconds))
        rate = {name: median(s.rate for s in shifts) for name, shifts in found.items()}
        run.tell("served: half load")
        half = rate["proven"] / 2
        seconds = 2 * run.seconds
        items = int(half / _CLIENTS * seconds) + 2
        calm = proven.work(_CLIENTS, items, seconds, rate=half)
        calm_durable = kept.work(_CLIENTS, items, seconds, rate=half)
    failed = next((s.reason for shifts in found.values() for s in shifts if s.reason), "")
    unit = "acts/s"
    middle = median(shift.ms(0.5) for shift in found["proven"])
    yield Row(
        GROUP, f"proven acts over HTTP, {_CLIENTS} clients", rate["proven"], unit,
        "durable acts over HTTP", rate["durable"], goal=0.8,
        note=f"p50 {middle:.0f} ms{failed[:200]}",
    )  # fmt: skip
    for name in ("proven", "durable"):
        yield Row(
            GROUP, f"{name} acts over HTTP, {_CLIENTS} clients", rate[name], unit,
            "bare Flask route with INSERT", rate["bare"],
        )  # fmt: skip
    told = f"{half:.0f} acts/s offered, {calm.rate:.0f} taken"
    for name, quantile, goal in (("p50", 0.5, 15.0), ("p99", 0.99, 60.0)):
        durable = calm_durable.ms(quantile)
        row = Row(
            GROUP, f"proven receipt at half load, {name}", calm.ms(quantile), "ms", sense="<=",
            goal=goal, note=f"{told}; durable {durable:.1f} ms",
        )  # fmt: skip
        yield from (row, in_units(row, check_ms))


def _reading(run: Run, served: _Served, bare: str) -> Iterator[Row]:
    cases, bodies = _some_cases(run, served)
    with psycopg.connect(bare, autocommit=True) as connection:
        for case, body in zip(cases, bodies, strict=True):
            connection.execute("INSERT INTO files VALUES (%s, %s)", [case, body.decode()])
    token = served.tokens[0]
    ours = tuple(wire.get(f"/v1/cases/{case}", token=token) for case in cases)
    theirs = tuple(wire.get(f"{plain.PREFIX}/files/{case}") for case in cases)
    with (
        Crew(GetOpening(served.port, ours), 1) as reading,
        Crew(GetOpening(served.port, theirs), 1) as selecting,
    ):
        took: dict[tuple[str, int], list[Shift]] = {}
        spent: dict[str, list[float]] = {"ours": [], "bare": []}
        for turn in range(run.rounds + 1):
            for hands in (1, _READERS):
                for name, crew in (("ours", reading), ("bare", selecting)):
                    before_s = processor_s(served.pid)
                    done = crew.work(hands, 4000, run.seconds / 2)
                    worked_s = processor_s(served.pid) - before_s
                    if turn:  # the first round warms
                        took.setdefault((name, hands), []).append(done)
                        spent[name].append(1e6 * worked_s / done.done)
    size = f"{len(bodies[0]) / 1024:.1f} KB"
    for hands in (1, _READERS):
        p50 = {n: median(s.ms(0.5) for s in took[n, hands]) for n in ("ours", "bare")}
        goal = 2.0 if hands == 1 else None
        readers = "1 reader" if hands == 1 else f"{hands} readers"
        yield Row(
            GROUP, f"GET /v1/cases/{{id}} p50, {readers}", p50["ours"], "ms",
            "bare route, one primary-key SELECT", p50["bare"], sense="<=", goal=goal, note=size,
        )  # fmt: skip

    us = {name: median(found) for name, found in spent.items()}
    yield Row(
        GROUP, "GET /v1/cases/{id}, processor of the API", us["ours"], "µs",
        "bare route, one primary-key SELECT", us["bare"], sense="<=", goal=1.3, note=size,
    )  # fmt: skip


def _some_cases(run: Run, served: _Served) -> tuple[list[str], list[bytes]]:
    """Some cases of eight acts, written now and projected; their files."""
    run.tell("served: case files")
    main = run.main
    made = list(workload.acts(main.officers[0], main.facts.origin, 8 * _CASES))
    line, last = wire.Wire(served.port), 0
    for act in made:
        request = wire.post("/v1/acts", act.body, token=served.tokens[0], prefer="respond-async")
        last = int(orjson.loads(line.send(request))["index"])
    cases = [act.statement.members["stream"].partition("/")[2] for act in made if act.fresh]
    with Client(f"http://127.0.0.1:{served.port}", main.officers[0].signer) as client:
        client.login()
        client.case(cases[-1], at_least=last)
    bodies = [line.send(wire.get(f"/v1/cases/{case}", token=served.tokens[0])) for case in cases]
    line.close()
    return cases, bodies
