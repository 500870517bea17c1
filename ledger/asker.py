"""For whom the store is asked, said once for everything a thread does until it is done.

Whoever takes a request says it, and whoever lends connections believes it: between them nobody has
to hand it on, so nobody can forget to.
"""

from __future__ import annotations

from contextvars import ContextVar, Token
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

_One = TypeVar("_One")


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


class Held(Generic[_One]):
    """A variable of this thread holds something until the block ends.

    A class, since every request has two such blocks: a generator costs several times as much.
    """

    __slots__ = ("_before", "_one", "_variable")
    _before: Token[_One | None]

    def __init__(self, variable: ContextVar[_One | None], one: _One) -> None:
        self._variable, self._one = variable, one

    def __enter__(self) -> _One:
        self._before = self._variable.set(self._one)
        return self._one

    def __exit__(self, *_: object) -> None:
        self._variable.reset(self._before)


def asking(one: Asker | None) -> Held[Asker | None]:
    """Asks for somebody until the block ends."""
    return Held(_asker, one)
