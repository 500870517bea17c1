"""A custodian's share of R's key as it is given to the vault, for one act (access.md K7, A18).

Sealed to the vault where the custodian sits, and bound to the bytes of the act and to the keys that
signed it, as the custodian saw them: for any other act it opens nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from keys import canonical
from keys.envelope_encryption import KEK_ID_BYTES
from keys.errors import KeysError, Unsealable
from keys.hpke import OpeningKey, OpeningKeys, SealingKey
from keys.shares import Lent, Share
from ledger.vault.refusal import VaultRefusal

_MEMBERS: Final = frozenset({"v", "share", "parts", "kids"})


@dataclass(frozen=True, slots=True)
class Given:
    """What the vault was lent.

    Attributes:
        lent: The share, with its parts opened.
        kids: Thumbprints of the keys that signed the act.
    """

    lent: Lent = field(repr=False)
    kids: tuple[str, ...]

    @property
    def key_id(self) -> bytes:
        """The 16 bytes that name the key of identities that the share is of."""
        return canonical.unb64(self.lent.share.secret.kid)[:KEK_ID_BYTES]


def give(lent: Lent, kids: Sequence[str], to: SealingKey, *, origin: str, digest: str) -> bytes:
    """The bytes that a custodian sends.

    Args:
        lent: The share, opened by its custodian.
        kids: The keys that signed the act, in the order of its signers.
        to: The vault's key.
        origin: Origin of the log.
        digest: Of the act's bytes.
    """
    body = {
        "v": 1,
        "share": lent.share.data().decode(),
        "parts": [canonical.b64(part) for part in lent.parts],
        "kids": list(kids),
    }
    return to.seal(canonical.encode(body), info=_label(origin, digest))


def taken(sealed: bytes, keys: OpeningKeys, *, origin: str, digest: str) -> Given:
    """What was given for this act.

    Raises:
        VaultRefusal: `wrong_share`: for another act, another vault, or no share.
    """
    try:
        members = canonical.parse(_opened(sealed, keys, _label(origin, digest)))
        if members.keys() != _MEMBERS or members["v"] != 1:
            raise VaultRefusal("wrong_share")
        parts = tuple(canonical.unb64(part) for part in members["parts"])
        return Given(
            Lent(Share.parse(members["share"].encode()), parts),
            tuple(str(kid) for kid in members["kids"]),
        )
    except (KeysError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise VaultRefusal("wrong_share") from error


def _opened(sealed: bytes, keys: OpeningKeys, label: bytes) -> bytes:
    """A share says in no open place which key it is sealed to; there are two at most."""
    for key in keys.every:
        with suppress(Unsealable):
            return key.open(sealed, info=label)
    raise Unsealable("sealed to none of the vault's keys")


def resealed(sealed: bytes, key: OpeningKey, to: SealingKey, *, origin: str, digest: str) -> bytes:
    """The same share, to another key of the vault's. Raises: Unsealable, Malformed."""
    label = _label(origin, digest)
    return to.seal(key.open(sealed, info=label), info=label)


def _label(origin: str, digest: str) -> bytes:
    return b"\0".join((b"socai/r-share/1", origin.encode(), digest.encode()))
