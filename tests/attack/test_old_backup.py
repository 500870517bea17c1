"""A database is replaced by an older copy of itself, under a service that runs or before it starts.

The copies are real (`CREATE DATABASE … TEMPLATE`), and so are logins, files and processes' parts.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any, Final

import orjson
import psycopg
import pytest
from click.testing import CliRunner, Result
from psycopg import sql

from api.cli.main import main
from api.home import Home
from api.ops import loops
from api.ops.wiring.checkpointer import open_checkpointer
from api.ops.wiring.followed_log import followed_log
from api.ops.wiring.key_files import open_kek
from api.ops.wiring.projector import open_projector
from api.settings import SettingsError, child_environment
from ledger.checkpoints.seen_file import DoubtMark, SeenFile
from ledger.errors import Doubt
from ledger.log.checkpoint import unverified
from ledger.log.statement import flattened
from ledger.message import Wording
from ledger.postgres.records import PostgresRecords
from ledger.write.commands import Ledger
from ledger.write.followed_log import FollowedLog
from tests.a_ledger import a_report
from tests.attacks import attack
from tests.builders import DIGEST, Others
from tests.examples import share
from tests.fixtures.app import Service
from tests.fixtures.clock import CountingEntropy
from tests.fixtures.postgres import file_copy
from tests.processes import free_port
from tests.waiting import until

pytestmark = pytest.mark.postgres
ROOT: Final = Path(__file__).parents[2]
_HARMS: Final = (("gone", None), ("empty", b""), ("junk", b"junk"))
"""What becomes of a memory."""
_OPEN: Final = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true")
_SHUT: Final = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false")


class Backups:
    """Copies of one service's database, and putting them in its place."""

    def __init__(self, service: Service) -> None:
        self._server = service.database.server.dsn()
        self._name = service.database.name
        self._copies: list[str] = []

    def take(self) -> str:
        """A copy as it is now; whoever is connected is thrown out and comes back by itself."""
        copy = self._another()
        with self._alone() as admin:
            file_copy(admin, self._name, copy)
            admin.execute(_OPEN.format(sql.Identifier(self._name)))
        return copy

    def put_back(self, copy: str) -> str:
        """The copy stands in the database's place; the name of what stood there."""
        aside = self._another()
        names = sql.Identifier(self._name), sql.Identifier(aside)
        with self._alone() as admin:
            admin.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(*names))
            admin.execute(_OPEN.format(sql.Identifier(aside)))
            file_copy(admin, copy, self._name)
        return aside

    def drop(self) -> None:
        """Nothing is left in the run's cluster."""
        with psycopg.connect(self._server, autocommit=True) as admin:
            for copy in self._copies:
                name = sql.Identifier(copy)
                admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))

    def _another(self) -> str:
        self._copies.append(f"{self._name}_{len(self._copies)}")
        return self._copies[-1]

    @contextmanager
    def _alone(self) -> Iterator[psycopg.Connection]:
        """Nobody is connected, and nobody comes in."""
        with psycopg.connect(self._server, autocommit=True) as admin:
            admin.execute(_SHUT.format(sql.Identifier(self._name)))
            until(lambda: not _thrown_out(admin, self._name), "connections do not end")
            yield admin


_NOBODY: Final = "00000000-0000-4000-8000-000000000000"


def _thrown_out(admin: psycopg.Connection, name: str) -> int:
    """How many were connected until now."""
    query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
    return len(admin.execute(query, [name]).fetchall())


@pytest.fixture
def backups(service: Service) -> Iterator[Backups]:
    """Of a service with somebody in post who can act."""
    service.hire("hotline", "cv")
    made = Backups(service)
    yield made
    made.drop()


def _report(service: Service, number: int) -> dict[str, Any]:
    """An act that is taken and proven, also where the database was away a moment ago."""
    statement = service.sign(a_report(number, service.step(minutes=1)), "hotline")
    answers: list[Any] = []

    def taken() -> bool:
        answers.append(service.send(statement, "hotline"))
        return answers[-1].status_code in (200, 201)

    until(taken, "not taken")
    body: dict[str, Any] = answers[-1].get_json()
    return body


def _refused(service: Service, number: int) -> str:
    """The problem of an act that is not taken.

    Who sends while connections die is told that nobody knows: it may stand in the old database.
    """
    act = a_report(number, service.step(minutes=1))
    statement = service.sign(act, "hotline", head=(1, None))
    answers: list[Any] = []

    def known() -> bool:
        answers.append(service.send(statement, "hotline"))
        return bool(answers[-1].get_json()["code"] != "database_unavailable")

    until(known, "nobody knows")
    answer = answers[-1]
    assert (answer.status_code, answer.get_json()["recorded"]) == (503, "nothing")
    assert int(answer.headers["Retry-After"]) >= 30, answer.get_json()["code"]
    return str(answer.get_json()["code"])


def _by_a_taken_writer(service: Service, number: int) -> None:
    """An act that goes in by the writer's login and the KEK, past the API."""
    facts = service.enclave.facts
    ledger = Ledger(
        store=PostgresRecords(service.database.pool("writer")),
        appender=service.database.appender(),
        kek=open_kek(service.settings),
        clock=service.clock,
        entropy=CountingEntropy(f"taken {number}"),
        cases=Others(),
        origin=facts.origin,
        level=facts.level,
        rehearsal=True,
    )
    act = a_report(number, service.step(minutes=1))
    statement = service.sign(act, "hotline", head=(1, None))
    ledger.record(orjson.dumps(flattened(statement)), at=service.clock.now())


def _roots(service: Service, database: str | None = None) -> dict[int, bytes]:
    """Every root that is stored as signed, by size."""
    dsn = service.database.server.dsn(dbname=database or service.database.name)
    with psycopg.connect(dsn) as connection:
        return dict(connection.execute("SELECT size, root FROM log.checkpoints").fetchall())


def _records(service: Service) -> int:
    with psycopg.connect(service.database.admin) as connection:
        row = connection.execute("SELECT count(*) FROM log.records").fetchone()
    return int(row[0]) if row else 0


def _log_is_as_seen(service: Service) -> bool | None:
    """What readiness says of it; None where it could not even ask."""
    checks = service.client.get("/health/ready").get_json()["checks"]
    return next((bool(check["ok"]) for check in checks if check["name"] == "log"), None)


def _why_not_ready(service: Service) -> str:
    """What readiness says of the log, which is in doubt."""
    answer = service.readiness("log", "en")
    (said,) = [one for one in answer.get_json()["checks"] if one["name"] == "log"]
    assert (answer.status_code, said["ok"]) == (503, False)
    return str(said["detail"])


def _seal(service: Service) -> int:
    """The checkpointer as a process runs it; told to stop at once, unless it stops by itself."""
    stop = Event()
    stop.set()
    mark = DoubtMark(Home(service.settings).seen_folder("checkpointer"))
    if mark.reason() is None:
        checkpointer, pool = open_checkpointer(service.settings)
        with closing(pool):
            try:
                checkpointer.checkpoint_once()
            except Doubt:
                stop.clear()  # the same doubt, in a process of its own, leaves the mark
    return loops.checkpoint(service.settings, stop)


def _projected(service: Service) -> int:
    """As `_seal`, for the projector."""
    stop = Event()
    stop.set()
    mark = DoubtMark(Home(service.settings).seen_folder("projector"))
    if mark.reason() is None:
        try:
            _project(service)
        except Doubt:
            stop.clear()
    return loops.project(service.settings, stop)


def _project(service: Service) -> None:
    projector, _, pool = open_projector(service.settings)
    with closing(pool), closing(projector):
        projector.catch_up()


def _seen(service: Service, role: str) -> SeenFile:
    return SeenFile(Home(service.settings).seen_folder(role))


def _followed(service: Service) -> FollowedLog:
    """The log as one who follows it opens it, by the settings of its home alone."""
    application: Any = followed_log(service.settings)
    made: FollowedLog = application()
    return made


def _size(note: bytes | None) -> int:
    return 0 if note is None else unverified(note).size


def socai(service: Service, *words: str) -> Result:
    """One call of the command line, in this process."""
    env = {"SOCAI_HOME": str(service.settings.home)}
    return CliRunner().invoke(main, ["--lang", "en", *words], env=env)


@attack(
    "the database is replaced by an old backup under the running service",
    stopped_by="what checkpointer, API and projector have seen, kept outside the database",
    noticed_by="503 log_in_doubt, readiness, exit 70 and its mark",
)
def test_an_old_backup_under_a_running_service_is_not_gone_on_from(
    service: Service, backups: Backups
) -> None:
    """No act, no root, no view; reading goes on; then the truth comes back."""
    old = backups.take()
    for number in (1, 2, 3):
        receipt = _report(service, number)
    until(lambda: _size(_seen(service, "projector").read()) > receipt["index"], "not yet seen")
    true = backups.put_back(old)
    size = _records(service)
    assert receipt["index"] >= size
    assert _refused(service, 4) == "log_in_doubt"
    until(lambda: _log_is_as_seen(service) is False, "readiness does not say so")
    assert f"signed over, {size} records are there" in _why_not_ready(service)
    assert service.get("/v1/log").status_code == 200
    until(lambda: len(service.stopped) == 2, "checkpointer and projector go on")
    assert all(isinstance(stopped, Doubt) for stopped in service.stopped)
    assert _refused(service, 5) == "log_in_doubt"
    assert _records(service) == size
    assert _roots(service).items() <= _roots(service, true).items()
    # nobody starts them anew: not over the old copy …
    assert _seal(service) == loops.ON_DOUBT
    with pytest.raises(Doubt):
        _project(service)
    for words in (("log", "resume"), ("log", "audit", "--no-views", "--workers", "0")):
        told = socai(service, *words)
        assert told.exit_code == 1
        assert "the log is shorter" in told.output
    # … and a restart alone does not start the checkpointer over the right one either
    backups.put_back(true)
    assert _seal(service) == loops.ON_DOUBT
    assert socai(service, "log", "resume").exit_code == 0
    until(lambda: _log_is_as_seen(service) is True, "it is right again")
    service.start()
    again = _report(service, 6)
    assert again["proof"]["size"] > receipt["index"] + 1


def test_whoever_writes_into_an_old_backup_is_told_which_it_is(
    service: Service, backups: Backups
) -> None:
    """Also where nobody looked meanwhile, and the old copy does not know what they see.

    Its views were behind its log, as they are a moment after an act: else the act came as far as
    the log, where the doubt is found whoever asks.
    """
    old = backups.take()
    index = _report(service, 1)["index"]
    until(lambda: _size(_seen(service, "projector").read()) > index, "not yet seen")
    service.enclave.watch.close()
    backups.put_back(old)
    until(lambda: len(service.stopped) == 2, "checkpointer and projector go on")
    with psycopg.connect(service.database.admin) as admin:
        admin.execute("UPDATE sec.beat SET at = at - interval '1 hour'")
        admin.execute("UPDATE proj.views SET position = position - 1 WHERE view = 'audience'")
    assert _refused(service, 2) == "log_in_doubt"


@attack(
    "an old backup is written on with the writer's login until it is longer than what was seen",
    stopped_by="the root at the size last seen",
    noticed_by="readiness, exit 70 and its mark",
)
def test_an_old_backup_that_grew_past_what_was_seen_is_another_log(
    service: Service, backups: Backups
) -> None:
    """Well-formed acts, and more of them: no length makes it the log that was proven."""
    old = backups.take()
    for number in (1, 2):
        _report(service, number)
    seen = _size(_seen(service, "checkpointer").read())
    until(lambda: _size(_seen(service, "projector").read()) >= seen, "not yet seen")
    backups.put_back(old)
    signed = _roots(service)
    for number in range(10, 16):
        _by_a_taken_writer(service, number)
    assert _records(service) > seen
    assert _refused(service, 4) == "log_in_doubt"
    until(lambda: len(service.stopped) == 2, "checkpointer and projector go on")
    assert _seal(service) == loops.ON_DOUBT
    assert _roots(service) == signed
    assert socai(service, "log", "resume").exit_code == 1


@attack(
    "whoever stole the log's keys and owns the database puts another history there, as long and"
    " signed by the log: officers and citizens read on in it, and paper for court is made of it",
    stopped_by="what the API has seen: nothing is recorded, printed or given out as a copy",
    noticed_by="whoever reads: each answer (`Log-In-Doubt`), page and command; readiness, exit 70",
)
def test_whoever_reads_in_another_history_is_told(
    service: Service, backups: Backups, tmp_path: Path
) -> None:
    """Also where it is signed as the true one is; and nobody once the true one is there again."""
    old = backups.take()
    index = _report(service, 1)["index"]
    until(lambda: _size(_seen(service, "projector").read()) > index, "not yet seen")
    assert "Log-In-Doubt" not in service.get("/v1/log").headers
    true = backups.put_back(old)
    until(lambda: len(service.stopped) == 2, "checkpointer and projector go on")
    _by_a_taken_writer(service, 10)
    thief = replace(service.settings, seen_dir=tmp_path)
    with psycopg.connect(service.database.admin) as connection:
        found = connection.execute("SELECT note FROM log.checkpoints ORDER BY size DESC LIMIT 1")
        ((note,),) = found.fetchall()
    SeenFile(Home(thief).seen_folder("checkpointer")).write(note)
    checkpointer, pool = open_checkpointer(thief)
    with closing(pool):
        checkpointer.checkpoint_once()
    theirs, ours = _roots(service), _roots(service, true)
    assert max(theirs) == max(ours) == index + 1
    assert theirs[index + 1] != ours[index + 1]
    until(lambda: "another root" in _why_not_ready(service), "readiness does not say so")
    for path in ("/v1/log", "/v1/public/acts", "/v1/cases", f"/v1/acts/{_NOBODY}"):
        assert service.get(path, "cv").headers.get("Log-In-Doubt") == "?1", path
    page = service.client.get("/", headers={"Accept-Language": "en"}).get_data(as_text=True)
    assert page.count("IN DOUBT") == 2
    copies = f"/v1/acts/{_NOBODY}/attachments/{DIGEST}/copies"
    for leaves in (
        service.get(f"/v1/cases/{_NOBODY}/print.pdf", permit=_NOBODY),
        service.client.post(copies, json={"permit": _NOBODY}, headers=service.headers("cv")),
    ):
        assert (leaves.status_code, leaves.get_json()["code"]) == (503, "log_in_doubt")
    backups.put_back(true)
    until(lambda: _log_is_as_seen(service) is True, "it is right again")
    assert "Log-In-Doubt" not in service.get("/v1/log").headers
    assert "IN DOUBT" not in service.client.get("/").get_data(as_text=True)


@attack(
    "an old backup grows past what a follower was told of the log",
    stopped_by="what followers have seen, held to with each section of the log",
    noticed_by="the follower, which ends with Doubt",
)
def test_a_follower_is_told_nothing_of_another_log(service: Service, backups: Backups) -> None:
    """Its position alone fits: the copy is longer. Neither at work nor started again it goes on."""
    old = backups.take()
    for number in (1, 2):
        _report(service, number)
    with closing(_followed(service)) as app:
        followed = app.recorder.select_notifications(None, 1_000)[-1].id
        assert _size(_seen(service, "follower").read()) == followed == service.size()
        backups.put_back(old)
        for number in range(10, 16):
            _by_a_taken_writer(service, number)
        assert _records(service) > followed
        with pytest.raises(Doubt, match="signed over"):
            app.recorder.select_notifications(followed, 10)
    with closing(_followed(service)) as again:
        assert (again.recorder.max_notification_id() or 0) > followed
        with pytest.raises(Doubt, match="signed over"):
            again.recorder.select_notifications(followed, 10)
        with (
            again.recorder.subscribe(gt=followed) as subscription,
            pytest.raises(Doubt, match="signed over"),
        ):
            next(subscription)


def test_who_follows_without_a_memory_is_told_how_to_get_one(service: Service) -> None:
    """A log that nobody here knows is not taken for the right one."""
    _seen(service, "follower").path.unlink()
    with pytest.raises(SettingsError, match="socai log remember"):
        _followed(service)


@attack(
    "a machine without memory is started over an old backup",
    stopped_by="no start without the last known checkpoint, which the log must hold",
    noticed_by="the command's sentence, exit 2",
)
def test_a_new_machine_never_starts_blindly(
    service: Service, backups: Backups, tmp_path: Path
) -> None:
    """It asks for the last known checkpoint, takes none but this log's, and holds the log to it."""
    old = backups.take()
    _report(service, 1)
    known = tmp_path / "known"
    known.write_bytes(service.client.get("/logs/acts/checkpoint").get_data())
    true = backups.put_back(old)
    service.stop()
    folder = Home(service.settings).seen_folder("checkpointer")
    (folder / "checkpoint").rename(tmp_path / "lost")
    with pytest.raises(SettingsError, match="--checkpoint"):
        open_checkpointer(service.settings)
    blind = socai(service, "serve", "--role", "checkpointer")
    assert (blind.exit_code, blind.output.count("\n")) == (2, 1)
    assert "--checkpoint" in blind.output
    (tmp_path / "foreign").write_bytes(known.read_bytes().replace(b"bacninh", b"bacnin\xc3\xa8"))
    foreign = socai(
        service, "serve", "--role", "checkpointer", "--checkpoint", str(tmp_path / "foreign")
    )
    assert foreign.exit_code == 1
    assert _seen(service, "checkpointer").read() is None
    for words in (("serve", "--role", "checkpointer", "--checkpoint"), ("log", "remember")):
        held = socai(service, *words, str(known))
        assert held.exit_code == 1
        assert "records are there" in held.output
        assert _seen(service, "checkpointer").read() is None
    backups.put_back(true)
    assert socai(service, "log", "remember", str(known)).exit_code == 0
    assert _seen(service, "checkpointer").read() == known.read_bytes()
    assert socai(service, "log", "resume", "--checkpoint", str(known)).exit_code == 0
    assert _seal(service) == 0


@attack(
    "a supervisor, or whoever is on duty, starts a checkpointer again that stopped on doubt",
    stopped_by="the mark in its folder, which only an audit takes away",
    noticed_by="exit 70, the command's sentence, socai health",
)
def test_no_restart_makes_a_stopped_checkpointer_forget(service: Service) -> None:
    """Processes of their own, as an init would: all together, and the checkpointer alone."""
    service.hire("hotline")
    until(lambda: service.size() in _roots(service), "the last record has no checkpoint yet")
    signed = _roots(service)
    mark = DoubtMark(Home(service.settings).seen_folder("checkpointer"))
    mark.leave(Wording("hai gốc cho cỡ 5", "two roots for size 5"))
    environment = child_environment(replace(service.settings, port=free_port()))
    words = [sys.executable, "-m", "api.cli.main", "--lang", "en", "serve"]
    for role, status in (("all", 1), ("checkpointer", loops.ON_DOUBT)):
        done = subprocess.run(
            [*words, "--role", role],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == status
        assert "two roots for size 5" in done.stderr
        assert "socai log resume" in done.stderr
    for lang, reason in (("en", "two roots for size 5"), ("vi", "hai gốc cho cỡ 5")):
        ready = service.readiness("log", lang)
        assert (ready.status_code, reason in ready.text) == (503, True)
    unwell = socai(service, "health", "--role", "checkpointer")
    assert (unwell.exit_code, "two roots for size 5" in unwell.output) == (1, True)
    assert "hai gốc cho cỡ 5" in socai(service, "log", "resume", "--lang", "vi").stderr
    assert mark.reason() is None  # the log was sound all the time
    assert _roots(service) == signed


@attack(
    "what the home has seen is damaged, emptied or taken away",
    stopped_by="a memory that does not open is doubt, not an empty log",
    noticed_by="503 log_in_doubt, readiness, exit 70",
)
@pytest.mark.parametrize(
    "harm", [pytest.param(one, id=name) for name, one in share(_HARMS, 3, "memories")]
)
def test_a_damaged_memory_is_doubt(service: Service, harm: bytes | None, tmp_path: Path) -> None:
    """Whoever could make the service forget could restore what he likes; an operator finds back."""
    service.hire("hotline")
    known = tmp_path / "known"
    files = [_seen(service, role) for role in ("api", "checkpointer")]
    # nobody is about to write what is harmed here
    until(lambda: {_size(file.read()) for file in files} == {service.size()}, "not yet seen")
    for path in (file.path for file in files):
        path.unlink()
        if harm is not None:
            path.write_bytes(harm)
    until(lambda: _log_is_as_seen(service) is False, "readiness does not say so")
    assert _refused(service, 1) == "log_in_doubt"
    until(lambda: bool(service.stopped), "the checkpointer goes on")
    if harm is not None:
        assert _seal(service) == loops.ON_DOUBT
    # the way back, by what each command says: the log must hold what is named
    for words in (("log", "resume"), ("log", "audit", "--no-views", "--workers", "0")):
        told = socai(service, *words)
        assert told.exit_code == (0 if harm is None else 1)
        named = any(str(file.path) in told.output for file in files)
        assert (named, "socai log remember" in told.output) == (harm is not None,) * 2
    known.write_bytes(service.client.get("/logs/acts/checkpoint").get_data())
    remembered = socai(service, "log", "remember", str(known), "--json")
    assert remembered.exit_code == 0, remembered.output
    aside = [Path(path) for path in orjson.loads(remembered.stdout)["set_aside"]]
    assert [path.read_bytes() for path in aside] == ([] if harm is None else [harm, harm])
    assert socai(service, "log", "resume").exit_code == 0
    assert _seal(service) == 0
    until(lambda: _log_is_as_seen(service) is True, "it is right again")


@attack(
    "a projector is held over an old backup, or over a spoilt memory, and nobody looks",
    stopped_by="the mark in its folder, which only an audit takes away",
    noticed_by="socai health, exit 70, readiness",
)
@pytest.mark.parametrize(
    "harm", [None, pytest.param(b"junk", marks=pytest.mark.soak)], ids=["old backup", "spoilt"]
)
def test_a_projector_that_stopped_on_doubt_says_so(
    service: Service, backups: Backups, harm: bytes | None
) -> None:
    """It stays stopped over the right database too, the command it names clears it."""
    old = backups.take()
    receipt = _report(service, 1)
    until(lambda: _size(_seen(service, "projector").read()) > receipt["index"], "not yet seen")
    seen = _seen(service, "projector").read()
    assert seen is not None
    true = backups.put_back(old)
    until(lambda: len(service.stopped) == 2, "checkpointer and projector go on")
    if harm is not None:
        backups.put_back(true)
        _seen(service, "projector").write(harm)
    for _ in range(2):  # it stops by itself, and then for its mark
        assert _projected(service) == loops.ON_DOUBT
    unwell = socai(service, "health", "--role", "projector")
    assert unwell.exit_code == 1, unwell.output
    refused = socai(service, "serve", "--port", str(free_port()))
    assert (refused.exit_code, "socai log resume" in refused.output) == (1, True)
    assert socai(service, "log", "resume").exit_code == 1
    if harm is None:
        backups.put_back(true)
    else:
        _seen(service, "projector").write(seen)
    assert _projected(service) == loops.ON_DOUBT
    assert socai(service, "log", "resume").exit_code == 0
    assert _projected(service) == 0


def test_resume_looks_also_where_no_process_left_a_mark(service: Service, backups: Backups) -> None:
    """Stopped, restored and asked: "nothing is in doubt" is an answer of the log, not of a file."""
    old = backups.take()
    receipt = _report(service, 1)
    for role in ("api", "projector"):
        seen = _seen(service, role)
        until(lambda: _size(seen.read()) > receipt["index"], "not yet seen")  # noqa: B023
    service.stop()
    true = backups.put_back(old)
    looked = socai(service, "log", "resume", "--json")
    assert looked.exit_code == 1, looked.output
    told = orjson.loads(looked.stdout)
    assert (told["ok"], set(told["doubts"])) == (False, {"api", "checkpointer", "projector"})
    assert "tail_missing" in [one["kind"] for one in told["audit"]["findings"]]
    backups.put_back(true)
    well = socai(service, "log", "resume", "--json")
    assert orjson.loads(well.stdout) == {"ok": True, "cleared": []}
