"""Waiting for a database that is away, by whoever cannot begin without it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Event
from typing import Final, TypeVar

from ledger.errors import Unavailable

_FIRST_S: Final = 0.1
_MOST_S: Final = 1.0
"""The longest pause: whatever waits begins within this and an attempt of the thing being back."""
T = TypeVar("T")

_log = logging.getLogger("socai.roles")


def once_there(reach: Callable[[], T], stop: Event, what: str) -> T | None:
    """What `reach` gives once the database lets it; None: told to stop meanwhile.

    Args:
        reach: Tried again and again, after pauses that grow; what it opens before it raises
            `Unavailable` it closes.
        stop: Ends the waiting.
        what: Who waits, in log lines: one when it begins, and one when it ends.
    """
    pause, waited = _FIRST_S, False
    while not stop.is_set():
        try:
            found = reach()
        except Unavailable as error:
            if not waited:
                _log.warning("%s waits for its database: %s", what, error.__cause__ or error)
            waited = True
            stop.wait(pause)
            pause = min(2 * pause, _MOST_S)
            continue
        if waited:
            _log.warning("%s has its database", what)
        return found
    return None
