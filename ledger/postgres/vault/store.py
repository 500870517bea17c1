"""Schema `r` by the vault's own login (access.md G9)."""

from __future__ import annotations

from typing import Final, LiteralString

from keys.sealed_identity import SealedPart
from ledger.postgres.connect import Connection, Lending, reading, translating
from ledger.vault.identity import CONTACT, IDENTITY, Keys, SealedIdentity
from ledger.vault.ports import Waiting

_TAKE: Final[LiteralString] = """
WITH next AS (
  SELECT id, state FROM r.requests WHERE state <> 'done' AND due <= clock_timestamp()
  ORDER BY due, id LIMIT 1 FOR UPDATE SKIP LOCKED
)
UPDATE r.requests q SET state = 'at_work' FROM next WHERE q.id = next.id
RETURNING q.id, q.sealed, q.key, next.state = 'at_work',
  q.asked_at < clock_timestamp() - interval '24 hours'
"""
_DONE: Final[LiteralString] = """
UPDATE r.requests SET state = 'done', answer = %s, sealed = NULL, done_at = clock_timestamp()
WHERE id = %s::uuid AND state = 'at_work'
"""
# as long again as it has waited, at most an hour
_PUT_OFF: Final[LiteralString] = """
UPDATE r.requests SET state = 'waits', due = clock_timestamp()
  + least(greatest(clock_timestamp() - asked_at, interval '10 seconds'), interval '1 hour')
WHERE id = %s::uuid AND state = 'at_work'
"""
# Of letters the outcome stays; what a look was answered is fetched at once or asked for again.
_FORGET: Final[LiteralString] = """
DELETE FROM r.requests WHERE state = 'done' AND octet_length(answer) > 1024
  AND done_at < clock_timestamp() - interval '1 minute'
"""
_ITEM: Final[LiteralString] = """
SELECT item::text, contact, contact_wrap, identity, identity_wrap FROM r.items
WHERE token = %s::uuid AND comp = %s::uuid
"""
_KEEPS: Final[LiteralString] = "SELECT EXISTS (SELECT FROM r.items WHERE token = %s::uuid)"
_FOUND: Final[LiteralString] = """
INSERT INTO r.keys (part, kek_id, public) SELECT part, kid, public
FROM unnest(%s::text[], %s::bytea[], %s::bytea[]) k (part, kid, public)
"""
_WAITING: Final[LiteralString] = """
SELECT coalesce(max(extract(epoch FROM clock_timestamp() - due)), 0) FROM r.requests
WHERE state <> 'done' AND due <= clock_timestamp()
"""
_KEYS: Final[LiteralString] = "SELECT count(*) FROM r.keys"


class PostgresVaultStore:
    """What the vault reads and answers.

    Args:
        pool: Of the vault's login.
    """

    def __init__(self, pool: Lending) -> None:
        self._pool = pool

    def take(self) -> Waiting | None:
        """The next request, now the vault's; there is one vault (`api.ops.role_lock`)."""
        with translating(), self._pool.connection() as connection:
            row = connection.execute(_TAKE, binary=True).fetchone()
        if row is None:
            return None
        request_id, sealed, key, interrupted, given_up = row
        return Waiting(
            str(request_id), _bytes(sealed), _bytes(key), bool(interrupted), bool(given_up)
        )

    def done(self, request_id: str, answer: bytes) -> None:
        """Keeps the answer, and nothing of the request."""
        self._execute(_DONE, [answer, request_id])

    def put_off(self, request_id: str) -> None:
        """The request waits again, longer each time."""
        self._execute(_PUT_OFF, [request_id])

    def forget(self) -> None:
        """Takes away answers that were only to be read once."""
        self._execute(_FORGET, [])

    def item(self, token: str, comp: str) -> SealedIdentity | None:
        """The item of a reporter of this case; None: there is none in this case."""

        def read(connection: Connection) -> tuple[object, ...] | None:
            asked = [token.removeprefix("sealed:"), comp]
            return connection.execute(_ITEM, asked, binary=True).fetchone()

        row = reading(self._pool, read)
        if row is None:
            return None
        item, *parts = row
        contact, contact_wrap, identity, identity_wrap = map(_bytes, parts)
        return SealedIdentity(
            str(item),
            token,
            SealedPart(contact, contact_wrap),
            SealedPart(identity, identity_wrap),
        )

    def keeps(self, token: str) -> bool:
        """Whether a reporter of this token is kept: an erasure takes one away."""
        asked = [token.removeprefix("sealed:")]
        row = reading(self._pool, lambda connection: connection.execute(_KEEPS, asked).fetchone())
        return row == (True,)

    def waiting_s(self) -> float:
        """How long the request that is longest due has waited for the vault; 0: none is due."""
        row = reading(self._pool, lambda connection: connection.execute(_WAITING).fetchone())
        return 0.0 if row is None else float(str(row[0]))

    def founded(self) -> bool:
        """Whether R has its keys."""
        row = reading(self._pool, lambda connection: connection.execute(_KEYS).fetchone())
        return row is not None and row[0] != 0

    def found(self, keys: Keys) -> None:
        """Keeps the public halves; once."""
        halves = {CONTACT: keys.contact, IDENTITY: keys.identity}
        kids = [key.kek_id for key in halves.values()]
        self._execute(_FOUND, [list(halves), kids, [key.raw for key in halves.values()]])

    def _execute(self, query: LiteralString, arguments: list[object]) -> None:
        with translating(), self._pool.connection() as connection:
            connection.execute(query, arguments)


def _bytes(value: object) -> bytes:
    if not isinstance(value, bytes | memoryview):
        raise TypeError("R gave no bytes")
    return bytes(value)
