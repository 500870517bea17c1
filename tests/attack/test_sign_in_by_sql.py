"""The reader's login in other hands: what it can do to those who sign in, it cannot do for long."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest

from api.ops.embedded_postgres import Embedded
from api.ops.machine import RealClock
from ledger.postgres.sessions import PostgresSessions
from tests.attacks import attack
from tests.fixtures.postgres import Database, make_database

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def taken(postgres_server: Embedded) -> Iterator[Database]:
    """A database, and its reader's login in other hands."""
    made = make_database(postgres_server)
    yield made
    made.close()


@pytest.fixture
def thief(taken: Database) -> Iterator[psycopg.Connection]:
    """A connection of the reader's login."""
    with psycopg.connect(taken.dsn("reader"), autocommit=True) as connection:
        yield connection


@attack(
    "a taken reader login begins a window of attempts in the year 9999",
    stopped_by="sec.attempt has the server's time alone",
    noticed_by="-",
)
def test_no_officer_is_locked_out_for_ever(taken: Database, thief: psycopg.Connection) -> None:
    """Whoever counts for others holds them up while it goes on counting, a window at a time."""
    with pytest.raises(psycopg.errors.UndefinedFunction):
        thief.execute("SELECT sec.attempt('sign-in:x', '9999-01-01'::timestamptz, 60, 1)")
    for window in (60, 2_000_000_000, -2_000_000_000):
        thief.execute("SELECT sec.attempt('sign-in:x', %s::int, 1)", [window])
    with psycopg.connect(taken.admin) as connection:
        rows = connection.execute("SELECT since FROM sec.attempts").fetchall()
        now = RealClock().now()
        assert [timedelta() <= now - since < timedelta(hours=1) for (since,) in rows] == [True]
        connection.execute("UPDATE sec.attempts SET since = since - interval '61 seconds'")
    assert PostgresSessions(taken.pool("reader")).attempt("sign-in:x", 60, 1)


@attack(
    "a taken reader login lets rows run out, to use an assertion again or to end every challenge",
    stopped_by="sec.attempt and sec.challenge_put have the server's time alone",
    noticed_by="-",
)
def test_nothing_runs_out_before_its_time(taken: Database, thief: psycopg.Connection) -> None:
    """What was used once stays used; what somebody else is about to answer stays open."""
    sessions = PostgresSessions(taken.pool("reader"))
    assert sessions.attempt("jti:once", 600, 1)
    sessions.put("challenge of an officer", "kid", 120)
    thief.execute("SELECT sec.challenge_put('challenge of a thief', 'kid', 2147483647)")
    for window in (0, 2_147_483_647):
        thief.execute(
            "SELECT sec.attempt('jti:once', %s::int, 9), sec.attempt('y', %s::int, 9)",
            [window, window],
        )
    assert not sessions.attempt("jti:once", 600, 1)
    assert sessions.take("challenge of an officer") == "kid"
    with psycopg.connect(taken.admin) as connection:
        ends = connection.execute("SELECT max(expires_at) FROM sec.challenges").fetchone()
    assert ends is not None
    assert ends[0] < RealClock().now() + timedelta(minutes=11)


def test_what_signing_in_leaves_goes_when_somebody_signs_in_next(taken: Database) -> None:
    """Challenges an hour behind their end, attempts a day behind their beginning (retention.md)."""
    sessions = PostgresSessions(taken.pool("reader"))
    for n, minutes in enumerate((59, 61)):
        sessions.put(f"challenge of old {n}", "kid", 120)
        assert sessions.attempt(f"attempt {n}", 60, 1)
        with psycopg.connect(taken.admin) as connection:
            connection.execute(
                "UPDATE sec.challenges SET expires_at = clock_timestamp() - %s"
                " WHERE challenge = %s",
                [timedelta(minutes=minutes), f"challenge of old {n}"],
            )
            connection.execute(
                "UPDATE sec.attempts SET since = clock_timestamp() - %s WHERE subject = %s",
                [timedelta(hours=23, minutes=minutes), f"attempt {n}"],
            )
    sessions.put("challenge of now", "kid", 120)
    assert sessions.attempt("attempt", 60, 1)
    with psycopg.connect(taken.admin) as connection:
        left = connection.execute(
            "SELECT challenge FROM sec.challenges WHERE challenge LIKE '% of old _'"
            " UNION SELECT subject FROM sec.attempts WHERE subject LIKE 'attempt _'"
        ).fetchall()
    assert sorted(left) == [("attempt 0",), ("challenge of old 0",)]
