"""A service whose database is away: nobody dies of it, and what was asked is answered."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from threading import Event
from typing import Final, LiteralString

import httpx
import orjson
import psycopg
import pytest
from psycopg import sql

from api.cli.commands import operator
from api.cli.terminal.shell import Shell
from api.client.connection import JOSE, trusted
from api.home import EnclaveFacts, Home
from api.ops import database
from api.ops.child_processes import python
from api.ops.embedded_postgres import Embedded, EmbeddedError
from api.ops.home_notes import RUNNING
from api.ops.service.supervisor import CannotStart, NotReady, Supervisor
from api.settings import Settings, child_environment
from ledger.checkpoints.seen_file import DoubtMark
from ledger.log.statement import flattened
from ledger.message import Wording
from tests.a_ledger import appointment
from tests.fixtures.app import Service, found, open_service
from tests.fixtures.founded import founded
from tests.fixtures.postgres import Database, make_database
from tests.processes import pids
from tests.waiting import until

pytestmark = [pytest.mark.postgres, pytest.mark.slow, pytest.mark.operation]
#: What sessions of a role may begin with, how that is mended, and what is said of it meanwhile.
_BEGIN_WITH: Final[tuple[tuple[LiteralString, LiteralString, str], ...]] = (
    ("SET statement_timeout = 1", "RESET statement_timeout", "canceling statement"),
    (
        "SET default_transaction_read_only = on",
        "RESET default_transaction_read_only",
        "cannot execute",
    ),
)
_HELD: Final = "LOCK TABLE log.log_head, proj.lease IN ACCESS EXCLUSIVE MODE"
"""Whatever is asked meanwhile waits, and so takes longer than a millisecond on any machine."""
_SERVING: Final = ("reader", "writer", "checkpointer", "projector")
_ENDED: Final[LiteralString] = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE usename = ANY(%s) AND backend_start < %s
"""
_KEPT: Final = "SELECT count(*) > 0 FROM proj.lease WHERE until > clock_timestamp()"
_HANGS_S = 30
_SIZE = "SELECT size FROM log.log_head"
_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
_OPENING = f"{_WAITING} AND usename LIKE '%\\_reader'"


@dataclass
class Running:
    """The processes of an enclave, and what they said.

    Attributes:
        supervisor: Of all of them; `mend` is called by whoever waits.
        output: What they said.
        fallen: Who ended unasked.
    """

    supervisor: Supervisor
    output: Path
    fallen: list[str]

    def said(self, *texts: str) -> bool:
        """Whether each of these was said, everybody looked after meanwhile."""
        self.supervisor.mend()
        told = self.output.read_text("utf-8") if self.output.exists() else ""
        return all(text in told for text in texts)

    def get(self, path: str) -> httpx.Response:
        """An answer of the API."""
        url = self.supervisor.url
        return httpx.get(f"{url}{path}", timeout=60, verify=trusted(url))


@contextmanager
def processes(settings: Settings, output: Path) -> Iterator[Running]:
    """API, checkpointer and projector, started and not yet waited for."""
    fallen: list[str] = []
    supervisor = Supervisor(
        replace(settings, port=0, workers=1),
        output=output,
        tell=lambda role, _status, _again: fallen.append(role),
    )
    supervisor.start()
    try:
        yield Running(supervisor, output, fallen)
    except AssertionError:
        print(fallen, output.read_text("utf-8"))  # noqa: T201 - what they said tells why
        raise
    finally:
        supervisor.stop()


@pytest.fixture
def home(own_database: Database, tmp_path: Path) -> Settings:
    """A founded enclave in a server of its own."""
    return found(own_database, tmp_path / "home")


def test_what_starts_without_a_database_answers_503_and_goes_on_by_itself(
    own_server: Embedded, home: Settings, tmp_path: Path
) -> None:
    """Workers, checkpointer and projector: none ends, before it comes or when it is there.

    A worker that could not start ended the whole API before, and a loop itself.
    """
    own_server.stop()
    try:
        with processes(home, tmp_path / "log") as running:
            until(
                lambda: running.said(
                    "the API waits for its database",
                    "the checkpointer of the log of acts waits for its database",
                    "the checkpointer of the log of access waits for its database",
                    "the projector waits for its database",
                ),
                "somebody does not wait",
            )
            answer = running.get("/v1/log")
            assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
            assert int(answer.headers["Retry-After"]) >= 1
            assert running.get("/health/live").status_code == 200
            ready = running.get("/health/ready")
            assert ready.status_code == 503
            assert (ready.json()["checks"][0]["name"], ready.json()["checks"][0]["ok"]) == (
                "database",
                False,
            )
            assert running.get("/problems/database_unavailable").status_code == 200
            first = dict(pids(running.supervisor))
            own_server.start()
            running.supervisor.wait_ready()
            assert running.get("/v1/log").status_code == 200
            assert running.fallen == []
            assert dict(pids(running.supervisor)) == first
            assert not running.said("Worker failed to boot")
    finally:
        own_server.start()


def test_what_a_role_s_sessions_begin_with_stops_nobody_for_good(
    own_database: Database, home: Settings, tmp_path: Path
) -> None:
    """A timeout too short, or no writing: nobody dies of it, and mended it is well by itself.

    A loop ended with a trace before, and what a pool had opened meanwhile stayed as it was.
    """
    logins = [f"{own_database.slug}_{login}" for login in _SERVING]
    name = sql.Identifier(own_database.name)

    def alter(admin: psycopg.Connection, setting: LiteralString) -> object:
        for login in map(sql.Identifier, logins):
            changed = sql.SQL("ALTER ROLE {} IN DATABASE {} {}")
            admin.execute(changed.format(login, name, sql.SQL(setting)))
        return (admin.execute("SELECT clock_timestamp()").fetchone() or ("",))[0]

    @contextmanager
    def held() -> Iterator[None]:
        with psycopg.connect(own_database.admin) as other:
            other.execute(_HELD)
            yield

    with (
        processes(home, tmp_path / "log") as running,
        psycopg.connect(own_database.admin, autocommit=True) as admin,
    ):
        running.supervisor.wait_ready()
        # nothing waits for the projector, so all is ready before it has opened anything
        until(lambda: admin.execute(_KEPT).fetchone() == (True,), "no projector")
        first = dict(pids(running.supervisor))
        for wrong, right, said in _BEGIN_WITH:
            altered = alter(admin, wrong)
            why = f"no view moves until this is mended: {said}"

            def told(why: str = why, altered: object = altered) -> bool:
                # a session that was about to begin as that was changed begins as before
                admin.execute(_ENDED, [logins, altered])
                return running.said(why) and running.get("/health/ready").status_code == 503

            with held() if "timeout" in wrong else nullcontext():
                until(told, said)
            alter(admin, right)
            running.supervisor.wait_ready()
        assert running.fallen == []
        assert dict(pids(running.supervisor)) == first


@pytest.mark.drill
def test_another_log_in_the_place_of_the_own_one_is_not_served_when_it_comes_late(
    own_server: Embedded, own_database: Database, home: Settings, tmp_path: Path
) -> None:
    """What a start refuses is refused later, too: nothing is answered from it."""
    other = make_database(own_server)
    found(other, tmp_path / "other")
    other.disconnect()
    own_database.disconnect()
    with psycopg.connect(own_server.dsn(), autocommit=True) as admin:
        for name, to in ((own_database.name, "put_away"), (other.name, own_database.name)):
            renamed = sql.SQL("ALTER DATABASE {} RENAME TO {}")
            admin.execute(renamed.format(sql.Identifier(name), sql.Identifier(to)))
    own_server.stop()
    try:
        with processes(home, tmp_path / "log") as running:
            until(lambda: running.said("the API waits for its database"), "nobody waits")
            own_server.start()
            with pytest.raises(CannotStart):
                until(lambda: running.said("it is answered from"), "it goes on")
            told = running.output.read_text("utf-8")
            assert "wrapped under another key" in told
            assert "bring the new kek.socaikek" in told
            assert '"status":200' not in told
    finally:
        own_server.start()
        with psycopg.connect(own_server.dsn(), autocommit=True) as admin:
            admin.execute("DROP DATABASE put_away WITH (FORCE)")


def _posted(service: Service, url: str) -> Callable[[], httpx.Response]:
    """An appointment, signed; called, it is sent."""
    statement = service.sign(appointment("cv", service.clock.now()), "founder")
    headers = service.headers("founder", service.clock.now()) | {"Content-Type": JOSE}
    body = orjson.dumps(flattened(statement))
    return partial(httpx.post, f"{url}/v1/acts", content=body, headers=headers, timeout=60)


def test_an_act_that_is_under_way_when_all_is_stopped_gets_its_receipt(
    own_database: Database, home: Settings, tmp_path: Path
) -> None:
    """And clients that are silent hold nothing up; no thread of a pool is waited for."""
    with (
        processes(home, tmp_path / "log") as running,
        ThreadPoolExecutor(2) as pool,
        httpx.Client(base_url=running.supervisor.url, timeout=60) as silent,
    ):
        running.supervisor.wait_ready()
        service = open_service(home, own_database)
        post = _posted(service, running.supervisor.url)
        service.enclave.close()
        assert silent.get("/health/live").status_code == 200  # kept open
        with (
            psycopg.connect(own_database.admin) as holder,
            psycopg.connect(own_database.admin, autocommit=True) as looks,
        ):
            holder.execute("SELECT FROM log.log_head FOR UPDATE")
            sent = pool.submit(post)
            until(lambda: looks.execute(_WAITING).fetchone() != (0,), "it is not under way")
            stopped = pool.submit(running.supervisor.stop)
            until(
                lambda: "Handling signal: term" in running.output.read_text("utf-8"),
                "it is not told to stop",
            )
            holder.rollback()
            answer = sent.result()
            stopped.result()
        assert answer.status_code == 201, answer.text
        assert "proof" in answer.json()
        said = running.output.read_text("utf-8")
        assert "couldn't stop thread" not in said
        assert "SIGKILL" not in said


def test_who_waits_for_a_proof_when_all_is_stopped_is_told_what_is_recorded(
    own_database: Database, home: Settings, tmp_path: Path
) -> None:
    """No checkpoint comes any more: the answer does, before the process ends."""
    with processes(home, tmp_path / "log") as running, ThreadPoolExecutor(1) as pool:
        running.supervisor.wait_ready()
        service = open_service(home, own_database)
        post = _posted(service, running.supervisor.url)
        before = service.size()
        service.enclave.close()
        with (
            psycopg.connect(own_database.admin) as holder,
            psycopg.connect(own_database.admin, autocommit=True) as looks,
        ):
            holder.execute("LOCK log.checkpoints IN SHARE MODE")
            sent = pool.submit(post)
            until(lambda: looks.execute(_SIZE).fetchone() != (before,), "it is not recorded")
            running.supervisor.stop()
            answer = sent.result()
        told = answer.json()
        assert (answer.status_code, told["code"], told["index"]) == (503, "proof_late", before)
        assert told["recorded"] == "yes"


@pytest.mark.parametrize("role", ["checkpointer", "projector"])
def test_a_loop_that_doubts_as_all_starts_leaves_the_api_to_read_from(
    home: Settings, tmp_path: Path, role: str
) -> None:
    """`serve` ended where it had only just begun, with the metrics that an alarm is made of."""
    DoubtMark(Home(home).seen_folder(role)).leave(Wording("sổ cũ", "an old copy"))
    with processes(home, tmp_path / "log") as running:
        with pytest.raises(NotReady, match=role) as told:
            running.supervisor.wait_ready()
        assert told.value.answer is not None, "else serve ends"
        shell = Shell(lang="en")
        operator._await_ready(shell, running.supervisor, Event(), 60.0)
        assert httpx.get(f"{running.supervisor.url}/v1/log", timeout=120).status_code == 200

        def unready() -> bool:
            answer = running.get("/health/ready")
            assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
            return "sổ cũ" in answer.text

        until(unready, "and says why")


def test_a_worker_that_is_only_opening_is_waited_for_by_nobody_who_stops_all(
    own_database: Database, home: Settings, tmp_path: Path
) -> None:
    """It serves nobody yet; asked to end in order, it opened first what it then put down again."""
    with psycopg.connect(own_database.admin) as holder:
        holder.execute("LOCK log.log_head IN ACCESS EXCLUSIVE MODE")
        with (
            psycopg.connect(own_database.admin, autocommit=True) as looks,
            processes(home, tmp_path / "log") as running,
        ):
            until(lambda: looks.execute(_OPENING).fetchone() != (0,), "it does not open")
            running.supervisor.stop()
            said = running.output.read_text("utf-8")
    assert "was sent SIGTERM" in said
    assert "Shutting down: Master" in said


def test_serve_ends_though_its_database_hangs(tmp_path: Path) -> None:
    """Server and parts stopped as they are: what they hold is killed, and comes up again.

    It took over a minute, and said that nothing had been recorded.
    """
    settings = founded(Settings.at(tmp_path / "own", workers=1, port=0))
    with (tmp_path / "log").open("wb") as said:
        serving = subprocess.Popen(
            python("-m", "api.cli.main", "serve"),
            env=child_environment(settings),
            stdout=said,
            stderr=said,
        )
    try:
        until(lambda: serving.poll() is not None or _ready(settings), "it is not ready")
        for part in _parts(settings.home):
            os.kill(part, signal.SIGSTOP)
        serving.terminate()
        assert serving.wait(_HANGS_S) == 0, (tmp_path / "log").read_text("utf-8")[-2_000:]
        assert not _parts(settings.home)
        server = Embedded(settings.home)
        server.start()
        own = server.dsn(dbname=str(Home(settings).facts().database["dbname"]))
        with psycopg.connect(own) as looks:
            assert looks.execute("SELECT size FROM log.log_head").fetchone() == (2,)
    finally:
        serving.kill()
        Embedded(settings.home).stop(0)


def _ready(settings: Settings) -> bool:
    with suppress(OSError, ValueError, httpx.TransportError):
        url = orjson.loads((settings.home / RUNNING).read_bytes())["url"]
        return httpx.get(f"{url}/health/ready", timeout=60).is_success
    return False


def _parts(home: Path) -> list[int]:
    """Every process of the embedded server, whoever started it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (process / "cwd").samefile(home / "pg" / "data"):
                found.append(int(process.name))
    return found


def test_serve_does_not_end_where_what_a_killed_one_left_is_in_its_way(
    home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server that the one before was starting may still be coming up, and is taken then."""
    facts, tries = Home(home).facts(), 0

    def in_the_way(_settings: Settings) -> EnclaveFacts:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise EmbeddedError("another server might be running")
        return facts

    monkeypatch.setattr(database, "running_facts", in_the_way)
    assert operator._facts_once_up(home) == facts
    assert tries == 2
