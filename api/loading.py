"""How a process loads its modules, and how seldom it looks for cycles then.

The search took a third of the time in which a process starts: it comes again and again while some
hundred thousand objects are made, and none of them is garbage. In a process that serves it took two
hundredths of an act, and two more for what it put out of the caches, and found nothing.
"""

from __future__ import annotations

import gc
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_YOUNG: Final = 10_000
"""Objects more than before, of which the search comes again: one or two MiB, if all are garbage."""


@contextmanager
def loading() -> Iterator[None]:
    """Around imports: no search meanwhile, and what is there at the end is never searched."""
    searching = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if searching:
            gc.enable()


@contextmanager
def ended_without_a_word() -> Iterator[None]:
    """Around what a command loads before it has begun anything: Ctrl-C ends it, and no trace is."""
    first = threading.current_thread() is threading.main_thread()
    hears = first and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if hears:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        if hears:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def collect_rarely() -> None:
    """For a process that serves: the search comes every few hundred acts, not every few."""
    gc.set_threshold(_YOUNG)
