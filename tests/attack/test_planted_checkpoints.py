"""A checkpoint stored in the checkpointer's place: what stops, and how the operator goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from threading import Event
from typing import Any, Final, LiteralString

import psycopg
import pytest
from click.testing import CliRunner, Result

from api.cli.main import main
from api.home import Home
from api.ops import database as databases
from api.ops import loops
from api.ops.embedded_postgres import Embedded
from api.ops.wiring.checkpointer import open_checkpointer
from api.ops.wiring.projector import open_projector
from keys.custody.file import write_kek
from keys.envelope_encryption import Kek
from keys.note import Note, NoteSignature, VKey, checkpoint_text, format_note
from ledger.audit import audit
from ledger.checkpoints.seen_file import DoubtMark, SeenFile
from ledger.errors import Fatal
from ledger.log.checkpoint import unverified
from ledger.message import Wording
from ledger.postgres.checkpoints import PostgresCheckpoints, discard
from tests.attacks import attack
from tests.builders import an_act, an_id
from tests.fixtures import kept
from tests.fixtures.app import PASSPHRASE, Service, found, open_service
from tests.fixtures.postgres import make_database
from tests.smuggle import smuggler_into

pytestmark = pytest.mark.postgres
_PLANT: Final = "INSERT INTO log.tiles (level, n, width, data) VALUES (0, 0, %s, %s)"


@pytest.fixture(scope="module")
def told(postgres_server: Embedded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A log with records that no checkpoint covers; nobody has it open, and tests begin with it."""
    database = make_database(postgres_server)
    made = open_service(found(database, tmp_path_factory.mktemp("told") / "home"), database)
    made.start()
    made.hire("hotline")
    made.halt()
    for number in range(3):  # no receipt is waited for
        stream, now = f"case/{an_id(f'planted {number}')}", made.clock.now()
        act = an_act("ReportReceived", when=now, stream=stream)
        smuggler_into(made).put(made.sign(act, "hotline"), now)
    made.stop()
    database.disconnect()
    yield made
    database.close()


@pytest.fixture
def idle(told: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """The same for one test alone, and nobody who seals."""
    made = kept.opened(told, tmp_path / "home")
    monkeypatch.setattr(databases, "admin_dsn", lambda *_: made.database.server.dsn())
    yield made
    made.stop()
    made.database.close()


def _socai(service: Service, *words: str, lang: str = "en") -> Result:
    env = {"SOCAI_HOME": str(service.settings.home)}
    return CliRunner().invoke(main, ["--lang", lang, *words], env=env)


def _owner(service: Service, statement: LiteralString, *arguments: object) -> None:
    """As whoever owns the database."""
    with psycopg.connect(service.database.admin) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(statement, arguments)


def _stopped(service: Service) -> Wording:
    """Why the checkpointer stops, as its process says it."""
    assert loops.checkpoint(service.settings, Event()) == loops.ON_DOUBT
    reason = _mark(service).reason()
    assert isinstance(reason, Wording)
    return reason


def _mark(service: Service) -> DoubtMark:
    return DoubtMark(Home(service.settings).seen_folder("checkpointer"))


def _junk_in_custody(service: Service) -> None:
    """By the writer's login."""
    sealed, wrap = b"\x02" + bytes(28 + 1024), b"\x01" + bytes(76)
    with psycopg.connect(service.database.dsn("writer")) as connection:
        connection.execute(
            "SELECT log.keep_file(gen_random_uuid(), %s, %s, %s, %s, %s)",
            [bytes(32), wrap, bytes(32), sealed, wrap],
        )


def _audited(service: Service) -> int:
    return _socai(service, "log", "audit", "--no-views", "--workers", "0").exit_code


def _seal(service: Service) -> int:
    checkpointer, pool = open_checkpointer(service.settings)
    try:
        done = checkpointer.checkpoint_once()
    finally:
        pool.close()
    return 0 if done is None else done.size


def _checkpoints(service: Service) -> PostgresCheckpoints:
    return PostgresCheckpoints(service.database.pool("checkpointer"))


def _of_long_origin(service: Service) -> bytes:
    """A note of an origin that no 0x06 signature is made over, as if the log's own key had."""
    pq = next(one for one in map(VKey.parse, service.enclave.vkeys) if one.name.endswith("/pq"))
    text = checkpoint_text("x" * 300, service.size(), bytes(32))
    signed = NoteSignature(pq.name, pq.key_id, (1).to_bytes(8) + bytes(2420))
    return format_note(Note(text, (signed,)))


@attack(
    "a taken checkpointer login stores checkpoints and tiles of its own: nobody ever signs again",
    stopped_by="-",
    noticed_by="the checkpointer, readiness, log audit; log discard takes away what is not signed",
)
@pytest.mark.parametrize(
    "copied", [pytest.param(False, marks=pytest.mark.soak), True], ids=["junk", "an older note"]
)
def test_what_the_log_did_not_sign_is_taken_away(idle: Service, copied: bool) -> None:  # noqa: FBT001 - of the parameters
    """Nothing else is: what it signed stands, and the checkpointer goes on from there."""
    thief, size = _checkpoints(idle), idle.size()
    stood = thief.latest()
    assert stood is not None
    note = stood[1] if copied else b"none of the log's\n"
    thief.advance(stood[0], size - 1, bytes(32), note, [(0, 0, size - 1, bytes(32 * (size - 1)))])
    another = _of_long_origin(idle) if copied else b"another\n"
    thief.advance(size - 1, size, bytes(32), another, [])
    with pytest.raises(Fatal, match="socai log discard"):
        _seal(idle)
    assert _audited(idle) == 1
    done = _socai(idle, "log", "discard")
    assert (done.exit_code, "2 checkpoints and 1 tile are" in done.output) == (0, True), done.output
    assert "socai log resume" in done.output
    assert thief.latest() == stood
    kept = Home(idle.settings).seen_folder("checkpointer").glob("discarded-*")
    assert {path.read_bytes() for path in kept} == {note, another}
    assert _seal(idle) == size
    assert _audited(idle) == 0
    signed = thief.latest()
    again = _socai(idle, "log", "discard", lang="vi")
    assert (again.exit_code, "Không bỏ gì" in again.output) == (0, True), again.output
    assert thief.latest() == signed


@attack(
    "a taken checkpointer login stores a checkpoint for each record, each as long as can be:"
    " whoever takes them away runs out of memory",
    stopped_by="log discard, which leaves them in the server; a bound on each",
    noticed_by="the checkpointer, readiness, log audit",
)
def test_as_many_as_somebody_stored_are_taken_away(
    idle: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few are fetched at a time, and of each nothing but its digest is kept."""
    thief, size = _checkpoints(idle), idle.size()
    stood = thief.latest()
    assert stood is not None
    with pytest.raises(Fatal, match="CheckViolation"):
        thief.advance(stood[0], size - 1, bytes(32), bytes(16_385), [])
    thief.advance(stood[0], size - 1, bytes(32), bytes(16_384), [])
    thief.advance(size - 1, size, bytes(32), b"another\n", [])
    opened: list[psycopg.Connection[Any]] = []
    connect, admin = psycopg.connect, idle.database.admin

    def kept(*arguments: Any, **more: Any) -> psycopg.Connection[Any]:  # noqa: ANN401 - as `connect`
        opened.append(connect(*arguments, **more))
        return opened[-1]

    waiting: list[object] = []

    def signed(size: int, _: bytes) -> bool:
        waiting.append(opened[-1].execute("SELECT count(*) FROM pg_cursors").fetchone())
        return size == stood[0]

    monkeypatch.setattr(psycopg, "connect", kept)
    kept_aside: list[tuple[int, bytes]] = []
    done = discard(
        admin, idle.database.slug, signed, lambda *one: kept_aside.append(one), bare=False
    )
    assert waiting == [(1,)] * 3
    assert len(kept_aside) == 2
    assert done.gone == [
        (size, sha256(b"another\n").hexdigest()),
        (size - 1, sha256(bytes(16_384)).hexdigest()),
    ]


def test_what_the_log_signed_is_never_taken_away(idle: Service) -> None:
    """Not where its row says something else: the audit names that, and somebody has to look."""
    size = _seal(idle)
    _owner(idle, "UPDATE log.checkpoints SET size = size - 1 WHERE size = %s", size)
    before = _checkpoints(idle).latest()
    assert _socai(idle, "log", "discard").exit_code == 0
    assert _checkpoints(idle).latest() == before


@attack(
    "a taken checkpointer login stores a checkpoint of its own, so that no act is taken any more",
    stopped_by="records are held to what was signed, which a note that was not says nothing of",
    noticed_by="readiness, check log, with every other check beside it; the checkpointer's stop",
)
@pytest.mark.parametrize("harm", ["junk", pytest.param("an older note", marks=pytest.mark.soak)])
def test_a_planted_checkpoint_is_named_by_readiness_and_shuts_no_door(
    idle: Service, harm: str
) -> None:
    """The checkpointer alone stops: acts are taken, views move, and what to do is said."""
    true = {check["name"]: check for check in _checks(idle)}
    assert true["log"]["ok"], true
    size, signed = idle.size(), _checkpoints(idle).latest()
    assert signed is not None
    idle.token("hotline")  # a client asks for the log's name first, which answers 500 from now on
    note = b"junk\n" if harm == "junk" else signed[1]
    _owner(idle, "INSERT INTO log.checkpoints VALUES (%s, %s, %s)", size, bytes(32), note)
    told = {check["name"]: check for check in _checks(idle)}
    assert told.keys() == true.keys()
    assert not told["log"]["ok"]
    assert "socai log discard" in told["log"]["detail"]
    assert told["database"] == true["database"]
    assert told["checkpointer"]["detail"] == true["checkpointer"]["detail"]
    act = an_act("ReportReceived", when=idle.clock.now(), stream=f"case/{an_id('after it')}")
    unproven = {"Prefer": "respond-async"}  # no proof comes, and it waits for none
    projector, _, pool = open_projector(idle.settings)
    with closing(pool), closing(projector):
        projector.catch_up()  # who takes part was known last when the copy's original was made
        idle.send(idle.sign(act, "hotline"), "hotline", unproven)
        assert idle.size() == size + 1
        projector.catch_up()
    assert loops.checkpoint(idle.settings, Event()) == loops.ON_DOUBT


def _checks(service: Service) -> list[dict[str, Any]]:
    """What readiness says, check by check."""
    found: list[dict[str, Any]] = service.readiness("log").get_json()["checks"]
    return found


@attack(
    "a tile is planted where the tree comes by next, so that a stopped checkpointer never goes on",
    stopped_by="-",
    noticed_by="the checkpointer's mark, log audit; log discard, then log resume",
)
def test_a_stop_over_a_planted_tile_has_a_way_back(idle: Service, tmp_path: Path) -> None:
    """The checkpointer has signed by then what it could not store: it is stored later, as it is."""
    size, known = idle.size(), tmp_path / "known"
    known.write_bytes((_checkpoints(idle).latest() or (0, b""))[1])
    _owner(idle, _PLANT, size, bytes(32 * size))
    reason = _stopped(idle)
    for told in (reason.vi, reason.en):
        assert told.index("socai log discard") < told.index("socai log resume")
    assert ("đổi mật khẩu" in reason.vi, "change the checkpointer's password" in reason.en) == (
        True,
    ) * 2
    kept = SeenFile(Home(idle.settings).seen_folder("checkpointer")).read()
    assert unverified(kept or b"").size == size
    refused = _socai(idle, "log", "resume")
    assert (refused.exit_code, "socai log discard" in refused.output) == (1, True), refused.output
    done = _socai(idle, "log", "discard")
    assert (done.exit_code, "0 checkpoints and" in done.output) == (0, True), done.output
    assert _socai(idle, "log", "remember", str(known)).exit_code == 0
    resumed = _socai(idle, "log", "resume")
    assert resumed.exit_code == 0, resumed.output
    assert _seal(idle) == size
    assert _checkpoints(idle).latest() == (size, kept)
    assert _audited(idle) == 0


def test_a_stop_over_a_planted_checkpoint_says_so_in_both_languages(idle: Service) -> None:
    """Whoever is on duty reads the decisive steps in their own language."""
    size = idle.size()
    _owner(idle, "INSERT INTO log.checkpoints VALUES (%s, %s, %s)", size, bytes(32), b"junk\n")
    reason = _stopped(idle)
    for told in (reason.vi, reason.en):
        assert told.index("socai log discard") < told.index("socai log resume")
    assert "đổi mật khẩu của bộ ký" in reason.vi


@pytest.mark.parametrize(
    "harm", ["another kek", pytest.param("a wrap gone", marks=pytest.mark.soak)]
)
def test_where_the_keys_of_the_log_cannot_be_told_nothing_is_taken_away(
    idle: Service, harm: str
) -> None:
    """What cannot be asked is not unsigned."""
    _seal(idle)
    if harm == "another kek":
        path = Home(idle.settings).key_path("kek")
        path.unlink()
        write_kek(path, Kek.generate(), PASSPHRASE, t=1, p=1, m_kib=64)
    else:
        _owner(idle, "DELETE FROM log.wraps WHERE index = 1")
    before = _checkpoints(idle).latest()
    done = _socai(idle, "log", "discard")
    assert done.exit_code in (1, 2), done.output
    assert _checkpoints(idle).latest() == before


@pytest.mark.parametrize("knows", [True, False], ids=["the checkpointer remembers", "nobody does"])
def test_a_log_none_of_whose_checkpoints_is_its_own_is_not_emptied(
    idle: Service, *, knows: bool
) -> None:
    """Unless the checkpointer's memory shows that the keys are the log's: then it goes on."""
    size = _seal(idle)
    memory = SeenFile(Home(idle.settings).seen_folder("checkpointer"))
    kept = memory.read()
    _owner(idle, "UPDATE log.checkpoints SET note = 'junk'")
    if not knows:
        memory.path.unlink()
    done = _socai(idle, "log", "discard")
    if knows:
        assert done.exit_code == 0, done.output
        assert _seal(idle) == size
        assert _checkpoints(idle).latest() == (size, kept)
    else:
        assert done.exit_code == 1, done.output
        assert _checkpoints(idle).latest() == (size, b"junk")


def test_a_log_without_checkpoints_is_not_said_to_have_signed_one(idle: Service) -> None:
    """Nobody is told that all is well where nothing is stored."""
    _owner(idle, "DELETE FROM log.checkpoints")
    _owner(idle, "DELETE FROM log.tiles")
    done = _socai(idle, "log", "discard")
    assert (done.exit_code, "no checkpoint is stored" in done.output) == (0, True), done.output


def test_what_the_stop_was_not_about_keeps_nobody_from_going_on(idle: Service) -> None:
    """Junk in the custody of files is named for good, by the audit and here; the log is whole."""
    _seal(idle)
    _junk_in_custody(idle)
    _mark(idle).leave(Wording("trước đó", "before"))
    assert _audited(idle) == 1
    resumed = _socai(idle, "log", "resume")
    assert resumed.exit_code == 0, resumed.output
    assert ("custody" in resumed.output, "Sound" in resumed.output) == (True, False)
    assert _mark(idle).reason() is None
    vi = _socai(idle, "log", "audit", "--no-views", "--workers", "0", lang="vi").output
    assert (vi.count("sự kiện lưu giữ tệp bị sửa"), "does not hold" in vi) == (2, False)


def test_no_junk_beside_the_log_hides_what_is_wrong_with_it(
    idle: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many findings there are, those of the log are told."""
    monkeypatch.setattr(audit, "_MOST_FINDINGS", 1)
    size = _seal(idle)
    _junk_in_custody(idle)
    _owner(idle, _PLANT, size + 1, bytes(32 * (size + 1)))
    _mark(idle).leave(Wording("trước đó", "before"))
    assert _socai(idle, "log", "resume").exit_code == 1
    assert _checkpoints(idle).latest() == (size, _checkpoints(idle).at(size))


def test_a_machine_with_one_process_is_told_for_that_one(idle: Service, tmp_path: Path) -> None:
    """A checkpoint known from elsewhere goes to whoever can be asked about it here."""
    known = tmp_path / "known"
    known.write_bytes((_checkpoints(idle).latest() or (0, b""))[1])
    for login in ("reader", "projector"):
        (idle.settings.secrets_dir / f"{login}.password").unlink()
    told = _socai(idle, "log", "remember", str(known))
    assert (told.exit_code, "remembered for checkpointer;" in told.output) == (0, True), told.output
    (idle.settings.secrets_dir / "checkpointer.password").unlink()
    assert _socai(idle, "log", "remember", str(known)).exit_code == 2


def test_a_record_set_aside_is_said_to_be_voided(idle: Service) -> None:
    """No database is put back for it."""
    stream, now = f"case/{an_id('planted 0')}", idle.clock.now()
    closing = an_act("CaseClosed", by="hotline", also=[], when=now, stream=stream)
    smuggler_into(idle).put(idle.sign(closing, "hotline"), now)
    _seal(idle)
    _mark(idle).leave(Wording("trước đó", "before"))
    refused = _socai(idle, "log", "resume")
    assert (refused.exit_code, f"socai log void {idle.size() - 1}" in refused.output) == (1, True)
    assert "right database" not in refused.output
