"""What moves when a key of R is turned: the wraps of one part, and what waits to be read by it.

Nothing is written here, and nothing stays: whoever turns a key gives all of it to the database at
once. An identity is not opened, and a letter is not read; what does not open is told apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from keys.errors import KeysError
from keys.hpke import OpeningKey
from keys.sealed_identity import Place, rewrap
from ledger.errors import LedgerError
from ledger.log.statement import parse_compact
from ledger.vault import share
from ledger.vault.disclosure import digest_of
from ledger.vault.refusal import VaultRefusal
from ledger.vault.request import Request, ShareGiven, open_request


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A part of an item as it lies.

    Attributes:
        item: uuid of the item.
        token: `sealed:<uuid>`.
        wrap: The part's wrap.
    """

    item: str
    token: str
    wrap: bytes


@dataclass(slots=True)
class SealedAnew:
    """What is to take the place of what.

    Attributes:
        items: uuid, old and new wrap.
        left: Items whose part does not open with the old key.
        requests: id, old and new bytes; the same where they do not open.
    """

    items: list[tuple[str, bytes, bytes]] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    requests: list[tuple[str, bytes, bytes]] = field(default_factory=list)


def moved(
    wraps: Iterable[Wrapped],
    requests: Sequence[tuple[str, bytes]],
    old: OpeningKey,
    new: OpeningKey,
    *,
    origin: str,
    part: str,
) -> SealedAnew:
    """All of it, each new wrap seen to open with the new key.

    Args:
        wraps: Of one part, to the old key.
        requests: Id and bytes of what waits and is sealed to the old key; none for identities.
        old: The key that goes.
        new: The key that takes its place.
        origin: Origin of the log.
        part: `contact` or `identity`.
    """
    found = SealedAnew()
    for one in wraps:
        place = Place(origin, part, one.item, one.token)
        try:
            found.items.append((one.item, one.wrap, rewrap(one.wrap, old, new, place)))
        except KeysError:
            found.left.append(one.item)
    for request_id, sealed in requests:
        anew = _resealed(sealed, old, new, origin, request_id)
        found.requests.append((request_id, sealed, anew))
    return found


def _resealed(
    sealed: bytes, old: OpeningKey, new: OpeningKey, origin: str, request_id: str
) -> bytes:
    """The same request for the new key, and a share in it too."""
    try:
        request = open_request(sealed, old, origin=origin, request_id=request_id)
    except VaultRefusal:
        return sealed
    asked = request.asked
    if isinstance(asked, ShareGiven):
        asked = _share_resealed(asked, old, new, origin)
    return Request(asked, request.at).seal(new.public, origin=origin, request_id=request_id)


def _share_resealed(asked: ShareGiven, old: OpeningKey, new: OpeningKey, origin: str) -> ShareGiven:
    try:
        digest = digest_of(parse_compact(asked.statements[0]).payload)
        given = share.resealed(asked.share, old, new.public, origin=origin, digest=digest)
    except (LedgerError, KeysError, IndexError):
        return asked  # the vault says of it what it says of any that is none
    return replace(asked, share=given)
