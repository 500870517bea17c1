"""What is done in steps, so that whoever does it of several can do a step of all, then the next.

The code of a step, and what it reads, is in the processor's caches for the second of them; had each
been done to its end, it would have been put out by all that lies between. Who has one to do does
not notice that there are steps.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import TypeVar

_T = TypeVar("_T")
Steps = Generator[None, None, _T]
"""What comes of it is returned; what stands against it is raised, at whichever step."""


def finished(steps: Steps[_T]) -> _T:
    """What comes of it, with all steps done here. Raises: what the steps raise."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            made: _T = end.value
            return made


def by_turns(several: Iterable[Steps[_T]]) -> list[_T]:
    """What comes of each: a step of all, then the next. Raises: what a step raises."""
    made: dict[int, _T] = {}
    left = list(enumerate(several))
    while left:
        under_way, left = left, []
        for n, steps in under_way:
            try:
                next(steps)
            except StopIteration as end:
                made[n] = end.value
            else:
                left.append((n, steps))
    return [made[n] for n in sorted(made)]


def no_steps(made: _T) -> Steps[_T]:
    """Of what there is already."""
    yield from ()
    return made
