"""Sealed records and wrapped keys (formats.md §5): a DEK per record, drawn here and used once.

Erasing content is deleting its wrap, which is the store's act; nothing here knows SQL. Public calls
draw their own nonces and keys; `_seal_with` and `_wrap_with` are the private door for vectors.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from keys.errors import Malformed, NotExtractable, Unsealable

KEY_BYTES: Final = 32
KEK_ID_BYTES: Final = 16
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_PLAIN: Final = 0x01
_PADDED: Final = 0x02
_WRAP: Final = 0x01
_WRAP_BYTES: Final = 1 + KEK_ID_BYTES + _NONCE_BYTES + KEY_BYTES + _TAG_BYTES
_LENGTH_BYTES: Final = 4
_PAD_TO: Final = tuple(k * 1024 for k in (1, 4, 16, 64, 256))
_ORDINARY: Final = "ordinary"


class HeldKey(Protocol):
    """An AES-256-GCM key that stays where it is, and works there: on a token (access.md K6)."""

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes, /) -> bytes:
        """Ciphertext and tag."""

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes, /) -> bytes:
        """The plaintext. Raises: InvalidTag: not made with this key, or changed bytes."""


@dataclass(frozen=True, slots=True)
class Kek:
    """A key-encryption key of one epoch.

    Attributes:
        kek_id: 16 random bytes that name it.
        key: 32 bytes, never shown; or what does the work with them, and does not give them out.
    """

    kek_id: bytes
    key: bytes | HeldKey = field(repr=False)

    def __post_init__(self) -> None:
        held = not isinstance(self.key, bytes) or len(self.key) == KEY_BYTES
        if len(self.kek_id) != KEK_ID_BYTES or not held:
            raise Malformed("a KEK is 32 bytes with an id of 16")

    def secret(self) -> bytes:
        """The 32 bytes: hand them to `custody` or to `shares` only.

        Raises:
            NotExtractable: They are nowhere but where the key is held.
        """
        if isinstance(self.key, bytes):
            return self.key
        raise NotExtractable("the key does not leave its token")

    @classmethod
    def generate(cls) -> Kek:
        """A new KEK with a random id."""
        return cls(os.urandom(KEK_ID_BYTES), AESGCM.generate_key(256))

    @property
    def current(self) -> Kek:
        """As `Keks`: this one alone."""
        return self

    @property
    def every(self) -> tuple[Kek, ...]:
        """As `Keks`."""
        return (self,)

    def of(self, kek_id: bytes) -> Kek:
        """As `Keks`. Raises: Unsealable."""
        if kek_id != self.kek_id:
            raise Unsealable("wrapped under another KEK")
        return self


class Keks(Protocol):
    """The KEKs that a process holds: one, or two while an epoch turns (access.md K9)."""

    @property
    def current(self) -> Kek:
        """What wraps from now on."""

    @property
    def every(self) -> tuple[Kek, ...]:
        """All that are held, the one in force first."""

    def of(self, kek_id: bytes) -> Kek:
        """What opens a wrap. Raises: Unsealable: it is not held."""


class KeyElsewhere:
    """Keys that another process holds and works with (access.md U3): what it is asked.

    It draws every nonce itself: whoever could choose one would get the key stream of a wrap that
    stands, and with it what is in there. No `ABC`: each wrap would ask that for its subclasses.
    """

    def wrapped(self, dek: bytes, *, origin: str, entry: bytes) -> bytes:
        """As `wrap`."""
        raise NotImplementedError

    def unwrapped(self, wrap: bytes, *, origin: str, entry: bytes) -> bytes:
        """As `unwrap`."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Sealed:
    """What to store, and the key to wrap.

    Attributes:
        state: The sealed envelope.
        dek: 32 bytes; wrap them and forget them.
    """

    state: bytes
    dek: bytes = field(repr=False)


def _record_aad(origin: str, stream: str, seq: int) -> bytes:
    return b"\0".join((b"socai/record/1", origin.encode(), stream.encode(), seq.to_bytes(8)))


def _wrap_aad(origin: str, entry: bytes) -> bytes:
    return b"\0".join((b"socai/wrap/1", origin.encode(), entry))


def pad(envelope: bytes) -> bytes:
    """The length and the text, with zeros up to a step, so that a length shows in steps only (§5).

    Raises:
        Malformed: Longer than the last step.
    """
    framed = len(envelope).to_bytes(_LENGTH_BYTES) + envelope
    for size in _PAD_TO:
        if len(framed) <= size:
            return framed.ljust(size, b"\0")
    raise Malformed(f"an envelope of {len(envelope)} bytes is longer than the largest padded state")


def unpad(padded: bytes) -> bytes:
    """Inverse of `pad`. Raises: Unsealable."""
    length = int.from_bytes(padded[:_LENGTH_BYTES])
    envelope = padded[_LENGTH_BYTES : _LENGTH_BYTES + length]
    # One envelope has one padded form: anything else under a good tag was not written by `seal`.
    if len(envelope) != length or pad(envelope) != padded:
        raise Unsealable("the padding of the state is not what sealing writes")
    return envelope


def seal(envelope: bytes, *, origin: str, stream: str, seq: int, level: str) -> Sealed:
    """Seals an envelope under a fresh DEK; above ordinary its length shows in steps only (§5)."""
    drawn = os.urandom(KEY_BYTES + _NONCE_BYTES)
    dek, nonce = drawn[:KEY_BYTES], drawn[KEY_BYTES:]
    aad = _record_aad(origin, stream, seq)
    state = _seal_with(dek, nonce, envelope, aad, padded=level != _ORDINARY)
    return Sealed(state, dek)


def _seal_with(dek: bytes, nonce: bytes, envelope: bytes, aad: bytes, *, padded: bool) -> bytes:
    version = _PADDED if padded else _PLAIN
    plain = pad(envelope) if padded else envelope
    return bytes((version,)) + nonce + AESGCM(dek).encrypt(nonce, plain, aad)


def open_state(state: bytes, dek: bytes, *, origin: str, stream: str, seq: int) -> bytes:
    """The envelope inside a sealed record.

    Raises:
        Unsealable: Another version, key, log, stream or position, or changed bytes.
    """
    if seq < 0:
        raise Unsealable("nothing is sealed for a position below zero")
    return _open_with(state, dek, _record_aad(origin, stream, seq))


def unverified_envelope(state: bytes, dek: bytes) -> bytes:
    """What a state says before its tag is checked: only to learn which stream to open it for.

    The tag covers the stream's name, and the name stands inside: read it here, then call
    `open_state`, which decides.

    Raises:
        Unsealable: Not a sealed record of a known version, or a padding that sealing never writes.
    """
    nonce, sealed = _parts(state)
    # NIST SP 800-38D §7.1: with a 12-byte nonce GCM is counter mode from block nonce || 2 on.
    counter = nonce + (2).to_bytes(4)
    plain = Cipher(AES(dek), CTR(counter)).decryptor().update(sealed[:-_TAG_BYTES])
    return unpad(plain) if state[0] == _PADDED else plain


def _open_with(state: bytes, dek: bytes, aad: bytes) -> bytes:
    nonce, sealed = _parts(state)
    try:
        plain = AESGCM(dek).decrypt(nonce, sealed, aad)
    except (InvalidTag, ValueError) as error:
        raise Unsealable("the record does not open") from error
    return unpad(plain) if state[0] == _PADDED else plain


def _parts(state: bytes) -> tuple[bytes, bytes]:
    """Nonce, and what is sealed with its tag."""
    if len(state) < 1 + _NONCE_BYTES + _TAG_BYTES or state[0] not in {_PLAIN, _PADDED}:
        raise Unsealable("not a sealed record of a known version")
    return state[1 : 1 + _NONCE_BYTES], state[1 + _NONCE_BYTES :]


def wrap(kek: Keks, dek: bytes, *, origin: str, entry: bytes) -> bytes:
    """The DEK wrapped for one entry of one log: 77 bytes."""
    if isinstance(kek, KeyElsewhere):
        return kek.wrapped(dek, origin=origin, entry=entry)
    return _wrap_with(kek.current, os.urandom(_NONCE_BYTES), dek, _wrap_aad(origin, entry))


@lru_cache(maxsize=16)
def _set_up(key: bytes) -> AESGCM:
    """A KEK is used for every record; setting it up costs more than using it."""
    return AESGCM(key)


def forget_ciphers() -> None:
    """Nothing of a KEK that is gone stays set up."""
    _set_up.cache_clear()


def _cipher(key: bytes | HeldKey) -> AESGCM | HeldKey:
    return _set_up(key) if isinstance(key, bytes) else key


def _wrap_with(kek: Kek, nonce: bytes, dek: bytes, aad: bytes) -> bytes:
    if len(dek) != KEY_BYTES:
        raise Malformed("a DEK has 32 bytes")
    return bytes((_WRAP,)) + kek.kek_id + nonce + _cipher(kek.key).encrypt(nonce, dek, aad)


def kek_id_of(wrapped: bytes) -> bytes:
    """Which KEK a wrap needs.

    Raises:
        Unsealable: Not a wrap under a KEK.
    """
    if len(wrapped) != _WRAP_BYTES or wrapped[0] != _WRAP:
        raise Unsealable("not a wrapped key of a known version")
    return wrapped[1 : 1 + KEK_ID_BYTES]


def unwrap(kek: Keks, wrapped: bytes, *, origin: str, entry: bytes) -> bytes:
    """The DEK inside a wrap.

    Raises:
        Unsealable: Another version, KEK, log or entry, or changed bytes.
    """
    if isinstance(kek, Kek):
        return _unwrap_with(kek, wrapped, _wrap_aad(origin, entry))
    if isinstance(kek, KeyElsewhere):
        return kek.unwrapped(wrapped, origin=origin, entry=entry)
    return _unwrap_with(kek.of(kek_id_of(wrapped)), wrapped, _wrap_aad(origin, entry))


def _unwrap_with(kek: Kek, wrapped: bytes, aad: bytes) -> bytes:
    if kek_id_of(wrapped) != kek.kek_id:
        raise Unsealable("wrapped under another KEK")
    nonce = wrapped[1 + KEK_ID_BYTES : 1 + KEK_ID_BYTES + _NONCE_BYTES]
    try:
        return _cipher(kek.key).decrypt(nonce, wrapped[1 + KEK_ID_BYTES + _NONCE_BYTES :], aad)
    except InvalidTag as error:
        raise Unsealable("the key does not unwrap") from error
