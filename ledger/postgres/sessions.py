"""Sign-in challenges and counted attempts, shared by all workers (http.md §2): `Sessions`."""

from __future__ import annotations

from typing import Final, LiteralString, cast

from ledger.postgres.connect import Pool, calling

_PUT: Final[LiteralString] = "SELECT sec.challenge_put(%s, %s, %s::int)"
_TAKE: Final[LiteralString] = "SELECT sec.challenge_take(%s)"
_ATTEMPT: Final[LiteralString] = "SELECT sec.attempt(%s, %s::int, %s::int)"


class PostgresSessions:
    """Through functions only; the reader's login cannot see a table of theirs."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def put(self, challenge: str, kid: str, life_s: int) -> None:
        """Keeps a challenge until it is taken or expires."""
        calling(self._pool, _PUT, [challenge, kid, life_s])

    def take(self, challenge: str) -> str | None:
        """The kid it was made for; None where unknown, used or expired."""
        return cast("str | None", calling(self._pool, _TAKE, [challenge]))

    def attempt(self, subject: str, window_s: int, limit: int) -> bool:
        """Counts one attempt; False where `subject` is over its limit in the window."""
        return bool(calling(self._pool, _ATTEMPT, [subject, window_s, limit]))
