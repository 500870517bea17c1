"""The log of reads and compartment R of the log that is mutated, written by what writes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from keys import read_tags
from keys.jwk import SoftwareSigner
from ledger.audit.reads import Opening, audit_reads
from ledger.checkpoints.checkpointer import Checkpointer
from ledger.checkpoints.seen_checkpoint import SeenCheckpoint
from ledger.files.file_key import FileKey
from ledger.postgres.checkpoints import PostgresCheckpoints
from ledger.postgres.connect import Connection
from ledger.postgres.evidence import PostgresEvidence
from ledger.postgres.files import PostgresFiles
from ledger.postgres.notices import PostgresNotices
from ledger.postgres.reads.rows import PostgresReads
from ledger.postgres.records import PostgresRecords
from ledger.postgres.tiles import PostgresTiles
from ledger.postgres.vault.compartment import PostgresCompartment
from ledger.postgres.vault.store import PostgresVaultStore
from ledger.reads.access_logged import HeldPost, origin_of
from ledger.reads.founding import found
from ledger.reads.read import NotedRead, ReadBy
from ledger.reads.writer import ReadWriter
from ledger.streams.names import stream_id
from tests import builders
from tests.a_ledger import ALedger, a_new_home
from tests.builders import an_id
from tests.fixtures.clock import CountingEntropy
from tests.fixtures.keys import LogKeys, log_keys
from tests.fixtures.postgres import Database
from tests.fixtures.vault import Kept

_LEVEL = "ordinary"
_RULE = {"ct": "A9", "giamsat": "A11"}


@dataclass(slots=True)
class ReadsBeside:
    """The log of reads, and what an auditor of it brings along."""

    acts: ALedger
    keys: LogKeys
    opening: Opening
    writer: ReadWriter
    checkpointer: Checkpointer
    checkpoints: PostgresCheckpoints
    trusted: bytes = b""

    @classmethod
    def founded(
        cls, a: ALedger, database: Database, genesis: str, signer: SoftwareSigner
    ) -> ReadsBeside:
        """Opened by the service's key, as `init` does it."""
        origin = origin_of(a.origin)
        keys, reader = log_keys(origin), database.pool("reader")
        file_key = FileKey(PostgresFiles(reader), a.keys.kek, a.origin).standing()
        assert file_key is not None
        key = read_tags.key_of(file_key)
        entropy = CountingEntropy("reads")
        store = PostgresReads(reader, read_tags.gate(key))
        found(
            store,
            acts=a.origin,
            level=_LEVEL,
            genesis=genesis,
            vkeys=keys.vkeys,
            signer=signer,
            kek=a.keys.kek,
            key=key,
            entropy=entropy,
            at=a.clock.now(),
        )
        writer = ReadWriter(
            store=store,
            signer=signer,
            kek=a.keys.kek,
            key=key,
            entropy=entropy,
            origin=origin,
            level=_LEVEL,
            now=a.clock.now,
            posts=_posts,
        )
        checkpointers = database.pool("checkpointer")
        checkpoints = PostgresCheckpoints(checkpointers, "access")
        vkeys = [keys.log.vkey, keys.pq.vkey]
        checkpointer = Checkpointer(
            seen=SeenCheckpoint(a_new_home(keys), lambda _: vkeys, origin),
            records=PostgresRecords(checkpointers, "access"),
            tiles=PostgresTiles(checkpointers, "access"),
            checkpoints=checkpoints,
            log_key=keys.log,
            pq_key=keys.pq,
            clock=a.clock,
            origin=origin,
            notices=PostgresNotices(database.dsn("checkpointer")),
        )
        opening = Opening(a.keys.kek, a.ledger.follower.current.registry, key, genesis)
        return cls(a, keys, opening, writer, checkpointer, checkpoints)

    def grow(self, alias: str) -> None:
        """Somebody reads one case and two others, under an act and without; all of it is sealed."""
        by = ReadBy(builders.officer(alias), builders.key(alias).kid)
        for number in range(3):
            self.acts.clock.step(seconds=20)
            case = f"case/{an_id(f'read {number}')}"
            via = an_id("the order") if number else None
            one = NotedRead(_RULE[alias], "Thanh tra", "RECORD", by, via, case, (number, 5))
            self.writer.note([one] * (1 + number))
        while self.checkpointer.checkpoint_once() is not None:
            pass
        latest = self.checkpoints.latest()
        assert latest is not None
        self.trusted = latest[1]

    def audited(self, within: Connection) -> list[str]:
        """What the audit of it says."""
        report = audit_reads(
            PostgresEvidence("", within=within, schema="access"),
            acts=self.acts.origin,
            origin=origin_of(self.acts.origin),
            level=_LEVEL,
            vkeys=self.keys.vkeys,
            opening=self.opening,
            trusted=[self.trusted],
        )
        return [f"{one.kind} at {one.index}: {one.message}" for one in report.findings]


@dataclass(slots=True)
class VaultBeside:
    """Compartment R: its keys, reporters, and what the vault is asked."""

    database: Database
    kept: Kept = field(default_factory=Kept)

    def __post_init__(self) -> None:
        PostgresVaultStore(self.database.pool("vault")).found(self.kept.public)

    def grow(self) -> None:
        """Two reporters are put in; of two requests one is answered."""
        put = PostgresCompartment(self.database.pool("writer"))
        for _ in range(2):
            item = self.kept.item()
            assert put.put(item, stream_id("r", item.item))
            asked = an_id(f"asked about {item.item}")
            assert put.ask(asked, bytes(1_200), self.kept.contact.kek_id)
        vault = PostgresVaultStore(self.database.pool("vault"))
        taken = vault.take()
        assert taken is not None
        vault.done(taken.request_id, b"answered")


def _posts(_by: ReadBy, _at: datetime) -> list[HeldPost]:
    return [HeldPost("bacninh.thanhtra", "truong-doan")]
