"""Which keys of a log sign which sizes: those that record 0 names, until a recovery turns them.

A turn is dated by a size, not by a time: the keys before it sign nothing longer than the prefix
that a recovery goes on from, those after it nothing that is not longer (formats.md §7). Keys stay
the texts that the records have; whether one is well formed shows when a note is opened with it.
What a recovery is, and who may sign one, are not known here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Span:
    """Keys, and the sizes they sign.

    Attributes:
        vkeys: C2SP vkeys of the log and of `/pq`.
        above: They sign sizes above this one; -1 from the empty tree on.
        upto: The largest size they sign; None while they are in force.
    """

    vkeys: tuple[str, ...]
    above: int = -1
    upto: int | None = None

    def covers(self, size: int) -> bool:
        """Whether these keys sign a tree of this size."""
        return self.above < size and (self.upto is None or size <= self.upto)


@dataclass(frozen=True, slots=True)
class LogKeys:
    """The keys of one log, in the order they were in force."""

    spans: tuple[Span, ...] = ()

    @classmethod
    def of(cls, vkeys: Iterable[str]) -> Self:
        """The keys of a log that was never recovered."""
        return cls((Span(tuple(vkeys)),))

    @property
    def current(self) -> tuple[str, ...]:
        """The keys in force; none before record 0."""
        return self.spans[-1].vkeys if self.spans else ()

    @property
    def every(self) -> tuple[str, ...]:
        """Every key there ever was."""
        return tuple(vkey for span in self.spans for vkey in span.vkeys)

    def at(self, size: int) -> tuple[str, ...]:
        """The keys that sign a tree of this size; there is one such span from record 0 on."""
        return next((span.vkeys for span in self.spans if span.covers(size)), ())

    def turned(self, size: int, vkeys: Iterable[str]) -> Self:
        """With other keys for every tree longer than `size`.

        Raises:
            ValueError: The keys in force have not begun to sign there.
        """
        if not self.spans or size <= self.spans[-1].above:
            raise ValueError(f"the keys in force sign nothing of size {size}")
        last = Span(self.spans[-1].vkeys, self.spans[-1].above, size)
        return type(self)((*self.spans[:-1], last, Span(tuple(vkeys), size)))
