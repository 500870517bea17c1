"""The logs that are mutated: small, of every kind of row, written the way production writes them.

`a_rich_log` is a rehearsal: cases, pending and returned acts, a revoked key, an erased record,
files with custody, an agency and a programme, views, sign-ins. `a_long_log` is a real enclave of
more than one whole tile. Half-way a copy of every table is kept in schema `old`: what somebody
would restore.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
from psycopg import sql

from keys import canonical
from ledger.checkpoints.checkpointer import Checkpointer
from ledger.files.attachments import Attachments, KeptFile
from ledger.files.custody import Actor
from ledger.files.custody_anchors import Anchors
from ledger.files.file_key import FileKey
from ledger.postgres.files import PostgresFiles
from ledger.postgres.keeping.keeper import PostgresKeeper
from ledger.postgres.narrowing import PostgresNarrowing
from ledger.postgres.records import PostgresRecords
from ledger.postgres.sessions import PostgresSessions
from ledger.postgres.ticket import TicketKey, keep_ticket_key
from ledger.regulation.acts.act import Act
from ledger.regulation.case.registers import kept, register_of
from ledger.streams.record_reader import Reader
from ledger.write.registry_follower import RegistryFollower
from projections.engine.projector import Projector
from tests import builders
from tests.a_ledger import (
    ORIGIN,
    T0,
    ALedger,
    a_report,
    all_entries,
    appointment,
    enrolment,
    in_postgres,
    revocation,
    service_enrolment,
)
from tests.builders import CAST, Story, an_act, an_id
from tests.fake_files import MemoryBlobs
from tests.fixtures.clock import CountingEntropy
from tests.fixtures.keys import log_keys
from tests.fixtures.postgres import Database
from tests.mutation.reads_and_vault import ReadsBeside, VaultBeside

SCHEMAS = ("log", "sec", "proj", "access", "r")
_OFFICERS = (
    "hotline", "cv", "cv2", "tp", "pgd", "gd", "pc", "ct", "ubgk", "giamsat", "tc",
)  # fmt: skip
_ERASED = 7
_SERVICE = builders.key("the service")
_TABLES = """
SELECT schemaname, tablename FROM pg_tables WHERE schemaname = ANY (%s) ORDER BY 1, 2
"""


@dataclass(slots=True)
class Enclave:
    """A log in a database, and what an auditor of it brings along.

    Attributes:
        a: The ledger that wrote it.
        database: Where it lies.
        checkpointer: Its checkpointer.
        reads: The log of reads beside it; None: it has none.
    """

    a: ALedger
    database: Database
    checkpointer: Checkpointer
    reads: ReadsBeside | None = None

    @property
    def genesis(self) -> str:
        """Entry of record 0 in hex."""
        return all_entries(self.a)[0].hex()

    def seal(self) -> None:
        """Covers what is there."""
        while self.checkpointer.checkpoint_once() is not None:
            pass

    def newest(self) -> bytes:
        """The newest checkpoint, as a witness or the home has it."""
        latest = self.a.stores.checkpoints.latest()
        assert latest is not None
        return latest[1]

    def project(self) -> None:
        """Folds what is there into the views."""
        records = PostgresRecords(self.database.pool("projector"))
        reader = Reader(records, self.a.keys.kek, self.a.origin)
        projector = Projector(
            lambda: psycopg.connect(self.database.dsn("projector"), autocommit=True),
            records,
            reader,
            origin=self.a.origin,
        )
        projector.catch_up()
        projector.close()

    def keep_copy(self) -> None:
        """Keeps every table as it stands now in schema `old`."""
        with psycopg.connect(self.database.admin) as connection:
            connection.execute("CREATE SCHEMA old")
            for schema, table in connection.execute(_TABLES, [list(SCHEMAS)]).fetchall():
                connection.execute(
                    sql.SQL("CREATE TABLE old.{} AS TABLE {}").format(
                        sql.Identifier(f"{schema}.{table}"), sql.Identifier(schema, table)
                    )
                )


def a_rich_log(database: Database) -> Enclave:
    """A rehearsal's log with something of everything."""
    files = _files(database, lambda: a.ledger.follower)
    narrow = PostgresNarrowing(database.pool("writer"), ORIGIN)
    a = ALedger(in_postgres(database), files=files, narrow=narrow)
    enclave = Enclave(a, database, a.checkpointer())
    a.found()
    a.clock.step(seconds=1)
    a.say(service_enrolment(_SERVICE, a.clock.now()), "founder")
    _hire(a)
    enclave.seal()
    _tell(enclave, builders.a_case_in("ARCHIVED", start=_now(a)))
    _attach(enclave, files)
    a.say(a_report(_ERASED, _now(a)), "hotline")
    _anchor(enclave)
    _keep_reads_and_reporters(enclave)
    _agency(a)
    _programme(a)
    enclave.seal()
    _unfinished(enclave)
    _let_in_and_shut_out(enclave)
    a.say(revocation("cv2", a.clock.now()), "founder")
    _erase(enclave)
    a.say(_named_report(a), "hotline")
    enclave.project()
    a.say(revocation("pc", a.clock.now()), "founder")  # in force, and not folded yet
    enclave.seal()
    _sign_in(database)
    return enclave


def _keep_reads_and_reporters(enclave: Enclave) -> None:
    """Reads and reporters, before the copy of every table and after."""
    a, database = enclave.a, enclave.database
    reads = ReadsBeside.founded(a, database, enclave.genesis, _SERVICE)
    vault = VaultBeside(database)
    reads.grow("ct")
    vault.grow()
    enclave.project()
    enclave.keep_copy()
    reads.grow("giamsat")
    vault.grow()
    enclave.reads = reads


def a_long_log(database: Database) -> Enclave:
    """A real enclave's log of one whole tile, pruned, and the beginning of the next."""
    a = ALedger(in_postgres(database), rehearsal=False, origin="bacninh.example/ordinary")
    enclave = Enclave(a, database, a.checkpointer())
    a.found()
    a.clock.step(seconds=1)
    a.hire("hotline")
    for number in range(285):
        a.clock.step(seconds=20)
        a.say(a_report(number, _now(a)), "hotline")
        if number % 37 == 0:
            enclave.seal()
        if number == 200:
            enclave.keep_copy()
    enclave.seal()
    enclave.checkpointer.prune_once()
    return enclave


def _hire(a: ALedger) -> None:
    """The cast, with the powers that its posts do not bring; the second registrar comes last."""
    registry = builders.a_registry()
    for alias in _OFFICERS:
        agency = registry.agency(CAST[alias][0])
        assert agency is not None
        powers = {*agency.posts[CAST[alias][1]].powers, *builders.MORE_POWERS.get(alias, ())}
        a.say(appointment(alias, a.clock.now(), powers=sorted(powers)), "founder")
        a.say(enrolment(alias, a.clock.now()), "founder")


def _now(a: ALedger) -> datetime:
    return a.clock.now().astimezone(T0.tzinfo)


def _named_report(a: ALedger) -> Act:
    """A report whose reporter is sealed behind a token."""
    stream, token = f"case/{an_id('named')}", builders.a_token("named")
    facts = {"reporter": token, "identity_given": True}
    return an_act("ReportReceived", by="hotline", when=_now(a), stream=stream, facts=facts)


def _files(database: Database, follower: Callable[[], RegistryFollower]) -> Attachments:
    reading, writing = database.pool("reader"), database.pool("writer")
    return Attachments(
        blobs=MemoryBlobs(),
        index=PostgresFiles(reading, writing),
        records=PostgresRecords(writing),
        require=lambda _stream, _act: None,
        whole=PostgresRecords(writing),
        kek=log_keys(ORIGIN).kek,
        entropy=CountingEntropy("files"),
        origin=ORIGIN,
        level="ordinary",
        limit_bytes=1 << 20,
        scratch=io.BytesIO,
        follower=follower,
    )


def _tell(enclave: Enclave, story: Story, *, upto: int | None = None) -> None:
    """The statements of a story, each at its time."""
    a = enclave.a
    alias = {builders.officer(name): name for name in (*CAST, "founder")}
    statements = sorted(
        (one for entry in story.stream.entries.values() for one in entry.signed),
        key=lambda one: one.seq,
    )
    for n, one in enumerate(statements[:upto]):
        moment = datetime.fromtimestamp(one.iat, UTC)
        if moment > a.clock.now():
            a.clock.set(moment)
        a.send(a.sign(one.act, alias[one.officer], role=one.role), by=alias[one.officer])
        if n % 4 == 0:
            enclave.seal()


def _attach(enclave: Enclave, files: Attachments) -> None:
    """Two uploads, each listed by a report and read by others."""
    a = enclave.a
    for number, data in enumerate((b"Van ban 1" * 40, b"Van ban 2" * 40)):
        a.clock.step(minutes=5)
        kept = files.keep(
            [data], media_type="application/pdf", by=_handler("hotline"), at=a.clock.now()
        )
        act = _listing(kept, f"case/{an_id(f'file case {number}')}", a)
        a.say(act, "hotline")
        listed = files.find(act.act_id, kept.digest)
        for reader in ("cv", "tp"):
            a.clock.step(minutes=1)
            b"".join(files.disclose(listed, by=_handler(reader), at=a.clock.now()))


def _anchor(enclave: Enclave) -> None:
    """The log says how many events of custody there are; what comes later is not anchored yet."""
    a, reading = enclave.a, enclave.database.pool("writer")
    index = PostgresFiles(enclave.database.pool("writer"))
    anchors = Anchors(
        index=index,
        records=PostgresRecords(reading),
        reader=a.reader(),
        follower=a.ledger.follower,
        door=a.ledger,
        file_key=FileKey(index, a.keys.kek, a.origin),
        entropy=CountingEntropy("anchors"),
        origin=a.origin,
        now=a.clock.now,
        every=timedelta(hours=1),
    )
    assert anchors.make(_SERVICE) is not None


def _listing(kept: KeptFile, stream: str, a: ALedger) -> Act:
    listed = {
        "digest": kept.digest,
        "size": kept.size,
        "media_type": kept.media_type,
        "name": "Văn bản.pdf",
    }
    return an_act("ReportReceived", by="hotline", when=_now(a), stream=stream, attachments=[listed])


def _handler(alias: str) -> Actor:
    return Actor(builders.officer(alias), builders.key(alias).kid)


def _programme(a: ALedger) -> None:
    """Acts of the programme, which other streams' flags look at."""
    alias = {builders.officer(name): name for name in CAST}
    for name in ("IntakePointPublished", "StatisticsRequested", "StatisticsSubmitted"):
        a.clock.step(minutes=5)
        act = an_act(name, when=_now(a))
        a.say(act, *(alias[signer.officer] for signer in act.signers))


def _agency(a: ALedger) -> None:
    """A new agency, by registrar and personnel officer."""
    signers = [
        {"officer": builders.officer("founder"), "post": CAST["keeper"][1], "role": "AUTHOR"},
        {"officer": builders.officer("tc"), "post": CAST["tc"][1], "role": "APPROVER"},
    ]
    act = an_act(
        "AgencyRegistered",
        by="keeper",
        when=_now(a),
        stream="agency/bacninh.moi",
        facts={"agency": "bacninh.moi", "territory": "bacninh"},
        signers=signers,
    )
    a.say(act, "founder", "tc")


def _unfinished(enclave: Enclave) -> None:
    """A case with an act that waits for its second signer, and one with an act returned."""
    for number, returned in enumerate((False, True)):
        a = enclave.a
        a.clock.step(hours=1)
        story = builders.Story(f"case/{an_id(f'unfinished {number}')}", start=_now(a))
        for name in ("ReportReceived", "CaseRegistered"):
            story.then(name)
        _tell(enclave, story)
        a.clock.step(minutes=20)
        act = story.act("CompetenceDetermined", when=_now(a))
        by = {builders.officer(name): name for name in CAST}
        signers = [by[signer.officer] for signer in act.signers]
        a.say(act, signers[0])
        if returned and len(signers) > 1:
            a.clock.step(minutes=5)
            back = an_act(
                "ActReturned",
                by=signers[1],
                when=_now(a),
                stream=story.stream.name,
                refers_to=act.act_id,
            )
            a.say(back, signers[1])


def _let_in_and_shut_out(enclave: Enclave) -> None:
    """A case that somebody sees by name, and from which somebody else is shut out."""
    enclave.a.clock.step(hours=1)
    story = builders.Story(f"case/{an_id('let in, shut out')}", start=_now(enclave.a))
    story.then("ReportReceived")
    story.then("CaseRegistered")
    story.then("ParticipationGranted")
    story.then("ParticipationExcluded", facts={"officer": builders.officer("cv2")})
    _tell(enclave, story)


def _erase(enclave: Enclave) -> None:
    """A report is erased by a recorded act, and its key destroyed; it named no token."""
    a = enclave.a
    a.clock.step(days=1)
    stream = a_report(_ERASED).stream
    row = next(one for one in a.reader().read(0, 1_000) if one.stream == stream)
    digest = canonical.b64(row.entry)
    a.others.records[row.index, digest] = row.stream
    register = None if row.act is None else register_of(row.act, row.recorded_at)
    assert register is not None
    named = [{"index": row.index, "entry": digest}]
    facts = {"entries": named, "registered": [kept(row.index, register)]}
    act = an_act("RecordErased", when=_now(a), facts=facts)
    alias = {builders.officer(name): name for name in CAST}
    a.say(act, *(alias[signer.officer] for signer in act.signers))
    enclave.seal()
    said = [a.reader().open(one).envelope for one in a.stores.records.act(UUID(act.act_id))]
    keeper = PostgresKeeper(enclave.database.pool("keeper"))
    keeper.shred(UUID(act.act_id), said, [])


def _sign_in(database: Database) -> None:
    random = CountingEntropy("ticket keys")
    for _ in range(2):
        keep_ticket_key(database.dsn("migrator"), database.slug, TicketKey(random.take(32)))
    sessions = PostgresSessions(database.pool("reader"))
    for number in range(3):
        sessions.put(f"challenge number {number}", builders.key("cv").kid, 600)
        sessions.attempt(f"officer {number}", 60, 10)
