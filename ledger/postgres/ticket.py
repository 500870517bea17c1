"""Tickets: by what the database knows for whom a question is asked (access.md G13).

A setting can be changed by whoever gets SQL of their own into a question, so the database believes
a MAC and nothing else: it holds the two pads of HMAC-SHA-256, never an officer's right. Without a
ticket, or with one that is forged or over, there is nothing but the registry.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from time import monotonic
from typing import Final, LiteralString

from ledger.asker import Asker
from ledger.ports import Clock
from ledger.postgres.migrate import owning

LIFE_S: Final = 120
"""Longer than any question of a request may take; its session was asked for right before."""
_LOOK_S: Final = 60.0
_SAME_S: Final = 10
"""How long an officer is given the same one."""

_BLOCK: Final = 64  # of SHA-256, RFC 2104
_INNER: Final = bytes(0x36 for _ in range(_BLOCK))
_OUTER: Final = bytes(0x5C for _ in range(_BLOCK))
_ID_DIGITS: Final = 16
VERSION: Final = "v1"
_KEEP: Final[LiteralString] = (
    "INSERT INTO sec.ticket_keys AS k (id, inner_pad, outer_pad, made_at)"
    " VALUES (%s, %s, %s, clock_timestamp()) ON CONFLICT (id) DO UPDATE SET"
    " inner_pad = excluded.inner_pad, outer_pad = excluded.outer_pad, made_at = CASE WHEN"
    " EXISTS (SELECT FROM sec.ticket_keys n WHERE n.made_at > k.made_at)"
    " THEN clock_timestamp() ELSE k.made_at END"
)
#: Nobody makes one tomorrow: what claims it would push the key that is held here out of the two.
_UNMADE: Final[LiteralString] = "DELETE FROM sec.ticket_keys WHERE made_at > clock_timestamp()"
_FORGET: Final[LiteralString] = (
    "DELETE FROM sec.ticket_keys WHERE id NOT IN"
    " (SELECT id FROM sec.ticket_keys ORDER BY made_at DESC, id LIMIT 2)"
)


@dataclass(frozen=True)
class TicketKey:
    """The secret that tickets are made with, 32 bytes.

    Attributes:
        secret: Held by the API, and by whoever migrates, who tells the database the pads.
    """

    secret: bytes

    @cached_property
    def id(self) -> str:
        """Which key it is: 16 hex digits that say nothing of it."""
        return hashlib.sha256(b"socai/ticket-key/1\0" + self.secret).hexdigest()[:_ID_DIGITS]

    @property
    def pads(self) -> tuple[bytes, bytes]:
        """Inner and outer pad of HMAC-SHA-256 (RFC 2104), 64 bytes each."""
        block = self.secret.ljust(_BLOCK, b"\0")
        inner, outer = (
            bytes(a ^ b for a, b in zip(block, pad, strict=True)) for pad in (_INNER, _OUTER)
        )
        return inner, outer

    def ticket(self, officer: str, kid: str, expires_at: int) -> str:
        """The ticket of an officer, signed in by a key, good until `expires_at` (Unix seconds)."""
        body = f"{VERSION}|{self.id}|{officer}|{kid}|{expires_at}"
        return f"{body}#{hmac.digest(self.secret, body.encode('ascii'), 'sha256').hex()}"


class Tickets:
    """Makes the tickets of one process.

    The key is read again once a minute, so that one that was turned is used before the one before
    it ends, and after a ticket that was not believed: one that was turned twice meanwhile.

    Args:
        read: The key as it stands on this machine.
        clock: Real time: the database judges a ticket's end by its own.
    """

    def __init__(self, read: Callable[[], TicketKey], clock: Clock) -> None:
        self._read = read
        self._clock = clock
        self._key = read()
        self._looked: float | None = monotonic()
        self._made: tuple[int, dict[tuple[str, str, bool], Asker]] = (0, {})

    def forget(self) -> None:
        """The database did not believe one: the key is read again before the next is made."""
        self._looked = None

    def of(self, officer: str, kid: str, *, of_cases: bool, at: datetime | None) -> Asker:
        """The ticket of a signed-in officer.

        Args:
            officer: Who is signed in.
            kid: By which key.
            of_cases: Whether what is asked for may be of cases.
            at: The ledger's time that the request of a rehearsal states.
        """
        looked = self._looked  # once: another request may have it forgotten meanwhile
        if looked is None or monotonic() - looked > _LOOK_S:
            self._key, self._looked = self._read(), monotonic()
            self._made = (0, {})
        ends = (int(self._clock.now().timestamp()) // _SAME_S + 1) * _SAME_S + LIFE_S
        of_when, made = self._made
        if ends != of_when:
            made = {}
            self._made = (ends, made)
        asker = made.get((officer, kid, of_cases))
        if asker is None:
            ticket = self._key.ticket(officer, kid, ends)
            asker = made[officer, kid, of_cases] = Asker(ticket, officer, of_cases, None, kid)
        return asker if at is None else replace(asker, at=at)


def keep_ticket_key(migrator_dsn: str, slug: str, key: TicketKey) -> None:
    """Has tickets of this key believed from now on; of the keys before it the last, for an hour.

    Args:
        migrator_dsn: Connection string of `<slug>_migrator`.
        slug: Prefix of the enclave's roles.
        key: What this machine holds; where the database knew a newer one, it is the newest again,
            and where it knew other pads of it, it knows these.
    """
    with owning(migrator_dsn, slug) as connection, connection.transaction():
        connection.execute(_UNMADE)
        connection.execute(_KEEP, [key.id, *key.pads])
        connection.execute(_FORGET)
