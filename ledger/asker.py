"""For whom the store is asked, said once for everything a thread does until it is done.

Whoever takes a request says it, and whoever lends connections believes it: between them nobody has
to hand it on, so nobody can forget to.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Asker:
    """For whom this thread asks now.

    Attributes:
        ticket: What the database knows them by (`ledger.postgres.ticket`).
        officer: Who it is.
        of_cases: Whether what is asked for may be of cases: then nothing is answered while nobody
            knows who takes part in them.
        at: The ledger's time that the request of a rehearsal states.
        kid: The key that they signed in with.
    """

    ticket: str
    officer: str
    of_cases: bool = True
    at: datetime | None = None
    kid: str = ""


_asker: ContextVar[Asker | None] = ContextVar("asker", default=None)


def asker() -> Asker | None:
    """For whom this thread asks; None: for the process itself, which sees the registry alone."""
    return _asker.get()


@contextmanager
def asking(one: Asker | None) -> Iterator[None]:
    """Asks for somebody until the block ends."""
    before = _asker.set(one)
    try:
        yield
    finally:
        _asker.reset(before)
