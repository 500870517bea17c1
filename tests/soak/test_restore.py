"""A machine is lost under load and comes back on another one: what it took, and what is gone.

What was brought is what an operator keeps apart: keys, secrets, a checkpoint; the repository is on
another disk. Everything else of the first machine is destroyed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any

import orjson
import psycopg
import pytest

from api.home import Home
from api.ops.embedded_postgres import Embedded
from api.ops.wiring.key_files import open_kek
from api.ops.wiring.logins import role_dsn
from api.rehearsal.enclaves import opening
from api.rehearsal.scenario import read_files, shipped
from api.settings import Settings, child_environment
from keys import canonical
from ledger.postgres.connect import open_pool
from ledger.postgres.records import PostgresRecords
from ledger.streams.record_reader import Reader
from tests.drill_table import Say
from tests.soak.book import Book
from tests.soak.enclave import ROOT, ServedEnclave, _processes
from tests.soak.officers import Reporter, hire_the_hotline
from tests.waiting import until

pytestmark = [pytest.mark.postgres, pytest.mark.drill, pytest.mark.xdist_group("restore")]
LOAD = 150
"""Statements that are acknowledged before the machine is lost."""
WAITS_FOR_THE_COPY = (
    "ALTER SYSTEM SET synchronous_standby_names = '\"socai-archiver\"'",
    "SELECT pg_reload_conf()",
)
_PATIENCE_S = 300.0


class ElsewhereEnclave(ServedEnclave):
    """The same enclave in another home."""

    def __init__(self, before: ServedEnclave, home: Path) -> None:
        self.settings = replace(
            Settings.at(home, workers=2, threads=16, log_level="warning", attempts=10_000),
            port=before.settings.port,
            backup_dir=before.settings.backup_dir,
        )
        self.url, self.made, self.clock = before.url, before.made, before.clock
        self._serve = None


def socai(settings: Settings, *words: str, status: int = 0) -> Any:  # noqa: ANN401 - JSON
    """One command, as an operator runs it."""
    done = subprocess.run(
        [sys.executable, "-m", "api.cli.main", "--lang", "en", *words, "--json"],
        cwd=ROOT,
        env={**child_environment(settings), "PYTHONPATH": str(ROOT)},
        check=False,
        capture_output=True,
    )
    assert done.returncode == status, (done.stdout + done.stderr).decode()[-3000:]
    return orjson.loads(done.stdout) if done.stdout else None


@pytest.mark.parametrize("waits", [False, True], ids=["as it comes", "no act before its copy"])
def test_a_machine_is_lost_under_load_and_comes_back_on_another(
    tmp_path: Path, say: Say, *, waits: bool
) -> None:
    """The log is sound, what is there is what was acknowledged, and what is not is named."""
    first = ServedEnclave(tmp_path / "first", opening(read_files([shipped("SC1")])[0]))
    first.settings = replace(first.settings, backup_dir=tmp_path / "repository")
    (tmp_path / "repository").mkdir()
    second = ElsewhereEnclave(first, tmp_path / "second")
    book, stop = Book(), threading.Event()
    with ThreadPoolExecutor(2) as pool, contextlib.ExitStack() as ends:
        ends.callback(stop.set)
        with _streamed(first):
            _load(first, book, pool, stop, waits=waits)
            kept = _kept(first, tmp_path)
            until(lambda: len(book.acknowledged) >= 2 * LOAD, patience_s=_PATIENCE_S)
            acknowledged = dict(book.acknowledged)
            _lose(first)
        back, took = _come_back(second, kept, tmp_path / "apart", ends)
        gone = _gone(acknowledged, _entries(second, back["records"]))
        until(
            lambda: len(book.acknowledged) > len(acknowledged) + 10, patience_s=_PATIENCE_S
        )  # officers go on
        stop.set()
        assert socai(second.settings, "log", "audit")["ok"]
    assert back["records"] > LOAD
    say(_figures(waits, took, len(acknowledged), gone))
    assert not (waits and gone), "what waited for its copy is lost with no machine"


def _come_back(
    second: ElsewhereEnclave, kept: Sequence[Path], apart: Path, ends: contextlib.ExitStack
) -> tuple[dict[str, Any], str]:
    """Keys and secrets are brought, the database comes back, and officers are answered again."""
    lost_at = monotonic()
    shutil.copytree(apart, second.settings.home)
    options = [word for path in kept for word in ("--checkpoint", str(path))]
    back = socai(second.settings, "restore", "--to-latest", *options)
    restored_s = monotonic() - lost_at
    second.start()
    ends.callback(second.stop)
    ends.enter_context(_kept_as_written(second))
    second.wait_ready()
    ready_s = monotonic() - lost_at
    return back, (
        f"{back['records']} records back in {restored_s:.1f} s, ready after {ready_s:.1f} s (RTO)"
    )


def _figures(waits: bool, took: str, acknowledged: int, gone: Sequence[dict[str, Any]]) -> str:  # noqa: FBT001
    how = "no act before its copy" if waits else "as it comes"
    lost = "".join(f"\n  lost: record {one['index']}, entry {one['entry']}" for one in gone)
    return (
        f"\nrestore ({how}): {took}; of {acknowledged} acknowledged statements {len(gone)} are lost"
        f" (RPO){lost}"
    )


def _load(
    enclave: ServedEnclave, book: Book, pool: ThreadPoolExecutor, stop: threading.Event, *,
    waits: bool,
) -> None:  # fmt: skip
    """Officers at work, before and after a full backup; keys and secrets are taken apart."""
    if waits:
        server = Embedded(enclave.settings.home)
        with psycopg.connect(server.dsn(), autocommit=True) as admin:
            for statement in WAITS_FOR_THE_COPY:
                admin.execute(statement.encode())
    hire_the_hotline(enclave, book)
    for number in range(2):
        pool.submit(Reporter(enclave.url, book, number, waits=number > 0).run, stop)
    socai(enclave.settings, "backup", "run")
    apart = enclave.settings.home.with_name("apart")
    shutil.copytree(enclave.settings.keys_dir, apart / "keys")
    shutil.copytree(enclave.settings.secrets_dir, apart / "secrets")
    until(lambda: len(book.acknowledged) >= LOAD, patience_s=_PATIENCE_S)


@contextlib.contextmanager
def _streamed(enclave: ServedEnclave) -> Iterator[None]:
    """It runs, and what it writes is kept elsewhere as it is written."""
    enclave.start()
    enclave.wait_ready()
    socai(enclave.settings, "backup", "key")
    with _kept_as_written(enclave):
        yield


@contextlib.contextmanager
def _kept_as_written(enclave: ServedEnclave) -> Iterator[None]:
    """`socai backup stream` beside it."""
    with enclave.settings.home.with_suffix(".stream").open("wb") as log:
        streaming = subprocess.Popen(
            [sys.executable, "-m", "api.cli.main", "backup", "stream"],
            cwd=ROOT,
            env={**child_environment(enclave.settings), "PYTHONPATH": str(ROOT)},
            stdout=log,
            stderr=log,
        )
        try:
            yield
        finally:
            streaming.kill()
            streaming.wait()


def _kept(enclave: ServedEnclave, folder: Path) -> Sequence[Path]:
    """Checkpoints of both logs, as they were printed on another machine."""
    facts = enclave.home.facts()
    found = []
    with psycopg.connect(Embedded(enclave.settings.home).dsn(dbname=facts.slug)) as admin:
        for schema in ("log", "access"):
            row = admin.execute(
                f"SELECT note FROM {schema}.checkpoints ORDER BY size DESC LIMIT 1".encode()  # noqa: S608
            ).fetchone()
            assert row is not None
            found.append(folder / f"{schema}.checkpoint")
            found[-1].write_bytes(bytes(row[0]))
    return found


def _lose(enclave: ServedEnclave) -> None:
    """Every process at once, and the disk."""
    assert enclave._serve is not None
    home = str(enclave.settings.home)
    mine = [pid for pids in enclave.pids().values() for pid in pids]
    mine += [one.pid for one in _processes() if home in one.words and one.pid != os.getpid()]
    for pid in mine:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    enclave._serve.wait()
    shutil.rmtree(enclave.settings.home, ignore_errors=True)
    shutil.rmtree(enclave.settings.home, ignore_errors=True)  # what was being written meanwhile


def _entries(enclave: ServedEnclave, size: int) -> dict[int, str]:
    facts = Home(enclave.settings).facts()
    pool = open_pool(role_dsn(enclave.settings, facts, "projector"), most=1)
    try:
        reader = Reader(
            PostgresRecords(pool), open_kek(enclave.settings), facts.origin, facts.level
        )
        found: dict[int, str] = {}
        while len(found) < size and (some := reader.read(len(found), 500)):
            found |= {one.index: canonical.b64(one.entry) for one in some}
        return {index: entry for index, entry in found.items() if index < size}
    finally:
        pool.close()


def _gone(acknowledged: dict[str, Any], there: dict[int, str]) -> list[dict[str, Any]]:
    """Receipts whose record is not there; whatever is there is what the receipt says."""
    gone = []
    for receipt in acknowledged.values():
        if receipt["index"] in there:
            assert there[receipt["index"]] == receipt["entry"]
        else:
            assert receipt["index"] >= len(there), "only the end may be missing"
            gone.append(receipt)
    return sorted(gone, key=lambda one: int(one["index"]))
