"""A database that hangs within a statement: whoever waits for it does not wait for ever."""

from __future__ import annotations

import os
import signal
from contextlib import closing

import psycopg
import pytest

from ledger.postgres.connect import open_pool, reading
from tests.fixtures.postgres import Database

pytestmark = pytest.mark.postgres


def test_a_server_process_that_hangs_is_left_and_another_one_asked(database: Database) -> None:
    """Stopped, with its connection open: closed after a while, and what is read is asked again."""
    with closing(open_pool(database.dsn("reader"), most=2, hung_after_s=5)) as pool:
        with pool.connection() as connection:
            hung = connection.info.backend_pid
        os.kill(hung, signal.SIGSTOP)
        try:
            with pytest.raises(psycopg.OperationalError), pool.connection() as connection:
                connection.execute("SELECT 1")
            assert connection.closed
            answered = reading(pool, lambda one: one.execute("SELECT pg_backend_pid()").fetchone())
            assert answered is not None
            assert answered != (hung,)
        finally:
            os.kill(hung, signal.SIGCONT)


def test_a_lost_host_is_noticed_unless_the_address_says_how(database: Database) -> None:
    """By the kernel, over TCP; what an operator wrote into the address stands."""
    for more, expected in (("", "25000"), (" tcp_user_timeout=1000", "1000")):
        with (
            closing(open_pool(database.dsn("reader") + more, most=1)) as pool,
            pool.connection() as connection,
        ):
            assert connection.info.get_parameters()["tcp_user_timeout"] == expected
