"""Sign-in challenges and counted attempts, shared by all workers (api.md §2): `Sessions`."""

from __future__ import annotations

from datetime import datetime
from typing import Final, LiteralString, cast

from ledger.postgres.connect import Pool, calling

_PUT: Final[LiteralString] = "SELECT sec.challenge_put(%s, %s, %s)"
_TAKE: Final[LiteralString] = "SELECT sec.challenge_take(%s, %s)"
_ATTEMPT: Final[LiteralString] = "SELECT sec.attempt(%s, %s, %s, %s)"


class PostgresSessions:
    """Through functions only; the reader's login cannot see a table of theirs."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def put(self, challenge: str, kid: str, expires_at: datetime) -> None:
        """Keeps a challenge until it is taken or expires."""
        calling(self._pool, _PUT, [challenge, kid, expires_at])

    def take(self, challenge: str, now: datetime) -> str | None:
        """The kid it was made for; None where unknown, used or expired."""
        return cast("str | None", calling(self._pool, _TAKE, [challenge, now]))

    def attempt(self, subject: str, now: datetime, window_s: int, limit: int) -> bool:
        """Counts one attempt; False where `subject` is over its limit in the window."""
        return bool(calling(self._pool, _ATTEMPT, [subject, now, window_s, limit]))
