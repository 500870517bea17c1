"""The turn of a key of R: read by the vault's login, and ended by the administrator's, at once.

With the migrator's login, which no process that serves has: a key that is over takes nothing more.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, LiteralString, cast

import psycopg

from keys.hpke import SealingKey
from ledger.errors import Conflict
from ledger.message import Message
from ledger.postgres.connect import DURABLY, Pool, calling, reading, translated
from ledger.vault.identity import CONTACT
from ledger.vault.turn import SealedAnew, Wrapped

_KEYS: Final[LiteralString] = """
SELECT part, kek_id, public, made_at, over_at, destroyed_at, before, wraps_before, wraps_after,
  left_behind
FROM r.keys ORDER BY part, made_at
"""
_CONTACTS: Final[LiteralString] = """
SELECT item::text, 'sealed:' || token, contact_wrap FROM r.items
WHERE substr(contact_wrap, 2, 16) = %b
"""
_IDENTITIES: Final[LiteralString] = """
SELECT item::text, 'sealed:' || token, identity_wrap FROM r.items
WHERE substr(identity_wrap, 2, 16) = %b
"""
_REQUESTS: Final[LiteralString] = """
SELECT id::text, sealed FROM r.requests WHERE state <> 'done' AND key = %b
"""
_TURN: Final[LiteralString] = (
    """
SELECT r.turn_key(%b::text, %b::bytea, %b::bytea, %b::bytea, %b::uuid[], %b::bytea[], %b::bytea[],
  %b::bigint, %b::uuid[], %b::bytea[], %b::bytea[])
"""
    + DURABLY
)
_DESTROYED: Final[LiteralString] = "SELECT r.note_destroyed(%b::bytea)"


@dataclass(frozen=True, slots=True)
class KeyOfR:
    """A key that R had or has.

    Attributes:
        part: `contact` or `identity`.
        kek_id: The 16 bytes that name it.
        public: Its public half.
        made_at: When it came in force.
        over_at: When another took its place; None: it is in force.
        destroyed_at: When its private half was destroyed; of the vault's own alone.
        before: The key whose place it took; None: R was founded with it.
        wraps_before: How many wraps there were under that one.
        wraps_after: How many moved.
        left_behind: How many did not open, and stay.
    """

    part: str
    kek_id: bytes
    public: bytes
    made_at: datetime
    over_at: datetime | None
    destroyed_at: datetime | None
    before: bytes | None
    wraps_before: int | None
    wraps_after: int | None
    left_behind: int | None

    @property
    def kid(self) -> str:
        """Thumbprint of the public half."""
        return SealingKey(self.public).kid


class PostgresTurns:
    """Keys of R, and their turns.

    Args:
        vault: Pool of the vault's login.
        migrator: Of the migrator's.
    """

    def __init__(self, vault: Pool, migrator: Pool) -> None:
        self._vault = vault
        self._migrator = migrator

    def every(self) -> list[KeyOfR]:
        """Every key there was, oldest first within its part."""
        return [KeyOfR(*cast("Any", row)) for row in self._rows(_KEYS)]

    def wraps(self, part: str, kek_id: bytes) -> list[Wrapped]:
        """The wraps of a part that are sealed to a key."""
        query = _CONTACTS if part == CONTACT else _IDENTITIES
        return [Wrapped(*cast("Any", row)) for row in self._rows(query, kek_id)]

    def requests(self, kek_id: bytes) -> list[tuple[str, bytes]]:
        """What waits and is sealed to a key of the vault's."""
        return [cast("Any", row) for row in self._rows(_REQUESTS, kek_id)]

    def turn(self, part: str, before: bytes, to: SealingKey, moved: SealedAnew) -> bool:
        """Puts a key in the place of another, with all that was moved.

        Returns:
            False, and nothing is changed, where something came or went meanwhile: move it anew.

        Raises:
            Conflict: Another key is in force.
        """
        items, requests = _columns(moved.items), _columns(moved.requests)
        given = [part, before, to.kek_id, to.raw, *items, len(moved.left), *requests]
        try:
            with self._migrator.connection() as connection:
                row = connection.execute(_TURN, given, binary=True).fetchone()
        except psycopg.errors.UniqueViolation as error:
            raise Conflict(
                "vault_turned",
                Message("Nothing was turned: another key of R is in force by now. Run it again."),
            ) from error
        except psycopg.Error as error:
            raise translated(error) from error
        return row == (True,)

    def destroyed(self, kek_id: bytes) -> None:
        """Notes that the private half of a key that is over was destroyed where it lay."""
        calling(self._migrator, _DESTROYED, [kek_id], binary=True)

    def _rows(self, query: LiteralString, *arguments: object) -> list[tuple[object, ...]]:
        return reading(
            self._vault,
            lambda connection: connection.execute(query, arguments, binary=True).fetchall(),
        )


def _columns(moves: list[tuple[str, bytes, bytes]]) -> list[list[Any]]:
    return [list(column) for column in zip(*moves, strict=True)] or [[], [], []]
