"""How soon a process that has ended is started again, and how late one that starts may be told."""

from __future__ import annotations

import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from errno import ENOSPC
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Event, Thread
from threading import enumerate as threads
from time import monotonic

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.cli.commands import operator
from api.cli.terminal.shell import Refusal, Shell
from api.ops import database
from api.ops.child_processes import BARRED, MISUSED
from api.ops.loops import ON_DOUBT
from api.ops.service import database_watch, fork_server, supervisor
from api.ops.service.database_watch import DatabaseWatch
from api.ops.service.roles import API, CHECKPOINTER, PROJECTOR
from api.ops.service.supervisor import CannotStart, Supervisor, _Child, pause_s
from api.settings import Settings
from ledger.postgres.connect import database_unavailable
from tests.processes import pids
from tests.waiting import until

FALLS = st.integers(min_value=1, max_value=100_000)
LIVED = st.floats(min_value=0, max_value=1_000)


def test_what_dies_as_it_starts_is_started_ever_less_often() -> None:
    """A wrong setting burns no processor: in the end it is tried every five seconds."""
    pauses = [pause_s(falls, 0.0) for falls in range(1, 12)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (0.1, 5.0)


@given(FALLS, LIVED)
def test_starts_are_five_seconds_apart_at_most(falls: int, lived_s: float) -> None:
    """Whoever kills a working process again and again makes nobody wait, however often.

    A process that falls over for a night falls more often than a float has powers of two.
    """
    pause = pause_s(falls, lived_s)
    assert 0.1 <= pause <= 5.0
    assert lived_s + pause <= max(5.0, lived_s + 0.1)


def test_an_init_that_nobody_types_waits_for_a_database_that_does_not_answer_yet() -> None:
    """A container that fails once keeps all the others from starting; it was run again by hand."""
    tries: list[int] = []

    def make() -> int:
        tries.append(0)
        if len(tries) == 1:
            raise database_unavailable()
        return len(tries)

    assert operator._once_reached(make) == 2


def test_who_has_ended_is_started_again_while_the_database_recovers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both were killed: it took one after the other, and nobody was answered meanwhile."""
    there, waited = Event(), list[bool]()
    monkeypatch.setattr(database, "embedded_down", lambda _settings: not there.is_set())
    monkeypatch.setattr(database, "running_facts", lambda *_: waited.append(there.wait(60)))
    monkeypatch.setattr(supervisor, "python", lambda *_: ["sleep", "600"])
    looking = Supervisor(Settings.at(tmp_path))
    looking.start([CHECKPOINTER])
    try:
        first = looking._children[CHECKPOINTER].process
        looking.mend()
        first.kill()
        first.wait()
        while pids(looking)[CHECKPOINTER] == first.pid:
            looking.mend()
            Event().wait(0.01)
        assert waited == []
    finally:
        there.set()
        looking.stop()
    assert waited == [True], "nobody leaves it starting"


def test_who_cannot_be_started_again_is_tried_again_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no process may be begun, for a while: the service ended, and took all of them along."""
    words, said = [["sleep", "600"]], list[str]()
    monkeypatch.setattr(supervisor, "python", lambda *_: words[0])
    monkeypatch.setattr(fork_server, "python", lambda *_: [str(tmp_path / "nowhere")])
    monkeypatch.setattr(fork_server, "_PAUSE_S", 0.0)
    monkeypatch.setattr(supervisor, "_MOST_PAUSE_S", 0.1)
    monkeypatch.setattr(database, "embedded_down", lambda _settings: False)
    looking = Supervisor(Settings.at(tmp_path), say=lambda text: said.append(str(text)))
    looking.start([CHECKPOINTER, PROJECTOR])
    try:
        before = pids(looking)
        killed = looking._children[CHECKPOINTER].process
        words[0] = [str(tmp_path / "nowhere")]
        killed.kill()
        killed.wait()
        while len(said) < 2:
            looking.mend()
            Event().wait(0.01)
        assert said[0].startswith("checkpointer cannot be started again now")
        assert "No such file or directory" in said[0]
        words[0] = ["sleep", "600"]
        while pids(looking)[CHECKPOINTER] == killed.pid:
            looking.mend()
            Event().wait(0.01)
        assert pids(looking)[PROJECTOR] == before[PROJECTOR]
    finally:
        looking.stop()


@pytest.mark.parametrize(
    ("role", "ended"), [(CHECKPOINTER, ON_DOUBT), (PROJECTOR, ON_DOUBT), (PROJECTOR, BARRED)]
)
def test_a_loop_that_stopped_on_doubt_is_not_started_again_and_any_other_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, role: str, ended: int
) -> None:
    """Whoever looks finds it stopped: what is in doubt is not tried until it is right."""
    told = list[tuple[str, int, bool]]()
    status = {role: ended, CHECKPOINTER if role == PROJECTOR else PROJECTOR: 1}
    monkeypatch.setattr(fork_server, "python", lambda *_: [str(tmp_path / "nowhere")])
    monkeypatch.setattr(database, "embedded_down", lambda _settings: False)
    looking = Supervisor(Settings.at(tmp_path), tell=lambda *said: told.append(said))
    monkeypatch.setattr(Supervisor, "_spawn", _ending(status))
    looking.start([CHECKPOINTER, PROJECTOR])
    for child in looking._children.values():
        child.again = True
    try:
        other = next(name for name in status if name != role)

        def twice() -> bool:
            looking.mend()
            return [name for name, *_ in told].count(other) > 1

        until(twice, "it is not started again")
    finally:
        looking.stop()
    assert [one for one in told if one[0] == role] == [(role, ended, False)]
    assert {one for one in told if one[0] == other} == {(other, 1, True)}


def test_who_asks_an_api_that_is_not_started_again_hears_that_nobody_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its socket is held for it: whoever connected waited for an answer that never came.

    Alone it ends whoever watches over it, with the status after which no manager starts it anew.
    """
    monkeypatch.setattr(fork_server, "python", lambda *_: [str(tmp_path / "nowhere")])
    monkeypatch.setattr(database, "embedded_down", lambda _settings: False)
    monkeypatch.setattr(Supervisor, "_spawn", _ending({API: BARRED, CHECKPOINTER: 1}))
    for roles in ([API, CHECKPOINTER], [API]):
        looking = Supervisor(replace(Settings.at(tmp_path), port=0))
        looking.start(roles)
        try:
            port = int(looking.url.rpartition(":")[2])
            socket.create_connection(("127.0.0.1", port), timeout=60).close()
            for child in looking._children.values():
                child.again = True
                child.process.wait()
            if len(roles) == 1:
                with pytest.raises(CannotStart, match="api cannot start"):
                    looking.mend()
                continue
            looking.mend()
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port), timeout=60)
        finally:
            looking.stop()


def test_what_no_other_start_mends_ends_all_as_it_starts_and_later_is_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong passphrase is said once; a file that is away for a moment later on ends nobody."""
    monkeypatch.setattr(database, "embedded_down", lambda _settings: False)
    monkeypatch.setattr(Supervisor, "_spawn", _ending({CHECKPOINTER: MISUSED}))
    told = list[tuple[str, int, bool]]()
    for again in (False, True):
        looking = Supervisor(Settings.at(tmp_path), tell=lambda *said: told.append(said))
        looking.start([CHECKPOINTER])
        looking._children[CHECKPOINTER].again = again
        looking._children[CHECKPOINTER].process.wait()
        try:
            if again:
                looking.mend()
            else:
                with pytest.raises(CannotStart, match="checkpointer cannot start"):
                    looking.mend()
        finally:
            looking.stop()
    assert told == [(CHECKPOINTER, MISUSED, True)]


def _ending(status: dict[str, int]) -> Callable[[Supervisor, str], _Child]:
    """Starts processes that end at once, each with its status."""

    def spawn(looking: Supervisor, role: str) -> _Child:
        words = ["sh", "-c", f"exit {status[role]}"]
        return _Child(role, looking._begin(words, []), monotonic())

    return spawn


def test_a_database_is_looked_after_again_once_a_thread_may_be_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ended the service, and with it a database that was well."""
    asked, tries = Event(), list[int]()

    def answers(_settings: Settings) -> bool:
        asked.set()
        return True

    class Refused(Thread):
        def start(self) -> None:
            """As Python says it, the first time."""
            tries.append(0)
            if len(tries) == 1:
                raise RuntimeError("can't start new thread")
            super().start()

    monkeypatch.setattr(database_watch, "Thread", Refused)
    monkeypatch.setattr(database_watch, "_LOOK_S", 0.0)
    monkeypatch.setattr(database_watch, "_ASK_S", 0.0)
    monkeypatch.setattr(database, "embedded_down", lambda _settings: False)
    monkeypatch.setattr(database, "embedded_answers", answers)
    kept = DatabaseWatch(Settings.at(tmp_path), lambda: None, lambda _text: None)
    kept.mend()
    assert not asked.is_set()
    kept.mend()
    assert asked.wait(60)


def test_whatever_keeps_a_database_from_starting_is_said_and_each_end_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No trace of a thread; and where somebody else has started it, it may end once more."""
    down, starts, ended, said = [True], list[int](), list[int](), list[str]()

    def start(*_: object) -> None:
        starts.append(0)
        raise OSError(ENOSPC, "No space left on device", "/home/pg/command.log")

    monkeypatch.setattr(database, "embedded_down", lambda _settings: down[0])
    monkeypatch.setattr(database, "running_facts", start)
    monkeypatch.setattr(database_watch, "_LOOK_S", 0.0)
    monkeypatch.setattr(database_watch, "_PAUSE_S", 0.0)
    kept = DatabaseWatch(
        Settings.at(tmp_path), lambda: ended.append(0), lambda text: said.append(str(text))
    )

    def looked_after(until: Callable[[], bool]) -> None:
        while not until():
            kept.mend()
            Event().wait(0.01)

    looked_after(lambda: len(starts) >= 3)
    assert (len(ended), len(said)) == (1, 1)
    assert "No space left on device" in said[0]
    down[0] = False  # by a command that found room
    kept.break_off(60)
    kept.mend()
    down[0] = True
    before = len(starts)
    looked_after(lambda: len(starts) > before)
    kept.break_off(60)
    assert (len(ended), len(said)) == (2, 1)


def test_a_database_hangs_from_its_last_answer_on_and_anew_once_it_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fifteen seconds, said once a minute; what was before somebody started it does not count."""
    now, answers, down = [0.0], [True], [False]
    said: list[str] = []
    monkeypatch.setattr(database_watch, "monotonic", lambda: now[0])
    monkeypatch.setattr(database, "embedded_down", lambda _settings: down[0])
    monkeypatch.setattr(database, "embedded_answers", lambda _settings: answers[0])
    monkeypatch.setattr(database, "running_facts", lambda *_: None)
    kept = DatabaseWatch(Settings.at(tmp_path), lambda: None, lambda text: said.append(str(text)))

    def passes(seconds: int) -> int:
        for _ in range(seconds):
            now[0] += 1
            kept.mend()
            if kept._beside is not None:
                kept._beside.join()
        return len(said)

    assert passes(60) == 0
    answers[0] = False
    assert (passes(14), passes(1), passes(59), passes(5)) == (0, 1, 1, 2)
    assert ("for 15 s" in said[0], "for 75 s" in said[1]) == (True, True)
    down[0] = True
    assert passes(70) == 2, "that it is down is told otherwise"
    down[0] = False
    assert (passes(10), passes(10)) == (2, 3)
    answers[0] = True
    assert passes(5) == 4
    assert said[3] == "The database answers again."


_CHECKS = [
    {"name": "clock", "ok": False, "detail": "7 s behind"},
    {"name": "disk", "ok": True, "detail": "there is room"},
]


class _Unready(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """An API of which one part is not well."""
        told = orjson.dumps({"status": "not_ready", "checks": _CHECKS})
        self.send_response(503)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing."""


def test_a_service_that_is_not_ready_says_what_is_not_well_and_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A clock that was ahead, or a full disk, ended reads too as soon as it was started anew."""
    noted: list[str] = []
    with HTTPServer(("127.0.0.1", 0), _Unready) as server, ThreadPoolExecutor(1) as pool:
        pool.submit(server.serve_forever, 0.05)
        starting = Supervisor(
            Settings.at(tmp_path, port=server.server_port), say=lambda text: noted.append(str(text))
        )
        try:
            operator._await_ready(Shell(lang="en"), starting, Event(), 4.0)
        finally:
            server.shutdown()
    assert (capsys.readouterr().out, len(noted)) == ("", 1)
    assert noted[0].startswith("The service is not ready: clock: 7 s behind. It answers what it")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        starting = Supervisor(Settings.at(tmp_path, port=silent.getsockname()[1]))
        with pytest.raises(Refusal):
            operator._await_ready(Shell(lang="en"), starting, Event(), 0.1)


def test_who_is_told_to_stop_while_it_starts_waits_for_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An API that takes connections and says nothing yet held a Ctrl-C for seconds."""
    monkeypatch.setattr(supervisor, "_ASK_S", 600.0)
    with socket.create_server(("127.0.0.1", 0)) as silent, ThreadPoolExecutor(1) as pool:
        starting = Supervisor(Settings.at(tmp_path, port=silent.getsockname()[1]))
        stop = Event()
        waits = pool.submit(starting.wait_ready, 60, stop)
        asked, _ = silent.accept()
        with asked:
            stop.set()
            waits.result(timeout=60)
    for one in [one for one in threads() if one.name == "asking"]:
        one.join(60)
        assert not one.is_alive(), "and nobody asks on"
