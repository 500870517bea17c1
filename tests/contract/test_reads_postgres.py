"""PostgreSQL keeps the promises of the log of reads, by the reader's login (access.md G5)."""

from __future__ import annotations

from datetime import datetime

import psycopg
import pytest

from keys import read_tags
from keys.envelope_encryption import Kek
from keys.jwk import SoftwareSigner
from ledger.admission import service_statements
from ledger.ports import NoRecords
from ledger.postgres.reads.rows import PostgresReads
from ledger.reads.access_logged import OF_READS, HeldPost, origin_of, row_of
from ledger.reads.founding import found
from ledger.reads.read import NotedRead
from ledger.reads.writer import ReadWriter
from ledger.streams.record_reader import Reader
from tests.contract.reads import NotedReads, ReadLogContract
from tests.fixtures.clock import CountingEntropy
from tests.fixtures.postgres import Database

pytestmark = pytest.mark.postgres

ACTS = "bacninh.example/ordinary"
POSTS = (HeldPost("so-tttt", "thanh-tra-vien"),)
AT = datetime.fromisoformat("2024-06-04T01:00:00+00:00")


class TestPostgresReads(ReadLogContract):
    """Noted by the reader's login, and read back by what opens the gate."""

    @pytest.fixture
    def reads(self, database: Database) -> NotedReads:
        """A log with its first row."""
        key, kek, signer = b"k" * 32, Kek.generate(), SoftwareSigner.generate("Ed25519")
        entropy, pool = CountingEntropy("reads"), database.pool("reader")
        store = PostgresReads(pool, read_tags.gate(key))
        found(
            store,
            acts=ACTS,
            level="ordinary",
            genesis="0" * 64,
            vkeys=["a", "b"],
            signer=signer,
            kek=kek,
            key=key,
            entropy=entropy,
            at=AT,
        )
        log = ReadWriter(
            store=store,
            signer=signer,
            kek=kek,
            key=key,
            entropy=entropy,
            origin=origin_of(ACTS),
            level="ordinary",
            now=lambda: AT,
            posts=lambda _by, _at: POSTS,
        )
        other = PostgresReads(database.pool("reader"), read_tags.gate(key))
        reader = Reader(NoRecords(), kek, origin_of(ACTS))

        def noted() -> list[NotedRead]:
            opened = [reader.open(row) for row in reversed(other.noted([], 2**62, 1000))]
            assert [one.index for one in opened] == list(range(1, len(opened) + 1))
            statements = [one.statement for one in opened]
            events = [service_statements.parse(one.members, OF_READS) for one in statements if one]
            return [row_of(event).read for event in events]

        def refuse() -> None:
            with psycopg.connect(database.admin) as admin:
                admin.execute("REVOKE ALL ON SCHEMA access FROM PUBLIC")
                admin.execute("SELECT set_config('session_replication_role', 'replica', true)")
                admin.execute("DELETE FROM access.log_head")

        return NotedReads(log, noted, refuse)
