"""Anchors of custody as an audit meets them in the log, and where they are late.

What they say is held against the events by `files`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

_EVERY_S: Final = 3600
"""The interval that nobody has stated otherwise."""


@dataclass(frozen=True, slots=True)
class Anchored:
    """An anchor in the log, good by the keys as they stood.

    Attributes:
        index: Leaf index.
        event_id: Its id.
        sealed: Count and digest, sealed.
        kid: The key it is signed with.
        recorded_at: When the log took it.
        every_s: Within how many seconds the next one was to follow.
    """

    index: int
    event_id: str
    sealed: bytes
    kid: str
    recorded_at: datetime
    every_s: int


class Gap(NamedTuple):
    """Records between which no anchor stands, and for how long.

    Attributes:
        after: Index of the anchor before, or of the enrolment of the service's first key.
        before: Index of the anchor behind, or of the newest record.
        seconds: From one to the other.
    """

    after: int
    before: int
    seconds: int


def gaps(
    anchors: Sequence[Anchored], began: tuple[int, datetime] | None, newest: tuple[int, datetime]
) -> tuple[Gap, ...]:
    """Where the log went on for more than two intervals without an anchor.

    Args:
        anchors: Of the log, in order.
        began: Index and time from which anchors could be made; None where they never could.
        newest: Index and time of the newest record.
    """
    found: list[Gap] = []
    every_s = anchors[0].every_s if anchors else _EVERY_S
    before = began
    for index, at, every in (*((a.index, a.recorded_at, a.every_s) for a in anchors), (*newest, 0)):
        if before is not None:
            seconds = int((at - before[1]).total_seconds())
            if index - before[0] > (every > 0) and seconds > 2 * every_s:
                found.append(Gap(before[0], index, seconds))
        before, every_s = (index, at), every or every_s
    return tuple(found)
