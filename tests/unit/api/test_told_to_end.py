"""A process that is told to end ends, at whatever moment it is told."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

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
