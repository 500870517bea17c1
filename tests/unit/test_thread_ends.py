"""No thread of a served process dies while the process goes on and looks well."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import Final

import pytest

A_THREAD: Final = """
from threading import Event, Thread
Thread(target=lambda: {}[1], name="of a test").start()
raise SystemExit(3 if {stop}.wait(20) else 4)
"""


@pytest.mark.parametrize(
    ("begins", "stop", "status"),
    [
        ("from api.ops.loops import until_told; stop = until_told()", "stop", 1),
        (
            (
                "from types import SimpleNamespace as Some; from api.http.wsgi import Server;"
                " Server._post_fork(Some(), None, Some(age=1))"
            ),
            "Event()",
            -signal.SIGTERM,
        ),
    ],
    ids=["a loop", "a worker of the API"],
)
def test_whatever_ends_a_thread_ends_its_process(begins: str, stop: str, status: int) -> None:
    """As if it were told to stop, so that what is under way is answered; it says which, and that.

    The loop's own status would be 3.
    """
    told = subprocess.run(
        [sys.executable, "-I", "-c", f"{begins}\n{A_THREAD.replace('{stop}', stop)}"],
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert told.returncode == status, told.stderr
    assert b"of a test" in told.stderr
