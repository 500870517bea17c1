"""The ledger's time for one request: the machine's, or in a rehearsal the sender's (http.md §1)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from ledger.errors import Conflict, Fatal, Unavailable
from ledger.log.moment import cut
from ledger.message import Message
from ledger.values import frozen_value

CLOCK_SLACK: Final = timedelta(seconds=1)
"""How far the machine's clock may be behind the last record."""


@frozen_value(frozen=True, slots=True)
class Time:
    """The ledger's time for one request.

    Attributes:
        at: The time to judge by.
        latest: How far the log may be past it at the append; None: any later time will do.
    """

    at: datetime
    latest: datetime | None


def by_clock(now: datetime, last: datetime | None) -> Time:
    """By the machine's clock, never before the last record.

    Args:
        now: What the clock shows.
        last: `recorded_at` of the last record; None: there is none.

    Raises:
        Unavailable: `clock_jumped`: the clock is further behind than slack explains.
    """
    now = cut(now)
    if last is not None and now < last:
        if last - now > CLOCK_SLACK:
            raise Unavailable(
                "clock_jumped",
                Message("The server's clock is before the last record; nothing was recorded."),
                retry_after_s=5,
            )
        now = last
    return Time(now, now + CLOCK_SLACK)


def rehearsed(at: datetime | None, last: datetime | None) -> Time:
    """As the sender of a rehearsal sets it; where none is set, the last `recorded_at`.

    Raises:
        Conflict: `clock_back`.
    """
    if at is None:
        if last is None:
            raise Fatal("the log is not founded: a rehearsal has no time before record 0")
        return Time(last, None)
    if last is not None and at < last:
        raise clock_back()
    return Time(cut(at), cut(at))


def clock_back() -> Conflict:
    """409: a rehearsal's time before the last record."""
    return Conflict(
        "clock_back",
        Message("The ledger's clock never goes back: this time is before the last record."),
    )
