"""R by the writer's login: puts in and asks, by functions alone, and reads nothing back (G9)."""

from __future__ import annotations

from typing import Final, LiteralString
from uuid import UUID

from keys.errors import KeysError
from keys.hpke import SealingKey
from ledger.errors import Fatal, NotFound
from ledger.postgres.connect import Connection, Pool, calling, reading
from ledger.vault.identity import CONTACT, IDENTITY, Keys, SealedIdentity
from ledger.vault.request import Answer

_KEYS: Final[LiteralString] = "SELECT part, public FROM r.public_keys()"
_PUT: Final[LiteralString] = "SELECT r.put(%s::uuid, %s::uuid, %s, %s, %s, %s, %s)"
_HOLDS: Final[LiteralString] = "SELECT r.holds(%s::uuid, %s::uuid, %s)"
_ASK: Final[LiteralString] = "SELECT r.ask(%s::uuid, %s, %s)"
_ANSWER: Final[LiteralString] = "SELECT answer FROM r.answer(%s::uuid)"


class PostgresCompartment:
    """R as the API may use it.

    Args:
        pool: Of the writer's login.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def keys(self) -> Keys | None:
        """The public halves; None: this enclave has no R."""

        def read(connection: Connection) -> list[tuple[object, ...]]:
            return connection.execute(_KEYS).fetchall()

        found = {str(part): public for part, public in reading(self._pool, read)}
        if found.keys() != {CONTACT, IDENTITY}:
            return None
        try:
            return Keys(*(SealingKey(_bytes(found[part])) for part in (CONTACT, IDENTITY)))
        except KeysError as error:
            raise Fatal("a key of R is no key") from error

    def put(self, item: SealedIdentity, comp: UUID) -> bool:
        """Keeps an item; the same again is the same. False: it is another's, or for other keys."""
        parts = [item.contact.state, item.contact.wrap, item.identity.state, item.identity.wrap]
        return bool(
            calling(self._pool, _PUT, [item.item, _uuid_of(item.token), comp, *parts], binary=True)
        )

    def holds(self, item: str, token: str, comp: UUID) -> bool:
        """Whether it keeps this item for this reporter of this case; True where there is no R."""
        return bool(calling(self._pool, _HOLDS, [item, _uuid_of(token), comp]))

    def ask(self, request_id: str, sealed: bytes, key: bytes) -> bool:
        """Asks the vault; under an id that was asked before, nothing. False: the key is over."""
        return bool(calling(self._pool, _ASK, [request_id, sealed, key], binary=True))

    def answer(self, request_id: str) -> Answer | None:
        """What the vault said; None: nothing yet. Raises: NotFound: nobody asked."""

        def read(connection: Connection) -> tuple[object, ...] | None:
            return connection.execute(_ANSWER, [request_id]).fetchone()

        row = reading(self._pool, read)
        if row is None:
            raise NotFound(request_id)
        return None if row[0] is None else Answer.parse(_bytes(row[0]))


def _uuid_of(token: str) -> str:
    return token.removeprefix("sealed:")


def _bytes(value: object) -> bytes:
    if not isinstance(value, bytes | memoryview):
        raise Fatal("R gave no bytes")
    return bytes(value)
