"""A log that lost its tail: it goes on under a new key and two registrars, or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import orjson
import psycopg
import pytest
from click.testing import CliRunner, Result
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from api.cli.commands.signer_options import KNOWN
from api.cli.main import main
from api.client.client import Client
from api.client.connection import Refused
from api.client.known_log import KnownLog, LogAnchor, Unlike, _Memory
from api.home import Home
from api.http.app import openapi
from api.ops import recovery
from api.ops.embedded_postgres import Embedded
from api.ops.home_notes import RUNNING
from api.ops.mirror import slots
from api.ops.mirror.outbox import Outbox
from api.ops.reads.which_log import ACTS
from api.ops.recovery import Recovering
from api.ops.role_lock import Lock
from api.ops.wiring.key_files import log_signers, open_kek
from api.ops.wiring.logins import role_dsn
from api.ops.wiring.projector import open_projector
from api.rehearsal.acts_of_play import CastMember
from api.rehearsal.cast import Cast, KeyStore
from api.rehearsal.past_door import Smuggler
from api.rehearsal.scenario import CastPart
from api.settings import SettingsError
from keys import canonical, sealed_segment
from keys.custody.file import write_key
from keys.envelope_encryption import Kek
from keys.hpke import OpeningKey
from keys.log_keys import LogKeys
from keys.lost_checkpoint import known
from ledger.checkpoints.seen_file import DoubtMark, SeenFile
from ledger.errors import Fatal, Rejected, Unavailable
from ledger.log.checkpoint import sign, unverified
from ledger.log.sheet import Sheet
from ledger.log.verify import Crossed
from ledger.message import Wording
from ledger.mirror import segment as segments
from ledger.mirror.refusal import SegmentRefused
from ledger.mirror.segment import Segment
from ledger.mirror.taking_in import Lower, Mirror
from ledger.ports import SealedRecord
from ledger.postgres.recorder import GroupAppender
from ledger.recovery.first_checkpoint import FirstCheckpoint
from ledger.recovery.loss import Loss, take_note
from ledger.regulation.decide import Decision
from ledger.steps import no_steps
from ledger.write.judging import Judging
from tests import restored
from tests.a_ledger import a_report, service_enrolment
from tests.attacks import attack
from tests.builders import DIGEST, key, officer
from tests.fixtures.app import PASSPHRASE, listening
from tests.fixtures.clock import StepClock
from tests.mirrored import MemoryMirror
from tests.restored import REGISTRARS, Restored

pytestmark = pytest.mark.postgres
SPEC = openapi()


@pytest.fixture(scope="module")
def loss(postgres_server: Embedded, tmp_path_factory: pytest.TempPathFactory) -> Restored:
    """The loss that every test here starts from; nobody changes it."""
    return restored.lose(postgres_server, tmp_path_factory.mktemp("lost") / "home")


@pytest.fixture
def lost(loss: Restored, tmp_path: Path) -> Iterator[Restored]:
    """The same for one test alone."""
    with restored.again(loss, tmp_path / "home") as mine:
        yield mine


def remembering(
    of: Restored, folder: Path, note: bytes | None, told: list[Crossed] | None = None
) -> KnownLog:
    """A client that has seen this checkpoint before the loss; one that is kept there, for None."""
    heard = [] if told is None else told
    anchor = LogAnchor(tuple(of.vkeys), Home(of.settings).facts().genesis)
    mine = KnownLog(folder, of.origin, lambda: anchor, heard.append)
    if note is not None:
        memory = _Memory(anchor.genesis, LogKeys.of(anchor.vkeys), note)
        assert mine._replace(None, memory)
    return mine


def test_without_a_key_it_says_what_is_lost_and_changes_nothing(loss: Restored) -> None:
    """Exit 1; sizes, when the lost tree was signed, and each act whose receipt was kept."""
    told = loss.recover()
    assert told.exit_code == 1, told.output
    said = orjson.loads(told.stdout)
    assert said["left"]["size"] == loss.size
    assert said["lost"]["acts"] == [receipt["index"] for receipt in loss.receipts]
    assert said["lost"]["records"] == len(loss.receipts)
    assert said["lost"]["signed_at"]
    assert loss.recover().stdout == told.stdout


def test_nothing_is_signed_while_a_process_has_the_home(lost: Restored) -> None:
    """Told by its lock: a checkpointer alone leaves no other mark, and a kill leaves nobody's."""
    with closing(Lock(lost.settings.home)) as held:
        held.take("checkpointer")
        told = lost.recover(*REGISTRARS)
        assert told.exit_code == 2, told.output
        assert "is running (checkpointer" in told.output
    (lost.settings.home / RUNNING).write_bytes(orjson.dumps({"url": "http://127.0.0.1:1"}))
    told = lost.recover(*REGISTRARS)
    assert told.exit_code == 0, told.output


def test_two_registrars_go_on_from_what_is_left(lost: Restored) -> None:
    """The act is the first record behind; the service starts, and seals under the new key."""
    mark = DoubtMark(Home(lost.settings).seen_folder("checkpointer"))
    mark.leave(Wording("dừng", "it stopped over what is lost"))
    before = {name: Home(lost.settings).key_path(name).read_bytes() for name in ACTS.keys}
    told = lost.recover(*REGISTRARS)
    assert told.exit_code == 0, told.output
    assert mark.reason() is None
    ended = lost.settings.keys_dir.glob("*-ended-*.socaikey")
    assert {path.name.partition("-ended-")[0]: path.read_bytes() for path in ended} == before
    done = orjson.loads(told.stdout)
    assert (done["size"], done["index"]) == (lost.size, lost.size + 1)
    with lost.served() as service:
        facts = service.get("/v1/log", by=None).get_json()
        assert facts["vkeys"] == done["new_vkeys"]
        assert [span["from"] for span in facts["keys"]] == [0, lost.size + 1]
        assert facts["recoveries"][0]["lost"][-1]["size"] == unverified(lost.lost).size
        for path in ("/v1/log", "/v1/log/recoveries"):
            answer = service.get(path, by=None)
            told_by = SPEC["paths"][path]["get"]["responses"]["200"]["content"]
            schema = told_by["application/json"]["schema"] | {"components": SPEC["components"]}
            Draft202012Validator(schema).validate(answer.get_json())
        assert service.say(a_report(40, service.clock.now()), "hotline")["proof"]
        assert not service.stopped


def test_where_nothing_is_lost_the_report_says_so_and_ends_well(lost: Restored) -> None:
    """One answer and exit 0: an operator at night who asks first is not sent anywhere else."""
    assert lost.recover(*REGISTRARS).exit_code == 0
    told = lost.socai("log", "recover")
    assert told.exit_code == 0, told.output
    assert orjson.loads(told.stdout)["ok"]


def test_an_operator_at_night_is_told_the_next_step(loss: Restored) -> None:
    """From the stop to the recovery each sentence names the next command."""
    mark = DoubtMark(Home(loss.settings).seen_folder("checkpointer"))
    mark.leave(Wording("dừng", "it stopped over what is lost"))
    env = {"SOCAI_HOME": str(loss.settings.home), "SOCAI_MIN_FREE_MIB": "0"}
    try:
        resumed = CliRunner().invoke(main, ["--lang", "en", "log", "resume"], env=env)
    finally:
        mark.clear()
    assert resumed.exit_code == 1
    assert "socai log recover" in resumed.stderr
    for lang, word in (("vi", "Để đi tiếp"), ("en", "To go on")):
        words = ["--lang", lang, "log", "recover", *loss.keep()]
        told = CliRunner().invoke(main, words, env=env)
        assert told.exit_code == 1
        assert word in told.stdout
        assert "--reason" in told.stdout


@attack(
    "a new machine is told a checkpoint of the ended key: one that is left, or one that is lost",
    stopped_by="each process believes the keys that sign a size; the log is asked first",
    noticed_by="the command's sentence, exit 1; the right checkpoint is still taken",
)
def test_a_new_machine_keeps_nothing_that_it_could_not_open(lost: Restored) -> None:
    """Else its checkpointer would stop for good over a memory that an audit finds sound."""
    assert lost.recover(*REGISTRARS).exit_code == 0
    home, note = Home(lost.settings), lost.settings.home / "told"
    stores = [SeenFile(home.seen_folder(role)) for role in ("api", "checkpointer", "projector")]
    newest = stores[0].read()
    assert newest is not None
    for store in stores:
        store.path.unlink()
    for ended in (lost.before, lost.lost):
        note.write_bytes(ended)
        told = lost.socai("log", "remember", str(note))
        assert told.exit_code == 1, told.output
        assert "log checkpoint" in orjson.loads(told.stdout)["error"]["message"]
        assert [store.read() for store in stores] == [None, None, None]
    note.write_bytes(newest)
    assert lost.socai("log", "remember", str(note)).exit_code == 0
    assert [store.read() for store in stores] == [newest, newest, newest]


def test_what_the_ended_key_signed_before_its_end_is_still_believed(lost: Restored) -> None:
    """Another machine has seen the log from before and meets the recovery: it goes on."""
    assert lost.recover(*REGISTRARS).exit_code == 0
    for role in ("api", "projector"):
        SeenFile(Home(lost.settings).seen_folder(role)).write(lost.before)
    with lost.served() as service:
        assert service.say(a_report(40, service.clock.now()), "hotline")["proof"]
        assert not service.stopped
    SeenFile(Home(lost.settings).seen_folder("api")).write(lost.lost)
    with lost.unsealed() as service:
        assert service.get("/health/ready", by=None).status_code == 503


# -- who remembers the log from before ----------------------------------------------------------


@attack(
    "a backup is restored and the log goes on: a client that remembers what is lost meets it",
    stopped_by="only a recovery in the log itself, by two registrars, is gone over",
    noticed_by="the client: it shows the break and what of it was lost",
)
def test_a_client_goes_over_exactly_this_break_and_shows_it(lost: Restored, tmp_path: Path) -> None:
    """Whoever trusts what is left goes on; whoever trusts what is lost is told so."""
    assert lost.recover(*REGISTRARS).exit_code == 0
    with lost.served() as service, Client("http://socai.test", http=service.http()) as line:
        service.say(a_report(20, service.clock.now()), "hotline")
        for name, note, gone in (("left", lost.before, None), ("lost", lost.lost, lost.lost)):
            told: list[Crossed] = []
            mine = remembering(lost, tmp_path / name, note, told)
            met = mine.meet(service.newest(), line)
            assert met.size > lost.size
            (crossed,) = told
            assert crossed.recovery.size == lost.size
            assert crossed.lost == (None if gone is None else unverified(gone))
            assert mine.meet(service.newest(), line) == met
            assert len(told) == 1
            again = remembering(lost, tmp_path / name, None, told)
            assert again.meet(service.newest(), line) == met


def test_the_command_line_remembers_shows_the_break_once_and_refuses_another(
    lost: Restored,
) -> None:
    """Across runs of `log status`: exit 1 with both notes in files where more is lost than said."""
    known_here = lost.settings.home / KNOWN
    old = log_signers(lost.settings)
    longer = sign(replace(unverified(lost.lost), size=lost.size + 90), *old, time_s=1_700_000_000)
    assert lost.recover(*REGISTRARS).exit_code == 0
    with lost.served() as service, listening(service) as url:
        mine = remembering(lost, known_here, lost.lost)
        first, second = (lost.socai("log", "status", "--server", url) for _ in range(2))
        assert (first.exit_code, second.exit_code) == (0, 0), first.output
        assert f"recovered at index {lost.size + 1}" in first.stderr
        assert "is of what is lost" in first.stderr
        assert not second.stderr
        assert len(orjson.loads(second.stdout)["recoveries"]) == 1
        shutil.rmtree(mine.folder)
        remembering(lost, known_here, longer)
        told = lost.socai("log", "status", "--server", url)
        assert told.exit_code == 1
        error = orjson.loads(told.stdout)["error"]
        assert error["code"] == "other_history"
        kept = sorted((mine.folder / "evidence").iterdir())
        assert [str(path) in error["message"] for path in kept] == [True, True]
        assert longer in [path.read_bytes() for path in kept]


def test_a_client_that_meets_the_log_after_it_takes_the_published_key_old_or_new(
    lost: Restored, tmp_path: Path
) -> None:
    """Nothing was seen before: the genesis says which log it is."""
    assert lost.recover(*REGISTRARS).exit_code == 0
    with lost.served() as service, Client("http://socai.test", http=service.http()) as line:
        for name, vkeys in (("old", lost.vkeys), ("new", service.enclave.vkeys)):
            anchor = LogAnchor(tuple(vkeys), service.enclave.facts.genesis)
            mine = KnownLog(tmp_path / name, lost.origin, partial(replace, anchor))
            assert mine.meet(service.newest(), line).size > lost.size
            assert mine.keys.current == service.enclave.vkeys


def test_a_print_from_before_is_told_what_became_of_it_and_called_no_forgery(
    lost: Restored, tmp_path: Path
) -> None:
    """Years later, with the key that was published with the paper: it led to the key of today."""
    assert replace(lost, receipts=()).recover(*REGISTRARS).exit_code == 0
    kept, gone = unverified(lost.before), unverified(lost.lost)
    case, head = officer("hotline"), canonical.b64(bytes(32))
    run = CliRunner(env={"SOCAI_HOME": str(tmp_path / "none"), "LC_ALL": "C.UTF-8"})
    with lost.served() as service, listening(service) as url:
        service.say(a_report(20, service.clock.now()), "hotline")

        def hold(size: int, root: bytes, *keys: str) -> Result:
            """Asked of the log, by whoever never met it."""
            shutil.rmtree(tmp_path / "none", ignore_errors=True)
            line = Sheet(lost.origin, case, 1, head, size, canonical.b64(root)).text()
            named = [word for key in keys for word in ("--vkey", key)]
            words = ["--lang", "en", "log", "sheet", line, "--server", url, *named]
            return run.invoke(main, words)

        old, new = lost.vkeys[0], service.enclave.vkeys[0]
        for keys in ((old,), (new,), ()):
            assert hold(kept.size, kept.root, *keys).exit_code == 0, keys
            told = hold(gone.size, gone.root, *keys)
            assert told.exit_code == 1
            assert "names root and size of this print itself, as lost" in told.stderr
            assert "does not fit" not in told.stderr
        told = hold(gone.size - 1, gone.root)
        assert "the log cannot say any more" in told.stderr
        for size, root in ((gone.size, kept.root), (gone.size + 90, gone.root)):
            assert "The print does not fit" in hold(size, root).stderr


def test_notes_ahead_of_their_records_are_remembered(
    lost: Restored, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also behind a segment published again, and as they were said while it was one."""
    assert lost.recover(*REGISTRARS).exit_code == 0
    monkeypatch.setattr("ledger.mirror.publishing.MOST_ITEMS", 1)
    slots.put(lost.settings, "ordinary", [OpeningKey.generate().public])
    clock = StepClock(restored.AFTER)
    outbox = Outbox(lost.settings, lambda _sealed, _at: None, clock)
    path = lost.settings.home / "mirror" / "published.json"

    def remembered(again_from: int) -> object:
        clock.step(hours=1)
        outbox.once(again_from=again_from)
        return orjson.loads(path.read_bytes())["ahead"]

    notes = remembered(lost.size)  # the first of the two statements that one checkpoint covers
    assert isinstance(notes, list)
    assert len(notes) == 1
    assert remembered(0) == notes
    older = {"v": 1, "at": 0, "end": 0, "checkpoint": notes[0]}
    path.write_bytes(canonical.encode(older))
    assert remembered(0) == notes


def _refused_where_told_of(note: bytes, mirror: Mirror, store: MemoryMirror, said: Segment) -> str:
    """Why, by a mirror that took in a checkpoint of what is lost, ahead of its records."""
    first, store._note = store._note, note
    with pytest.raises(SegmentRefused) as refused:
        mirror.take(said)
    store._note = first
    return refused.value.kind


@pytest.mark.parametrize("further", [-2, 1], ids=["before it", "between its two statements"])
def test_a_recovered_log_goes_up_from_its_beginning(
    lost: Restored, further: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In segments that are full before the recovery: by the key that signed up to there.

    Whoever was told of what is lost says so, also where the key that signed is told by these alone.
    """
    assert lost.recover(*REGISTRARS).exit_code == 0
    monkeypatch.setattr("ledger.mirror.publishing.MOST_ITEMS", lost.size + further)
    own = OpeningKey.generate()
    slots.put(lost.settings, "ordinary", [own.public])
    clock, sent = StepClock(restored.AFTER), list[bytes]()
    genesis = bytes.fromhex(Home(lost.settings).facts().genesis)
    lower = Lower(lost.origin, "ordinary", genesis)
    store = MemoryMirror(lost.origin)
    mirror = Mirror(store, Kek.generate(), lower, "mat", clock.now)
    outbox = Outbox(lost.settings, lambda sealed, _: sent.append(sealed), clock)
    (ended,) = lost.settings.keys_dir.glob("log-ended-*")
    away = ended.rename(lost.settings.home / ended.name)
    with pytest.raises(SettingsError, match="nothing was published"):
        outbox.once()
    away.rename(ended)
    assert sent == []
    sizes: list[int] = []
    for _ in range(2):
        clock.step(hours=1)
        outbox.once()
        framed = sealed_segment.open_segment(sent[-1], [own])
        said = segments.parse(sealed_segment.unframe(framed))
        if sizes:
            assert _refused_where_told_of(lost.lost, mirror, store, said) == "rollback"
        taken = mirror.take(said)
        sizes.append(taken.size)
        assert taken.aside == 0
    assert sizes[0] < lost.size < sizes[1] == lost.size + 2


@attack(
    "the ended key signs on: a checkpoint longer than what was left, by the stolen old key",
    stopped_by="keys sign the sizes that the log dates them by",
    noticed_by="client, API and log audit",
)
def test_the_ended_key_signs_nothing_more(lost: Restored, tmp_path: Path) -> None:
    """Over the very tree that stands there: it is the key that is over."""
    old = log_signers(lost.settings)
    assert lost.recover(*REGISTRARS).exit_code == 0
    with lost.served() as service, Client("http://socai.test", http=service.http()) as line:
        mine = remembering(lost, tmp_path / "known", lost.before)
        good = mine.meet(service.newest(), line)
        forged = sign(good, *old, time_s=1_700_000_000)
        with pytest.raises(Unlike):
            mine.meet(forged, line)
        with psycopg.connect(lost.admin) as connection:
            connection.execute("SET session_replication_role = replica")
            update = "UPDATE log.checkpoints SET note = %s WHERE size = %s"
            connection.execute(update, [forged, good.size])
    with lost.unsealed() as service:
        assert service.get("/v1/log", by=None).get_json()["code"] == "evidence_fails"
    found = lost.audit()
    assert [one["kind"] for one in found["findings"]] == ["checkpoint_key_ended"]


# -- what an audit says -------------------------------------------------------------------------


def test_an_audit_finds_it_sound_and_names_the_break_and_what_is_lost(lost: Restored) -> None:
    """`--checkpoint` of what is left leads to the log, of what is lost to the recovery."""
    assert lost.recover(*REGISTRARS).exit_code == 0
    found = lost.audit(lost.before, lost.lost)
    assert found["ok"], found["findings"]
    (recovery,) = found["recoveries"]
    assert recovery["size"] == lost.size
    assert [one["index"] for one in recovery["lost_acts"]] == [r["index"] for r in lost.receipts]
    assert [one["size"] for one in found["lost"]] == [unverified(lost.lost).size]


@attack(
    "more was lost than the recovery says",
    stopped_by="-",
    noticed_by="whoever holds a longer checkpoint: client and log audit",
)
def test_a_loss_that_is_not_said_is_noticed(lost: Restored, tmp_path: Path) -> None:
    """The old key signed a longer tree, which the registrars were not told of."""
    old = log_signers(lost.settings)
    longer = sign(replace(unverified(lost.lost), size=lost.size + 90), *old, time_s=1_700_000_000)
    assert lost.recover(*REGISTRARS).exit_code == 0
    found = lost.audit(longer)
    assert [one["kind"] for one in found["findings"]] == ["tail_missing"]
    with lost.served() as service, Client("http://socai.test", http=service.http()) as line:
        mine = remembering(lost, tmp_path / "known", longer)
        with pytest.raises(Unlike, match="not said to be lost"):
            mine.meet(service.newest(), line)


# -- who may, and what it must say --------------------------------------------------------------


@attack(
    "one registrar recovers the log alone, or with somebody who is none",
    stopped_by="signature class 2 and the guard on both signers",
    noticed_by="-",
)
def test_one_registrar_recovers_nothing(lost: Restored) -> None:
    """The first signature waits; the log's keys stay, and the second one may come later."""
    told = lost.recover("gd")
    assert (told.exit_code, orjson.loads(told.stdout)["error"]["code"]) == (1, "no_registrar")
    told = lost.recover("founder")
    assert told.exit_code == 0, told.output
    assert orjson.loads(told.stdout)["waits_for"] == officer("keeper")
    assert [str(signer.vkey) for signer in log_signers(lost.settings)] == lost.vkeys
    assert lost.recover().exit_code == 1
    told = lost.recover("gd")
    assert (told.exit_code, orjson.loads(told.stdout)["error"]["code"]) == (1, "other_turn")
    assert lost.recover("keeper").exit_code == 0
    assert [str(signer.vkey) for signer in log_signers(lost.settings)] != lost.vkeys


def test_each_registrar_opens_their_key_with_a_passphrase_of_their_own(lost: Restored) -> None:
    """The home's passphrase opens the home's keys; whoever brings a key is asked once for it."""
    words = ["log", "recover", *lost.keep(), "--reason", "The disk broke."]
    for alias in REGISTRARS:
        path = lost.settings.home / f"{alias}.own"
        write_key(path, key(alias), f"{alias}'s own".encode(), t=1, p=1, m_kib=64)
        words += ["--key", str(path)]
    env = {"SOCAI_HOME": str(lost.settings.home), "SOCAI_MIN_FREE_MIB": "0"}

    def run(lang: str, typed: str) -> Result:
        return CliRunner().invoke(main, ["--lang", lang, *words], env=env, input=typed)

    nobody = run("vi", "")
    assert (nobody.exit_code, "Mật khẩu của khóa" in nobody.stderr) == (2, True), nobody.output
    wrong = run("en", "founder's own\nkeeper's\n")
    assert (wrong.exit_code, "own does not open (wrong" in wrong.stderr) == (2, True), wrong.output
    done = run("en", "founder's own\nkeeper's own\n")
    assert done.exit_code == 0, done.output
    assert done.stderr.count("Passphrase of the key") == 2
    assert lost.audit(lost.lost)["ok"]


def test_who_is_named_first_is_the_author(lost: Restored) -> None:
    """In the order typed, whichever option says it: a key file before one of the cast."""
    home = lost.settings.home
    book = Cast(lost.origin, KeyStore(home / "cast", PASSPHRASE))
    book._keep(
        CastMember("k", officer("keeper"), CastPart("a", "p"), key("keeper").kid), key("keeper")
    )
    signers = ["--as", "k", *lost.key("founder")]
    for mine in (signers, signers[2:] + signers[:2]):
        told = lost.socai("log", "recover", *lost.keep(), *mine)
        assert "--reason" in orjson.loads(told.stdout)["error"]["message"]
    told = lost.socai("log", "recover", *lost.keep(), "--reason", "x", *signers[2:], *signers[:2])
    assert told.exit_code == 0, told.output
    with lost.unsealed() as service:
        (act,) = [one.act for one in service.enclave.ledger.follower.catch_up().acts[-1:]]
        assert [one.officer for one in act.signers] == [officer("founder"), officer("keeper")]


def test_nothing_is_asked_of_a_person_before_home_and_database_are_asked(
    lost: Restored, tmp_path: Path
) -> None:
    """No passphrase for an empty home; a backup older than a migration is a sentence."""
    path = tmp_path / "own"
    write_key(path, key("founder"), b"of its own", t=1, p=1, m_kib=64)
    words = ["--lang", "en", "log", "recover", "--key", str(path), "--reason", "x"]
    empty = CliRunner().invoke(main, words, env={"SOCAI_HOME": str(tmp_path / "none")})
    assert (empty.exit_code, "no enclave in" in empty.stderr) == (2, True), empty.output
    with psycopg.connect(lost.admin) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("DELETE FROM log.migrations")
    env = {"SOCAI_HOME": str(lost.settings.home), "SOCAI_MIN_FREE_MIB": "0"}
    older = CliRunner().invoke(main, words, env=env)
    assert (older.exit_code, "socai migrate" in older.stderr) == (1, True), older.output
    assert older.stderr.count("\n") == 1


@attack(
    "junk in the log's own stream, so that a loss can never be recovered",
    stopped_by="a recovery reads the folded stream, in which junk is set aside",
    noticed_by="readiness, log audit",
)
def test_junk_in_the_logs_own_stream_bars_no_recovery(lost: Restored) -> None:
    """Also where the copy that is restored has it: both registrars sign all the same."""
    assert lost.recover(*REGISTRARS).exit_code == 0
    with lost.served() as service:
        facts = service.enclave.facts
        appender = GroupAppender(role_dsn(lost.settings, facts, "writer"))
        with closing(appender):
            kek = open_kek(lost.settings)
            thief = Smuggler(service.records, appender, kek, facts.origin)
            act = service_enrolment(key("the thief's"), service.clock.now())
            noise = SealedRecord(
                bytes(31) + b"\1", b"\1" + bytes(600), bytes(16), b"\1" + bytes(76)
            )
            thief.put(service.sign(act, "hotline"), service.clock.now(), seal=lambda _: noise)
    twice = restored.lose_again(lost)
    assert twice.recover().exit_code == 1
    first = twice.recover("founder")
    assert (first.exit_code, orjson.loads(first.stdout)["ok"]) == (0, True), first.output
    waiting = orjson.loads(twice.recover().stdout)
    assert (waiting["ok"], waiting["pending"]) == (False, True)
    second = twice.recover("keeper")
    assert second.exit_code == 0, second.output
    with twice.served() as service:
        assert service.say(a_report(40, service.clock.now()), "hotline")["proof"]


@attack(
    "the memory is spoilt and then the database lost, so that nothing can be recovered",
    stopped_by="what does not open shows nothing and is set aside, never deleted",
    noticed_by="the command, which names the file",
)
def test_a_spoilt_memory_bars_no_recovery(lost: Restored) -> None:
    """With a checkpoint kept elsewhere two registrars go on; the spoilt file stays as evidence."""
    memory = SeenFile(Home(lost.settings).seen_folder("checkpointer"))
    memory.write(b"junk")
    told = lost.recover(*REGISTRARS)
    assert told.exit_code == 0, told.output
    assert str(memory.path) in told.stderr
    aside = [path.read_bytes() for path in memory.path.parent.glob("checkpoint-aside-*")]
    assert aside == [b"junk"]
    with lost.served() as service:
        assert service.say(a_report(40, service.clock.now()), "hotline")["proof"]


@attack(
    "a recovery names another prefix than the one that is left",
    stopped_by="the door: size and root are those of the records",
    noticed_by="client and log audit, where the door was passed by",
)
def test_a_recovery_names_what_is_left(lost: Restored, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the moment it is recorded; past the door an audit rebuilds the tree and says so."""
    with Recovering.open(lost.settings, Home(lost.settings).facts()) as log:
        loss = Loss(log.survivors(set()))
        take_note(loss, lost.origin, known(lost.vkeys), lost.lost)
        keys = {"old_vkeys": log.ended(), "new_vkeys": log.next_vkeys(), "reason": "x"}
        both = [officer(alias) for alias in REGISTRARS]
        for wrong in ({"size": lost.size - 1}, {"size": lost.size + 1}, {"root": DIGEST}):
            with pytest.raises(Rejected) as caught:
                log.author(key("founder"), both, {**loss.facts(), **keys, **wrong}, log.time())
            assert caught.value.guard == "RECOVERY_FOLLOWS_PREFIX"
        monkeypatch.setattr(Judging, "_require_prefix", lambda *_: None)
        log.author(key("founder"), both, {**loss.facts(), **keys, "root": DIGEST}, log.time())
        waiting = log.pending()
        assert waiting is not None
        log.countersign(key("keeper"), waiting, log.time())
        done = log.unfinished()
        assert done is not None
        with pytest.raises(Fatal, match="another root"):
            log.finish(done)
    found = lost.audit()
    assert [(one["kind"], one["index"]) for one in found["findings"]] == [
        ("recovery_root_wrong", lost.size + 1)
    ]


@attack(
    "whoever runs the checkpointer recovers the log alone, past the door, with the writer's login",
    stopped_by="-",
    noticed_by="every client: the evidence is judged again by the rules",
)
def test_a_recovery_past_the_door_is_no_recovery(
    lost: Restored, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One registrar's key, the writer's login and the KEK: nobody goes over it."""
    with monkeypatch.context() as patched:
        anything = Decision("effective", (), None, ())
        patched.setattr("ledger.streams.stream.deciding", lambda _: no_steps(anything))
        patched.setattr(Recovering, "alone", lambda *_: True)
        assert lost.recover("founder").exit_code == 0
    with psycopg.connect(lost.database.server.dsn(dbname=lost.dbname)) as connection:
        row = connection.execute(
            "SELECT note FROM log.checkpoints ORDER BY size DESC LIMIT 1"
        ).fetchone()
    assert row is not None
    note = row[0]
    with lost.served() as service, Client("http://socai.test", http=service.http()) as line:
        # the API itself believes neither the record nor the key
        assert service.client.get("/logs/acts/checkpoint").status_code == 500
        for name, seen in (("left", lost.before), ("lost", lost.lost)):
            with pytest.raises((Unlike, Refused)):
                remembering(lost, tmp_path / name, seen).meet(note, line)


def test_a_database_that_was_added_to_is_no_beginning_of_what_was_signed(lost: Restored) -> None:
    """Served where nobody remembered: what stands there now is another log: no recovery."""
    for role in ("api", "projector"):
        SeenFile(Home(lost.settings).seen_folder(role)).write(lost.before)
    with lost.unsealed() as service:
        projector, _, pool = open_projector(lost.settings)  # else nobody knows who takes part
        projector.catch_up()
        projector.close()
        pool.close()
        report = service.sign(a_report(30, service.clock.now()), "hotline")
        sent = service.send(report, "hotline", {"Prefer": "respond-async"})
        assert sent.status_code < 300, sent.text
    told = lost.recover(*REGISTRARS)
    assert (told.exit_code, orjson.loads(told.stdout)["error"]["code"]) == (1, "forked")


# -- a run that was cut off, and another loss ---------------------------------------------------


@pytest.mark.parametrize(
    ("whose", "at"),
    [
        (Recovering, "next_vkeys"),
        pytest.param(Recovering, "author", marks=pytest.mark.soak),
        pytest.param(Recovering, "countersign", marks=pytest.mark.soak),
        (recovery, "turn_key"),
        pytest.param(recovery.Memories, "keep", marks=pytest.mark.soak),
        (FirstCheckpoint, "sign"),
        pytest.param(Recovering, "finish", marks=pytest.mark.soak),
    ],
)
def test_a_run_that_was_cut_off_is_run_again(
    lost: Restored, whose: object, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind each step: the next run finds out, it is done once, and nobody stays stopped."""
    step = getattr(whose, at)
    mark = DoubtMark(Home(lost.settings).seen_folder("projector"))
    mark.leave(Wording("…", "…"))

    def cut_off(*words: object, **named: object) -> object:
        step(*words, **named)
        raise Unavailable("cut_off", Wording("…", "…"))

    with monkeypatch.context() as patched:
        patched.setattr(whose, at, cut_off)
        assert lost.recover(*REGISTRARS).exit_code == 1
    told = lost.recover(*REGISTRARS)
    if at in ("finish", "sign"):
        assert "a recovery that the log has already" in told.output
    else:
        assert told.exit_code == 0, told.output
    assert mark.reason() is None
    found = lost.audit(lost.before, lost.lost)
    assert found["ok"], found["findings"]
    assert len(found["recoveries"]) == 1


def test_a_log_is_recovered_a_second_time(lost: Restored, tmp_path: Path) -> None:
    """Later, over what was recovered: both breaks are gone over and shown, by every verifier."""
    assert lost.recover(*REGISTRARS).exit_code == 0
    twice = restored.lose_again(lost)
    (twice.settings.home / "first.checkpoint").write_bytes(lost.lost)
    everything = replace(twice, receipts=(*lost.receipts, *twice.receipts))
    kept = ["--checkpoint", str(twice.settings.home / "first.checkpoint"), *everything.keep()]
    signed = [word for alias in REGISTRARS for word in twice.key(alias)]
    said = twice.socai("log", "recover", *kept, *signed, "--reason", "The disk broke again.")
    assert said.exit_code == 0, said.output
    found = twice.audit(lost.before, lost.lost, twice.before, twice.lost)
    assert found["ok"], found["findings"]
    assert [one["size"] for one in found["recoveries"]] == [lost.size, twice.size]
    assert len(found["lost"]) == 2
    with twice.served() as service, Client("http://socai.test", http=service.http()) as line:
        for name, note, over in (
            ("first", lost.before, [None, None]),
            ("lost", lost.lost, [unverified(lost.lost), None]),
        ):
            told: list[Crossed] = []
            remembering(lost, tmp_path / name, note, told).meet(service.newest(), line)
            assert [crossed.lost for crossed in told] == over


def test_a_copy_older_than_the_last_recovery_is_recovered_too(
    loss: Restored, lost: Restored, tmp_path: Path
) -> None:
    """The recovery itself is lost: its keys end as well, and who trusts them is told."""
    assert lost.recover(*REGISTRARS).exit_code == 0
    with lost.served() as service:
        service.say(a_report(50, service.clock.now()), "hotline")
        gone, second = service.newest(), service.enclave.vkeys
    restored.replace_database(lost, by=loss)
    found = lost.recover(*REGISTRARS)
    assert found.exit_code == 0, found.output
    assert set(second) < set(orjson.loads(found.stdout)["old_vkeys"])
    assert lost.audit(gone, lost.lost, lost.before)["ok"]
    with lost.served() as service, Client("http://socai.test", http=service.http()) as line:
        told: list[Crossed] = []
        mine = remembering(replace(lost, vkeys=list(second)), tmp_path / "known", gone, told)
        mine.meet(service.newest(), line)
        assert [crossed.lost for crossed in told] == [unverified(gone)]
