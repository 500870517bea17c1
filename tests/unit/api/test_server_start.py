"""In which order the API starts: what takes long comes before anybody is listened to."""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson
import pytest

from api.http import traces, worker, wsgi
from api.ops.wiring import connections
from api.ops.wiring.logins import POOL_MOST
from api.settings import Settings, SettingsError

OPERATE = Path(__file__).parents[3] / "docs" / "operate"
LOADED = """
import json, os, sys, threading
from pathlib import Path
opened = []
def seen(event, arguments):
    if event == "open" and str(arguments[0]).startswith(sys.argv[1]) or event.startswith("socket."):
        opened.append([event, str(arguments[0])])
def held():
    names = (os.path.join("/proc/self/fd", one) for one in os.listdir("/proc/self/fd"))
    return sorted(os.readlink(name) for name in names if os.path.lexists(name))
from api.http import traces, wsgi
from api.settings import Settings
before = held()
sys.addaudithook(seen)
wsgi._load(Settings.at(Path(sys.argv[1])))
needed = {"api.http.app", "api.ops.wiring.enclave", "ledger.regulation.edition", "psycopg", "flask"}
left = [sorted(needed - set(sys.modules)), threading.active_count(), opened]
print(json.dumps([*left, sorted(set(held()) - set(before))]))
"""


def test_whoever_connects_waits_for_no_import(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A proxy gives a replica that listens its share: what it sends must not wait for modules."""
    done: list[str] = []

    class Listening:
        def __init__(self, *_: object) -> None:
            done.append("listens")

        def run(self) -> None:
            done.append("serves")

    monkeypatch.setenv("SOCAI_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["wsgi"])
    monkeypatch.setattr("keys.custody.core_dumps.leave_none", lambda: None)
    monkeypatch.setattr(wsgi, "_load", lambda _: done.append("loads"))
    monkeypatch.setattr(wsgi, "Server", Listening)
    wsgi.main()
    assert done == ["loads", "listens", "serves"]


def test_the_bounds_of_a_worker_are_those_that_operators_are_told(tmp_path: Path) -> None:
    """Whoever plans by `docs/operate/`, or reads there that a worker hangs, finds it so."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        settings = Settings.at(tmp_path, threads=7, workers=3)
        options = wsgi.Server(settings, os.dup(listener.fileno())).cfg
    assert (options.workers, options.threads) == (3, 7)
    told = {page.name: page.read_text("utf-8") for page in OPERATE.glob("*.md")}
    shared = "a quarter of them for one address"
    assert f"{options.worker_connections} a worker, {shared}" in told["capacity.md"]
    assert worker._SHARE_OF_ONE == 4
    assert f"| near {options.worker_connections} a worker |" in told["monitoring.md"]
    assert f"killed and started anew after {options.timeout} seconds" in told["monitoring.md"]
    assert (connections._POOL_SPARE, POOL_MOST) == (3, 12)
    assert "as many connections as threads and three, at most twelve" in told["alerts.md"]
    slowest = worker._SLOWEST_BYTES_S >> 10
    assert f"gives up on one below {slowest} KiB a second" in told["install.md"]


def test_workers_open_one_after_the_other(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each opens a key, for a processor and the memory that a container has but once."""

    def tried(*_: object, **__: object) -> int:
        if (pid := os.fork()) == 0:
            with suppress(BlockingIOError):
                fcntl.lockf(server.turns._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os._exit(1)
            os._exit(0)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    monkeypatch.setattr(wsgi, "application", tried)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = wsgi.Server(Settings.at(tmp_path), os.dup(listener.fileno()))
    assert server.load() == 0, "another one begins meanwhile"
    assert tried() == 1, "and nobody waits once it is open"


def test_workers_are_forked_from_what_is_loaded_and_from_nothing_that_runs(tmp_path: Path) -> None:
    """So one that takes a killed one's place loads nothing; a thread would not be forked along.

    No key or secret is read, and no socket or file is open, that all of them would share.
    """
    for name in ("keys/kek.socaikek", "secrets/passphrase", "enclave.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("not before the fork")
    told: Any = subprocess.run(
        [sys.executable, "-c", LOADED, str(tmp_path)], capture_output=True, check=True
    ).stdout
    assert orjson.loads(told) == [[], 1, [], []]


@pytest.mark.parametrize("level", ["mat", "toi-mat", "tuyet-mat"])
def test_no_trace_leaves_an_enclave_above_ordinary(level: str) -> None:
    """It is refused before anything is started, and not switched off in silence."""
    with pytest.raises(SettingsError, match="above ordinary"):
        traces.require(level)
    traces.require("ordinary")


def test_without_the_extra_the_variable_of_traces_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With the word that installs it."""
    monkeypatch.setattr(traces, "find_spec", lambda _: None)
    with pytest.raises(SettingsError, match=r"socai\[traces\]"):
        traces.require("ordinary")


@pytest.mark.parametrize("url", ["http://u:secret@c:4318/v1/traces", "collector:4318", "ftp://c/"])
def test_no_password_stands_in_the_address_of_a_collector(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """A secret is never a value of the environment; and what is no address is said at once."""
    monkeypatch.setenv("SOCAI_TRACES_URL", url)
    with pytest.raises(SettingsError, match="address of a collector") as refused:
        Settings.from_env()
    assert "secret" not in str(refused.value)
