"""What becomes of an epoch, in the database: by the administrator's command alone (access.md K9).

With the migrator's login, which no process that serves has: an epoch that is over takes nothing any
more.
"""

from __future__ import annotations

from typing import Final, LiteralString

import psycopg

from ledger.errors import Conflict
from ledger.message import Message
from ledger.postgres.connect import Pool, calling, translated

_BEGIN: Final[LiteralString] = "SELECT log.begin_epoch(%b::bytea, %b::bytea)"
_CLOSE: Final[LiteralString] = "SELECT log.close_epoch(%b::bytea, %b::bigint, %b::bigint)"
_GIVE_UP: Final[LiteralString] = "SELECT log.give_up_epoch(%b::bytea, %b::bigint)"
_DESTROYED: Final[LiteralString] = "SELECT log.note_destroyed(%b::bytea)"
_SWEPT: Final[LiteralString] = "SELECT log.note_swept(%b::boolean)"


class PostgresEpochs:
    """Turns of the epoch, as they begin and end.

    Args:
        pool: Of the migrator's login.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def begin(self, before: bytes, kek_id: bytes) -> None:
        """Begins the turn from one KEK to another, or goes on with it.

        Raises:
            Conflict: Another turn is open, or the epoch of one of them is over.
        """
        try:
            with self._pool.connection() as connection:
                connection.execute(_BEGIN, (before, kek_id), binary=True)
        except psycopg.errors.UniqueViolation as error:
            raise Conflict("epoch", Message("another turn of the epoch was begun")) from error
        except psycopg.Error as error:
            raise translated(error) from error

    def close(self, before: bytes, left: int, seen: int) -> bool:
        """Ends the turn where `left` wraps are under the old KEK, and `seen` have moved."""
        return bool(calling(self._pool, _CLOSE, (before, left, seen), binary=True))

    def give_up(self, kek_id: bytes, left: int) -> bool:
        """Gives the turn to a KEK up, where nothing stands aside and `left` wraps are under it."""
        return bool(calling(self._pool, _GIVE_UP, (kek_id, left), binary=True))

    def destroyed(self, before: bytes) -> None:
        """Notes that the old KEK of a turn that is over was destroyed where it lay."""
        calling(self._pool, _DESTROYED, (before,), binary=True)

    def swept(self, *, wal: bool) -> None:
        """Notes that pages were written anew behind it, and the WAL too or not."""
        calling(self._pool, _SWEPT, (wal,), binary=True)
