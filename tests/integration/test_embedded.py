"""The embedded server: real, closed, durable, and started without a question."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import stat
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Event

import psycopg
import pytest

from api.home import EnclaveFacts, Home
from api.ops import database, embedded_postgres
from api.ops.beginning import unfounded
from api.ops.child_processes import python
from api.ops.embedded_postgres import Embedded, EmbeddedError, sync_method
from api.ops.service import database_watch
from api.ops.service.database_watch import DatabaseWatch
from api.ops.service.supervisor import Supervisor
from api.settings import Settings
from keys.custody.kek_custody import KekCustody
from ledger.errors import Fatal
from ledger.postgres import migrate
from tests.fixtures.clusters import recover_for_ten_minutes
from tests.processes import heard_as_in_a_command

_SOON_S = 30
pytestmark = [pytest.mark.postgres, pytest.mark.usefixtures("made_clusters")]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Embedded]:
    """A home of its own, stopped afterwards."""
    made = Embedded(tmp_path / "home")
    yield made
    made.stop()


def _setting(dsn: str, name: str) -> str:
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
    assert row is not None
    return str(row[0])


def test_it_keeps_checksums_fsync_and_passwords(server: Embedded) -> None:
    """What the wheel's own helper would have left open."""
    dsn = server.start()
    assert _setting(dsn, "data_checksums") == "on"
    assert _setting(dsn, "fsync") == "on"
    assert _setting(dsn, "recovery_init_sync_method") == sync_method(os.uname().release)
    assert int(_setting(dsn, "server_version_num")) >= 180_000
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(server.dsn(password="guess"))  # noqa: S106 - no password of anything


def test_starting_twice_is_starting_once_and_data_survive_a_stop(server: Embedded) -> None:
    """Any process may start it, and may find it running."""
    dsn = server.start()
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (a int)")
    assert Embedded(server._home).start() == dsn
    server.stop()
    assert not server.running
    server.stop()
    with psycopg.connect(server.start()) as connection:
        connection.execute("SELECT a FROM kept")


def test_what_it_says_does_not_fill_the_disk(
    server: Embedded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It grew with each start; two files are kept, and what is short is gone on with."""
    log, before = tmp_path / "home/pg/server.log", tmp_path / "home/pg/server.log.1"
    assert embedded_postgres._LONG_LOG == 8 << 20  # docs/operate/monitoring.md
    for most, beside in ((8 << 20, False), (1, True), (1, True), (8 << 20, True)):
        monkeypatch.setattr(embedded_postgres, "_LONG_LOG", most)
        server.start()
        server.stop()
        assert before.exists() is beside
        starts = log.read_text("utf-8").count("starting PostgreSQL")
    assert starts == 2
    assert before.read_text("utf-8").count("starting PostgreSQL") == 1


def test_its_log_names_what_failed_and_quotes_no_row(server: Embedded, tmp_path: Path) -> None:
    """Views hold in the open what acts say; a line of a log goes further than they do."""
    with psycopg.connect(server.start(), autocommit=True) as connection:
        connection.execute("CREATE TABLE shown (a text CONSTRAINT is_short CHECK (a < 'b'))")
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.execute("INSERT INTO shown VALUES ('of a citizen')")
        with (
            pytest.raises(psycopg.errors.CheckViolation),
            connection.cursor().copy("COPY shown FROM STDIN") as copying,
        ):
            copying.write("of a citizen\n")
    said = (tmp_path / "home/pg/server.log").read_text("utf-8")
    assert said.count("is_short") == 2
    assert "citizen" not in said


def test_it_starts_again_after_a_kill(server: Embedded, tmp_path: Path) -> None:
    """A kill -9 leaves a pid file and children behind; the next start waits them out."""
    server.start()
    pid = int((tmp_path / "home/pg/data/postmaster.pid").read_text().splitlines()[0])
    os.kill(pid, signal.SIGKILL)
    with psycopg.connect(server.start()) as connection:
        connection.execute("SELECT 1")


def test_what_a_killed_server_left_is_waited_for_and_no_start_is_tried_in_vain(
    server: Embedded, tmp_path: Path
) -> None:
    """Each would fail, and be waited for longer than the one before: nobody is answered meanwhile.

    Stopped as it is, a process of it does not see that its server is gone.
    """
    dsn = server.start()
    pid = int((tmp_path / "home/pg/data/postmaster.pid").read_text().splitlines()[0])
    with psycopg.connect(dsn) as left:
        os.kill(left.info.backend_pid, signal.SIGSTOP)
        os.kill(pid, signal.SIGKILL)
        with ThreadPoolExecutor(1) as pool:
            starting = pool.submit(server.start)
            wait([starting], timeout=0.5)
            os.kill(left.info.backend_pid, signal.SIGKILL)
            starting.result()
    assert "FATAL" not in (tmp_path / "home/pg/server.log").read_text("utf-8")


def test_a_number_that_is_somebody_elses_by_now_is_no_server_and_hears_nothing(
    server: Embedded, tmp_path: Path
) -> None:
    """A machine that lost its power begins to count anew: another may have it, of that account."""
    server.start()
    left = tmp_path / "home/pg/data/postmaster.pid"
    said = left.read_text("ascii").splitlines(keepends=True)
    server.stop()
    account = server._account()
    own = None if account is None else account.uid
    other = subprocess.Popen(["/bin/sleep", "600"], user=own)
    try:
        left.write_text("".join([f"{other.pid}\n", *said[1:]]), "ascii")
        if account is not None:
            os.chown(left, account.uid, account.gid)
        assert not server.running
        server.stop()
        server.break_off()
        with psycopg.connect(server.start()) as connection:
            connection.execute("SELECT 1")
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_a_server_that_hangs_is_waited_for_by_the_clock_and_until_told_otherwise(
    server: Embedded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each question hangs as well."""
    server.start()
    monkeypatch.setattr(embedded_postgres, "_START_WAIT_S", 2)
    pid = int((tmp_path / "home/pg/data/postmaster.pid").read_text().splitlines()[0])
    told = Event()
    told.set()
    with ThreadPoolExecutor(1) as pool:
        os.kill(pid, signal.SIGSTOP)
        try:
            for over in (None, told):
                with pytest.raises(EmbeddedError, match="runs and does not answer"):
                    pool.submit(server.start, over).result(timeout=20)
        finally:
            os.kill(pid, signal.SIGCONT)
    monkeypatch.undo()
    assert server.start() == server.dsn()


def test_a_server_that_hangs_is_killed_by_who_stops_it_and_keeps_what_it_had_committed(
    server: Embedded, tmp_path: Path
) -> None:
    """It hears nothing, nor do its parts; whoever asks it meanwhile stands in nobody's way."""
    pid, told = _pid_of(server, tmp_path), Event()
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (a int)")
        for one in (pid, connection.info.backend_pid):
            os.kill(one, signal.SIGSTOP)
        with ThreadPoolExecutor(2) as pool:
            asking = pool.submit(server.start, told)
            wait([asking], timeout=0.5)
            pool.submit(server.stop, 0.2).result(_SOON_S)
            told.set()
    with suppress(EmbeddedError):  # told, it may have begun anew before
        asking.result()
    with psycopg.connect(server.start()) as again:
        again.execute("SELECT a FROM kept")
    assert _pid_of(server, tmp_path) != pid


_STOPS = """
import pathlib, sys
from api.ops.embedded_postgres import Embedded
Embedded(pathlib.Path(sys.argv[1])).stop()
"""


def test_a_server_on_a_disk_that_became_read_only_is_stopped(
    server: Embedded, tmp_path: Path
) -> None:
    """As a disk that fails does: whoever was told to end said which file it was, and left it."""
    server.start()
    home = str(tmp_path / "home")
    apart = ["unshare", "--mount", "sh", "-ec", f"mount --bind '{home}' '{home}'; exec \"$@\"", "-"]
    if subprocess.run([*apart, "true"], capture_output=True, check=False).returncode:
        pytest.skip("who runs this may not mount a folder")
    read_only = [
        "sh",
        "-ec",
        f"mount -o remount,ro,bind '{home}'; ! touch '{home}/x'; exec \"$@\"",
        "-",
    ]
    stops = [*apart, *read_only, *python("-c", _STOPS, home)]
    done = subprocess.run(stops, capture_output=True, text=True, check=False)
    assert (done.returncode, server.running) == (0, False), done.stderr


def test_a_server_that_is_thrown_away_writes_nothing_more(server: Embedded, tmp_path: Path) -> None:
    """A play that was broken off took seconds to flush what was then removed."""
    with psycopg.connect(server.start(), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (a int)")
        server.abandon()
    assert not server.running
    said = (tmp_path / "home/pg/server.log").read_text("utf-8")
    assert "received immediate shutdown request" in said
    assert "checkpoint starting: shutdown" not in said
    server.abandon()
    with psycopg.connect(server.start()) as again:
        again.execute("SELECT a FROM kept")


def test_a_server_that_hangs_is_thrown_away_too(server: Embedded, tmp_path: Path) -> None:
    """It heard nothing, and went on without its folder."""
    pid = _pid_of(server, tmp_path)
    os.kill(pid, signal.SIGSTOP)
    try:
        server.abandon()
        assert not server.running
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
    assert _pid_of(server, tmp_path) != pid


def test_who_is_told_twice_to_end_leaves_no_server(
    server: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second Ctrl-C met the stop that the first had begun, and the server went on."""
    tells = Embedded._pg_ctl

    def told_again(self: Embedded, *words: str) -> object:
        if words[0] == "stop":
            signal.raise_signal(signal.SIGINT)
        return tells(self, *words)

    monkeypatch.setattr(Embedded, "_pg_ctl", told_again)
    for end in (server.stop, server.abandon):
        server.start()
        with heard_as_in_a_command(), pytest.raises(KeyboardInterrupt):
            end()
        assert not server.running


def test_a_server_that_hears_is_let_write_what_it_has(server: Embedded, tmp_path: Path) -> None:
    """One of its parts that hangs for a while is no server that does."""
    with psycopg.connect(server.start()) as connection, ThreadPoolExecutor(1) as pool:
        os.kill(connection.info.backend_pid, signal.SIGSTOP)
        stopping = pool.submit(server.stop, 2.0)
        assert not wait([stopping], timeout=2.5).done, "it has heard, and is waited for"
        os.kill(connection.info.backend_pid, signal.SIGCONT)
        stopping.result(_SOON_S)
    assert not server.running
    assert "database system is shut down" in (tmp_path / "home/pg/server.log").read_text("utf-8")


def test_the_last_of_several_commands_stops_what_one_of_them_started(server: Embedded) -> None:
    """It was whoever had started it: another audit, or a backup of the same night, lost it."""
    server.start()
    server.stop()
    serves = False
    with server.lent(lambda: serves):
        server.start()
        with server.lent(lambda: serves):
            server.start()
        assert _runs(server)
        other = ExitStack()
        other.enter_context(server.lent(lambda: serves))
    assert _runs(server), "one began while the other went on"
    other.close()
    assert not _runs(server)
    with server.lent(lambda: True):
        server.start()
    assert _runs(server), "somebody serves with it"
    with server.lent(lambda: serves):
        pass
    assert _runs(server), "nobody of these had started it"


def _runs(server: Embedded) -> bool:
    return server.running


def _pid_of(server: Embedded, tmp_path: Path) -> int:
    server.start()
    return int((tmp_path / "home/pg/data/postmaster.pid").read_text().splitlines()[0])


def test_a_service_that_was_killed_keeps_no_server_that_a_command_starts(
    server: Embedded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its note stays in the home, its lock ends with it: each audit left a server behind it."""
    monkeypatch.setattr(database, "running_facts", lambda _: server.start())
    settings = Settings.at(tmp_path / "home")
    server.start()
    server.stop()
    (settings.home / "serve.json").write_text("{}", "ascii")
    (settings.home / "api.lock").write_text("4711\n", "ascii")
    with database.reachable(settings):
        assert _runs(server)
    assert not _runs(server)
    with (settings.home / "api.lock").open("ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with database.reachable(settings):
            pass
    assert _runs(server), "somebody serves with it"


@pytest.mark.parametrize(
    ("kernel", "method"),
    [
        ("5.8.0-generic", "syncfs"),
        ("6.1", "syncfs"),
        ("5.7.19", "fsync"),
        ("4.19", "fsync"),
        ("?", "fsync"),
    ],
)
def test_all_is_synced_at_once_only_where_the_kernel_says_what_failed(
    kernel: str, method: str
) -> None:
    """An older one would keep a failed write to itself."""
    assert sync_method(kernel) == method


@pytest.mark.drill
def test_a_cluster_with_records_is_no_unfinished_one(server: Embedded, tmp_path: Path) -> None:
    """Whatever a note says that was left: its log has gone on."""
    settings = Settings.at(tmp_path / "home")
    unfounded.begin(settings, "e_x")
    with psycopg.connect(server.start(), autocommit=True) as admin:
        admin.execute("CREATE DATABASE e_x")
    with psycopg.connect(server.dsn(dbname="e_x")) as own:
        own.execute("CREATE SCHEMA log")
        own.execute("CREATE TABLE log.log_head AS SELECT 3::bigint AS size")
        own.execute("CREATE TABLE log.checkpoints (size bigint)")
    server.stop()
    with pytest.raises(Fatal, match="holds 3 records"):
        unfounded.take_away(settings, _no_custody, None)
    assert unfounded.unfinished(settings)
    with psycopg.connect(server.start()) as admin:
        assert admin.execute("SELECT 1 FROM pg_database WHERE datname = 'e_x'").fetchone()
    with psycopg.connect(server.dsn(dbname="e_x")) as own:
        own.execute("UPDATE log.log_head SET size = 2")
    unfounded.take_away(settings, _no_custody, None)
    assert not (tmp_path / "home" / "pg").exists()


def _no_custody() -> KekCustody:
    raise AssertionError("there is no KEK")


def test_its_secrets_and_data_are_nobody_elses(server: Embedded, tmp_path: Path) -> None:
    """0600 and 0700, and no password left lying about."""
    server.start()
    home = tmp_path / "home"
    assert stat.S_IMODE((home / "secrets/postgres.password").stat().st_mode) == 0o600
    assert stat.S_IMODE((home / "pg/data").stat().st_mode) == 0o700
    assert not (home / "pg/initdb.password").exists()


def test_a_home_that_never_had_a_server_has_no_port(tmp_path: Path) -> None:
    """Said, not guessed."""
    with pytest.raises(EmbeddedError):
        _ = Embedded(tmp_path).port


def test_a_long_path_falls_back_to_loopback(tmp_path: Path) -> None:
    """A socket's path holds 107 bytes; a home may be longer."""
    server = Embedded(tmp_path / ("x" * 120))
    try:
        assert server.host == "127.0.0.1"
        with psycopg.connect(server.start()) as connection:
            connection.execute("SELECT 1")
    finally:
        server.stop()


@pytest.mark.drill
def test_an_enclave_is_installed_through_a_database_without_an_encoding(server: Embedded) -> None:
    """A cluster that was made without a locale is SQL_ASCII: names are names there too."""
    dsn = server.start()
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            "CREATE DATABASE plain TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'"
        )
    passwords = dict.fromkeys(migrate.WITH_PASSWORD, "of-this-test")
    migrate.install(server.dsn(dbname="plain"), "enclave", passwords, rehearsal=True)
    with psycopg.connect(dsn) as connection:
        closed = connection.execute(
            "SELECT NOT has_database_privilege('public', 'postgres', 'CONNECT')"
        ).fetchone()
    assert closed == (True,)


def test_no_server_that_recovers_outlives_who_is_told_to_stop(
    server: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Waited for it would be five minutes, and whoever is killed meanwhile leaves it behind."""
    monkeypatch.setattr(embedded_postgres, "_START_WAIT_S", 5)
    settings = Settings.at(server._home)
    server.start()
    Home(settings).write_facts(
        EnclaveFacts("x.example/ordinary", "ordinary", False, "00" * 32, "x", {"port": 1})  # noqa: FBT003
    )
    server.stop()
    recover_for_ten_minutes(server)
    supervisor = Supervisor(settings)
    supervisor.mend()
    while not server.running:
        Event().wait(0.05)
    supervisor.stop()
    assert not server.running


def test_a_server_that_hangs_under_a_service_is_named_and_left_alone(
    server: Embedded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system takes connections for it: nobody was told, and it was started anew by nobody."""
    monkeypatch.setattr(database_watch, "_ASK_S", 0.1)
    monkeypatch.setattr(database_watch, "_SILENT_S", 3.0)
    pid, ended = _pid_of(server, tmp_path), list[int]()
    said: list[str] = []
    kept = DatabaseWatch(
        Settings.at(server._home), lambda: ended.append(pid), lambda text: said.append(str(text))
    )
    for _ in range(20):
        kept.mend()
        Event().wait(0.05)
    assert said == []
    os.kill(pid, signal.SIGSTOP)
    try:
        with _nobody_else_fits_in(server):
            _mended(kept, lambda: said)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert "hangs, or its disk does" in said[0]
    assert "end socai serve" in said[0]
    _mended(kept, lambda: len(said) > 1)
    assert said[1:] == ["The database answers again."]
    assert (_pid_of(server, tmp_path), ended) == (pid, [])
    noted = tmp_path / "home/pg/port"
    noted.rename(noted.with_suffix(".away"))
    kept._ask()  # which a service would end with
    noted.with_suffix(".away").rename(noted)


@contextmanager
def _nobody_else_fits_in(server: Embedded) -> Iterator[None]:
    """Who asks and goes stands in the queue all the same: after minutes it is full."""
    with ExitStack() as waiting:
        while True:
            one = waiting.enter_context(socket.socket(socket.AF_UNIX))
            one.settimeout(0)
            if one.connect_ex(f"{server.host}/.s.PGSQL.{server.port}"):
                break
        yield


def _mended(kept: DatabaseWatch, until: Callable[[], object]) -> None:
    for _ in range(60 * _SOON_S):
        kept.mend()
        if until():
            return
        Event().wait(0.05)
    raise AssertionError
