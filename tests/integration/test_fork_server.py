"""The fork server: what it forks is the supervisor's own, and nobody depends on it.

What is forked here are statements, as `timeit` of the standard library runs them.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import orjson
import pytest

from api.ops.child_processes import end_with_parent, python
from api.ops.child_processes import own as own_process
from api.ops.service import fork_server, fork_server_process
from api.ops.service.fork_server import Forked, ForkServer
from api.ops.service.fork_server_process import MODULES, can_branch_off, can_fork
from api.ops.service.roles import ROLES
from api.ops.service.supervisor import Supervisor
from api.settings import Settings, child_environment
from tests.attacks import attack
from tests.fixtures.app import found
from tests.fixtures.postgres import Database
from tests.processes import pids
from tests.waiting import until

pytestmark = [
    pytest.mark.skipif(not can_fork(), reason="no system call for it"),
    pytest.mark.xdist_group("fork_server"),
]
SLEEPS = "import time; time.sleep(600)"
_LONG_S = 120.0


def begin_into(output: Path) -> Callable[[Sequence[str], Sequence[int]], subprocess.Popen[bytes]]:
    """Starts a process as the supervisor does."""

    def begin(words: Sequence[str], handles: Sequence[int]) -> subprocess.Popen[bytes]:
        with output.open("ab") as out:
            return subprocess.Popen(
                words,
                pass_fds=handles,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                preexec_fn=end_with_parent,  # noqa: PLW1509  one system call, no lock
            )

    return begin


@contextmanager
def loaded(output: Path) -> Iterator[ForkServer]:
    """A server that can be asked."""
    made = ForkServer(begin_into(output))
    made.mend()
    made.await_loaded(_LONG_S)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the module's server and what is forked from it say something."""
    return tmp_path_factory.mktemp("fork-server") / "out"


@pytest.fixture(scope="module")
def server(output: Path) -> Iterator[ForkServer]:
    """One for whoever leaves it as it is."""
    with loaded(output) as made:
        yield made


@pytest.fixture
def own(tmp_path: Path) -> Iterator[ForkServer]:
    """One for whoever does not."""
    with loaded(tmp_path / "out") as made:
        yield made


def run(server: ForkServer, statement: str, listener: int | None = None) -> Forked:
    """Has a statement run once in what is forked."""
    forked = server.fork(["timeit", "-n1", "-r1", statement], listener)
    assert forked is not None
    return forked


def told(server: ForkServer, expression: str, into: Path) -> str:
    """What an expression is in what is forked."""
    statement = (
        f"import os, sys, pathlib; pathlib.Path({str(into)!r}).write_text(str({expression}))"
    )
    assert run(server, statement).wait(_LONG_S) == 0
    return into.read_text()


def state(pid: int) -> str:
    """A letter, as `ps` shows it; empty for nobody."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return ""


def ended(pid: int) -> bool:
    """Whether nothing is left of it."""
    return state(pid) == ""


def held_by(pid: int) -> dict[int, str]:
    """The descriptors of a process."""
    return {int(one.name): str(one.readlink()) for one in Path(f"/proc/{pid}/fd").iterdir()}


def server_pid(server: ForkServer) -> int:
    """Of one that is there."""
    assert server.pid is not None
    return server.pid


def test_what_is_forked_is_this_process_own_child_in_a_session_of_its_own(
    server: ForkServer, tmp_path: Path
) -> None:
    """And none of the fork server's, which has one thread: its status comes here."""
    asked = "[os.getpid(), os.getppid(), os.getsid(0), os.getpgid(0)]"
    pid, parent, session, group = orjson.loads(told(server, asked, tmp_path / "told"))
    assert (parent, session, group) == (os.getpid(), pid, pid)
    assert run(server, "import os; os._exit(7)").wait(_LONG_S) == 7
    assert run(server, "import os; os.abort()").wait(_LONG_S) == -signal.SIGABRT
    threads = list(Path(f"/proc/{server.pid}/task").iterdir())
    assert len(threads) == 1
    assert (threads[0] / "children").read_text() == ""


def test_what_is_forked_has_the_descriptors_of_a_fresh_process(
    server: ForkServer, output: Path
) -> None:
    """Nothing, its output twice, and what was handed on; the server itself keeps its socket."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        forked = run(server, SLEEPS, listener.fileno())
        listening = str(Path(f"/proc/self/fd/{listener.fileno()}").readlink())
    try:
        until(lambda: b"timeit" in Path(f"/proc/{forked.pid}/cmdline").read_bytes())
        held = held_by(forked.pid)
    finally:
        forked.kill()
        forked.wait()
    out = str(output)
    number = held.keys() - {0, 1, 2}
    assert held == {0: "/dev/null", 1: out, 2: out, **dict.fromkeys(number, listening)}
    assert len(number) == 1
    own = held_by(server_pid(server))
    assert len(own) == 4
    assert listening not in own.values()


def test_what_is_forked_is_shown_as_what_it_is(server: ForkServer) -> None:
    """`ps` tells an operator the role, as where it was started anew."""
    forked = run(server, SLEEPS)
    words = [sys.executable, "-I", "-m", "timeit", "-n1", "-r1", SLEEPS]
    try:
        shown = Path(f"/proc/{forked.pid}/cmdline")
        until(lambda: b"timeit" in shown.read_bytes())
        assert shown.read_bytes().rstrip(b"\0").decode() == " ".join(words)
        said = Path(f"/proc/{server.pid}/cmdline").read_text().rstrip("\0")
        assert said.endswith("-I -m api.ops.service.fork_server_process")
    finally:
        forked.kill()
        forked.wait()


def test_what_is_forked_has_all_modules_and_draws_other_numbers(
    server: ForkServer, tmp_path: Path
) -> None:
    """Two of one server: of the system, of OpenSSL, of the generator of the standard library."""
    key = "__import__('cryptography.hazmat.primitives.asymmetric.ed25519').hazmat.primitives"
    drawn = (
        "os.urandom(8).hex()",
        f"{key}.asymmetric.ed25519.Ed25519PrivateKey.generate().private_bytes_raw().hex()",
        "__import__('ssl').RAND_bytes(8).hex()",
        "__import__('secrets').token_hex()",
        "__import__('random').random()",
    )
    for expression in drawn:
        assert told(server, expression, tmp_path / "a") != told(server, expression, tmp_path / "b")
    missing = f"[m for m in {MODULES!r} if m not in sys.modules]"
    assert told(server, missing, tmp_path / "c") == "[]"


@pytest.mark.postgres
def test_an_api_that_was_forked_loads_nothing_more_from_files_that_may_have_changed(
    server: ForkServer, own_database: Database, tmp_path: Path
) -> None:
    """Another version may lie there, or half of it: a worker that was to take over ended by it."""
    given = child_environment(found(own_database, tmp_path / "home"))
    statement = f"""
import os, pathlib, sys
os.environ.update({ {k: v for k, v in given.items() if k.startswith("SOCAI_")}!r})
from api.http import wsgi
before = set(sys.modules)
wsgi._load(wsgi.Settings.from_env())
wsgi.application(wsgi.Settings.from_env(), wsgi.Budgets(0.5), tell=True)
loaded = [m for m in set(sys.modules) - before if m.split(".")[0] not in sys.stdlib_module_names]
pathlib.Path({str(tmp_path / "loaded")!r}).write_text(repr(loaded))
os._exit(0)
"""
    assert run(server, statement).wait(_LONG_S) == 0
    assert (tmp_path / "loaded").read_text() == "[]"


@attack(
    "code put into the fork server by another process of its user, for what is forked with keys",
    stopped_by="no process of its user may look into it",
    noticed_by="-",
)
def test_the_fork_server_is_closed_to_other_processes_of_its_user(
    server: ForkServer, tmp_path: Path
) -> None:
    """Asked of what it forks, before that does the same itself (access.md K5): nor a core dump."""
    dumpable = "__import__('ctypes').CDLL(None).prctl(3)"
    limit = "__import__('resource').getrlimit(4)[0]"
    assert told(server, f"[{dumpable}, {limit}]", tmp_path / "told") == "[0, 0]"


def test_signals_end_what_is_forked_as_any_process(server: ForkServer) -> None:
    """None is blocked or ignored that is not at a start; whoever waits is told in time."""
    forked = run(server, SLEEPS)
    with pytest.raises(subprocess.TimeoutExpired):
        forked.wait(0.05)
    assert forked.poll() is None
    forked.terminate()
    assert forked.wait(_LONG_S) == -signal.SIGTERM
    assert ended(forked.pid)
    forked.kill()  # nobody, and certainly nobody else


@pytest.fixture
def hearing() -> Iterator[None]:
    """Ctrl-C is heard, also where the tests run in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("hearing")
def test_ctrl_c_ends_the_server_without_a_word_and_reaches_what_is_forked(
    own: ForkServer, tmp_path: Path
) -> None:
    """Sent straight to it, it printed a traceback among the lines of the service."""
    asked = "__import__('signal').getsignal(2).__name__"
    assert told(own, asked, tmp_path / "told") == "default_int_handler"
    pid = server_pid(own)
    os.kill(pid, signal.SIGINT)
    until(lambda: state(pid) == "Z")
    assert "Traceback" not in (tmp_path / "out").read_text()


def test_who_was_forked_goes_on_without_the_server_and_another_is_started(
    own: ForkServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed twice: nobody falls, nothing is left of it, and nobody waits for the next."""
    monkeypatch.setattr(fork_server, "_PAUSE_S", 0.0)
    own._again_at = 0.0
    begin = own._begin

    def waits(words: Sequence[str], handles: Sequence[int]) -> subprocess.Popen[bytes]:
        """However fast it loads, it is not before it is told to."""
        return begin(["/bin/sh", "-c", 'kill -STOP $$; exec "$@"', "-", *words], handles)

    monkeypatch.setattr(own, "_begin", waits)
    forked, servers = [run(own, SLEEPS)], list[int]()
    try:
        for _ in range(2):
            servers.append(server_pid(own))
            os.kill(servers[-1], signal.SIGKILL)
            until(lambda: state(servers[-1]) == "Z")
            assert own.fork(["timeit", "-n1", SLEEPS]) is None, "started anew meanwhile"
            own.mend()
            assert own.fork(["timeit", "-n1", SLEEPS]) is None, "it is not loaded yet"
            begun = server_pid(own)
            until(lambda: state(begun) == "T")  # noqa: B023 - at once
            os.kill(begun, signal.SIGCONT)
            own.await_loaded(_LONG_S)
            forked.append(run(own, SLEEPS))
        assert len({*servers, server_pid(own)}) == 3
        assert [ended(pid) for pid in servers] == [True] * 2
        assert [one.poll() for one in forked] == [None] * 3
    finally:
        for one in forked:
            one.kill()
            one.wait()


def test_starts_of_a_server_that_falls_are_seconds_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What ends as it starts burns no processor, and nothing is forked from it."""
    begun = list[int]()

    def falls(_words: Sequence[str], _handles: Sequence[int]) -> subprocess.Popen[bytes]:
        begun.append(0)
        words = [sys.executable, "-c", "raise SystemExit(1)"]
        return subprocess.Popen(words, start_new_session=True, cwd=tmp_path)

    monkeypatch.setattr(fork_server, "_PAUSE_S", _LONG_S)  # the fall itself may take seconds
    server = ForkServer(falls)
    for _ in range(50):
        server.mend()
        server.await_loaded(_LONG_S)
        assert server.fork(["timeit"]) is None
    assert len(begun) == 1
    server.close()


def test_a_server_that_hangs_is_killed_and_nobody_waits_long(
    own: ForkServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped before it is asked: whoever asks starts the role without it."""
    monkeypatch.setattr(fork_server, "_ANSWERS_S", 0.2)
    pid = server_pid(own)
    os.kill(pid, signal.SIGSTOP)
    until(lambda: state(pid) == "T")
    assert own.fork(["timeit", "-n1", SLEEPS]) is None
    assert ended(pid)
    assert own.pid is None


def no_more(server: ForkServer) -> bool:
    """Looks after it, and says whether it was found ended."""
    server.await_loaded(0.0)
    return server.pid is None


def half_forked(server: ForkServer) -> tuple[int, socket.socket]:
    """A child that waits to be told that it is known, and the line to it."""
    mine, theirs = socket.socketpair()
    assert server._asked is not None
    with theirs:
        words = orjson.dumps(["timeit", "-n1", SLEEPS])
        socket.send_fds(server._asked, [words], [theirs.fileno()])
    mine.settimeout(_LONG_S)
    return int(mine.recv(20)), mine


def test_what_nobody_was_told_of_ends_with_the_server(own: ForkServer) -> None:
    """Killed between a fork and its answer, it leaves neither processes nor zombies here."""
    (waits, one), (stopped, two), (killed, three) = (half_forked(own) for _ in range(3))
    with one, two, three:
        os.kill(stopped, signal.SIGSTOP)
        os.kill(killed, signal.SIGKILL)
        until(lambda: (state(stopped), state(killed)) == ("T", "Z"))
        os.kill(server_pid(own), signal.SIGKILL)
        until(lambda: no_more(own))
    assert [ended(child) for child in (waits, stopped, killed)] == [True] * 3


_SUPERVISES = """
import os, resource, sys, time
from pathlib import Path
from api.ops.child_processes import Became, own
from api.ops.service.fork_server_process import can_branch_off
from tests.integration.test_fork_server import ForkServer, begin_into, half_forked, run, SLEEPS

def begin(stage):
    server = ForkServer(begin_into(Path(sys.argv[1])))
    if stage == "branched":
        assert can_branch_off()
        opened = os.open("/etc/passwd", os.O_RDONLY)
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (opened + 3, most))  # a socket's ends, no more
        server.branch_off({"ONLY": "this"})
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    server.mend()
    mine = [server.pid]
    if stage != "loading":
        server.await_loaded(120)
        mine.append(run(server, sys.argv[3] if sys.argv[3:] else SLEEPS).pid)
    if stage == "half":
        child, line = half_forked(server)
        mine.append(child)
    if stage == "stopped":
        os.kill(server.pid, 19)
    print(*mine, flush=True)
    time.sleep(600)

became = None
try:
    with own(whole=True):
        begin(sys.argv[2])
except Became as forked:
    became = forked.main
became()
"""


@contextmanager
def supervising(output: Path, stage: str, *statement: str) -> Iterator[tuple[list[int], int]]:
    """A process that supervises, the ids of its fork server and of what was forked, and its own."""
    words = [sys.executable, "-I", "-c", _SUPERVISES, str(output), stage, *statement]
    root = Path(__file__).parents[2]
    with subprocess.Popen(words, stdout=subprocess.PIPE, cwd=root) as supervisor:
        assert supervisor.stdout is not None
        try:
            yield [int(pid) for pid in supervisor.stdout.readline().split()], supervisor.pid
        finally:
            supervisor.kill()


@pytest.mark.parametrize("stage", ["loading", "loaded", "half", "stopped", "branched"])
def test_a_supervisor_that_is_killed_leaves_nothing_behind(tmp_path: Path, stage: str) -> None:
    """Neither the server nor what was forked, at any time, also where the server hangs."""
    with supervising(tmp_path / "out", stage) as (pids, supervisor):
        assert len(pids) == {"loading": 1, "half": 3}.get(stage, 2)
        assert not any(map(ended, pids))
        os.kill(supervisor, signal.SIGKILL)
        until(lambda: {state(pid) for pid in pids} <= {"", "Z"})  # init may reap late


def test_who_is_told_to_stop_waits_for_no_imports(tmp_path: Path) -> None:
    """A start that is told so meanwhile starts nothing, and its server is gone."""
    starting, stop = Supervisor(Settings.at(tmp_path / "home", port=0)), Event()
    starting.settings.home.mkdir()
    starting.claim(ROLES)
    server = server_pid(starting._forks)
    os.kill(server, signal.SIGSTOP)  # however fast this machine is, it is not loaded yet
    with ThreadPoolExecutor(1) as beside:
        started = beside.submit(starting.start, ROLES, stop)
        with pytest.raises(FutureTimeout):
            started.result(0.3)
        stop.set()
        started.result(_LONG_S)
    assert pids(starting) == {}
    starting.stop()
    assert ended(server)


def test_a_server_that_a_command_became_has_nothing_of_the_command(tmp_path: Path) -> None:
    """Neither its files, environment and thread, nor how it hears signals; nor has what it forks.

    Its modules alone, which it need not import twice. Where nothing more can be opened no second
    command goes on.
    """
    handlers = "[signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGHUP)]"
    asked = f"[os.getppid(), os.getsid(0) == os.getpid(), *map(int, {handlers}), *os.environ]"
    write = f"pathlib.Path({str(tmp_path / 'told')!r}).write_text(str({asked}))"
    says = f"import os, pathlib, signal, time; {write}; time.sleep(600)"
    with supervising(tmp_path / "out", "branched", says) as ((server, forked), supervisor):
        until(lambda: (tmp_path / "told").exists() and (tmp_path / "told").read_text())
        theirs, held = held_by(server), held_by(forked)
        assert (theirs[0], theirs[1].partition(":")[0]) == ("/dev/null", "pipe")
        assert held == {number: theirs.pop(number) for number in (0, 1, 2)}
        assert [one.partition(":")[0] for one in theirs.values()] == ["socket"]
        assert os.getsid(server) == server
        assert len(list(Path(f"/proc/{server}/task").iterdir())) == 1
    outlives = int(signal.getsignal(signal.SIGHUP) is signal.SIG_IGN)  # as nohup begins a run
    assert (tmp_path / "told").read_text() == str([supervisor, True, 0, outlives, "ONLY"])


_MAY_FORK_NO_MORE = """
import importlib, os, resource
from api.ops.child_processes import Became, own
from api.ops.service.fork_server import ForkServer
from api.ops.service.fork_server_process import MODULES

def ask():
    for module in (*MODULES, "encodings.ascii"):  # who is not root may not read them
        importlib.import_module(module)
    if os.geteuid() == 0:
        os.setuid(65534)  # root may start as many as it likes
    server = ForkServer(lambda words, handles: 1 / 0)
    server.branch_off({})
    server.await_loaded(120)
    resource.prlimit(server.pid, resource.RLIMIT_NPROC, (0, 0))
    print(server.fork(["timeit", "-n1", "pass"]), server.pid)

became = None
try:
    with own(whole=True):
        ask()
except Became as forked:
    became = forked.main
became and became()
"""


def test_a_server_whose_supervisor_goes_without_a_word_ends_without_a_trace(
    tmp_path: Path,
) -> None:
    """A `serve` that is refused its port ends before it has heard that the server is loaded."""
    mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with mine, theirs:
        words = python("-m", fork_server_process.__name__, str(theirs.fileno()))
        with begin_into(tmp_path / "out")(words, [theirs.fileno()]) as process:
            theirs.close()
            assert select.select([mine], [], [], _LONG_S)[0]
            mine.close()
            assert process.wait(_LONG_S) == 0
    assert (tmp_path / "out").read_text() == ""


def test_a_server_that_may_fork_no_more_ends_without_a_trace() -> None:
    """Nor could the role be started without it, which is said once, and in a sentence."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", _MAY_FORK_NO_MORE],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("None None\n", "")


_ASKS = """
from api.ops.child_processes import own
from api.ops.service.fork_server_process import can_branch_off
with own(whole=True):
    print(can_branch_off())
"""


@attack(
    "modules of our names on PYTHONPATH, for a fork server that the command becomes",
    stopped_by="a command that may have loaded them starts the server anew, with -I",
    noticed_by="-",
)
def test_a_command_with_code_from_elsewhere_becomes_no_fork_server(tmp_path: Path) -> None:
    """The console script does, and `python -I`; not `python -m`, nor what the environment leads."""
    script = Path(sys.executable).with_name(f"asks-{tmp_path.name}")
    plain = {k: v for k, v in child_environment(Settings.at(tmp_path)).items() if k[:6] != "PYTHON"}
    root = Path(__file__).parents[2]

    def asked(*words: str, **more: str) -> str:
        told = subprocess.run(
            [sys.executable, *words], env=plain | more, cwd=root, capture_output=True, check=True
        )
        return told.stdout.decode().strip()

    script.write_text(_ASKS)
    try:
        assert asked(str(script)) == "True"
        harmless = ("SAFEPATH", "UNBUFFERED", "DONTWRITEBYTECODE")
        assert asked(str(script), **{f"PYTHON{name}": "" for name in harmless}) == "True"
        assert asked(str(script), PYTHONPATH=str(tmp_path)) == "False"
    finally:
        script.unlink()
    assert asked("-I", "-c", _ASKS) == "True"
    assert asked("-c", _ASKS) == "False"


def test_nobody_else_is_branched_off(tmp_path: Path) -> None:
    """Not a program that calls commands, such as this one, nor a process with another thread."""
    assert not can_branch_off()
    with own_process(whole=True):
        beside, over = Thread(target=lambda: over.wait(_LONG_S)), Event()
        beside.start()
        try:
            assert not can_branch_off()
        finally:
            over.set()
            beside.join()
    server = ForkServer(begin_into(tmp_path / "out"))
    server.branch_off({})
    assert server.pid is None
