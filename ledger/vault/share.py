"""A custodian's share of R's key as it is given to the vault, for one act (access.md K7, A18).

Sealed to the vault where the custodian sits, and bound to the bytes of the act and to the keys that
signed it, as the custodian saw them: for any other act it opens nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from keys import canonical
from keys.errors import KeysError
from keys.hpke import OpeningKey, SealingKey
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


def taken(sealed: bytes, key: OpeningKey, *, origin: str, digest: str) -> Given:
    """What was given for this act.

    Raises:
        VaultRefusal: `wrong_share`: for another act, another vault, or no share.
    """
    try:
        members = canonical.parse(key.open(sealed, info=_label(origin, digest)))
        if members.keys() != _MEMBERS or members["v"] != 1:
            raise VaultRefusal("wrong_share")
        parts = tuple(canonical.unb64(part) for part in members["parts"])
        return Given(
            Lent(Share.parse(members["share"].encode()), parts),
            tuple(str(kid) for kid in members["kids"]),
        )
    except (KeysError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise VaultRefusal("wrong_share") from error


def _label(origin: str, digest: str) -> bytes:
    return b"\0".join((b"socai/r-share/1", origin.encode(), digest.encode()))
