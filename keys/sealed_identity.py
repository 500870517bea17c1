"""Parts of a reporter's identity, sealed so that whoever seals cannot open (formats.md §5, R).

Each part is padded and sealed under a DEK of its own, and the DEK is sealed to the public half of
the key that opens such parts: the vault's for how to reach a reporter, the custodians' for who it
is. What stands in a part, and who may have it opened, are not known here.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keys.envelope_encryption import KEK_ID_BYTES, KEY_BYTES, pad, unpad
from keys.errors import Malformed, Unsealable
from keys.hpke import OVERHEAD, OpeningKey, SealingKey

_VERSION: Final = 0x02
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
MOST_BYTES: Final = 16_380
"""Of a part's text, so that there are three lengths of states: 1,053, 4,125 and 16,413 bytes."""
WRAP_BYTES: Final = 1 + KEK_ID_BYTES + KEY_BYTES + OVERHEAD
"""1,185."""


@dataclass(frozen=True, slots=True)
class Place:
    """What a sealed part is bound to: it opens as this part of this item, and as nothing else.

    Attributes:
        origin: Origin of the log.
        part: `contact` or `identity`.
        item: uuid of the item in R.
        token: The reporter's, `sealed:<uuid>`.
    """

    origin: str
    part: str
    item: str
    token: str

    @property
    def label(self) -> bytes:
        """AAD of the state, and `info` of the wrap."""
        said = ("socai/r/1", self.origin, self.part, self.item, self.token)
        return b"\0".join(word.encode() for word in said)


@dataclass(frozen=True, slots=True)
class SealedPart:
    """What the store of R keeps of a part.

    Attributes:
        state: `0x02 || nonce || ct`; of three lengths, so that it tells nothing of what is in it.
        wrap: `0x02 || kek_id || enc || ct`, 1,185 bytes: without it nobody opens the state.
    """

    state: bytes
    wrap: bytes


def seal_part(plain: bytes, to: SealingKey, place: Place) -> SealedPart:
    """Seals a part; nothing that this process keeps opens it.

    Raises:
        Malformed: Longer than `MOST_BYTES`, or a key to which nothing can be sealed.
    """
    return _seal_with(AESGCM.generate_key(256), os.urandom(_NONCE_BYTES), plain, to, place)


def _seal_with(dek: bytes, nonce: bytes, plain: bytes, to: SealingKey, place: Place) -> SealedPart:
    if len(plain) > MOST_BYTES:
        raise Malformed(f"a part of {len(plain)} bytes is longer than {MOST_BYTES}")
    state = bytes((_VERSION,)) + nonce + AESGCM(dek).encrypt(nonce, pad(plain), place.label)
    return SealedPart(state, _wrapped(dek, to, place))


def _wrapped(dek: bytes, to: SealingKey, place: Place) -> bytes:
    return bytes((_VERSION,)) + to.kek_id + to.seal(dek, info=place.label)


def key_of(wrap: bytes) -> bytes:
    """The 16 bytes that name the key that a wrap opens with."""
    return wrap[1 : 1 + KEK_ID_BYTES]


def rewrap(wrap: bytes, key: OpeningKey, to: OpeningKey, place: Place) -> bytes:
    """The wrap of the same part to another key, which has been seen to open it.

    Raises:
        Unsealable: It does not open with `key` as this part of this item.
    """
    dek = _unwrapped(wrap, key, place)
    moved = _wrapped(dek, to.public, place)
    if _unwrapped(moved, to, place) != dek:
        raise Unsealable("what was sealed to the key does not open with it")
    return moved


def _unwrapped(wrap: bytes, key: OpeningKey, place: Place) -> bytes:
    head = bytes((_VERSION,)) + key.kek_id
    if len(wrap) != WRAP_BYTES or not wrap.startswith(head):
        raise Unsealable("the part is wrapped for another key")
    return key.open(wrap[len(head) :], info=place.label)


def open_part(sealed: SealedPart, key: OpeningKey, place: Place) -> bytes:
    """The text of a part.

    Raises:
        Unsealable: Another key, item, token, part or log, or changed bytes.
    """
    dek = _unwrapped(sealed.wrap, key, place)
    nonce = sealed.state[1 : 1 + _NONCE_BYTES]
    known = sealed.state[:1] == bytes((_VERSION,))
    if not known or len(sealed.state) < 1 + _NONCE_BYTES + _TAG_BYTES:
        raise Unsealable("not a sealed part of a known version")
    try:
        padded = AESGCM(dek).decrypt(nonce, sealed.state[1 + _NONCE_BYTES :], place.label)
    except (InvalidTag, ValueError) as error:
        raise Unsealable("the part does not open") from error
    return unpad(padded)
