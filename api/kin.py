"""Processes that end with the one that started them, and what an ended one leaves behind.

A killed process of this service owes nobody anything: an act is in the log or it is not, and its
sender asks again. A process that outlives its parent would keep the port and answer nobody.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from typing import Final

_PR_SET_PDEATHSIG: Final = 1


def end_with_parent() -> None:
    """In a fresh child. Linux: it is killed when its parent ends, however that ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def end_group(leader: int) -> None:
    """Kills what is left of an ended process's group, where the system did not see to it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
