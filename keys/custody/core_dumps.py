"""No key in a core dump (access.md K5): a process that opens keys leaves none when it falls.

Nor may another process of the same user read its memory. What is swapped out is the machine's
matter: its swap is encrypted, or off.
"""

from __future__ import annotations

import ctypes
import resource
import sys
from typing import Final

_PR_SET_DUMPABLE: Final = 4


def leave_none() -> None:
    """For the rest of this process; what it forks inherits it, what it executes the limit alone."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
