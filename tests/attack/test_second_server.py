"""Who comes second: to a port that is held, to a home that is served, after a kill."""

from __future__ import annotations

import fcntl
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner, Result

from api.cli.main import main
from api.ops import role_lock
from api.ops.child_processes import python
from api.ops.embedded_postgres import Embedded
from api.ops.role_lock import Lock, require_unserved
from api.ops.service.listening_socket import listen
from api.ops.service.roles import ROLES
from api.settings import Settings, SettingsError, child_environment
from tests.attacks import attack
from tests.fixtures.founded import founded
from tests.processes import free_port
from tests.waiting import until

pytestmark = pytest.mark.postgres


class Ready(BaseHTTPRequestHandler):
    """Another server, which says that it is ready."""

    def do_GET(self) -> None:  # the name that the standard library calls
        """200 to everything."""
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def other_port() -> Iterator[int]:
    """A port that another program holds."""
    server = HTTPServer(("127.0.0.1", 0), Ready)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A founded rehearsal that nobody serves."""
    settings = founded(Settings.at(tmp_path_factory.mktemp("second") / "home"))
    Embedded(settings.home).stop()
    return settings.home


def socai(home: Path, *words: str, lang: str = "en", **more: str) -> Result:
    """One call of the command, in this process."""
    return CliRunner().invoke(main, ["--lang", lang, *words], env={"SOCAI_HOME": str(home), **more})


@contextmanager
def serving(home: Path, port: int, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`socai serve` as an operator runs it, its first line read."""
    with (
        log.open("ab") as said,
        subprocess.Popen(
            python("-m", "api.cli.main", "--lang", "en", "serve", "--port", str(port)),
            env={**child_environment(Settings.at(home, workers=2))},
            stdout=subprocess.PIPE,
            stderr=said,
        ) as process,
    ):
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line == f"Ready: http://127.0.0.1:{port}\n".encode(), log.read_text("utf-8")
            yield process
        finally:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            process.wait(300)


@attack(
    "another server holds the port and answers that it is ready",
    stopped_by="the port is taken before anything is started",
    noticed_by="serve: exit 2, the port named",
)
@pytest.mark.parametrize("which", ["port", "metrics port"])
def test_a_port_that_is_held_is_no_ready(home: Path, other_port: int, which: str) -> None:
    """Nothing is started, not even the database; the sentence says which port, twice worded."""
    for lang, word in (("en", "is held by another program"), ("vi", "đang do chương trình khác")):
        given = {"SOCAI_PORT": str(other_port)}
        if which != "port":
            given = {"SOCAI_PORT": "0", "SOCAI_METRICS_PORT": str(other_port)}
        result = socai(home, "serve", lang=lang, **given)
        assert result.exit_code == 2, result.output
        assert word in result.stderr
        assert str(other_port) in result.stderr
        assert result.stderr.count("\n") == 1
        assert not result.stdout
    assert not Embedded(home).running
    assert not (home / "serve.json").exists()
    require_unserved(home, *ROLES)


def test_an_api_without_a_supervisor_says_it_too(home: Path, other_port: int) -> None:
    """As a container starts it: it ends, and its last words say why."""
    done = subprocess.run(
        python("-m", "api.http.wsgi"),
        env=child_environment(Settings.at(home, port=other_port)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert f"port {other_port} of 127.0.0.1 is held" in done.stderr
    assert f"cổng {other_port}" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid"])
def test_an_address_that_is_not_of_this_machine_is_said(home: Path, host: str) -> None:
    """A slip in SOCAI_HOST is no loop of restarts."""
    result = socai(home, "serve", SOCAI_HOST=host)
    assert result.exit_code == 2, result.output
    assert host in result.stderr
    assert not Embedded(home).running


@attack(
    "a second serve, a second checkpointer or a demo runs on a home that is served",
    stopped_by="a lock for each role of a home, which ends with its holder",
    noticed_by="serve and demo: exit 2, the home and the process named",
)
@pytest.mark.slow
@pytest.mark.drill
def test_a_home_is_served_once_and_a_kill_leaves_nothing_held(home: Path, tmp_path: Path) -> None:
    """The first goes on untouched; killed with -9 it blocks nobody, on the same port too."""
    port, log = free_port(), tmp_path / "serve.log"
    with serving(home, port, log) as first:
        for words in (
            ("serve", "--port", "0"),
            ("serve", "--role", "checkpointer"),
            ("serve", "--role", "projector"),
            ("serve", "--role", "api", "--port", "0"),
            ("demo", "--fresh"),
        ):
            for lang in ("vi", "en"):
                result = socai(home, *words, lang=lang)
                assert result.exit_code == 2, (words, result.output)
                assert str(home) in result.stderr
                assert str(first.pid) in result.stderr
        _until_ready(port)
        first.kill()
        first.wait()
    with serving(home, port, log):
        _until_ready(port)


def _until_ready(port: int) -> None:
    """Who serves there says so, once all is asked: it waits for that for no longer than two s."""
    url = f"http://127.0.0.1:{port}/health/ready"
    until(lambda: httpx.get(url, timeout=60).status_code == httpx.codes.OK)


def test_the_port_waits_for_what_was_killed_but_not_for_ever(other_port: int) -> None:
    """What is left of an earlier run lets it go in a moment; another program does not."""
    held = listen("127.0.0.1", 0)
    port = held.getsockname()[1]
    threading.Timer(0.3, held.close).start()
    listen("127.0.0.1", port, patience_s=30).close()
    with pytest.raises(SettingsError):
        listen("127.0.0.1", other_port, patience_s=0.2)


@attack(
    "another account of the machine holds the lock of a role, so that it does not start again",
    stopped_by="no other account opens it",
    noticed_by="-",
)
def test_no_other_account_holds_the_lock_of_a_role(tmp_path: Path) -> None:
    """Nor that of a home from before, which everybody could read."""
    before = tmp_path / "projector.lock"
    before.touch(0o644)
    with closing(Lock(tmp_path)) as lock:
        lock.take("api", "projector")
    for role in ("api", "projector"):
        assert (tmp_path / f"{role}.lock").stat().st_mode & 0o077 == 0


def test_a_lock_ends_with_its_holder(tmp_path: Path) -> None:
    """Whatever stands in the file: only a living process holds it."""
    script = (
        "import sys; from pathlib import Path; from api.ops.role_lock import Lock\n"
        "lock = Lock(Path(sys.argv[1])); lock.take('checkpointer'); print('held', flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, tmp_path], stdout=subprocess.PIPE, stdin=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(SettingsError, match=str(holder.pid)):
            require_unserved(tmp_path, "checkpointer")
        require_unserved(tmp_path, "projector")
        holder.kill()
        holder.wait()
    assert (tmp_path / "checkpointer.lock").read_text("ascii") == f"{holder.pid}\n"
    require_unserved(tmp_path, "checkpointer")


@attack(
    "a command takes a log's memory from under a process that a read-only home does not lock",
    stopped_by="each process says beside its own memory that it works with it",
    noticed_by="log discard, recover and recover-reads: exit 2, the process named",
)
@pytest.mark.parametrize(
    ("role", "words"),
    [
        ("api", ["-m", "api.http.wsgi"]),
        ("checkpointer", ["-m", "api.cli.main", "serve", "--role", "checkpointer"]),
    ],
)
def test_what_a_process_remembers_is_not_taken_from_under_it(
    home: Path, tmp_path: Path, role: str, words: list[str]
) -> None:
    """In containers the home is written by nobody who serves: here each has one of its own.

    Several may work with one memory, as replicas do, and the loop that an upgrade puts beside.
    """
    memory = home / "seen" / role
    settings = Settings.at(home)
    beside = tmp_path / "beside"
    beside.mkdir()
    (beside / "enclave.json").write_bytes((home / "enclave.json").read_bytes())
    own = Settings.at(
        beside, port=free_port(), seen_dir=settings.seen_dir, keys_dir=settings.keys_dir,
        secrets_dir=settings.secrets_dir,
    )  # fmt: skip
    with subprocess.Popen(
        python(*words), env=child_environment(own), stderr=subprocess.DEVNULL
    ) as process:
        try:
            for _ in range(6_000):
                if process.poll() is not None or not _free(memory):
                    break
                threading.Event().wait(0.05)
            assert process.poll() is None, "it ended"
            assert not _free(memory), "it takes longer than five minutes to begin"
            (home / "key").touch()
            commands = [
                ["log", "recover", "--key", str(home / "key")],
                ["log", "recover-reads", "--ceremony", "00000000-0000-4000-8000-000000000000"],
                *([["log", "discard"]] if role == "checkpointer" else []),
            ]
            for lang, word in (("en", "stop it first"), ("vi", "hãy dừng")):
                for command in commands:
                    result = socai(home, *command, lang=lang)
                    assert result.exit_code == 2, (command, result.output)
                    assert f"{process.pid} (" in result.stderr
                    assert word in result.stderr
            with closing(Lock(tmp_path)) as lock:
                lock.use(memory)
        finally:
            process.kill()
    assert _free(memory)


def _free(memory: Path) -> bool:
    """Whether no process works with it."""
    with closing(Lock(memory)) as lock:
        try:
            lock.alone(memory)
        except SettingsError:
            return False
        return True


@pytest.mark.parametrize("held", ["api.lock", "api/in-use.lock"])
def test_whoever_only_looks_whether_it_is_served_stops_nobody_from_serving(
    tmp_path: Path, held: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command beside a `serve` that starts holds for an instant what it looks at."""
    monkeypatch.setattr(role_lock, "_LOOKED_AT_S", 60.0)  # an instant of a busy machine
    (tmp_path / "api").mkdir()
    with ExitStack() as stack:
        file = stack.enter_context((tmp_path / held).open("a"))
        fcntl.flock(file, fcntl.LOCK_EX)
        looked = threading.Timer(0.05, stack.pop_all().close)
    looked.start()
    with closing(Lock(tmp_path)) as lock:
        lock.take("api")
        lock.use(tmp_path / "api")
    looked.join()


def test_a_child_has_what_its_parent_holds(tmp_path: Path) -> None:
    """The supervisor holds the roles for the loops that it starts."""
    script = (
        "import sys; from pathlib import Path; from api.ops.role_lock import require_unserved\n"
        "require_unserved(Path(sys.argv[1]), 'checkpointer')\n"
    )
    with closing(Lock(tmp_path)) as lock:
        lock.take("checkpointer")
        subprocess.run([sys.executable, "-c", script, tmp_path], check=True)
