"""How the loop spares the interpreter's search for cycles.

A fold holds some million small objects that live on from batch to batch; the interpreter would walk
them all again and again. So full searches are made only after so many statements were let go of
that cycles among them could matter, and memory stays as flat as the fold.
"""

from __future__ import annotations

import gc
from types import TracebackType
from typing import Final, Self

_YOUNG: Final = 5_000
_MIDDLE: Final = 50
_NEVER: Final = 1 << 30
LET_GO: Final = 40_000
"""Statements after which a full search is made: some 130 MiB, if every one is in a cycle."""


class Sweep:
    """A context in which full searches are made when `let_go` says so; leaves as it was found."""

    def __init__(self) -> None:
        self._before: list[tuple[int, int, int]] = []
        self._let_go = 0

    def __enter__(self) -> Self:
        self._before.append(gc.get_threshold())
        gc.set_threshold(_YOUNG, _MIDDLE, _NEVER)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        gc.set_threshold(*self._before.pop())

    def let_go(self, statements: int) -> None:
        """Takes notice that a fold has let go of so many statements."""
        self._let_go += statements
        if self._let_go >= LET_GO:
            gc.collect()
            self._let_go = 0
