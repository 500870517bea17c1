"""The write path on PostgreSQL: many at once, lost answers, a killed server."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from api.ops.embedded_postgres import Embedded
from keys import canonical
from ledger.checkpoints.proofs import Proofs
from ledger.errors import Unavailable
from ledger.log import proof
from ledger.log.proof import Inclusion
from ledger.postgres.checkpoints import PostgresCheckpoints
from ledger.postgres.connect import Connection
from ledger.postgres.notices import PostgresNotices
from ledger.postgres.recorder import GroupAppender
from ledger.postgres.tiles import PostgresTiles
from tests import builders
from tests.a_ledger import ALedger, a_report, all_entries, in_postgres, opened, revocation
from tests.contract.append import a_draft
from tests.fixtures.postgres import Database, install_database
from tests.fixtures.wire import Wire

pytestmark = [pytest.mark.postgres, pytest.mark.operation]

_RELID: Final = re.compile(r":relid ([0-9]+)")


@pytest.fixture
def a(database: Database) -> ALedger:
    """A founded log with the hotline in post."""
    made = ALedger(in_postgres(database))
    made.found()
    made.clock.step(seconds=1)
    made.hire("hotline", "cv")
    return made


def _run(workers: list[threading.Thread]) -> None:
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def test_the_first_case_end_to_end(
    a: ALedger, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An officer's key, a signed act, PostgreSQL, a proof that a stranger can check.

    Whoever waits for the proof is told by a notice: nobody polls within the time of the test.
    """
    monkeypatch.setattr("ledger.checkpoints.proofs.POLL_S", 60.0)
    answer = a.say(a_report(1), "hotline")
    pool = database.pool("reader")
    proofs = Proofs(
        PostgresTiles(pool), PostgresCheckpoints(pool), PostgresNotices(database.dsn("reader"))
    )
    stop = threading.Event()
    sealing = threading.Thread(target=a.checkpointer().run, args=(stop,))
    sealing.start()
    try:
        told = proofs.wait(answer.index, 120.0)
        assert told is not None
        entry = all_entries(a)[answer.index]
        given = Inclusion(
            told["index"], told["size"],
            tuple(canonical.unb64std(h) for h in told["hashes"]), told["checkpoint"],
        )  # fmt: skip
        proof.verify_inclusion(given, entry, [a.keys.log.vkey, a.keys.pq.vkey], origin=a.origin)
        second = a.say(a_report(2), "hotline")
        assert proofs.wait(second.index, 120.0) is not None
        assert proofs.wait(10_000, 0.05) is None
        assert proofs.consistency(0)["hashes"] == []
        assert proofs.consistency(1)["from"] == 1
    finally:
        monkeypatch.undo()
        stop.set()
        sealing.join()
        proofs.close()


def test_many_threads_and_two_processes_keep_one_order(a: ALedger) -> None:
    """Sixteen submitters over two ledgers: dense indices, nothing lost or doubled."""
    other = a.beside()
    statements = [a.sign(a_report(n), "hotline") for n in range(96)]
    base = len(all_entries(a))

    def send(lot: int) -> None:
        for n in range(lot, len(statements), 16):
            (a if lot % 2 else other).send(statements[n])

    _run([threading.Thread(target=send, args=(lot,)) for lot in range(16)])
    found = [s.digest for s in list(opened(a))[base:]]
    assert sorted(found) == sorted(s.digest for s in statements)


def test_one_statement_sent_by_sixteen_at_once_is_recorded_once(a: ALedger) -> None:
    """All of them hear the same receipt, and one of them that it was new."""
    other = a.beside()
    statement = a.sign(a_report(1), "hotline")
    answers = []

    def send(n: int) -> None:
        answers.append((a if n % 2 else other).send(statement))

    _run([threading.Thread(target=send, args=(n,)) for n in range(16)])
    assert len({str(answer.receipt) for answer in answers}) == 1
    assert sum(answer.created for answer in answers) == 1


def test_no_signature_is_judged_otherwise_at_its_index_than_at_the_door(a: ALedger) -> None:
    """A key is revoked by one process while the other takes acts signed with it."""
    other = a.beside()
    statements = [a.sign(a_report(n), "hotline") for n in range(40)]
    refused = []

    def send(lot: int) -> None:
        for n in range(lot, len(statements), 4):
            try:
                other.send(statements[n])
            except Exception as error:  # noqa: BLE001 - counted below
                refused.append(str(error))

    def revoke() -> None:
        a.say(revocation("hotline", a.clock.now()), "founder")

    _run(
        [
            *(threading.Thread(target=send, args=(n,)) for n in range(4)),
            threading.Thread(target=revoke),
        ]
    )
    kid = builders.key("hotline").kid
    log = list(opened(a))
    revoked = next(n for n, s in enumerate(log) if s.members["act"] == "KeyRevoked")
    assert all(s.kid != kid for s in log[revoked + 1 :])
    assert all("unknown_key" in text for text in refused)


# -- lost answers -------------------------------------------------------------------------------


@pytest.fixture
def wire(postgres_server: Embedded) -> Iterator[Wire]:
    """A wire to the server that can be cut."""
    made = Wire(postgres_server.host, postgres_server.port)
    yield made
    made.close()


def _over(wire: Wire, database: Database) -> GroupAppender:
    dsn = make_conninfo(database.dsn("writer"), host="127.0.0.1", port=wire.port)
    return database.appender(dsn)


def test_a_lost_commit_answer_is_read_back_and_not_called_a_conflict(
    database: Database, wire: Wire
) -> None:
    """The record landed, the answer did not: the same index is told, and there is one record."""
    appender = _over(wire, database)
    appender.append(a_draft("case/before"))
    wire.lose_next_answer()
    answer = appender.append(a_draft("case/lost"))
    assert (answer.index, wire.lost) == (1, 1)
    assert appender.append(a_draft("case/after")).index == 2


def test_a_database_that_is_away_is_a_clean_error_and_recovers(
    database: Database, wire: Wire
) -> None:
    """Try again later, and then it works: nothing has to be restarted."""
    appender = _over(wire, database)
    appender.append(a_draft("case/before"))
    wire.cut()
    draft = a_draft("case/away")
    with pytest.raises(Unavailable, match="database_unavailable"):
        appender.append(draft)
    wire.mend()
    assert appender.append(draft).index == 1


def test_an_append_is_planned_once_and_goes_through_no_table(database: Database) -> None:
    """Whatever is in its group, over a log that was empty when it was planned."""
    plans: list[str] = []

    def listening(connection: Connection) -> None:
        connection.execute("SET debug_print_plan = on")
        connection.execute("SET client_min_messages = log")
        connection.add_notice_handler(lambda told: plans.append(told.message_detail or ""))

    appender = GroupAppender(database.dsn("writer"), admit=listening)
    # the first goes item by item: before it the head names no key
    tagged = [replace(a_draft(f"case/a{n}"), tags=frozenset({bytes([n]) * 32})) for n in range(2)]
    try:
        for draft in (*tagged, *(a_draft("case/a0", seq) for seq in range(2, 10))):
            appender.append(draft)
        whole = {relid for plan in plans if "{SEQSCAN" in plan for relid in _RELID.findall(plan)}
        with psycopg.connect(database.admin) as admin:
            named = admin.execute("SELECT unnest(%s::oid[])::regclass::text", [list(whole)])
            few = {"log.log_head", "log.enclave", "log.epochs", "log.epochs_given_up"}
            assert {name for (name,) in named} <= few  # of one row, or of one an epoch
        # what is joined so is read whole, if only its index
        writes = [plan for plan in plans if ":commandType 3" in plan]
        assert writes
        assert not [plan for plan in writes if "{HASHJOIN" in plan or "{MERGEJOIN" in plan]
        plans.clear()
        appender.append(replace(a_draft("case/b"), tags=frozenset({b"u" * 32})))
        appender.append(a_draft("case/a0", 10))
        assert plans == []
    finally:
        appender.close()


def test_a_full_disk_is_refused_before_it_is_full(database: Database) -> None:
    """Writes stop, reads go on, and once there is room it goes on by itself."""
    room = [1_000]
    appender = GroupAppender(
        database.dsn("writer"), free_bytes=lambda: room[0], min_free_bytes=2_000
    )
    with pytest.raises(Unavailable, match="disk_full"):
        appender.append(a_draft())
    room[0] = 3_000
    assert appender.append(a_draft()).index == 0
    appender.close()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Database]:
    """A database on a server of its own, which may be killed."""
    server = Embedded(tmp_path / "home")
    server.start()
    made = install_database(server)
    yield made
    made.close()
    server.stop()


def _kill_again_and_again(server: Embedded, done: threading.Event) -> None:
    for _ in range(6):
        if done.wait(0.4):
            return
        pid_file = server._data / "postmaster.pid"
        os.kill(int(pid_file.read_text().splitlines()[0]), signal.SIGKILL)
        server.start()


@pytest.mark.slow
def test_kill_nine_of_the_server_loses_no_acknowledged_act(own: Database) -> None:
    """Again and again while officers send: what was answered is there, and only once."""
    a = ALedger(in_postgres(own))
    a.found()
    a.clock.step(seconds=1)
    a.hire("hotline")
    statements = [a.sign(a_report(n), "hotline") for n in range(60)]
    answered: dict[int, int] = {}

    def send(lot: int) -> None:
        for n in range(lot, len(statements), 4):
            while n not in answered:
                try:
                    answered[n] = a.send(statements[n]).index
                except Unavailable:
                    time.sleep(0.1)
            time.sleep(0.05)

    done = threading.Event()
    killer = threading.Thread(target=_kill_again_and_again, args=(own.server, done))
    killer.start()
    _run([threading.Thread(target=send, args=(lot,)) for lot in range(4)])
    done.set()
    killer.join()
    log = list(opened(a))
    assert all(log[index].digest == statements[n].digest for n, index in answered.items())
    assert len(answered) == len(statements)
    assert len({s.digest for s in log}) == len(log)
