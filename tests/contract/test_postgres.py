"""PostgreSQL keeps the promises of the ports, as the logins of access.md §3."""

from __future__ import annotations

import pytest

from ledger.postgres.checkpoints import PostgresCheckpoints
from ledger.postgres.records import PostgresRecords
from ledger.postgres.sessions import PostgresSessions
from ledger.postgres.tiles import PostgresTiles
from tests.contract.append import AppendContract, BothEnds
from tests.contract.checkpoints import CheckpointContract, TreeStore
from tests.contract.sessions import SessionsContract
from tests.fixtures.postgres import Database

pytestmark = pytest.mark.postgres


class TestPostgresAppend(AppendContract):
    """Written and read by the writer: what guards ask is its to read."""

    @pytest.fixture
    def store(self, database: Database) -> BothEnds:
        """An empty log."""
        return BothEnds(PostgresRecords(database.pool("writer")), database.appender())


class TestPostgresCheckpoints(CheckpointContract):
    """As the checkpointer."""

    @pytest.fixture
    def tree(self, database: Database) -> TreeStore:
        """An empty log."""
        pool = database.pool("checkpointer")
        return TreeStore(database.appender(), PostgresTiles(pool), PostgresCheckpoints(pool))


class TestPostgresSessions(SessionsContract):
    """As the reader, through functions only."""

    @pytest.fixture
    def sessions(self, database: Database) -> PostgresSessions:
        """No challenge, no attempt."""
        return PostgresSessions(database.pool("reader"))
