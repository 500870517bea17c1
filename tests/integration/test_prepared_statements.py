"""Prepared statements on connections that several share."""

from __future__ import annotations

import struct

import pytest

from ledger.postgres.checkpoints import PostgresCheckpoints
from ledger.postgres.connect import open_pool
from ledger.postgres.direct import PreparedStatement
from tests.fixtures.postgres import Database

pytestmark = pytest.mark.postgres


def test_two_of_one_kind_share_a_connection(database: Database) -> None:
    """Both logs' checkpoints, each twice, over one connection: none takes another's question."""
    pool = open_pool(database.admin, most=1)
    try:
        stores = [PostgresCheckpoints(pool, log) for log in ("log", "access", "log", "access")]
        found = [store.uncovered(0, 10) for store in stores * 2]
    finally:
        pool.close()
    assert found[:4] == found[4:]
    assert found[0] == found[2]
    assert found[1] == found[3]


def test_of_one_name_each_question_is_asked_as_it_stands(database: Database) -> None:
    """What was prepared under a name is never called for another question."""
    one, same, other = (
        PreparedStatement(b"n", b"SELECT $1::bigint + " + term) for term in (b"1", b"1", b"2")
    )
    connection = database.connection("reader")
    for statement, plus in ((one, 1), (same, 1), (other, 2), (one, 1)):
        assert statement.rows(connection, [struct.pack("!q", 5)]) == [[struct.pack("!q", 5 + plus)]]
    with pytest.raises(ZeroDivisionError), connection.transaction():
        raise ZeroDivisionError  # a rollback: the driver lets go of all that is prepared
    connection.execute("DEALLOCATE ALL")
    for statement, plus in ((one, 1), (other, 2), (same, 1)):
        assert statement.rows(connection, [struct.pack("!q", 5)]) == [[struct.pack("!q", 5 + plus)]]
