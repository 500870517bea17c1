"""How far from now a record may be dated: time in a log never goes back, so one could stop it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from api.ops.embedded_postgres import Embedded
from api.ops.machine import RealClock
from ledger.errors import Unavailable
from ledger.ports import Appended
from ledger.postgres.records import PostgresRecords
from tests.contract.append import a_draft
from tests.fixtures.postgres import Database, make_database

pytestmark = pytest.mark.postgres


@pytest.fixture
def database(postgres_server: Embedded) -> Iterator[Database]:
    """A real enclave's."""
    made = make_database(postgres_server, rehearsal=False)
    yield made
    made.close()


FAR = RealClock().now() + timedelta(days=3650)


def test_a_writer_taken_over_cannot_date_a_record_ahead(database: Database) -> None:
    """Else nothing honest could be recorded until that day."""
    appender = database.appender()
    for ahead in (FAR, RealClock().now() + timedelta(minutes=15)):
        with pytest.raises(Unavailable, match="clocks_apart"):
            appender.append(a_draft(at=ahead))
    assert PostgresRecords(database.pool("reader")).head().recorded_at is None
    assert appender.append(a_draft(at=RealClock().now())).index == 0


def test_two_clocks_may_differ_a_little(database: Database) -> None:
    """Machines of one service are rarely set to the second."""
    soon = RealClock().now() + timedelta(minutes=4)
    assert database.appender().append(a_draft(at=soon)).recorded_at == soon


def test_one_record_dated_ahead_never_fails_its_neighbours(database: Database) -> None:
    """Item by item, in whatever groups they come."""
    appender, now = database.appender(), RealClock().now()
    answers: dict[int, Appended | Exception] = {}

    def send(n: int) -> None:
        try:
            answers[n] = appender.append(a_draft(f"case/{n}", at=FAR if n % 3 == 0 else now))
        except Unavailable as refused:
            answers[n] = refused

    threads = [threading.Thread(target=send, args=(n,)) for n in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {n for n, a in answers.items() if isinstance(a, Unavailable)} == set(range(0, 24, 3))
    head = PostgresRecords(database.pool("reader")).head()
    assert (head.size, head.recorded_at) == (16, now)


def test_a_rehearsals_senders_set_its_time(postgres_server: Embedded) -> None:
    """A scenario may play in any year."""
    made = make_database(postgres_server, rehearsal=True)
    try:
        appender = made.appender()
        assert appender.append(a_draft(at=FAR)).recorded_at == FAR
        later = FAR + timedelta(days=1)
        assert appender.append(a_draft("case/b", at=later)).recorded_at == later
    finally:
        made.close()
