"""No thread of a served process dies while the process goes on and looks well."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

import pytest

A_THREAD: Final = """
from threading import Event, Thread
def wait(stop):
    Thread(target=lambda: {}[1], name="of a test").start()
    raise SystemExit({status} if stop.wait(20) else 4)
"""
A_LOOP: Final = """
import atexit
import sys
from api.cli import main
from api.ops.loops import until_told
from ledger.message import Message

def waits():
    wait(until_told())

atexit.register(print, "what was opened first is closed last")
own = main.click.command()(waits)
main.COMMANDS["waits"] = main.Late("__main__:own", Message("The API."))
main.main(["waits"])
"""
A_WORKER: Final = """
import signal
from types import SimpleNamespace
from api.http import wsgi
told = Event()
signal.signal(signal.SIGTERM, lambda *_: told.set())
wsgi.Server._post_fork(SimpleNamespace(), None, SimpleNamespace(age=1))
try:
    wait(told)
except SystemExit as ended:
    wsgi._leave(ended.code)
"""


def _ended(script: str, status: int = 0) -> subprocess.CompletedProcess[bytes]:
    ended = subprocess.run(
        [sys.executable, "-I", "-c", A_THREAD.replace("{status}", str(status)) + script],
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert b"of a test" in ended.stderr, ended.stderr
    return ended


@pytest.mark.parametrize(("own", "status"), [(0, 1), (70, 70)], ids=["well", "on doubt"])
def test_whatever_ends_a_thread_ends_its_loop(own: int, status: int) -> None:
    """As if it were told to stop, with all that it owes, and with a status of failure.

    That of a stop on doubt says more, and stands.
    """
    ended = _ended(A_LOOP, own)
    assert ended.returncode == status, ended.stderr
    assert b"closed last" in ended.stdout


def test_whatever_ends_a_thread_ends_its_worker() -> None:
    """As if it were told to stop, so that what is under way is answered; it says which thread."""
    assert _ended(A_WORKER).returncode == 1
