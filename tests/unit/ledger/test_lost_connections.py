"""Which failures of the driver mean that the database is away, and which that we asked wrongly."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import errors
from psycopg_pool import PoolTimeout

from ledger.errors import Fatal, Unavailable
from ledger.postgres.connect import is_lost, translated

LOST = [
    psycopg.OperationalError("the connection is closed"),
    psycopg.InterfaceError("the connection is lost"),
    psycopg.DatabaseError("server closed the connection unexpectedly"),  # killed while it answered
    errors.AdminShutdown("terminating connection due to administrator command"),
    errors.CrashShutdown("terminating connection because of crash of another server process"),
    errors.CannotConnectNow("the database system is in recovery mode"),
    errors.ConnectionFailure("connection failure"),
]


@pytest.mark.parametrize("error", LOST, ids=lambda error: type(error).__name__)
def test_lost_connection_is_never_a_doubt_about_the_log(error: psycopg.Error) -> None:
    """A checkpointer or a writer that took a killed server for a broken log would stop for good."""
    assert is_lost(error)
    assert isinstance(translated(error), Unavailable)


@pytest.mark.parametrize(
    "error",
    [errors.UniqueViolation(), errors.InsufficientPrivilege(), psycopg.ProgrammingError("ours")],
    ids=lambda error: type(error).__name__,
)
def test_refusal_of_the_store_is_not_called_a_lost_connection(error: psycopg.Error) -> None:
    """What will fail again must not be sent again."""
    assert not is_lost(error)
    assert isinstance(translated(error), Fatal)


@pytest.mark.parametrize(
    "error",
    [errors.DuplicatePreparedStatement(), errors.InvalidSqlStatementName()],
    ids=lambda error: type(error).__name__,
)
def test_a_pooler_that_keeps_no_prepared_statements_is_no_doubt(error: psycopg.Error) -> None:
    """A checkpointer behind one stopped on doubt; nothing ran, so nothing is known of the log."""
    assert isinstance(translated(error), Unavailable)


def test_a_pool_without_a_free_connection_is_away_but_nothing_was_sent() -> None:
    """So the caller is told to come back, and nobody reads back what never left."""
    assert not is_lost(PoolTimeout())
    assert isinstance(translated(PoolTimeout()), Unavailable)
