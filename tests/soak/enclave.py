"""A rehearsal enclave that `socai serve` really runs, and the processes that it consists of."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from threading import Event
from typing import Self

import httpx

from api.home import Home
from api.ops.home_notes import url_of
from api.ops.init_enclave import Plan, found
from api.ops.wiring.key_files import open_kek
from api.ops.wiring.logins import role_dsn
from api.settings import Settings, child_environment
from ledger.postgres.connect import open_pool
from ledger.postgres.records import PostgresRecords
from ledger.streams.record_reader import Opened, Reader
from tests.fixtures.clock import StepClock
from tests.processes import free_port

ROOT = Path(__file__).parents[2]
MASTER, WORKER, CHECKPOINTER, PROJECTOR = "api master", "api worker", "checkpointer", "projector"
POSTMASTER, BACKEND, SUPERVISOR = "postmaster", "backend", "supervisor"
FORK_SERVER = "fork server"
TARGETS = (
    MASTER, WORKER, CHECKPOINTER, PROJECTOR, POSTMASTER, BACKEND, SUPERVISOR, FORK_SERVER,
)  # fmt: skip
READY_S = 60.0
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Process:
    """One line of /proc."""

    pid: int
    parent: int
    words: str


class ServedEnclave:
    """`socai serve` over a fresh home on the embedded PostgreSQL.

    Args:
        home: Where the enclave is made; an empty folder.
        opens: When its log is opened.
    """

    def __init__(self, home: Path, opens: datetime) -> None:
        port = free_port()
        self.settings = replace(
            Settings.at(home, workers=2, threads=16, log_level="warning", attempts=10_000),
            port=port,
        )
        self.url = url_of(self.settings.host, port)
        self.made = found(
            self.settings, Plan("kills.example", "ordinary", rehearsal=True, at=opens)
        )
        self.clock = StepClock(opens)
        self._serve: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        self.wait_ready()
        return self

    def start(self) -> None:
        """Starts `serve`, as the machine's init does, also after it was killed."""
        with self.log_file.open("ab") as output:
            self._serve = subprocess.Popen(
                [Path(sys.executable).with_name("socai"), "--lang", "en", "serve"],
                env=child_environment(self.settings),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def __exit__(self, *_: object) -> None:
        self.stop()

    def http(self) -> httpx.Client | None:
        """What it is asked by; None: a plain client will do."""
        return None

    @property
    def home(self) -> Home:
        """Its files."""
        return Home(self.settings)

    @property
    def log_file(self) -> Path:
        """What its processes said."""
        return self.settings.home / "serve.log"

    @property
    def status(self) -> int | None:
        """Exit status of `serve`; None while it runs."""
        return None if self._serve is None else self._serve.poll()

    def stop(self) -> None:
        """Ends it as an operator would."""
        assert self._serve is not None
        self._serve.send_signal(signal.SIGTERM)
        try:
            self._serve.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self._serve.kill()
            raise

    def wait_ready(self, timeout_s: float = READY_S) -> None:
        """Waits until every part says that it is well; fails with the last words otherwise."""
        assert self._serve is not None
        last = "no answer"
        for _ in range(int(timeout_s * 5)):
            assert self._serve.poll() is None, f"serve ended: {self.tail()}"
            with contextlib.suppress(httpx.HTTPError):
                answer = httpx.get(f"{self.url}/health/ready", timeout=5.0)
                if answer.status_code == httpx.codes.OK:
                    return
                last = answer.text
            Event().wait(0.2)
        raise AssertionError(f"not ready after {timeout_s} s: {last} {self.tail()}")

    def tail(self, lines: int = 12) -> str:
        """The last words of its processes."""
        return "\n".join(self.log_file.read_text("utf-8", "replace").splitlines()[-lines:])

    def records(self) -> Iterator[Opened]:
        """Every record, opened, and held against its entry: by a login that sees every case."""
        facts = self.home.facts()
        pool = open_pool(role_dsn(self.settings, facts, "projector"), most=1)
        try:
            records = PostgresRecords(pool)
            reader = Reader(records, open_kek(self.settings), facts.origin, facts.level)
            at = 0
            while page := reader.read(at, _BATCH):
                yield from page
                at += len(page)
        finally:
            pool.close()

    def pids(self) -> Mapping[str, Sequence[int]]:
        """Process ids by target, those of this enclave only."""
        assert self._serve is not None
        every = list(_processes())
        mine = [p for p in every if p.parent == self._serve.pid]
        masters = [p.pid for p in mine if re.search(r"api\.http\.wsgi", p.words)]
        postmaster = self._postmaster()
        return {
            SUPERVISOR: [self._serve.pid],
            MASTER: masters,
            WORKER: [p.pid for p in every if p.parent in masters],
            CHECKPOINTER: [p.pid for p in mine if re.search(r"--role checkpointer", p.words)],
            PROJECTOR: [p.pid for p in mine if re.search(r"--role projector", p.words)],
            FORK_SERVER: [p.pid for p in mine if "fork_server_process" in p.words],
            POSTMASTER: [p.pid for p in every if p.pid == postmaster],
            # not the checkpointer and its like: only those that serve a login of this enclave
            BACKEND: [
                p.pid
                for p in every
                if p.parent == postmaster and f" {self.made.facts.slug}_" in p.words
            ],
        }

    def kill(self, pid: int) -> None:
        """Ends it with signal 9; only `serve` itself has nobody here who starts it again."""
        assert self._serve is not None
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        if pid == self._serve.pid:
            self._serve.wait()
            self.start()

    def _postmaster(self) -> int | None:
        try:
            text = (self.settings.home / "pg" / "data" / "postmaster.pid").read_text("ascii")
            return int(text.splitlines()[0])
        except (OSError, ValueError, IndexError):
            return None


def _processes() -> list[Process]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            status = (folder / "stat").read_text("ascii", "replace").rpartition(")")[2].split()
            words = (
                (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            )
            if status[0] not in "ZX":
                found.append(Process(int(folder.name), int(status[1]), words))
    return found
