"""The leader is killed under load, its standby promoted (docs/operate/failover.md)."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Final

import httpx
import orjson
import pytest
from click.testing import CliRunner

from api.cli.main import main
from api.client.connection import Refused
from api.home import write_private
from api.ops.init_enclave import Plan, found
from api.settings import Settings
from tests import builders
from tests.drill_table import Say
from tests.drills.patroni import PASSWORD, PROGRAMS, Cluster
from tests.drills.two_servers import TwoServers
from tests.fixtures.clock import StepClock
from tests.processes import free_port
from tests.soak.book import Book
from tests.soak.enclave import ServedEnclave
from tests.soak.officers import Asker, Reporter, hire_the_hotline

pytestmark = [pytest.mark.postgres, pytest.mark.drill, pytest.mark.xdist_group("failover")]
_LOAD_S: Final = 6.0
_AGAIN_S: Final = 120.0
_LEFT_S: Final = 30.0
"""How long nobody is answered, at most, where a leader hangs and another one leads."""


class ServedElsewhere(ServedEnclave):
    """`socai serve` over servers that others look after."""

    def __init__(self, home: Path, url: str, password: str) -> None:
        plain = Settings.at(
            home, workers=2, threads=16, log_level="warning", attempts=10_000, lang="en"
        )
        self.settings = replace(plain, database_url=url, port=free_port(), min_free_mib=0)
        write_private(self.settings.secrets_dir / "postgres.password", password.encode())
        self.url = f"http://127.0.0.1:{self.settings.port}"
        self.made = found(
            self.settings, Plan("failover.example", "ordinary", rehearsal=True, at=builders.T0)
        )
        self.clock = StepClock(builders.T0)
        self._serve = None


@contextmanager
def _working(enclave: ServedEnclave, book: Book) -> Iterator[Callable[[], None]]:
    """Three who report and one who reads; gives what ends them, and tells of what failed."""
    stop = threading.Event()
    with ThreadPoolExecutor(4) as pool:
        works: list[Callable[[threading.Event], None]] = [
            Reporter(enclave.url, book, n, waits=n > 0).run for n in range(3)
        ]
        works.append(Asker(enclave.url, book).run)
        running: list[Future[None]] = [pool.submit(partial(work, stop)) for work in works]

        def over() -> None:
            stop.set()
            for one in running:
                one.result()

        try:
            yield over
        finally:
            stop.set()


def _work(enclave: ServedEnclave, book: Book, seconds: float) -> None:
    with _working(enclave, book) as over:
        _pause(seconds)
        over()


def _pause(seconds: float) -> None:
    threading.Event().wait(seconds)


def _audit(enclave: ServedEnclave) -> tuple[int, dict[str, object]]:
    asked = ["--lang", "en", "log", "audit", "--json"]
    said = CliRunner().invoke(main, asked, env=enclave.settings.environment())
    assert said.stdout, f"{said.stderr} {said.exception}"
    return said.exit_code, orjson.loads(said.stdout)


def test_a_leader_is_killed_and_its_synchronous_standby_takes_over(
    tmp_path: Path, say: Say
) -> None:
    """No acknowledged act is lost, no history splits, nobody is started anew, nothing is set."""
    servers = TwoServers(tmp_path, synchronous=True)
    try:
        with ServedElsewhere(tmp_path / "home", servers.url, servers.password) as enclave:
            book = Book()
            hire_the_hotline(enclave, book)
            with _working(enclave, book) as over:
                _pause(_LOAD_S)
                before, killed = len(book.acknowledged), monotonic()
                servers.kill_leader()
                servers.promote()
                promoted = monotonic() - killed
                _pause(_LOAD_S * 2)
                over()
            enclave.wait_ready()
            begin, end = book.outage
            unread, read = book.unread
            say(
                f"\nfailover, synchronous: {before} acts before, {len(book.acknowledged)} in all;"
                f" promoted after {promoted:.1f} s, longest without a receipt {end - begin:.1f} s,"
                f" without a read {read - unread:.1f} s"
            )
            assert len(book.acknowledged) > before
            _nothing_is_lost(enclave, book)
    finally:
        servers.stop()


def test_a_leader_that_hangs_is_left_for_the_standby(tmp_path: Path, say: Say) -> None:
    """It takes connections, answers nothing and closes nothing: nobody waits for it for good."""
    servers = TwoServers(tmp_path, synchronous=True)
    try:
        with ServedElsewhere(tmp_path / "home", servers.url, servers.password) as enclave:
            book = Book()
            hire_the_hotline(enclave, book)
            with _working(enclave, book) as over:
                _pause(_LOAD_S / 2)
                servers.hang_leader()
                servers.promote()
                hung, before = monotonic(), len(book.acknowledged)
                while len(book.acknowledged) < before + 10:
                    _pause(0.1)
                    assert monotonic() - hung < _AGAIN_S / 2, enclave.tail()
                _pause(_LOAD_S / 2)
                over()
            enclave.wait_ready()
            begin, end = book.outage
            unread, read = book.unread
            say(
                f"\nleader hangs: longest without a receipt {end - begin:.1f} s, without a read"
                f" {read - unread:.1f} s; said meanwhile: {dict(book.why())}"
            )
            assert max(end - begin, read - unread) < _LEFT_S
            _nothing_is_lost(enclave, book)
    finally:
        servers.kill_leader()
        servers.second.stop()


def test_an_asynchronous_standby_that_lags_is_not_gone_on_from(tmp_path: Path, say: Say) -> None:
    """Over what is signed and lost nothing is recorded or signed; reads go on; it is said why."""
    servers = TwoServers(tmp_path, synchronous=False)
    try:
        with ServedElsewhere(tmp_path / "home", servers.url, servers.password) as enclave:
            book = Book()
            hire_the_hotline(enclave, book)
            _work(enclave, book, _LOAD_S / 2)
            servers.caught_up()
            servers.cut_off()
            _work(enclave, book, _LOAD_S / 2)
            newest = httpx.get(f"{enclave.url}/logs/acts/checkpoint", timeout=10).content
            servers.kill_leader()
            servers.promote()
            ready = _until_said(enclave)
            say(f"\nfailover, asynchronous and behind: {ready}")
            assert "records are signed over" in ready
            with (
                closing(Reporter(enclave.url, book, 9, waits=True)) as late,
                pytest.raises(Refused) as refused,
            ):
                late.take_one()
            assert refused.value.code == "log_in_doubt"
            log = httpx.get(f"{enclave.url}/v1/log", timeout=10)
            assert log.status_code == 200, "reads go on"
            status, report = _audit_against(enclave, tmp_path, newest)
            assert status == 1
            assert "tail_missing" in str(report)
    finally:
        servers.stop()


def _until_said(enclave: ServedEnclave) -> str:
    for _ in range(300):
        try:
            answer = httpx.get(f"{enclave.url}/health/ready", timeout=10)
        except httpx.HTTPError:
            _pause(0.2)
            continue
        checks = {one["name"]: one for one in answer.json()["checks"]}
        if answer.status_code == 503 and checks.get("log", {}).get("ok") is False:
            return str(checks["log"])
        _pause(0.2)
    raise AssertionError(f"nobody doubts: {enclave.tail()}")


def _audit_against(
    enclave: ServedEnclave, folder: Path, note: bytes
) -> tuple[int, dict[str, object]]:
    kept = folder / "kept.checkpoint"
    kept.write_bytes(note)
    asked = ["--lang", "en", "log", "audit", "--json", "--checkpoint", str(kept)]
    said = CliRunner().invoke(main, asked, env=enclave.settings.environment())
    assert said.stdout, f"{said.stderr} {said.exception}"
    return said.exit_code, orjson.loads(said.stdout)


def test_patroni_changes_the_leader_five_times(tmp_path: Path, say: Say) -> None:
    """Killed with its machine, under load: nothing acknowledged is lost, no history splits."""
    if not all(map(shutil.which, PROGRAMS)):
        pytest.skip("Patroni, etcd or HAProxy is not on this machine")
    cluster = Cluster()
    try:
        cluster.await_leader()
        cluster.await_standby()
        with ServedElsewhere(tmp_path / "home", cluster.url, PASSWORD) as enclave:
            cluster.let_in()
            book = Book()
            hire_the_hotline(enclave, book)
            with _working(enclave, book) as over:
                behind = [_changed(cluster, book) for _ in range(5)]
                over()
            enclave.wait_ready()
            begin, end = book.outage
            say(
                f"\npatroni over {cluster.binaries}: {len(book.acknowledged)} acts, 5 kills;"
                f" longest without a receipt {end - begin:.1f} s, recorded again"
                f" {', '.join(f'{one:.1f}' for one in behind)} s after somebody led"
            )
            _nothing_is_lost(enclave, book)
    finally:
        cluster.stop()


def _nothing_is_lost(enclave: ServedEnclave, book: Book) -> None:
    status, report = _audit(enclave)
    assert (status, report["ok"]) == (0, True), report
    held = {one.statement.digest_b64 for one in enclave.records() if one.statement}
    assert not set(book.acknowledged) - held, "an acknowledged act is lost"


def _changed(cluster: Cluster, book: Book) -> float:
    """Kills who leads; how long after the next one led an act was recorded, in seconds."""
    _pause(_LOAD_S / 2)
    killed = cluster.kill_leader()
    cluster.await_leader(other_than=killed)
    led, before = monotonic(), len(book.acknowledged)
    while len(book.acknowledged) == before:
        _pause(0.05)
        assert monotonic() - led < _AGAIN_S, cluster.tail()
    again = monotonic() - led
    cluster.start_node(killed)
    cluster.await_standby()
    return again
