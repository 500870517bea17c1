"""PostgreSQL keeps the promises of the file index, as writer and reader."""

from __future__ import annotations

import pytest

from ledger.postgres.files import PostgresFiles
from tests.contract.files import FileIndexContract
from tests.fixtures.postgres import Database

pytestmark = pytest.mark.postgres


class TestPostgresFiles(FileIndexContract):
    """Added by the writer, noted by the reader."""

    @pytest.fixture
    def index(self, database: Database) -> PostgresFiles:
        """An empty index."""
        return PostgresFiles(database.pool("reader"), database.pool("writer"))
