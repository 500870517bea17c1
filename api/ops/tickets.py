"""The tickets of one API process: for whom the database is asked (access.md G13).

The key's file is looked at again once a minute, so that a key that was turned is used before the
one before it ends.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from time import monotonic
from typing import Final

from api.auth import Caller
from ledger.asker import Asker
from ledger.ports import Clock
from ledger.postgres.ticket import TicketKey

LIFE_S: Final = 120
"""Longer than any question of a request may take; its session was asked for right before."""
_LOOK_S: Final = 60.0


class Tickets:
    """Makes tickets.

    Args:
        read: The key as it stands on this machine.
        clock: Real time: the database judges a ticket's end by its own.
    """

    def __init__(self, read: Callable[[], TicketKey], clock: Clock) -> None:
        self._read = read
        self._clock = clock
        self._key, self._looked = read(), monotonic()

    def of(self, caller: Caller, *, of_cases: bool, at: datetime | None) -> Asker:
        """The ticket of a signed-in officer.

        Args:
            caller: Who is signed in.
            of_cases: Whether what is asked for may be of cases.
            at: The ledger's time that the request of a rehearsal states.
        """
        if monotonic() - self._looked > _LOOK_S:
            self._key, self._looked = self._read(), monotonic()
        ends = int(self._clock.now().timestamp()) + LIFE_S
        ticket = self._key.ticket(caller.officer, caller.kid, ends)
        return Asker(ticket, caller.officer, of_cases, at, caller.kid)
