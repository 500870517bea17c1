"""How the loop spares the interpreter's search for cycles.

A fold holds some million small objects that live on from batch to batch, and what it lets go of is
free at once but for what stands in a cycle. So the interpreter looks for cycles only after so many
statements were let go of that they could matter, and memory stays as flat as the fold.
"""

from __future__ import annotations

import gc
from types import TracebackType
from typing import Final, Self

RELEASED_MOST: Final = 40_000
"""Statements after which a search is made: some 130 MiB, if every one is in a cycle."""


class GcPause:
    """A context where cycles are searched for when `released` says so; leaves all as it was."""

    def __init__(self) -> None:
        self._before: list[bool] = []
        self._released = 0

    def __enter__(self) -> Self:
        self._before.append(gc.isenabled())
        gc.disable()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._before.pop():
            gc.enable()

    def released(self, statements: int) -> None:
        """Takes notice that a fold has let go of so many statements."""
        self._released += statements
        if self._released >= RELEASED_MOST:
            gc.collect()
            self._released = 0
