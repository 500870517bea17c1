"""HPKE (RFC 9180) to a public key that is apart: MLKEM768-X25519, HKDF-SHA256, AES-256-GCM.

The hybrid KEM is that of the PQ HPKE draft (KEM id 0x647a, as X-Wing): who reads must break both
halves. What `info` says is bound, and nothing else: the library's public call has no AAD beside it,
and needs none, since one key of the schedule seals one text (formats.md §5). A sender is not shown:
whoever has the public half can seal. What is sealed is not known here.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric import mlkem, x25519

from keys import canonical, jwk
from keys.errors import Malformed, Unsealable

ALG: Final = "MLKEM768-X25519"
SEED_BYTES: Final = 32
PUBLIC_BYTES: Final = 1184 + 32
ENC_BYTES: Final = 1088 + 32
OVERHEAD: Final = ENC_BYTES + 16
"""How much longer a sealed text is than the text."""

_ML_KEM_PUBLIC: Final = 1184
_ML_KEM_SEED: Final = 64
_SUITE: Final = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)


class SealingKey:
    """The public half: seals, and opens nothing.

    Args:
        raw: 1,216 bytes, ML-KEM-768's encapsulation key and then X25519's.

    Raises:
        Malformed: Not such a key.
    """

    alg: Final = ALG

    def __init__(self, raw: bytes) -> None:
        if len(raw) != PUBLIC_BYTES:
            raise Malformed(f"a public key of {len(raw)} bytes for {ALG}")
        try:
            self._key = hpke.MLKEM768X25519PublicKey(
                mlkem.MLKEM768PublicKey.from_public_bytes(raw[:_ML_KEM_PUBLIC]),
                x25519.X25519PublicKey.from_public_bytes(raw[_ML_KEM_PUBLIC:]),
            )
        except ValueError as error:
            raise Malformed(f"not a public key for {ALG}") from error
        self.raw = raw

    @classmethod
    def from_jwk(cls, members: Mapping[str, Any]) -> SealingKey:
        """The key of a public JWK, of exactly the members of `jwk`. Raises: Malformed."""
        found = dict(members)
        pub = found.get("pub")
        if found.keys() != {"alg", "kty", "pub"} or not isinstance(pub, str):
            raise Malformed("a public key to seal to has exactly alg, kty, pub")
        if found["kty"] != "AKP" or found["alg"] != ALG:
            raise Malformed(f"not a key of {ALG}")
        return cls(canonical.unb64(pub))

    @property
    def jwk(self) -> Mapping[str, str]:
        """As JWK, kty AKP."""
        return {"alg": ALG, "kty": "AKP", "pub": canonical.b64(self.raw)}

    @cached_property
    def kid(self) -> str:
        """RFC 7638 thumbprint of `jwk`."""
        return jwk.thumbprint(self.jwk)

    @property
    def kek_id(self) -> bytes:
        """The 16 bytes that name it in a wrap (formats.md §5)."""
        return canonical.unb64(self.kid)[:16]

    def seal(self, plain: bytes, *, info: bytes) -> bytes:
        """`enc || ct`, 1,136 bytes more than `plain`.

        Args:
            plain: What only the private half reads.
            info: The label of the use, NUL, and what it is for; to open needs the same.
        """
        try:
            return _SUITE.encrypt(plain, self._key, info)
        except ValueError as error:
            # A point of small order gives a shared secret that everybody knows.
            raise Malformed("nothing can be sealed to this key") from error


class OpeningKey:
    """The private half, from its 32 bytes; its repr shows the public half only."""

    alg: Final = ALG

    def __init__(self, seed: bytes) -> None:
        if len(seed) != SEED_BYTES:
            raise Malformed(f"a private key for {ALG} has {SEED_BYTES} bytes")
        # X-Wing: the one seed gives both halves, d || z || the scalar.
        expanded = hashlib.shake_256(seed).digest(_ML_KEM_SEED + 32)
        lattice = mlkem.MLKEM768PrivateKey.from_seed_bytes(expanded[:_ML_KEM_SEED])
        curve = x25519.X25519PrivateKey.from_private_bytes(expanded[_ML_KEM_SEED:])
        self._key = hpke.MLKEM768X25519PrivateKey(lattice, curve)
        self._seed = seed
        self.public = SealingKey(
            lattice.public_key().public_bytes_raw() + curve.public_key().public_bytes_raw()
        )

    def __repr__(self) -> str:
        return f"OpeningKey({self.kid})"

    @classmethod
    def generate(cls) -> OpeningKey:
        """A new key."""
        return cls(os.urandom(SEED_BYTES))

    @property
    def kid(self) -> str:
        """Thumbprint of the public half."""
        return self.public.kid

    @property
    def kek_id(self) -> bytes:
        """The 16 bytes that name it in a wrap."""
        return self.public.kek_id

    @property
    def every(self) -> tuple[OpeningKey, ...]:
        """As `OpeningKeys`: this one alone."""
        return (self,)

    def of(self, kek_id: bytes) -> OpeningKey:
        """As `OpeningKeys`. Raises: Unsealable."""
        if kek_id != self.kek_id:
            raise Unsealable("sealed to another key")
        return self

    def look(self) -> None:
        """As `OpeningKeys`: there is nothing to take up."""

    def secret(self) -> bytes:
        """The 32 bytes: hand them to `custody` or to `shares` only."""
        return self._seed

    def open(self, sealed: bytes, *, info: bytes) -> bytes:
        """What was sealed to the public half.

        Raises:
            Unsealable: Sealed to another key, for another use, or changed bytes.
        """
        try:
            return _SUITE.decrypt(sealed, self._key, info)
        except (InvalidTag, ValueError) as error:
            raise Unsealable("not sealed to this key, or for another use") from error


class OpeningKeys(Protocol):
    """The keys that a process opens with: one, or two while one is turned."""

    @property
    def every(self) -> tuple[OpeningKey, ...]:
        """All that are held, the one in force first."""

    def of(self, kek_id: bytes) -> OpeningKey:
        """What opens a wrap. Raises: Unsealable: it is not held."""

    def look(self) -> None:
        """Takes up what has changed, and forgets what has gone."""
