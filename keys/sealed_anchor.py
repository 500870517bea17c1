"""What an anchor of custody says, sealed (formats.md §3, version 0x04).

Everybody of an enclave may read a service statement, and nobody shall learn from it how much was
read in an hour, or whether anything was: count and digest are sealed to one length under a key of
their own. Of what they are is not known here.
"""

from __future__ import annotations

import hmac
import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keys.errors import Malformed, Unsealable

KEY_BYTES: Final = 32
DIGEST_BYTES: Final = 32
SEALED_BYTES: Final = 1 + 12 + 8 + DIGEST_BYTES + 16
_VERSION: Final = 0x04
_NONCE_BYTES: Final = 12


def key_of(file_key: bytes) -> bytes:
    """The key of anchors, out of the one key of the files of an enclave."""
    if len(file_key) != KEY_BYTES:
        raise Malformed("a file key has 32 bytes")
    return hmac.digest(file_key, b"socai/anchor-key/1", "sha256")


def seal(key: bytes, count: int, digest: bytes, *, origin: str, event_id: str) -> bytes:
    """Count and digest, sealed for one statement: 69 bytes.

    Args:
        key: Of `key_of`.
        count: How many events there are.
        digest: Of their chain, 32 bytes.
        origin: Origin of the log.
        event_id: Of the statement it is for.
    """
    return _seal_with(key, os.urandom(_NONCE_BYTES), count, digest, _aad(origin, event_id))


def _seal_with(key: bytes, nonce: bytes, count: int, digest: bytes, aad: bytes) -> bytes:
    if len(digest) != DIGEST_BYTES:
        raise Malformed("a digest has 32 bytes")
    plain = count.to_bytes(8) + digest
    return bytes((_VERSION,)) + nonce + AESGCM(key).encrypt(nonce, plain, aad)


def open_sealed(sealed: bytes, key: bytes, *, origin: str, event_id: str) -> tuple[int, bytes]:
    """Count and digest.

    Raises:
        Unsealable: Another version, key, log or statement, or changed bytes.
    """
    if len(sealed) != SEALED_BYTES or sealed[0] != _VERSION:
        raise Unsealable("not a sealed anchor of a known version")
    nonce, rest = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
    try:
        plain = AESGCM(key).decrypt(nonce, rest, _aad(origin, event_id))
    except InvalidTag as error:
        raise Unsealable("the anchor does not open") from error
    return int.from_bytes(plain[:8]), plain[8:]


def _aad(origin: str, event_id: str) -> bytes:
    return b"\0".join((b"socai/anchor/1", origin.encode(), event_id.encode()))
