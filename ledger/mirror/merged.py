"""One history of several logs: what is above stands behind what its author had been shown below.

The order follows from what the records say, and from nothing of when they were brought: whoever
takes a lower log in late, or in many pieces, is shown the same (access.md F5, V3).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class LogPlace:
    """Where something stands in its log, and what its author had been shown of lower ones.

    Attributes:
        level: The log's, as a number: 0 for the lowest that there is.
        log: Its origin.
        index: Leaf index there.
        seen: How many records of each lower log its author was shown, by origin.
    """

    level: int
    log: str
    index: int
    seen: Mapping[str, int]


_Step = tuple[bool, int, int, str]
"""One step of the way to a place, as what stands behind the same is sorted: whether it is of the
lowest log, whose records go on where those above stand between them; level, index, log."""
_Way = tuple[_Step, ...]
"""To a record: by the one that it stands directly behind, and so on down to the lowest log."""


def merged(items: Iterable[Item], place: Callable[[Item], LogPlace]) -> list[Item]:
    """Items of several logs in one order.

    Each log keeps its own order, and what is above stands directly behind the last record that its
    author had been shown, so before what came to that log later; where several stand behind the
    same, the lower level comes first, then the lower index. Whoever was shown nothing had been
    shown what the record before theirs had.

    Args:
        items: In any order; of each log any of its records.
        place: Where one stands.
    """
    logs: dict[str, list[tuple[int, _Way]]] = defaultdict(list)
    found: list[tuple[_Way, Item]] = []
    every = sorted(((place(one), one) for one in items), key=lambda both: _order(both[0]))
    for at, one in every:
        own = logs[at.log]
        way = _way(at, own[-1][1] if own else (), logs)
        own.append((at.index, way))
        found.append((way, one))
    return [one for _, one in sorted(found, key=lambda both: both[0])]


def _order(at: LogPlace) -> tuple[int, str, int]:
    """Each log after those below it, in its own order."""
    return at.level, at.log, at.index


def _way(at: LogPlace, before: _Way, logs: Mapping[str, list[tuple[int, _Way]]]) -> _Way:
    """The way to a place, behind what was seen from it and behind the record before it."""
    step = (at.level == 0, at.level, at.index, at.log)
    shown = [_last(logs.get(log, []), size) for log, size in at.seen.items()]
    behind: _Way = max([before[:-1], *shown])
    way = (*behind, step)
    return way if way > before else (*before, step)


def _last(known: list[tuple[int, _Way]], size: int) -> _Way:
    """The way to the last record of a log that is among its first `size`; empty: there is none."""
    n = bisect_left(known, (size,))
    return known[n - 1][1] if n else ()
