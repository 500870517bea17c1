"""A process that is told to end ends, at whatever moment it is told."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import Final

import pytest
from click.testing import CliRunner

from api.cli.commands import operator
from api.cli.main import main
from api.home import Home
from api.ops import database
from api.ops.embedded_postgres import Embedded
from api.rehearsal.enclaves import PlayEnclaves
from tests.processes import heard_as_in_a_command

_TOLD_AS_IT_BEGINS_TO_WAIT: Final = """
import signal
from api.ops.loops import until_told
stop = until_told()
with stop._cond:  # as Event.wait has it for a moment
    signal.raise_signal(signal.SIGTERM)
assert stop.wait(60)
"""


def test_who_is_told_as_it_begins_to_wait_hears_it() -> None:
    """The handler runs in the thread that holds the event's lock."""
    subprocess.run([sys.executable, "-c", _TOLD_AS_IT_BEGINS_TO_WAIT], check=True, timeout=120)


_TOLD_IN_A_DESTRUCTOR: Final = """
import signal, sys
from api.ops.loops import leave_when_told, until_told
class Gone:
    def __del__(self):
        signal.raise_signal(signal.SIGTERM)
sys.unraisablehook = lambda _: None
leave_when_told()
Gone()
assert until_told().wait(60)
"""


def test_who_is_told_where_nothing_can_be_raised_hears_it_later() -> None:
    """What its handler raises is lost there: a service that had begun to start went on."""
    subprocess.run([sys.executable, "-c", _TOLD_IN_A_DESTRUCTOR], check=True, timeout=120)


_TOLD_AS_IT_LOADS: Final = """
import signal, sys
class Told:
    def find_spec(self, name, *_):
        if name == sys.argv[1]:
            signal.raise_signal(signal.SIGINT)
signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever it was started with
sys.meta_path.insert(0, Told())
import api.cli.main
assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
"""


def test_a_command_that_is_ended_as_it_loads_leaves_no_trace() -> None:
    """Nothing has begun, and no words are loaded yet: a shell says that it was ended."""
    for module, status in (("rich.table", -signal.SIGINT), ("no.such.module", 0)):
        command = [sys.executable, "-c", _TOLD_AS_IT_LOADS, module]
        ended = subprocess.run(command, capture_output=True, check=False, timeout=120)
        assert (ended.returncode, ended.stderr) == (status, b"")


_TOLD_MEANWHILE: Final = """
import signal
from api.ops.child_processes import ended_as_by_ctrl_c, undisturbed
signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever it was started with
signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup leaves it
with ended_as_by_ctrl_c():
    with undisturbed():
        signal.raise_signal(signal.SIGHUP)
    try:
        with undisturbed():
            signal.raise_signal(signal.SIGTERM)
            print("done")
    except KeyboardInterrupt:
        print("told")
from api.ops.loops import leave_when_told
leave_when_told()  # as a service that starts
with undisturbed():
    with undisturbed():
        signal.raise_signal(signal.SIGTERM)
    print("left")
print("and goes on")
"""


def test_what_must_not_stay_half_done_is_ended_first() -> None:
    """A second Ctrl-C left behind what the first had begun to take away."""
    command = [sys.executable, "-c", _TOLD_MEANWHILE]
    done = subprocess.run(command, capture_output=True, check=True, timeout=120, text=True)
    assert done.stdout.split() == ["done", "told", "left"]


def test_a_play_that_is_told_twice_to_end_leaves_no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second word came while its servers were ended."""
    ends, play = Embedded.abandon, PlayEnclaves()

    def told_again(self: Embedded) -> None:
        signal.raise_signal(signal.SIGINT)
        ends(self)

    monkeypatch.setattr(Embedded, "abandon", told_again)
    play._servers["shared"] = Embedded(play._folder / "shared")
    with heard_as_in_a_command(), pytest.raises(KeyboardInterrupt):
        play.close()
    assert not play._folder.exists()


def test_a_service_that_is_told_twice_as_it_starts_leaves_no_database(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The second word came while its processes were ended, and its database went on."""
    ended: list[str] = []

    class Told:
        left_s = 0.0

        def __init__(self, *_: object, **__: object) -> None:
            pass

        def branch_off(self) -> None:
            pass

        def claim(self, _: object) -> None:
            pass

        def stop(self) -> None:
            signal.raise_signal(signal.SIGTERM)
            ended.append("processes")

    monkeypatch.setattr(operator, "Supervisor", Told)
    monkeypatch.setattr(Home, "facts", lambda _: None)
    monkeypatch.setattr(operator, "refuse_in_doubt", lambda _: signal.raise_signal(signal.SIGTERM))
    monkeypatch.setattr(operator, "served", lambda _: [])
    monkeypatch.setattr(database, "stop_database", lambda *_: ended.append("database"))
    before = [(one, signal.getsignal(one)) for one in (signal.SIGTERM, signal.SIGHUP)]
    try:
        told = CliRunner().invoke(main, ["serve"])
    finally:
        for one, handler in before:
            signal.signal(one, handler)
    assert (told.exit_code, ended) == (0, ["processes", "database"])
