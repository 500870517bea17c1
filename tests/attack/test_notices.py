"""PostgreSQL's one queue of notifications, which any login of the server can fill, is full.

A hint may be lost; an act, a checkpoint or a row of a view may not wait for one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import psycopg
import pytest
from werkzeug.test import TestResponse

from api.ops.embedded_postgres import Embedded
from ledger.postgres.notices import PostgresNotices
from tests.attacks import attack
from tests.builders import an_act, an_id
from tests.fixtures.app import Service, found, open_service
from tests.fixtures.postgres import Database, make_database

pytestmark = pytest.mark.postgres

_WAIT_S: Final = 120.0
"""How long what happens by itself may take on a busy machine."""
_PAGES: Final = 64
"""The fewest that a server takes, half a mebibyte; by default it is eight gibibytes."""


@pytest.fixture(scope="module")
def small_queue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """A server of its own, whose queue is soon full."""
    server = Embedded(tmp_path_factory.mktemp("queue") / "server")
    try:
        with psycopg.connect(server.start(), autocommit=True) as admin:
            admin.execute(f"ALTER SYSTEM SET max_notify_queue_pages = {_PAGES}")
        server.stop()
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def database(small_queue: Embedded) -> Iterator[Database]:
    """In that server, whose queue is empty again whatever became of the test before."""
    made = make_database(small_queue)
    ends = time.monotonic() + _WAIT_S
    with psycopg.connect(made.admin, autocommit=True) as admin:
        while admin.execute("SELECT pg_notification_queue_usage() > 0").fetchone() == (True,):
            assert time.monotonic() < ends
            time.sleep(0.01)
    yield made
    made.close()


@pytest.fixture
def service(database: Database, tmp_path: Path) -> Iterator[Service]:
    """A running enclave."""
    made = open_service(found(database, tmp_path / "home"), database)
    made.start()
    yield made
    made.stop()


def fill(stack: ExitStack, dsn: str) -> None:
    """Fills the queue, until the stack ends."""
    listener = stack.enter_context(psycopg.connect(dsn))
    listener.execute("LISTEN anything")
    listener.commit()
    listener.execute("SELECT 1")  # in a transaction: what comes now is not taken off the queue
    with psycopg.connect(dsn, autocommit=True) as loop:
        for n in range(100 * _PAGES):
            if not _notified(loop, f"{n:7000}"):
                return
    pytest.fail("the queue was never full")


def _notified(connection: psycopg.Connection, text: str) -> bool:
    """False where the queue is full."""
    try:
        connection.execute("SELECT pg_notify('anything', %s)", [text])
    except psycopg.errors.ProgramLimitExceeded:
        return False
    return True


def _acts(service: Service, case: str, index: int) -> TestResponse:
    """Those of a case, once the view has this record."""
    wait = {"Prefer": "wait=20"}
    return service.get(f"/v1/cases/{an_id(case)}/acts", "hotline", headers=wait, at_least=index)


def _proven_and_shown(service: Service, case: str) -> None:
    """A report is taken, covered by a checkpoint, folded into the views, and all is well."""
    act = an_act(
        "ReportReceived", by="hotline", when=service.clock.now(), stream=f"case/{an_id(case)}"
    )
    index = service.say(act, "hotline")["index"]
    assert service.enclave.proofs.wait(index, _WAIT_S) is not None
    ends = time.monotonic() + _WAIT_S
    while (seen := _acts(service, case, index)).status_code == 503:  # it is to be asked again
        assert time.monotonic() < ends, seen.text
        time.sleep(0.1)
    assert seen.status_code == 200, seen.text
    service.require_ready()


def _told(service: Service, wait: Callable[[float], bool], case: str) -> bool:
    """Whether a hint came of one more report; none does until the server has noticed who left."""
    _proven_and_shown(service, case)
    return wait(1.0)


@attack(
    "a read-only login fills the server's queue of notifications and keeps it full",
    stopped_by="no transaction of the log notifies; who waits for a hint also polls",
    noticed_by="the service's own log says once that hints are lost",
)
@pytest.mark.parametrize("login", ["reader", pytest.param("auditor", marks=pytest.mark.soak)])
def test_a_full_queue_stops_nobody(
    service: Service, login: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Acts are taken, proven and projected meanwhile, and hints come again once it is empty."""
    service.hire("hotline")
    with ExitStack() as stack:
        fill(stack, service.database.dsn(login))
        for n in range(3):
            _proven_and_shown(service, f"{login} full {n}")
        with psycopg.connect(service.database.dsn("writer"), autocommit=True) as still:
            assert not _notified(still, "")
        hints, ends = service.enclave._appender._hints, time.monotonic() + _WAIT_S
        while not hints.lost:
            assert time.monotonic() < ends
            time.sleep(0.01)
    said = [one.getMessage() for one in caplog.records if one.name == "socai.hints"]
    assert len([line for line in said if line.startswith("hints of records are lost")]) == 1
    notices = PostgresNotices(service.database.dsn("reader"))
    with notices.listen("records") as wait:
        assert wait(_WAIT_S)  # listens from now on
        assert any(_told(service, wait, f"{login} empty {n}") for n in range(10))


def test_a_process_that_starts_meanwhile_works(service: Service) -> None:
    """It listens to a full queue, and finds by itself what there is."""
    service.hire("hotline")
    with ExitStack() as stack:
        fill(stack, service.database.dsn("reader"))
        service.halt()
        again = open_service(service.settings, service.database, service.clock)
        stack.callback(again.stop)
        again.start()
        _proven_and_shown(again, "begun meanwhile")
