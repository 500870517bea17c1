"""Readiness tells what is, as the database has it: on its first question, and while that hangs."""

from __future__ import annotations

import gc
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from threading import enumerate as threads
from typing import Final
from uuid import UUID

import orjson
import psycopg
import pytest
from click.testing import CliRunner, Result
from psycopg import sql

from api.cli.main import main
from api.http import wsgi
from api.http.framework.read_budget import Budgets
from api.http.wsgi import tell_connections
from api.ops.machine import RealClock
from api.ops.wiring.connections import Connections
from api.ops.wiring.enclave import Enclave
from ledger.postgres.connect import database_unavailable
from tests.fixtures.app import Service, found, listening, open_service
from tests.fixtures.clock import StepClock
from tests.fixtures.postgres import Database
from tests.waiting import until

pytestmark = pytest.mark.postgres
_BEGAN: Final = datetime.fromtimestamp(0, UTC)


class _Goes(StepClock):
    """The machine's, which is the database's, as far from it as it was stepped.

    One that stands still is soon behind where a busy machine takes its time.
    """

    def __init__(self) -> None:
        super().__init__(_BEGAN)

    def now(self) -> datetime:
        """As the machine goes on."""
        return RealClock().now() + (self._at - _BEGAN)

    def set(self, at: datetime) -> None:
        """From an instant on."""
        self._at = _BEGAN + (at - RealClock().now())


@pytest.fixture
def now(database: Database, tmp_path: Path) -> Iterator[Service]:
    """A real enclave whose machine has the time of the database; its loops are not started."""
    settings = found(database, tmp_path / "home", origin="bacninh.example/ordinary")
    made = open_service(settings, database, _Goes())
    yield made
    made.stop()


def checks(service: Service) -> dict[str, bool]:
    """What it says of each part; of several views whether all are well."""
    said: dict[str, bool] = {}
    for one in service.ask("/health/ready").get_json()["checks"]:
        said[one["name"]] = said.get(one["name"], True) and one["ok"]
    return said


def until_ready(service: Service) -> None:
    """Sooner or later."""
    for _ in range(1_200):
        if all(checks(service).values()):
            return
        Event().wait(0.1)
    raise AssertionError(checks(service))


def test_that_nobody_hears_notices_is_a_banner_and_no_failure(
    now: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind a pooler that keeps no sessions all goes on, a second later."""
    assert "hints" not in checks(now)
    before = now.ask("/health/ready").status_code
    monkeypatch.setattr(now.enclave.readiness, "_deaf", lambda: True)
    assert checks(now)["hints"] is True
    assert now.ask("/health/ready").status_code == before


def test_more_connections_than_the_database_has_are_named_at_the_start(
    now: Service, caplog: pytest.LogCaptureFixture
) -> None:
    """Else it is found out under load, by whoever then gets none."""
    there = now.enclave.connections.of_server()
    held = now.enclave.connections.most
    for workers, told in ((there // held, False), (there // held + 1, True)):
        now.enclave.settings = replace(now.settings, workers=workers)
        tell_connections(now.enclave)
        said = [one.getMessage() for one in caplog.records if "max_connections" in one.getMessage()]
        assert bool(said) == told
    assert f"SOCAI_WORKERS={there // held + 1} may take" in said[0]
    assert f"which has {there} for everybody" in said[0]


def test_a_database_that_leaves_once_all_has_begun_begins_nothing_twice(
    now: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else two threads anchor, of which nobody stops the first."""
    begun: list[Enclave] = []
    begin = Enclave.start_anchoring

    def once_more(enclave: Enclave) -> None:
        begun.append(enclave)
        begin(enclave)

    def away(_connections: Connections) -> int:
        raise database_unavailable()

    before = gc.get_threshold()
    gc.set_threshold(700)  # as an interpreter begins, whatever else ran in this process
    monkeypatch.setattr(Enclave, "start_anchoring", once_more)
    monkeypatch.setattr(Connections, "of_server", away)
    wsgi.application(now.settings, Budgets(0.5), tell=True)
    try:
        for late in (one for one in threads() if one.name == "beginning"):
            late.join()
        assert len(begun) == 1
        assert gc.get_threshold()[0] > 700, "a process that serves looks for cycles seldom"
    finally:
        begun[0].close()
        gc.set_threshold(*before)


def test_what_nobody_deals_with_is_told_by_the_first_answer_of_a_process(now: Service) -> None:
    """By the age of the oldest record, and the database's clock: nothing was seen before.

    Neither checkpointer nor projector runs, and record 0 is old.
    """
    said = checks(now)
    assert (said["checkpointer"], said["projection"]) == (False, False)
    assert (said["database"], said["writes"], said["clock"], said["log"]) == (True,) * 4
    now.start()
    until_ready(now)


def test_a_database_that_takes_no_write_is_told(now: Service, database: Database) -> None:
    """As a standby, or a managed server that ran out of room and forbids to write."""
    assert checks(now)["writes"]
    only = sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = {}")
    with psycopg.connect(database.admin, autocommit=True) as admin:
        admin.execute(only.format(sql.Identifier(database.name), sql.SQL("on")))
        assert _on_new_connections(now, lambda: not checks(now)["writes"])
        admin.execute("SET default_transaction_read_only = off")
        admin.execute(only.format(sql.Identifier(database.name), sql.SQL("off")))
    assert _on_new_connections(now, lambda: checks(now)["writes"])


def _on_new_connections(now: Service, told: Callable[[], bool]) -> bool:
    """Whether it is told soon; one under way as the others were let go may be an old one."""
    for _ in range(20):
        now.enclave.connections.writing.drain()
        if told():
            return True
        time.sleep(0.2)
    return False


@pytest.mark.operation
@pytest.mark.parametrize("ahead_s", [60, -60])
def test_a_clock_that_is_not_the_database_s_is_told(now: Service, ahead_s: int) -> None:
    """Ahead nobody saw it before: every record was older."""
    assert checks(now)["clock"]
    now.step(seconds=ahead_s)
    assert not checks(now)["clock"]


@pytest.mark.operation
def test_tickets_that_have_ended_as_they_are_made_are_laid_to_the_clock(now: Service) -> None:
    """By a key that is in order: told to migrate, an operator would look for it in vain."""
    now.step(seconds=-600)
    tickets = now.enclave.connections.tickets
    tickets._clock = now.clock
    try:
        said = {one["name"]: one for one in now.readiness("ticket", "en").get_json()["checks"]}
    finally:
        tickets._clock = RealClock()
        tickets.forget()
    assert not said["clock"]["ok"]
    assert "NTP" in said["ticket"]["detail"]
    assert "socai migrate" not in said["ticket"]["detail"]


@pytest.mark.operation
@pytest.mark.parametrize("path", ["/v1/worklist", f"/v1/cases/{UUID(int=1)}"])
def test_who_asks_while_the_clock_is_behind_is_told_of_the_clock(now: Service, path: str) -> None:
    """Also of one case, which is asked in a single statement: `socai migrate` mends nothing."""
    now.start()
    now.hire("cv")
    headers = {**now.headers("cv"), "Accept-Language": "en"}
    tickets = now.enclave.connections.tickets
    tickets._clock = StepClock(RealClock().now() - timedelta(minutes=10))
    tickets.forget()
    try:
        answer = now.client.get(path, headers=headers)
    finally:
        tickets._clock = RealClock()
        tickets.forget()
    told = answer.get_json()
    assert (answer.status_code, told["code"], told["recorded"]) == (503, "clocks_apart", "nothing")
    assert "NTP" in told["detail"]
    assert "migrate" not in answer.text


def test_a_database_that_cancels_what_it_is_asked_is_told(
    now: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also the last question, of a ticket; it was answered as a fault of ours (500)."""

    def cancelled(*_: object) -> None:
        raise psycopg.errors.QueryCanceled("canceling statement due to statement timeout")

    monkeypatch.setattr("ledger.postgres.ticketed._begin", cancelled)
    answer = now.client.get("/health/ready")
    assert answer.status_code == 503
    assert "database" in [one["name"] for one in answer.get_json()["checks"] if not one["ok"]]


def test_while_the_database_hangs_it_answers_all_the_same(now: Service, database: Database) -> None:
    """However long a statement is waited for elsewhere; and however many ask."""
    with psycopg.connect(database.admin, autocommit=True) as looks:
        mine = "SELECT pid FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
        pids = [pid for (pid,) in looks.execute(mine, [database.name])]
        try:
            _signalled(pids, signal.SIGSTOP)
            for _ in range(2):
                answer = now.client.get("/health/ready", headers={"Accept-Language": "en"})
                assert answer.status_code == 503
                first = answer.get_json()["checks"][0]
                assert (first["name"], first["ok"]) == ("database", False)
                assert first["detail"].startswith("does not answer: see whether its server runs")
        finally:
            _signalled(pids, signal.SIGCONT)


def test_a_login_that_is_refused_is_told_from_a_database_that_hangs(
    now: Service, database: Database
) -> None:
    """Its password was changed, and this process not started again: the disk is not the cause."""
    writer = f"{database.slug}_writer"
    kept = "SELECT format('ALTER ROLE %%I PASSWORD %%L', rolname, rolpassword) FROM pg_authid"
    ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s"
    told, asks = "", {"Accept-Language": "en"}
    with psycopg.connect(database.admin, autocommit=True) as admin:
        row = admin.execute(f"{kept} WHERE rolname = %s".encode(), [writer]).fetchone()
        assert row is not None
        try:
            admin.execute(f"ALTER ROLE {writer} PASSWORD 'another'".encode())
            admin.execute(ended, [writer])
            for _ in range(20):
                first = now.client.get("/health/ready", headers=asks).get_json()["checks"][0]
                told = first["detail"]
                if "refuses a login" in told:
                    break
        finally:
            admin.execute(str(row[0]).encode())
    assert "start this process again" in told
    assert "disk" not in told


def _signalled(pids: Sequence[int], number: signal.Signals) -> None:
    """Those that are there: one that has ended since leaves no other stopped."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def test_health_of_the_api_is_told_in_words(now: Service) -> None:
    """As that of every other role: the parts that are not well, each with what to do, in a line."""
    now.step(hours=1)
    with listening(now) as url:
        env = {"SOCAI_PORT": url.rpartition(":")[2], "SOCAI_HOME": str(now.settings.home)}

        def asked(*options: str) -> Result:
            """Once all of it is asked: no later than after two seconds it says what it knows."""
            said = list[Result]()

            def all_of_it() -> bool:
                said.append(
                    CliRunner().invoke(main, [*options, "health", "--role", "api"], env=env)
                )
                return "NTP" in said[-1].stderr + said[-1].stdout

            until(all_of_it)
            return said[-1]

        told = {lang: asked("--lang", lang) for lang in ("en", "vi")}
        as_json = asked("--json")
    assert told["en"].stderr.startswith("api is not well: ")
    assert " s apart from the database's clock: keep both by NTP" in told["en"].stderr
    assert told["vi"].stderr.startswith("api không khỏe: ")
    for one in told.values():
        assert (one.exit_code, one.stdout, one.stderr.count("\n")) == (1, "", 1)
        assert "{" not in one.stderr
    error = orjson.loads(as_json.stdout)["error"]
    assert (error["code"], "{" in error["message"]) == ("not_ready", False)


def test_a_clock_that_went_back_is_told_how_long_nothing_is_recorded(
    now: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records were dated an hour ahead, by a clock that was set right since: NTP mends nothing."""
    at, ready = now.clock.now(), now.enclave.readiness
    monkeypatch.setattr(ready, "_clock", StepClock(at))
    told = ready._time(at + timedelta(hours=1, milliseconds=1), at)
    assert not told.ok
    assert str(told.detail).startswith("3601 s behind the last record, which was dated by a clock")
    assert "nothing is recorded until it has passed that record" in str(told.detail)
    well = ready._time(at, at)
    assert (well.ok, str(well.detail)) == (True, "not behind the log")
