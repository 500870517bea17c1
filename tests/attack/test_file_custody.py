"""The custody of files: who read what can be neither hidden afterwards nor told by watching."""

# ruff: noqa: E501 - one line of SQL is one harm
from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, LiteralString
from uuid import UUID

import orjson
import psycopg
import pytest
from psycopg import sql

from api.ops.database import reachable, stop_database
from api.ops.embedded_postgres import Embedded
from api.ops.init_enclave import Plan
from api.ops.init_enclave import found as found_anew
from api.ops.machine import RealClock, RealEntropy
from api.ops.wiring.blob_store import open_blobs
from api.ops.wiring.key_files import open_kek
from api.ops.wiring.logins import role_dsn
from api.settings import Settings
from api.texts.catalogue import translate
from api.texts.damage import finding
from keys import canonical, envelope_encryption, sealed_anchor, sealed_file
from keys.envelope_encryption import Keks
from keys.jwk import SoftwareSigner
from ledger.admission.service_statements import STREAM, custody_anchored
from ledger.audit.audit import audit
from ledger.audit.files.snapshot_port import FileBytes
from ledger.audit.findings import Damage
from ledger.audit.report import Report
from ledger.errors import NotFound, Rejected, Unavailable, VerificationError
from ledger.files.custody import Actor, FileHistory
from ledger.files.custody_anchors import Anchoring, LoggedAnchor
from ledger.files.file_key import FileKey, opened
from ledger.log.custody import CustodyChain
from ledger.log.statement import AUTHOR, SERVICE_TYP, Statement, flattened, make
from ledger.message import Wording
from ledger.ports import CustodyRow
from ledger.postgres.connect import open_pool
from ledger.postgres.evidence import PostgresEvidence
from ledger.postgres.files import PostgresFiles
from ledger.steps import no_steps
from ledger.streams.event import ServiceSaid
from ledger.write.eventsourcing_adapter import Preconditions
from tests import builders
from tests.attacks import attack
from tests.builders import an_act, an_id
from tests.examples import share
from tests.fixtures.app import SERVICE, T0, Service, found, open_service
from tests.fixtures.postgres import make_database

pytestmark = pytest.mark.postgres

TABLES: Final = ("files", "custody", "file_wraps", "file_key", "custody_head")


@dataclass(frozen=True, slots=True)
class Played:
    """An enclave with two files, six custody events and two anchors, the last event not yet under one.

    Attributes:
        service: The enclave.
        kek: Of the enclave.
        act: Index of the act that lists both files.
        first: The anchor over three events.
        second: The anchor over five.
        paths: Of the two files.
    """

    service: Service
    kek: Keks
    act: int
    first: LoggedAnchor
    second: LoggedAnchor
    paths: tuple[str, str]

    def audited(
        self, login: str = "projector", *, whole: bool = False, blobs: FileBytes | None = None
    ) -> Report:
        """What an audit finds; the files' own bytes by their length, or whole."""
        facts = self.service.enclave.facts
        with PostgresEvidence(self.service.database.dsn(login)) as source:
            return audit(
                source, origin=facts.origin, vkeys=self.service.enclave.vkeys, kek=self.kek,
                genesis=facts.genesis, blobs=blobs or open_blobs(self.service.settings),
                whole_files=whole,
            )  # fmt: skip

    @contextmanager
    def harmed(self, *harms: LiteralString) -> Iterator[None]:
        """The enclave after an administrator has done something to its files; then as it was."""
        with psycopg.connect(self.service.database.admin, autocommit=True) as admin:
            admin.execute("SET session_replication_role = replica")
            for harm in harms:
                admin.execute(harm)
            try:
                yield
            finally:
                for table in map(sql.Identifier, TABLES):
                    admin.execute(sql.SQL("DELETE FROM log.{}").format(table))
                    admin.execute(sql.SQL("INSERT INTO log.{0} TABLE kept.{0}").format(table))


def _upload(service: Service, data: bytes) -> dict[str, object]:
    sent = {**service.headers("hotline"), "Content-Type": "application/pdf"}
    answer = service.client.post("/v1/attachments", data=data, headers=sent).get_json()
    return {"name": "Đơn.pdf", **{k: answer[k] for k in ("digest", "media_type", "size")}}


def _play(service: Service) -> Played:
    service.enrol_service()
    service.hire("hotline", "cv")
    files = [_upload(service, data) for data in (b"one", b"two")]
    act = an_act("ReportReceived", by="hotline", when=service.clock.now(),
                 stream=f"case/{an_id('custody')}", attachments=files)  # fmt: skip
    index = service.say(act, "hotline")["index"]
    one, two = (f"/v1/acts/{act.act_id}/attachments/{file['digest']}" for file in files)
    service.known(index)
    assert service.get(one).get_data() == b"one"
    first = service.anchor()
    for path in (two, one):
        assert service.get(path).status_code == 200
    second = service.anchor()
    assert service.get(one).status_code == 200
    assert (first.chain.count, second.chain.count) == (3, 5)
    service.hire("tp")
    return Played(service, open_kek(service.settings), index, first, second, (one, two))


@pytest.fixture(scope="module")
def played(postgres_server: Embedded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """One for the module: every test leaves it as it was."""
    database = make_database(postgres_server)
    home: Path = tmp_path_factory.mktemp("custody") / "home"
    service = open_service(found(database, home), database)
    service.start()
    made = _play(service)
    with psycopg.connect(database.admin) as admin:
        admin.execute("CREATE SCHEMA kept")
        for table in map(sql.Identifier, TABLES):
            admin.execute(sql.SQL("CREATE TABLE kept.{0} AS TABLE log.{0}").format(table))
    yield made
    service.stop()
    database.close()


@dataclass(frozen=True, slots=True)
class Harm:
    """What an administrator does, what the audit must call it, and which record it belies.

    Attributes:
        name: In a few words.
        kind: As the audit names it.
        at: `first` or `second` anchor, the `act`, or the `last` record.
        sql: What is done.
    """

    name: str
    kind: Damage
    at: str
    sql: tuple[LiteralString, ...]


def _flip(
    column: LiteralString, where: LiteralString = "true", at: LiteralString = "3"
) -> tuple[LiteralString]:
    """One byte of a column, named with its table."""
    table, _, name = column.partition(".")
    return (
        f"UPDATE log.{table} SET {name} = set_byte({name}, {at}, get_byte({name}, {at}) # 1) WHERE {where}",  # noqa: S608 - of this file
    )


_NEW_HEAD: Final = "UPDATE log.custody_head SET size = (SELECT max(place) + 1 FROM log.custody)"
HARMS: Final = (
    Harm("the anchored tail is cut", Damage.CUSTODY_TAIL_MISSING, "second",
         ("DELETE FROM log.custody WHERE place >= 4", "DELETE FROM log.file_wraps w WHERE w.seq > 0 AND NOT EXISTS (SELECT FROM log.custody c WHERE c.name = w.name AND c.seq = w.seq)", _NEW_HEAD)),
    Harm("all custody is gone", Damage.FILE_MISSING, "act",
         ("DELETE FROM log.custody", "DELETE FROM log.file_wraps", "DELETE FROM log.files", "UPDATE log.custody_head SET size = 0")),
    Harm("the newest event alone is cut", Damage.CUSTODY_TAIL_MISSING, "last",
         ("DELETE FROM log.custody WHERE place = 5", "DELETE FROM log.file_wraps WHERE seq = 4")),
    Harm("an event in the middle is cut", Damage.CUSTODY_MISSING, "first", ("DELETE FROM log.custody WHERE place = 2",)),
    Harm("an event is cut and the others move up", Damage.CUSTODY_ANCHOR, "first",
         ("DELETE FROM log.custody WHERE place = 2", "UPDATE log.custody SET place = place - 1 WHERE place > 2", _NEW_HEAD)),
    Harm("an event is put in between", Damage.CUSTODY_EDITED, "second",
         ("UPDATE log.custody SET place = place + 100 WHERE place > 3", "UPDATE log.custody SET place = place - 99 WHERE place > 3",
          "INSERT INTO log.custody SELECT 4, gen_random_uuid(), 1, entry, state FROM log.custody WHERE place = 3",
          "INSERT INTO log.files SELECT name, sha256('x') FROM log.custody WHERE place = 4",
          "INSERT INTO log.file_wraps SELECT c.name, s, w.kek_id, w.wrap FROM log.custody c, log.file_wraps w, generate_series(0, 1) s WHERE c.place = 4 AND w.seq = 0 AND w.name = (SELECT name FROM log.custody WHERE place = 0)", _NEW_HEAD)),
    Harm("two events change places", Damage.CUSTODY_ANCHOR, "second",
         ("UPDATE log.custody SET place = 100 WHERE place = 3", "UPDATE log.custody SET place = 3 WHERE place = 4", "UPDATE log.custody SET place = 4 WHERE place = 100")),
    Harm("two events change contents", Damage.CUSTODY_EDITED, "first",
         ("CREATE TEMPORARY TABLE held AS SELECT place, entry, state FROM log.custody", "UPDATE log.custody c SET entry = h.entry, state = h.state FROM held h WHERE c.place IN (2, 4) AND h.place = 6 - c.place")),
    Harm("an event is edited", Damage.CUSTODY_EDITED, "first", _flip("custody.state", "place = 2", "40")),
    Harm("the entry of an event is edited", Damage.CUSTODY_EDITED, "first", _flip("custody.entry", "place = 2")),
    Harm("the place in a file's history is edited", Damage.CUSTODY_ORDER, "second", ("UPDATE log.custody SET seq = 9 WHERE place = 4",)),
    Harm("an event is given to the other file", Damage.CUSTODY_ANCHOR, "second", ("UPDATE log.custody c SET name = (SELECT name FROM log.custody WHERE place = 1) WHERE place = 4",)),
    Harm("a file goes with its history", Damage.FILE_MISSING, "act",
         ("CREATE TEMPORARY TABLE gone AS SELECT name FROM log.custody WHERE place = 0", "DELETE FROM log.custody WHERE name IN (TABLE gone)", "DELETE FROM log.file_wraps WHERE name IN (TABLE gone)", "DELETE FROM log.files WHERE name IN (TABLE gone)")),
    Harm("a file's row goes alone", Damage.FILE_MISSING, "first", ("DELETE FROM log.files WHERE name = (SELECT name FROM log.custody WHERE place = 0)",)),
    Harm("a file is put there", Damage.CUSTODY_MISSING, "last", ("INSERT INTO log.files VALUES (gen_random_uuid(), sha256('x'))",)),
    Harm("a file is not found any more", Damage.FILE_TAG_WRONG, "first", _flip("files.tag", "true")),
    Harm("two files change tags", Damage.FILE_TAG_WRONG, "first", ("UPDATE log.files f SET tag = o.tag FROM kept.files o WHERE o.name <> f.name",)),
    Harm("the key of a file is replaced", Damage.FILE_WRAP_WRONG, "first", ("UPDATE log.file_wraps w SET wrap = o.wrap FROM kept.file_wraps o WHERE w.seq = 0 AND o.seq = 0 AND o.name <> w.name",)),
    Harm("the key of a file is edited", Damage.FILE_WRAP_WRONG, "first", _flip("file_wraps.wrap", "seq = 0", "40")),
    Harm("the key of an event is edited", Damage.CUSTODY_EDITED, "first", _flip("file_wraps.wrap", "seq = 1", "40")),
    Harm("a key is kept under another KEK", Damage.FILE_WRAP_WRONG, "first", _flip("file_wraps.kek_id", "seq = 0")),
    Harm("a key says another KEK", Damage.FILE_WRAP_WRONG, "first", _flip("file_wraps.wrap", "seq = 0")),
    Harm("the key of a file is destroyed", Damage.FILE_WRAP_MISSING, "first", ("DELETE FROM log.file_wraps WHERE seq = 0",)),
    Harm("the key of an event is destroyed", Damage.FILE_WRAP_MISSING, "first", ("DELETE FROM log.file_wraps WHERE seq = 2",)),
    Harm("every key of a file is destroyed", Damage.FILE_WRAP_MISSING, "first", ("DELETE FROM log.file_wraps WHERE name = (SELECT name FROM log.custody WHERE place = 0)",)),
    Harm("a key is put there", Damage.FILE_WRAP_WRONG, "last", ("INSERT INTO log.file_wraps SELECT gen_random_uuid(), 0, kek_id, wrap FROM log.file_wraps WHERE seq = 1 LIMIT 1",)),
    Harm("a key is put beside one", Damage.FILE_WRAP_WRONG, "first", ("INSERT INTO log.file_wraps SELECT name, seq, substring(sha256('x') FROM 1 FOR 16), wrap FROM log.file_wraps WHERE seq = 0",)),
    Harm("the key of the files is edited", Damage.FILE_KEY_WRONG, "zero", _flip("file_key.wrap", "true", "40")),
    Harm("the key of the files is destroyed", Damage.FILE_KEY_WRONG, "first", ("DELETE FROM log.file_key",)),
    Harm("the count of events is edited", Damage.CUSTODY_HEAD, "last", ("UPDATE log.custody_head SET size = size - 1",)),
    Harm("the count of events is destroyed", Damage.CUSTODY_HEAD, "last", ("DELETE FROM log.custody_head",)),
)  # fmt: skip


@attack(
    "an administrator cuts, changes or adds what the database says of files",
    stopped_by="-",
    noticed_by="log audit, by the anchors in the log",
)
@pytest.mark.parametrize("harm", share(HARMS, 2, "files"), ids=lambda harm: harm.name)
def test_what_is_done_to_files_is_named(played: Played, harm: Harm) -> None:
    """By kind, with the first record that it belies."""
    with played.harmed(*harm.sql):
        report = played.audited()
    at = {
        "zero": 0, "act": played.act, "first": played.first.index, "second": played.second.index,
        "last": report.records - 1,
    }[harm.at]  # fmt: skip
    assert (report.first_bad_index, report.kind) == (at, harm.kind), report.findings[:5]
    assert translate(finding(report.findings[0]), "vi")


def test_sound_files_pass_as_reader_and_as_auditor(played: Played) -> None:
    """What is behind the last anchor is said, not passed for covered."""
    full, plain = played.audited(), played.audited("auditor")
    assert full.ok, full.findings
    assert plain.ok, plain.findings
    assert full.as_dict()["files"] == {
        "files": 2, "events": 6, "anchors": 2, "unanchored": 1, "erased": 0, "contents": "length",
        "gaps": (),
    }  # fmt: skip
    whole = played.audited(whole=True)
    assert (whole.ok, whole.files.contents) == (True, "digest")
    assert full.verdicts == {"VALID": full.records}


def test_a_store_that_is_away_is_said_and_is_no_damage(played: Played) -> None:
    """Whoever audits from another machine may have the database alone."""

    class Away:
        def sizes(self) -> dict[UUID, int]:
            raise Unavailable("files_unavailable", Wording("", ""))

        def get(self, name: UUID) -> Iterator[bytes]:
            raise NotFound(str(name))

    report = played.audited(blobs=Away())
    assert (report.ok, report.files.contents) == (True, "nothing")


@attack(
    "an administrator of the file store destroys, cuts or edits a sealed file, or swaps two",
    stopped_by="the digest in the act, checked before a byte leaves",
    noticed_by="log audit",
)
@pytest.mark.parametrize(
    ("harm", "kind", "whole"),
    [
        ("gone", Damage.FILE_BYTES_MISSING, False), ("cut", Damage.FILE_BYTES_WRONG, False),
        ("edited", Damage.FILE_BYTES_WRONG, True), ("swapped", Damage.FILE_BYTES_WRONG, True),
    ],
)  # fmt: skip
def test_what_is_done_to_the_bytes_of_a_file_is_named(
    played: Played, harm: str, kind: Damage, *, whole: bool
) -> None:
    """Its absence and its length always, every byte where it is asked for."""
    one, two = (path for path in Path(played.service.settings.blobs).rglob("*") if path.is_file())
    kept, other = one.read_bytes(), two.read_bytes()
    try:
        if harm == "gone":
            one.unlink()
        elif harm == "cut":
            one.write_bytes(kept[:-1])
        elif harm == "edited":
            one.write_bytes(kept[:-1] + bytes((kept[-1] ^ 1,)))
        else:
            one.write_bytes(other)
        found = played.audited(whole=whole).findings
        answers = {played.service.get(path).status_code for path in played.paths}
    finally:
        one.write_bytes(kept)
    assert [(finding.index, finding.kind) for finding in found] == [(played.first.index, kind)]
    assert answers == {200, 500}


def _upload_by_kek(played: Played) -> CustodyRow:
    """The event of an upload, as whoever has the KEK can seal it."""
    facts = played.service.enclave.facts
    history = FileHistory(
        PostgresFiles(played.service.database.pool("reader")), kek=played.kek,
        entropy=RealEntropy(), origin=facts.origin, level=facts.level,
    )  # fmt: skip
    by = Actor(builders.officer("cv"), builders.key("cv").kid)
    about = {"digest": "sha-256:" + canonical.b64(bytes(32)), "size": 1, "media_type": "a/b"}
    return history.first(UUID(an_id("put in")), T0, by, about)


@attack(
    "an administrator with the KEK puts a well-sealed event among those anchored",
    stopped_by="-",
    noticed_by="log audit, by the next anchor",
)
def test_an_event_that_opens_is_not_among_those_anchored(played: Played) -> None:
    """It holds by itself; the chain that was anchored is another."""
    row, key = (
        _upload_by_kek(played),
        FileKey(
            PostgresFiles(played.service.database.pool("reader")),
            played.kek,
            played.service.enclave.facts.origin,
        ).standing(),
    )
    assert key is not None
    digest = "sha-256:" + canonical.b64(bytes(32))
    tag = sealed_file.lookup_tag(key, officer=builders.officer("cv"), digest=digest)
    wrap = envelope_encryption.wrap(
        played.kek, bytes(32), origin=played.service.enclave.facts.origin, entry=bytes(32)
    )
    with (
        played.harmed(
            "UPDATE log.custody SET place = place + 100 WHERE place > 3",
            "UPDATE log.custody SET place = place - 99 WHERE place > 3",
            "UPDATE log.custody_head SET size = size + 1",
        ),
        psycopg.connect(played.service.database.admin) as admin,
    ):
        admin.execute("INSERT INTO log.files VALUES (%s, %s)", [row.name, tag])
        admin.execute(
            "INSERT INTO log.custody VALUES (4, %s, 1, %s, %s)", [row.name, row.entry, row.state]
        )
        for seq, kept in ((0, wrap), (1, row.wrap)):
            admin.execute(
                "INSERT INTO log.file_wraps VALUES (%s, %s, %s, %s)",
                [row.name, seq, played.kek.current.kek_id, kept],
            )
        admin.commit()
        report = played.audited()
    said = (report.first_bad_index, report.kind)
    assert said == (played.second.index, Damage.CUSTODY_ANCHOR), report.findings


def _event(
    service: Service, chain: CustodyChain, key: SoftwareSigner, *, typ: str = SERVICE_TYP
) -> Statement:
    """An anchor that says what one likes, at the head of the stream."""
    facts, now = service.enclave.facts, service.enclave.ledger_time()
    files = PostgresFiles(service.database.pool("reader"), service.database.pool("writer"))
    file_key = FileKey(files, open_kek(service.settings), facts.origin).made()
    event_id = RealEntropy().uuid()
    sealed = sealed_anchor.seal(
        sealed_anchor.key_of(file_key),
        chain.count,
        chain.digest,
        origin=facts.origin,
        event_id=str(event_id),
    )
    seq, prev = service.head(STREAM)
    members = custody_anchored(
        event_id=event_id, at=now.astimezone(T0.tzinfo), sealed=sealed, every_s=3600
    )
    return make(
        canonical.encode(members), key, iat=int(now.timestamp()), log=facts.origin, seq=seq, prev=prev,
        role=AUTHOR, typ=typ,
    )  # fmt: skip


def _append(service: Service, statement: Statement) -> int:
    """What the writer's login and the KEK can do: past the door, which asks for the key."""
    ledger = service.enclave.ledger
    with ledger._memory.fresh(STREAM) as stream:
        said = ServiceSaid(
            stream.id, statement.seq, STREAM, statement, statement.members["event_id"], stream.unit
        )
        current = ledger._memory.catch_up()
        judged = Preconditions(current.index, service.enclave.ledger_time(), None)
        return ledger._memory.append(stream, no_steps((said, judged))).index


@attack(
    "the custody tail is cut, and an anchor over the rest appended with the writer's login and the KEK",
    stopped_by="the key of the service, asked at the inner door and by whoever reads an anchor",
    noticed_by="log audit, readiness",
)
@pytest.mark.parametrize("by", share(["a key of one's own", "an officer's key"], 2, "anchors"))
def test_an_anchor_that_the_service_did_not_sign_covers_nothing(service: Service, by: str) -> None:
    """The older anchor stands against it, and nothing is anchored upon a history cut short."""
    made = _play(service)
    key = SoftwareSigner.generate() if by == "a key of one's own" else builders.key("hotline")
    forged = _event(service, CustodyChain(3, made.first.chain.digest), key)
    with pytest.raises(Rejected, match="unknown_key"):
        service.enclave.ledger.serve(forged)
    with psycopg.connect(service.database.admin) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(
            "DELETE FROM log.file_wraps w USING log.custody c WHERE c.name = w.name AND c.seq = w.seq AND c.place > 2"
        )
        admin.execute("DELETE FROM log.custody WHERE place > 2")
        admin.execute("UPDATE log.custody_head SET size = 3")
    index = _append(service, forged)
    kinds = {(f.index, f.kind) for f in made.audited().findings}
    wrong = Damage.KEY_UNKNOWN if by == "a key of one's own" else Damage.WRONG_SIGNER
    assert kinds == {(index, wrong), (made.second.index, Damage.CUSTODY_TAIL_MISSING)}
    assert service.enclave.anchors.newest() == made.second
    with pytest.raises(VerificationError, match="5 events were anchored, 3 are here"):
        service.anchor()
    anchoring = Anchoring(
        service.enclave.anchors, builders.key(SERVICE), service.clock, rehearsal=True
    )
    service.enclave.readiness.anchoring = anchoring
    for _ in range(2):  # it sees the last one, and is due two hours later
        anchoring.look()
        service.clock.step(hours=2)
    checks = service.readiness("custody").get_json()["checks"]
    assert {line["name"]: line["ok"] for line in checks}["custody"] is False


@attack(
    "a client sends a service statement, signed with the service's own key, to the public door",
    stopped_by="the door takes acts of officers alone",
    noticed_by="-",
)
def test_the_public_door_takes_no_service_statement(service: Service) -> None:
    """Whatever is in it: 4xx, nothing recorded."""
    service.enrol_service()
    service.hire("hotline")
    size = service.size()
    for typ in (SERVICE_TYP, "socai-act+json"):
        statement = _event(service, CustodyChain(), builders.key(SERVICE), typ=typ)
        for path in ("/v1/acts", "/v1/acts/check"):
            body = orjson.dumps(
                flattened(statement) if path == "/v1/acts" else {"statement": flattened(statement)}
            )
            kind = "application/jose+json" if path == "/v1/acts" else "application/json"
            answer = service.client.post(
                path, data=body, headers={**service.headers("hotline"), "Content-Type": kind}
            )
            assert 400 <= answer.status_code < 500 or not answer.get_json()["ok"], answer.text
    assert service.size() == size


@attack(
    "an officer watches log, feed and anchors to learn when somebody reads a file",
    stopped_by="anchors of one length on a fixed clock, their figures sealed; a read touches no tree",
    noticed_by="-",
)
def test_who_watches_the_log_cannot_tell_that_files_are_read(service: Service) -> None:
    """An hour with reads and an hour without leave the same traces."""
    made = _play(service)
    size = service.size()
    for path in made.paths * 3:
        assert service.get(path).status_code == 200
    assert service.size() == size
    for _ in range(2):  # one after six reads, one after none
        service.anchor()
    assert service.size() == size + 2
    act_id = made.paths[0].split("/")[3]
    wait = {"Prefer": "wait=20"}
    service.get(f"/v1/acts/{act_id}", headers=wait, at_least=service.size() - 1)
    feed = service.get("/v1/feed", limit=200)
    assert feed.status_code == 200, feed.text
    anchors = [one["data"] for one in feed.get_json() if one["data"]["act"] == "CustodyAnchored"]
    assert len(anchors) == 4
    shapes, seen = set(), set()
    for data in anchors:
        act = service.get(f"/v1/acts/{data['act_id']}").get_json()
        raw = service.get(f"/v1/acts/{data['act_id']}/raw").get_json()["records"][0]
        assert act["payload"]["facts"].keys() == {"sealed", "every_s"}
        seen.add(act["payload"]["facts"]["sealed"])
        shapes.add(
            (len(raw["envelope"]), len(orjson.dumps(act["payload"])), data["status"], data["state"])
        )
    assert len(shapes) == 1
    assert len(seen) == 4


@attack(
    "a read-only login holds the lock that every custody event waits for",
    stopped_by="grants: what takes it is the writer's alone",
    noticed_by="-",
)
@pytest.mark.parametrize("login", ["reader", "auditor", "projector", "checkpointer"])
def test_no_reading_login_can_hold_up_the_files(played: Played, login: str) -> None:
    """Neither by the function nor by the row."""
    harms: tuple[LiteralString, ...] = (
        "SELECT log.note_custody(gen_random_uuid(), 2, '', '', '')",
        "SELECT size FROM log.custody_head FOR UPDATE",
        "SELECT size FROM log.custody_head FOR KEY SHARE",
        "LOCK TABLE log.custody_head IN SHARE MODE",
    )
    for harm in harms:
        with (
            psycopg.connect(played.service.database.dsn(login)) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute(harm)


@attack(
    "a taken writer login keeps noise as the key of all files, before the first is made",
    stopped_by="it is made when the log is founded, and the first stays",
    noticed_by="-",
)
def test_nobody_comes_before_the_key_of_the_files(tmp_path: Path) -> None:
    """Else neither a file nor an anchor could be made any more."""
    settings = Settings.at(tmp_path / "home")
    found_anew(settings, Plan("x.example", "ordinary", rehearsal=True, at=RealClock().now()))
    try:
        with reachable(settings) as facts:
            with closing(open_pool(role_dsn(settings, facts, "writer"), most=1)) as pool:
                stands = PostgresFiles(pool).keep_lookup_key(b"\x01" + bytes(76))
            assert len(opened(stands, open_kek(settings), facts.origin)) == 32
    finally:
        stop_database(settings)
