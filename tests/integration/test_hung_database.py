"""A database that hangs within a statement: whoever waits for it does not wait for ever."""

from __future__ import annotations

import logging
import os
import signal
import socket
import struct
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final, LiteralString

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import PoolTimeout

from ledger.errors import Unavailable
from ledger.ports import Appended, Draft, SealedRecord
from ledger.postgres.connect import Connection, Hung, OnceAMinute, Pool, connect, open_pool, reading
from ledger.postgres.direct import PreparedStatement
from ledger.postgres.notices import PostgresNotices
from ledger.postgres.recorder import GroupAppender
from ledger.postgres.records import PostgresRecords
from ledger.work import work_s
from tests.contract.append import a_draft
from tests.fixtures.postgres import Database
from tests.processes import stopped
from tests.waiting import until

pytestmark = [pytest.mark.postgres, pytest.mark.operation]
_LONG_S = 60.0
_ASLEEP: Final[LiteralString] = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event = 'PgSleep'
"""


def _process_of(appender: GroupAppender) -> int:
    """The server's process that an appender's connection has."""
    assert appender._connection is not None
    return appender._connection.info.backend_pid


@contextmanager
def _interrupted() -> Iterator[None]:
    """Ctrl-C is one, also in a worker of a run, where it is passed over."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_server_process_that_hangs_is_left_and_another_one_asked(database: Database) -> None:
    """Stopped, with its connection open: closed after a while, and what is read is asked again."""
    with closing(open_pool(database.dsn("reader"), most=1, hung_after_s=5)) as pool:
        with pool.connection() as connection:
            hung = connection.info.backend_pid
        os.kill(hung, signal.SIGSTOP)
        before = work_s()
        try:
            with pytest.raises(psycopg.OperationalError), pool.connection() as connection:
                connection.execute("SELECT 1")
            assert connection.closed
            assert work_s() - before < 3, "nobody pays for what hangs, and is refused for it"
            answered = reading(pool, lambda one: one.execute("SELECT pg_backend_pid()").fetchone())
            assert answered is not None
            assert answered != (hung,)
        finally:
            os.kill(hung, signal.SIGCONT)


def test_who_waits_is_connected_as_soon_as_somebody_leads_again(
    database: Database, tmp_path: Path
) -> None:
    """A pool's own pauses double, and then it gives up, while somebody waits."""
    said = conninfo_to_dict(database.dsn("reader"))
    name = f".s.PGSQL.{said['port']}"
    away = make_conninfo(database.dsn("reader"), host=str(tmp_path))
    with closing(open_pool(away, most=1)) as pool, ThreadPoolExecutor(1) as others:
        waits = others.submit(_asked, pool)
        given_up = 2  # attempts, of which no third follows by itself
        until(lambda: pool.get_stats().get("connections_errors", 0) > 2 * given_up)
        (tmp_path / name).symlink_to(Path(str(said["host"])) / name)
        assert waits.result(_LONG_S) == (1,)


def test_of_several_hosts_one_that_hangs_uses_up_nobodys_patience(database: Database) -> None:
    """It takes connections and says nothing: the next is asked while who waits in a pool waits."""
    said = conninfo_to_dict(database.dsn("reader"))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hosts, ports = f"127.0.0.1,{said['host']}", f"{silent.getsockname()[1]},{said['port']}"
        both = make_conninfo(database.dsn("reader"), host=hosts, port=ports)
        with closing(open_pool(both, most=1)) as pool:
            assert reading(pool, lambda one: one.execute("SELECT 1").fetchone()) == (1,)


def test_of_several_hosts_the_one_that_let_in_last_is_asked_first(database: Database) -> None:
    """So one that takes connections and says nothing is waited for once, and not by each."""
    said = conninfo_to_dict(database.dsn("reader"))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hosts, ports = f"127.0.0.1,{said['host']}", f"{silent.getsockname()[1]},{said['port']}"
        both = make_conninfo(database.dsn("reader"), host=hosts, port=ports)
        for _ in range(3):
            connect(both).close()
        silent.settimeout(0)
        with suppress(BlockingIOError):
            silent.accept()[0].close()  # by whoever came first, where nobody was let in before
        with pytest.raises(BlockingIOError):
            silent.accept()


def test_who_waits_for_hints_does_not_wait_on_a_connection_that_may_hang(
    database: Database,
) -> None:
    """It is made anew, and whatever came meanwhile is looked for."""
    dsn = database.dsn("reader")
    with PostgresNotices(dsn).listen("records") as wait, connect(dsn, hung_after_s=0.2) as asks:
        assert wait(0.0)
        assert not wait(0.0)
        with stopped(asks.info.backend_pid), pytest.raises(Hung):
            asks.execute("SELECT 1")
        assert wait(0.0)


def test_what_one_connection_finds_out_every_other_of_that_server_knows(
    database: Database,
) -> None:
    """A server that hangs is not waited for again by whoever had a connection of it."""
    with (
        closing(open_pool(database.dsn("reader"), most=1)) as pool,
        closing(GroupAppender(database.dsn("writer"), hung_after_s=_LONG_S)) as appender,
        closing(connect(database.dsn("reader"), hung_after_s=1)) as asks,
    ):
        assert isinstance(appender.append(a_draft("case/a")), Appended)
        with pool.connection() as connection:
            pooled = connection.info.backend_pid
        writes = _process_of(appender)
        with stopped(pooled), stopped(writes), stopped(asks.info.backend_pid):
            with pytest.raises(Hung):
                asks.execute("SELECT 1")
            assert _asked(pool) == (1,)
            assert isinstance(appender.append(a_draft("case/b")), Appended)
            assert _process_of(appender) != writes


def test_what_any_login_can_hold_up_says_nothing_of_the_server(database: Database) -> None:
    """Or whoever holds it up would have every process make all its connections anew."""
    with (
        closing(open_pool(database.dsn("reader"), most=1)) as pool,
        closing(connect(database.dsn("reader"), hung_after_s=1, blames=False)) as hints,
    ):
        with pool.connection() as connection:
            before = connection.info.backend_pid
        with stopped(hints.info.backend_pid), pytest.raises(Hung):
            hints.execute("SELECT 1")
        with pool.connection() as connection:
            assert connection.info.backend_pid == before


def test_a_pool_that_fails_again_and_again_says_why_once_a_minute() -> None:
    """Another cause at once; the same of another pool is the same."""
    told = OnceAMinute()

    def said(at: float, pool: str, why: str) -> bool:
        words = ("error connecting in %r: %s", (pool, psycopg.OperationalError(why)))
        record = logging.LogRecord("psycopg.pool", logging.WARNING, "", 0, *words, None)
        record.created = at
        return told.filter(record)

    assert said(0, "pool-1", "refused")
    assert not said(1, "pool-1", "refused")
    assert not said(59, "pool-2", "refused")
    assert said(59, "pool-1", "no password")
    assert said(60, "pool-1", "refused")

    def thrown_away(at: float) -> bool:
        connection = object.__new__(psycopg.Connection)
        words = ("discarding closed connection: %s", (connection,))
        record = logging.LogRecord("psycopg.pool", logging.WARNING, "", 0, *words, None)
        record.created = at
        return told.filter(record)

    assert [thrown_away(at) for at in (70, 71, 131)] == [True, False, True]
    filters = logging.getLogger("psycopg.pool").filters
    assert [one for one in filters if isinstance(one, OnceAMinute)], "and every pool is told so"


def _asked(pool: Pool) -> object:
    with pool.connection(_LONG_S) as connection:
        return connection.execute("SELECT 1").fetchone()


def test_who_waits_for_one_that_is_lent_is_told_of_no_refusal_that_is_over(
    database: Database,
) -> None:
    """What the server last said is of before: it has given a connection since."""
    with closing(open_pool(database.dsn("reader"), most=1)) as pool:
        with pool.connection() as lent:
            vars(pool)["_refused"] = psycopg.OperationalError("no more connections")
            with pytest.raises(PoolTimeout, match=r"no more connections$"):
                pool.getconn(0.05)
            lent.close()  # so that another one is made
        with pool.connection(), pytest.raises(PoolTimeout) as waited:
            pool.getconn(0.05)
    assert "no more connections" not in str(waited.value)


def test_a_lost_host_is_noticed_unless_the_address_says_how(database: Database) -> None:
    """By the kernel, over TCP; what an operator wrote into the address stands."""
    for more, expected in (("", "25000"), (" tcp_user_timeout=1000", "1000")):
        with (
            closing(open_pool(database.dsn("reader") + more, most=1)) as pool,
            pool.connection() as connection,
        ):
            assert connection.info.get_parameters()["tcp_user_timeout"] == expected


def test_an_act_whose_answer_hangs_is_recorded_once_over_another_connection(
    database: Database,
) -> None:
    """What the process that hung does when it goes on is refused, and what stands is read back."""
    with (
        closing(GroupAppender(database.dsn("writer"), hung_after_s=_LONG_S)) as appender,
        ThreadPoolExecutor(1) as pool,
    ):
        assert isinstance(appender.append(a_draft("case/a")), Appended)
        hung = _process_of(appender)
        appender._connection.hung_after_s = 2  # type: ignore[union-attr]  # this one alone hangs
        with stopped(hung):
            answer = pool.submit(appender.append, a_draft("case/b")).result(_LONG_S)
            assert isinstance(answer, Appended)
            assert _process_of(appender) != hung
        with psycopg.connect(database.admin, autocommit=True) as looks:
            alive = "SELECT FROM pg_stat_activity WHERE pid = %s"
            until(lambda: looks.execute(alive, [hung]).fetchone() is None)
        assert PostgresRecords(database.pool("writer")).head().size == 2
        assert answer.index == 1


def test_who_leads_a_group_that_hangs_gives_up_its_lead_and_all_that_wait_are_told(
    database: Database,
) -> None:
    """Nobody waits as long again for the same: what was not sent yet is not sent."""
    sealed: list[str] = []

    def watched(stream: str) -> Draft:
        draft = a_draft(stream)

        def seal(at: datetime) -> SealedRecord:
            sealed.append(stream)
            return draft.seal(at)

        return replace(draft, seal=seal)

    with (
        closing(GroupAppender(database.dsn("writer"), hung_after_s=1)) as appender,
        ThreadPoolExecutor(3) as pool,
        psycopg.connect(database.admin) as holder,
    ):
        holder.execute("SELECT FROM log.log_head FOR UPDATE")
        leads = pool.submit(appender.append, watched("case/a"))
        until(lambda: sealed == ["case/a"])
        wait = [pool.submit(appender.append, watched(name)) for name in ("case/b", "case/c")]
        until(lambda: len(appender._groups._waiting) == 2)
        for one in (leads, *wait):
            with pytest.raises(Unavailable, match="database_unavailable"):
                one.result(_LONG_S)
        assert sealed == ["case/a"]
        holder.rollback()
        appender._hung_after_s = _LONG_S
        assert isinstance(appender.append(watched("case/d")), Appended)


def test_who_waits_for_a_leader_that_is_stopped_is_told_to_send_the_same_again(
    database: Database,
) -> None:
    """As by an interrupt, which is no error: nobody knows then what became of the group."""

    class Stopped(BaseException):
        pass

    def stop(_at: datetime) -> SealedRecord:
        raise Stopped

    with (
        closing(GroupAppender(database.dsn("writer"))) as appender,
        ThreadPoolExecutor(3) as pool,
        psycopg.connect(database.admin) as holder,
    ):
        holder.execute("SELECT FROM log.log_head FOR UPDATE")
        first = pool.submit(appender.append, a_draft("case/a"))
        until(lambda: appender._groups._led and not appender._groups._waiting)
        leads = pool.submit(appender.append, replace(a_draft("case/b"), seal=stop))
        until(lambda: len(appender._groups._waiting) == 1)
        waits = pool.submit(appender.append, a_draft("case/c"))
        until(lambda: len(appender._groups._waiting) == 2)
        holder.rollback()
        assert isinstance(first.result(_LONG_S), Appended)
        with pytest.raises(Stopped):
            leads.result(_LONG_S)
        with pytest.raises(Unavailable, match="database_unavailable"):
            waits.result(_LONG_S)
        assert isinstance(appender.append(a_draft("case/c")), Appended)


def test_where_every_connection_of_a_pool_hangs_none_of_them_is_asked_again(
    database: Database,
) -> None:
    """As behind a proxy that stalls: new ones are made, and the second try is answered."""
    tried: list[int] = []

    def read(connection: Connection) -> object:
        tried.append(connection.info.backend_pid)
        return connection.execute("SELECT 1").fetchone()

    with (
        closing(open_pool(database.dsn("reader"), most=3, least=3, hung_after_s=2)) as pool,
        ThreadPoolExecutor(1) as beside,
    ):
        pool.wait()
        with pool.connection() as one, pool.connection() as two, pool.connection() as three:
            every = [one.info.backend_pid, two.info.backend_pid, three.info.backend_pid]
            one.hung_after_s = two.hung_after_s = 10 * _LONG_S  # type: ignore[attr-defined]
        with stopped(every[0]), stopped(every[1]), stopped(every[2]):
            assert beside.submit(reading, pool, read).result(_LONG_S) == (1,)
        assert len(tried) == 2
        assert tried[1] not in every


def test_who_is_stopped_while_it_waits_leaves_no_answer_to_the_next(database: Database) -> None:
    """What it sent may run; the connection is closed, or the next would be told of that."""
    asks = PreparedStatement(b"slowly", b"SELECT pg_sleep($1::float8)")
    with closing(connect(database.dsn("reader"))) as connection:
        asks.prepare(connection)

        def stop() -> None:
            with closing(connect(database.admin)) as watching:
                until(lambda: watching.execute(_ASLEEP).fetchone() == (1,))
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

        with ThreadPoolExecutor(1) as beside, _interrupted():
            stopping = beside.submit(stop)
            with pytest.raises(KeyboardInterrupt):
                asks.rows(connection, [struct.pack("!d", _LONG_S)])
            stopping.result()
        assert connection.closed
