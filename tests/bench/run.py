"""What the groups of one run share: the server, the main enclave, how much to measure, progress."""

from __future__ import annotations

import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final, Self

import psycopg
from psycopg import sql

from api.ops.embedded_postgres import Embedded
from keys import signer as signers
from tests.bench.enclave import Founded, found_in

SUBMITTERS: Final = 16


def _told(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


@dataclass(slots=True)
class Run:
    """One run of the benchmark; a context manager that stops its server and removes its folder.

    Attributes:
        quick: A tenth of the work, for a first look.
        soak: Ten million records too.
        cores: Processes to work with.
        tell: Says what is under way.
    """

    quick: bool = False
    soak: bool = False
    cores: int = os.cpu_count() or 1
    tell: Callable[[str], None] = _told
    _folder: Path = field(init=False)
    _server: Embedded = field(init=False)
    _main: Founded | None = None
    _stack: ExitStack = field(default_factory=ExitStack)
    _made: int = 0

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="socai-bench-"))
        self._folder.chmod(0o755)
        self._stack.callback(shutil.rmtree, self._folder, ignore_errors=True)
        self._server = Embedded(self._folder / "server")
        self._server.start()
        self._stack.callback(self._server.stop)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def server(self) -> Embedded:
        """The server of this run."""
        return self._server

    @property
    def folder(self) -> Path:
        """Gone with the run."""
        return self._folder

    @property
    def rounds(self) -> int:
        """How often each side of a row has its turn."""
        return 2 if self.quick else 3

    @property
    def seconds(self) -> float:
        """Length of a turn."""
        return 1.0 if self.quick else 2.5

    @property
    def main(self) -> Founded:
        """The enclave that acts are written to."""
        if self._main is None:
            self._main = self.enclave("bench.example")
        return self._main

    def enclave(self, name: str, *, officers: int = SUBMITTERS) -> Founded:
        """A new enclave."""
        self._made += 1
        home = self._folder / f"home{self._made}"
        home.mkdir()
        return found_in(self._server, home, name, workers=self.cores, officers=officers)

    def server_cpu(self) -> float:
        """Processor seconds that the database server has taken so far, in all its processes."""
        pid = int((self._folder / "server/pg/data/postmaster.pid").read_text("ascii").split()[0])
        ticks = sum(_ticks(pid)[:4])
        for status in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split():
            ticks += sum(_ticks(int(status))[:2])
        return ticks / os.sysconf("SC_CLK_TCK")

    def database(self, name: str) -> str:
        """A new database for the other side; the superuser's connection string."""
        with psycopg.connect(self._server.dsn(), autocommit=True) as admin:
            admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self._server.dsn(dbname=name)


def _ticks(pid: int) -> list[int]:
    """User, system, and both of ended children; zeros where the process is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text("ascii")
    except OSError:
        return [0, 0, 0, 0]
    return [int(word) for word in text.rpartition(")")[2].split()[11:15]]


def median(values: Iterable[float]) -> float:
    """The middle one."""
    return statistics.median(values)


def each_us(do: Callable[[], object], times: int) -> float:
    """Microseconds of the middle call."""
    took = []
    for _ in range(times):
        begun = time.perf_counter()
        do()
        took.append(time.perf_counter() - begun)
    return 1e6 * statistics.median(took)


def verify_rate(cores: int, seconds: float = 0.5) -> float:
    """Ed25519 signatures of this machine's OpenSSL that so many processes verify in a second.

    All at once: a machine whose processors share something gives each less than one alone has.
    """
    with ProcessPoolExecutor(cores, mp_context=get_context("fork")) as pool:
        return sum(pool.map(_verify_rate, [seconds] * cores))


def _verify_rate(seconds: float) -> float:
    private = signers.generate(signers.ED25519)
    data = b"x" * 1500
    signature = private.sign(data)
    key = signers.load_public(signers.ED25519, private.public)
    begun, done = time.perf_counter(), 0
    while time.perf_counter() - begun < seconds:
        for _ in range(50):
            key.verify(signature, data)
        done += 50
    return done / (time.perf_counter() - begun)


def machine() -> dict[str, Any]:
    """What the figures were taken on."""
    cpu = ""
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text("utf-8").splitlines()
        cpu = next((line.partition(":")[2].strip() for line in lines if "model name" in line), "")
    return {
        "cores": os.cpu_count(),
        "cpu": cpu,
        "fsync_us": _fsync_us(),
        "load": list(os.getloadavg()),
        "python": platform.python_version(),
        "system": platform.platform(),
    }


def _fsync_us() -> float:
    """What it costs here to have 8 KiB on the disk for good: the least price of a COMMIT."""
    with tempfile.NamedTemporaryFile() as file:

        def write() -> None:
            file.write(bytes(8192))
            file.flush()
            os.fsync(file.fileno())

        return each_us(write, 60)
