"""Moments of the past as queries name them: an index, a time, a day in Vietnam (http.md §6)."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Final

from api.http.framework.request_context import malformed, now
from api.http.resources.common.served import enclave
from api.problems.problem import Problem
from ledger.log.moment import unstamp
from ledger.message import Message
from ledger.regulation.acts.json_shape import parse_date, parse_time
from ledger.regulation.registry.calendar import VIETNAM, local_day

_A_DAY: Final = len("2024-06-04")
_NO_MOMENT: Final = Message("there is no such moment")
_LAST_INSTANT: Final = timedelta(days=1) - timedelta(milliseconds=1)


def moment(text: str | None, name: str = "as_of") -> int | datetime | None:
    """An index or a time; None where none is asked for.

    A day is its end in Vietnam, and today is now: what stood on that day, not what stands later.
    """
    if text is None:
        return None
    if text.isdigit():
        return int(text)
    try:
        if len(text) == _A_DAY:
            return _end_of(parse_date(text))
        return unstamp(text) if text.endswith("Z") else parse_time(text)
    except ValueError as error:
        raise malformed(name, _NO_MOMENT) from error


def day(text: str | None, name: str) -> date | None:
    """A day; None where none is asked for.

    Raises:
        Problem: `malformed_request`: there is no such day.
    """
    try:
        return None if text is None else parse_date(text)
    except ValueError as error:
        raise malformed(name, Message("there is no such day")) from error


def before(text: str | None, name: str) -> datetime | None:
    """The instant before which something is asked for; of a day its end in Vietnam.

    Raises:
        Problem: `malformed_request`: there is no such moment.
    """
    if text is None:
        return None
    try:
        return midnight(parse_date(text), days=1) if len(text) == _A_DAY else parse_time(text)
    except ValueError as error:
        raise malformed(name, _NO_MOMENT) from error


def midnight(day: date, days: int = 0) -> datetime:
    """The first instant in Vietnam of a day, or of so many days later."""
    return datetime.combine(day, datetime.min.time(), VIETNAM) + timedelta(days=days)


def _end_of(day: date) -> datetime:
    at = now()
    if day == local_day(at):
        return at
    return datetime.combine(day, datetime.min.time(), VIETNAM) + _LAST_INSTANT


def instant(moment: int | datetime) -> datetime:
    """When that was: for an index, when its record was taken.

    Of a record that the caller does not see, when the newest of the registry before it was: no
    answer tells when others were at work (access.md N8).

    Raises:
        Problem: `as_of_in_future`: there is no such record yet.
    """
    if isinstance(moment, datetime):
        return moment
    found = enclave().queries.registries.instant(moment)
    if found is None:
        raise Problem("as_of_in_future")
    return found


def on_clock(found: int | datetime | None, clock: str, name: str = "as_of") -> None:
    """An index counts records: it is no moment of the clock of what happened.

    Raises:
        Problem: `malformed_request`.
    """
    if isinstance(found, int) and clock == "occurred":
        raise malformed(
            name,
            Message("with clock=occurred name a time, not an index"),
        )
