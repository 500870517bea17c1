"""Whoever owns the database changes the log of reads: each change is named, and an old one too."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from threading import Event, Timer
from typing import Any, Final

import orjson
import psycopg
import pytest
from click.testing import CliRunner, Result

from api.cli.commands.log.kept_checkpoint import CheckpointFile, by_log
from api.cli.main import main
from api.home import Home
from api.ops import database as databases
from api.ops import loops
from api.ops.enclave_audit import AUDITOR, run, seen_notes, seen_reads
from api.ops.reads.recovery import RecoveringReads, ceremony_of
from api.ops.reads.which_log import ACTS, READS, WhichLog
from api.ops.recovery import Memories
from api.ops.wiring.checkpointer import open_checkpointer
from api.ops.wiring.key_files import open_kek
from api.rehearsal.forgery import FORGERIES
from api.settings import Settings, SettingsError
from keys import read_tags
from keys.custody.file import write_key
from keys.jwk import SoftwareSigner
from ledger.audit.findings import Damage
from ledger.audit.reads import Opening, ReadsReport, audit_reads
from ledger.checkpoints.seen_file import DoubtMark, SeenFile
from ledger.errors import Doubt, Unavailable
from ledger.message import Wording
from ledger.postgres.checkpoints import PostgresCheckpoints
from ledger.postgres.evidence import PostgresEvidence
from ledger.postgres.reads.rows import PostgresReads
from ledger.postgres.records import PostgresRecords
from ledger.reads.access_logged import HeldPost
from ledger.reads.read import NotedRead, ReadBy, ReadNotLogged
from ledger.reads.writer import ReadWriter
from tests import builders
from tests.a_ledger import appointment, enrolment
from tests.attacks import attack
from tests.builders import an_act, an_id, officer
from tests.examples import share
from tests.fixtures.app import SERVICE, Service, open_service
from tests.fixtures.under_order import INSPECTOR, UnderOrder
from tests.waiting import until

pytestmark = pytest.mark.postgres

A_READ: Final = NotedRead("A9", "Thanh tra", "FIGURES", ReadBy(officer(INSPECTOR), "k" * 43))


@pytest.fixture(scope="module")
def grown(under_order: UnderOrder) -> Service:
    """Some rows in two chains, all of them under a checkpoint."""
    service = under_order.service
    case = under_order.world.hidden.case
    for path in (f"/v1/cases/{case}", "/v1/statistics", f"/v1/cases/{case}/acts"):
        assert service.client.get(path, headers=service.headers(INSPECTOR)).status_code == 200
    service.halt()
    checkpointer, pool = open_checkpointer(service.settings, which=READS)
    with closing(pool):
        while checkpointer.checkpoint_once() is not None:
            pass
    return service


@pytest.fixture
def harmed(grown: Service) -> Iterator[psycopg.Connection]:
    """A superuser's transaction past the triggers, of which nothing stays."""
    with psycopg.connect(grown.database.admin) as connection:
        connection.execute("SET LOCAL session_replication_role = replica")
        yield connection  # whoever audits within it closes it


def audited(
    service: Service, within: psycopg.Connection | None = None, *, ceremonies: bool = True
) -> ReadsReport:
    """The log of reads, audited with its content."""
    enclave = service.enclave
    vkeys = (service.settings.home / READS.vkeys).read_text("ascii").split()
    kek = open_kek(service.settings)

    def ceremony(act_id: str) -> Mapping[str, Any] | None:
        pool = service.database.pool("projector")
        return ceremony_of(pool, kek, enclave.facts, act_id) if ceremonies else None

    opening = Opening(
        kek,
        enclave.ledger.follower.current.registry,
        enclave.access_log.key,
        enclave.facts.genesis,
        ceremony,
    )
    dsn = service.database.dsn("projector")
    with PostgresEvidence(dsn, within=within, schema="access") as source:
        return audit_reads(
            source,
            acts=enclave.facts.origin,
            origin=READS.origin(enclave.facts),
            level=enclave.facts.level,
            vkeys=vkeys,
            opening=opening,
            trusted=seen_reads(service.settings, enclave.facts).notes,
        )


def test_a_sound_log_of_reads_is_sound(grown: Service) -> None:
    """By the audit of the enclave, with content and, as an auditor, without."""
    facts, rows = grown.enclave.facts, audited(grown)
    assert rows.ok, rows.findings
    assert rows.records == rows.size > 3
    whole = run(grown.settings, facts, lambda *_: None, views=False)
    assert whole.reads == rows
    plain = run(grown.settings, facts, lambda *_: None, login=AUDITOR, views=False)
    assert plain.reads is not None
    kept = [*seen_notes(grown.settings, facts).notes, *seen_reads(grown.settings, facts).notes]
    of_acts, of_reads = by_log([CheckpointFile("-", note) for note in kept], facts)
    assert [*of_acts, *of_reads] == kept, "a note is held to the log that it is of"
    assert of_reads
    assert (plain.reads.ok, plain.reads.skipped) == (True, ("content", "signatures", "tags"))


def test_a_damaged_registry_hides_nothing_that_was_found(grown: Service) -> None:
    """The log of acts is reported, and rows of reads are checked as far as they go unopened."""
    with psycopg.connect(grown.database.admin, autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        first = admin.execute(
            "SELECT min(a.index) FROM log.records a JOIN log.records b"
            " ON (b.index, b.stream_id) = (a.index + 1, a.stream_id)"
            " JOIN log.streams s ON s.stream_id = a.stream_id WHERE s.name LIKE 'officer/%'"
        ).fetchone()
        assert first is not None
        swap = partial(FORGERIES["swap"], admin, first[0])
        swap()
        try:
            found = run(grown.settings, grown.enclave.facts, lambda *_: None, views=False)
        finally:
            swap()
    assert (found.report.ok, found.report.first_bad_index) == (False, first[0])
    assert found.reads is not None
    assert (found.reads.ok, found.reads.skipped) == (True, ("content", "signatures", "tags"))


def _writer(service: Service, signer: SoftwareSigner) -> ReadWriter:
    """Notes past the API's door, with a key: over the reader's login, and with the KEK."""
    enclave, pool = service.enclave, service.database.pool("reader")
    return ReadWriter(
        store=PostgresReads(pool, read_tags.gate(enclave.access_log.key)),
        signer=signer,
        kek=open_kek(service.settings),
        key=enclave.access_log.key,
        entropy=enclave.entropy,
        origin=READS.origin(enclave.facts),
        level=enclave.facts.level,
        now=enclave.ledger_time,
        posts=lambda _by, _at: [HeldPost("bacninh.stttt", "giam-doc")],
    )


HARMS: Final = {
    "a row is gone": ("DELETE FROM access.records WHERE index = 2", Damage.RECORD_MISSING),
    "the last row is gone": (
        "DELETE FROM access.records WHERE index = (SELECT max(index) FROM access.records)",
        Damage.TAIL_MISSING,
    ),
    "the last row is gone, and the head with it": (
        (
            "DELETE FROM access.records WHERE index = (SELECT max(index) FROM access.records);"
            " UPDATE access.log_head SET size = size - 1"
        ),
        Damage.TAIL_MISSING,
    ),
    "a state is edited": (
        (
            "UPDATE access.records SET state = set_byte(state, 40, get_byte(state, 40) # 1)"
            " WHERE index = 1"
        ),
        Damage.STATE_UNREADABLE,
    ),
    "an entry is edited": (
        (
            "UPDATE access.records SET entry = set_byte(entry, 1, get_byte(entry, 1) # 1)"
            " WHERE index = 1"
        ),
        Damage.WRAP_OTHER_RECORD,
    ),
    "a key is gone": ("DELETE FROM access.wraps WHERE index = 1", Damage.WRAP_MISSING),
    "a row is not found any more": ("DELETE FROM access.tags WHERE index = 1", Damage.READ_TAG),
    "a row is found as another's": (
        "INSERT INTO access.tags SELECT decode(repeat('00', 32), 'hex'), 1",
        Damage.READ_TAG,
    ),
    "a row is dated otherwise": (
        "UPDATE access.records SET recorded_at = recorded_at + interval '1 day' WHERE index = 1",
        Damage.COLUMN_RECORDED,
    ),
    "a row lies so far on that nobody comes to it": (
        "UPDATE access.records SET index = 4000000000000 WHERE index = 2",
        Damage.RECORD_UNDECLARED,
    ),
    "a tag names a row behind the last": (
        "INSERT INTO access.tags SELECT decode(repeat('00', 32), 'hex'), 100000",
        Damage.READ_TAG,
    ),
    "whoever may look is shown an empty log": (
        "UPDATE access.gate SET digest = decode(repeat('00', 32), 'hex')",
        Damage.READ_TAG,
    ),
    "the head forgets its time": (
        "UPDATE access.log_head SET recorded_at = recorded_at - interval '1 hour'",
        Damage.HEAD_WRONG,
    ),
    "a key is kept for no row": (
        (
            "INSERT INTO access.wraps SELECT 100000, kek_id, stream_id, unit, wrap"
            " FROM access.wraps WHERE index = 1"
        ),
        Damage.WRAP_STRAY,
    ),
    "a chain is kept twice": (
        (
            "ALTER TABLE access.streams DROP CONSTRAINT streams_pkey;"
            " INSERT INTO access.streams SELECT * FROM access.streams LIMIT 1"
        ),
        Damage.STREAM_UNUSED,
    ),
    "a witness is made up": (
        "INSERT INTO access.cosignatures SELECT 1, 'nobody', '\\x00'::bytea, now()",
        Damage.COSIGNATURE_UNKNOWN,
    ),
    "a tile is edited": (
        "UPDATE access.tiles SET data = set_byte(data, 1, get_byte(data, 1) # 1)",
        Damage.TILE_WRONG,
    ),
    "the root of a checkpoint is edited": (
        # one letter of its third line, for another that base64 has too
        (
            r"UPDATE access.checkpoints SET note = convert_to(overlay(t PLACING"
            r" CASE substr(t, at, 1) WHEN 'A' THEN 'B' ELSE 'A' END FROM at FOR 1), 'UTF8')"
            r" FROM (SELECT size AS of, t, regexp_instr(t, '\n', 1, 2) + 1 AS at"
            r"   FROM access.checkpoints, convert_from(note, 'UTF8') t) WHERE of = size"
        ),
        Damage.CHECKPOINT_SIGNATURE,
    ),
}


@attack(
    "rows of the log of reads taken away, edited, hidden from whoever looks for them",
    stopped_by="ciphertext; else nothing",
    noticed_by="log audit",
)
@pytest.mark.parametrize("name", share(list(HARMS), 2, "reads"))
def test_what_is_done_to_the_log_of_reads_is_named(
    grown: Service, harmed: psycopg.Connection, name: str
) -> None:
    """Each by its kind."""
    statement, kind = HARMS[name]
    harmed.execute(statement.encode())
    assert kind in {finding.kind for finding in audited(grown, harmed).findings}


@attack(
    "a taken checkpointer login stores a checkpoint and a tile of its own in the log of reads:"
    " nobody ever signs it again, and what needs a row is shown to nobody",
    stopped_by="-",
    noticed_by="its checkpointer's mark, readiness; log discard takes away what is not signed",
)
def test_what_the_log_of_reads_did_not_sign_is_taken_away(
    grown: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same command as for acts, with the same care; what was signed stands, in both logs."""
    settings = grown.settings
    monkeypatch.setattr(databases, "admin_dsn", lambda *_: grown.database.server.dsn())
    thief = PostgresCheckpoints(grown.database.pool("checkpointer"), READS.schema)
    log = PostgresCheckpoints(grown.database.pool("checkpointer"))
    acts, stood = log.latest(), thief.latest()
    assert stood is not None
    grown.enclave.reads.note([A_READ, A_READ])
    size = PostgresRecords(grown.database.pool("checkpointer"), READS.schema).head().size
    thief.advance(stood[0], size, bytes(32), b"not its own\n", [(0, 0, size, bytes(32 * size))])
    assert loops.sign(settings, Event(), READS) == loops.ON_DOUBT
    mark = DoubtMark(Home(settings).seen_folder(READS.seen))

    def socai(*words: str) -> Result:
        env = {"SOCAI_HOME": str(settings.home)}
        return CliRunner().invoke(main, ["--lang", "en", *words], env=env)

    _resumed_but_for_reads(settings, socai, mark)
    done = socai("log", "discard", "--json")
    assert done.exit_code == 0, done.output
    told = orjson.loads(done.stdout)
    assert [(one["log"], one["size"]) for one in told["discarded"]] == [("access", size)]
    assert told["tiles"] == 1
    assert Path(told["discarded"][0]["file"]).read_bytes() == b"not its own\n"
    assert (log.latest(), thief.latest()) == (acts, stood)
    resumed = socai("log", "resume")
    assert resumed.exit_code == 0, resumed.output
    assert mark.reason() is None
    checkpointer, pool = open_checkpointer(settings, which=READS)
    with closing(pool):
        while checkpointer.checkpoint_once() is not None:
            pass
    assert not audited(grown).findings


def _resumed_but_for_reads(
    settings: Settings, socai: Callable[..., Result], of_reads: DoubtMark
) -> None:
    """What the log of acts had stopped goes on; the mark of reads stands, with what to do."""
    stopped = DoubtMark(Home(settings).seen_folder("projector"))
    stopped.leave(Wording("dừng", "it stopped"))
    partly = socai("log", "resume")
    assert (partly.exit_code, "reads stays in doubt" in partly.output) == (0, True), partly.output
    assert stopped.reason() is None
    assert "socai log discard" in str(of_reads.reason())


@attack(
    "a restore on a new machine without what it had seen of the log of reads: nobody signs reads"
    " any more, and the process says that it is well",
    stopped_by="doubt, as of the log of acts: a mark, and what needs a row is not shown",
    noticed_by="its mark, readiness, health --role checkpointer",
)
def test_without_a_memory_of_reads_their_checkpointer_stops_on_doubt(
    grown: Service, tmp_path: Path
) -> None:
    """Health says so; an audit alone helps nobody; a kept checkpoint of reads does."""
    settings, kept = grown.settings, tmp_path / "kept"
    memory = SeenFile(Home(settings).seen_folder(READS.seen))
    memory.path.rename(kept)

    def socai(*words: str) -> Result:
        env = {"SOCAI_HOME": str(settings.home), "COLUMNS": "200"}
        return CliRunner().invoke(main, ["--lang", "en", *words], env=env)

    assert loops.sign(settings, Event(), READS) == loops.ON_DOUBT
    mark = DoubtMark(Home(settings).seen_folder(READS.seen))
    assert "is not known" in str(mark.reason())
    _sign_all(settings, ACTS)
    unwell = socai("health", "--role", "checkpointer")
    assert (unwell.exit_code, "is not known" in unwell.output) == (1, True), unwell.output
    resumed = socai("log", "resume")
    assert (resumed.exit_code, "log remember" in resumed.output) == (1, True), resumed.output
    assert mark.reason() is not None
    told = socai("log", "remember", str(kept))
    assert told.exit_code == 0, told.output
    assert socai("log", "resume").exit_code == 0
    assert (mark.reason(), memory.read()) == (None, kept.read_bytes())
    grown.enclave.reads.note([A_READ])
    unsigned = socai("health", "--role", "checkpointer")
    assert (unsigned.exit_code, "access: stands at" in unsigned.output) == (1, True)
    _sign_all(settings, READS)
    well = socai("health", "--role", "checkpointer")
    assert well.exit_code == 0, well.output


def _sign_all(settings: Settings, which: WhichLog) -> None:
    checkpointer, pool = open_checkpointer(settings, which=which)
    with closing(pool):
        while checkpointer.checkpoint_once() is not None:
            pass


def test_whatever_else_ends_the_signing_of_reads_ends_the_process(grown: Service) -> None:
    """A key of it that does not open: whoever starts the process again says so each time."""
    path, stop = Home(grown.settings).key_path(READS.keys[0]), Event()
    key, soon = path.read_bytes(), Timer(60, stop.set)
    path.write_bytes(b"no key")
    soon.start()
    try:
        with pytest.raises(SettingsError, match=path.name):
            loops.checkpoint(grown.settings, stop)
    finally:
        soon.cancel()
        path.write_bytes(key)


def test_by_the_keys_of_another_log_of_reads_nothing_is_taken_away(
    grown: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By them nothing that is stored is signed: that says nothing of what is stored."""
    monkeypatch.setattr(databases, "admin_dsn", lambda *_: grown.database.server.dsn())
    stored = PostgresCheckpoints(grown.database.pool("checkpointer"), READS.schema)
    stood, home = stored.latest(), Home(grown.settings)
    kept = {path: path.read_bytes() for path in map(home.key_path, READS.keys)}
    try:
        for path, alg in zip(kept, ("Ed25519", "ML-DSA-44"), strict=True):
            path.unlink()
            write_key(path, SoftwareSigner.generate(alg), home.passphrase(), **home.key_costs())
        env = {"SOCAI_HOME": str(grown.settings.home)}
        done = CliRunner().invoke(main, ["--lang", "en", "log", "discard"], env=env)
    finally:
        for path, data in kept.items():
            path.write_bytes(data)
    assert done.exit_code != 0
    assert stored.latest() == stood is not None


def test_the_log_of_reads_is_signed_on_once_it_is_resumed(grown: Service) -> None:
    """By the checkpointer that runs, which signs acts meanwhile: nobody has to start it again."""
    settings, env = grown.settings, {"SOCAI_HOME": str(grown.settings.home)}
    seen = SeenFile(Home(settings).seen_folder(READS.seen))
    stored = PostgresCheckpoints(grown.database.pool("checkpointer"), READS.schema)
    note, before = seen.read(), stored.latest()
    assert note is not None
    assert before is not None
    seen.path.unlink()
    stop, mark = Event(), DoubtMark(Home(settings).seen_folder(READS.seen))
    with ThreadPoolExecutor(1) as pool:
        signing = pool.submit(loops.checkpoint, settings, stop)
        try:
            until(lambda: mark.reason() is not None)
            kept = settings.home / "reads.checkpoint"
            kept.write_bytes(note)
            for words in (["remember", str(kept)], ["resume"]):
                done = CliRunner().invoke(main, ["--lang", "en", "log", *words], env=env)
                assert done.exit_code == 0, done.output
            _writer(grown, builders.key(SERVICE)).note([A_READ])
            until(lambda: (stored.latest() or before)[0] > before[0])
        finally:
            stop.set()
        assert signing.result() == 0


@attack(
    "an older backup of the log of reads put in its place, and grown again",
    stopped_by="the checkpointer remembers what it signed, and signs nothing over it",
    noticed_by="its mark; log audit, by what this home has seen",
)
def test_an_older_log_of_reads_is_not_signed_over(grown: Service) -> None:
    """Shorter, and then as long with other rows; the log of acts goes on."""
    settings, facts = grown.settings, grown.enclave.facts
    before = audited(grown).records
    with psycopg.connect(grown.database.admin) as admin:
        admin.execute("SET LOCAL session_replication_role = replica")
        admin.execute(
            "DELETE FROM access.records WHERE index >= 2;"
            " DELETE FROM access.wraps WHERE index >= 2; DELETE FROM access.tags WHERE index >= 2;"
            " DELETE FROM access.tiles; DELETE FROM access.checkpoints;"
            " UPDATE access.log_head SET size = 2,"
            " recorded_at = (SELECT max(recorded_at) FROM access.records)"
        )
    checkpointer, pool = open_checkpointer(settings, which=READS)
    with closing(pool), pytest.raises(Doubt) as shorter:
        checkpointer.checkpoint_once()
    assert shorter.value.kind == "shorter"
    with pytest.raises(ReadNotLogged):
        grown.enclave.reads.note([A_READ])
    _writer(grown, builders.key(SERVICE)).note([A_READ] * (before + 2))
    checkpointer, pool = open_checkpointer(settings, which=READS)
    with closing(pool), pytest.raises(Doubt):
        checkpointer.checkpoint_once()
    kinds = {finding.kind for finding in audited(grown).findings}
    assert Damage.CHECKPOINT_FORKED in kinds
    assert run(settings, facts, lambda *_: None, views=False).of_the_log == []
    stop = Event()
    assert loops.sign(settings, stop, READS) == loops.ON_DOUBT
    assert DoubtMark(Home(settings).seen_folder(READS.seen)).reason() is not None
    stop.set()
    assert loops.checkpoint(settings, stop) == 0, "the log of acts is signed on"
    resumed = CliRunner().invoke(
        main, ["--lang", "en", "log", "resume"], env={"SOCAI_HOME": str(settings.home)}
    )
    assert resumed.exit_code == 1, resumed.output
    assert "put the right database back" in resumed.output.lower()


CUSTODIANS: Final = ("ubcv", "ytcv")
CUT: Final = """
DELETE FROM access.records WHERE index >= 2;
DELETE FROM access.wraps WHERE index >= 2;
DELETE FROM access.tags WHERE index >= 2;
DELETE FROM access.tiles;
DELETE FROM access.checkpoints;
DELETE FROM access.streams s
  WHERE NOT EXISTS (SELECT FROM access.records r WHERE r.stream_id = s.stream_id);
UPDATE access.log_head SET size = 2,
  recorded_at = (SELECT max(recorded_at) FROM access.records);
"""


def _cut(service: Service) -> None:
    """Two rows are left, and nothing that was signed over more."""
    with psycopg.connect(service.database.admin) as admin:
        admin.execute("SET LOCAL session_replication_role = replica")
        admin.execute(CUT)


def _recover(service: Service, *words: str) -> Result:
    """`socai log recover-reads`."""
    env = {"SOCAI_HOME": str(service.settings.home)}
    return CliRunner().invoke(
        main, ["--lang", "en", "log", "recover-reads", *words, "--json"], env=env
    )


def _ceremony(service: Service, draft: Path, *by: str, **facts: object) -> str:
    """The act of a draft, signed by these; its id."""
    said = orjson.loads(draft.read_bytes())["facts"] | facts
    now = service.step(minutes=1)
    author, approver = CUSTODIANS
    act = an_act(
        "KeyCeremonyRecorded", by=author, also=[approver], when=now, facts=said, exact=True
    )
    service.say(act, *by)
    return act.act_id


@attack(
    "the tail of the log of reads is lost for good: it goes on under its old keys as if there were"
    " none, by one custodian, by an act that commits to something else, or by nobody's act",
    stopped_by="an act of two custodians in the log of acts commits to what is left and lost, and"
    " the first row behind it says so",
    noticed_by="log audit: what ends where, and what no ceremony commits to",
)
def test_a_log_of_reads_goes_on_under_other_keys_by_two_custodians(
    grown: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also by a run that was cut off; then reads are noted and signed again.

    The log of acts is told neither size nor loss.
    """
    service, draft = grown, tmp_path / "act.json"
    _cut(service)
    service.start()
    for alias in CUSTODIANS:
        at = service.step(minutes=1)
        service.say(appointment(alias, at, powers=["KEY_CUSTODIAN"]), "founder")
        service.say(enrolment(alias, at), "founder")
    lost = _recover(service)
    assert (lost.exit_code, orjson.loads(lost.stdout)["left"]) == (1, 2), lost.output
    why = ("--reason", "disk lost", "--device", "d", "--minutes", "1")
    made = _recover(service, "--act", str(draft), *why)
    assert made.exit_code == 0, made.output
    said = orjson.loads(draft.read_bytes())["facts"]
    assert said.keys() == {"kind", "key_ids", "device_statement", "minutes"}
    assert len(said["device_statement"]) == len("d; socai reads commitment: ") + 43
    for no_ceremony in (
        _ceremony(service, draft, *CUSTODIANS, device_statement="d; socai reads commitment: A"),
        _ceremony(service, draft, CUSTODIANS[0]),
        an_id("no act"),
    ):
        assert _recover(service, "--ceremony", no_ceremony).exit_code == 1
    assert service.enclave.access_log.stored.head().size == 2
    ceremony = _ceremony(service, draft, *CUSTODIANS)
    for whose, step in ((RecoveringReads, "_note_row"), (Memories, "keep")):
        with monkeypatch.context() as patched:
            patched.setattr(whose, step, _cut_off(getattr(whose, step)))
            assert _recover(service, "--ceremony", ceremony).exit_code == 1
    done = _recover(service, "--ceremony", ceremony[:8])  # as it begins
    assert done.exit_code == 0, done.output
    _goes_on(service, orjson.loads(made.stdout)["new_vkeys"])


def _cut_off(step: Callable[..., object]) -> Callable[..., object]:
    """A step, behind which the run ends."""

    def cut_off(*words: object) -> object:
        step(*words)
        raise Unavailable("cut_off", Wording("…", "…"))

    return cut_off


def _goes_on(service: Service, begin: list[str]) -> None:
    """As an API finds it that starts then, its checkpointer, and an audit."""
    vkeys = (service.settings.home / READS.vkeys).read_text("ascii").split()
    assert (vkeys[:2], len(vkeys)) == (begin, 4)
    assert DoubtMark(Home(service.settings).seen_folder(READS.seen)).reason() is None
    report = audited(service)
    assert (report.ok, report.records, report.size) == (True, 3, 3), report.findings
    reopened = open_service(service.settings, service.database)
    try:
        told = reopened.client.get("/v1/statistics", headers=service.headers(INSPECTOR))
        assert told.status_code == 200, told.text
        shown = reopened.get("/v1/access-log", "giamsat").get_json()["reads"]
        assert all(row["readable"] for row in shown), "its own row is no read, and none unreadable"
    finally:
        reopened.stop()
    checkpointer, pool = open_checkpointer(service.settings, which=READS)
    with closing(pool):
        while checkpointer.checkpoint_once() is not None:
            pass
    report = audited(service)
    assert (report.ok, report.size) == (True, report.records), report.findings
    assert report.records > 3
    unsaid = {one.kind for one in audited(service, ceremonies=False).findings}
    assert Damage.AGAINST_THE_RULES in unsaid


@attack(
    "reads noted under a key that is not the service's",
    stopped_by="-",
    noticed_by="log audit; to an auditor the row is unreadable",
)
def test_a_row_that_the_service_did_not_sign_is_named(under_order: UnderOrder) -> None:
    """With the KEK and the reader's login, and any key but the one."""
    service = under_order.service
    _writer(service, SoftwareSigner.generate("Ed25519")).note([A_READ])
    at = audited(service).records - 1
    kinds = {finding.kind for finding in audited(service).findings if finding.index == at}
    assert Damage.KEY_UNKNOWN in kinds
