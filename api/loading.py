"""How a process loads its modules: what is loaded stays, so nobody looks through it for cycles.

The interpreter's search for cycles took a third of the time in which a process starts: it comes
again and again while some hundred thousand objects are made, and none of them is garbage.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


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
