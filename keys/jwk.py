"""Public keys as JWK (RFC 8037, 7518 and 9964), their thumbprint, and a signer held in memory.

Strict: exactly the members of the key type, since whatever else a JWK can say has no meaning here
and would be signed. Officers and logs are not known here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from keys import canonical, signer
from keys.errors import Malformed
from keys.signer import ED25519, ES256, ML_DSA_44, ML_DSA_65, PrivateKey, PublicKey

# RFC 7638: the required members of each key type; they are also all that is allowed.
_MEMBERS: Final = {
    "OKP": frozenset({"crv", "kty", "x"}),
    "EC": frozenset({"crv", "kty", "x", "y"}),
    "AKP": frozenset({"alg", "kty", "pub"}),
}
_COORDINATE_BYTES: Final = 32


def _strict(jwk: Mapping[str, Any]) -> dict[str, str]:
    kty = jwk.get("kty")
    if not isinstance(kty, str) or kty not in _MEMBERS:
        raise Malformed("kty must be OKP, EC or AKP")
    if jwk.keys() != _MEMBERS[kty]:
        raise Malformed(f"a public {kty} key has exactly {', '.join(sorted(_MEMBERS[kty]))}")
    if not all(isinstance(value, str) for value in jwk.values()):
        raise Malformed("every member of a JWK is text")
    return dict(jwk)


def thumbprint(jwk: Mapping[str, Any]) -> str:
    """RFC 7638 with SHA-256, as b64: the `kid` of formats.md §3.

    Raises:
        Malformed: Not a public JWK of an allowed form.
    """
    return canonical.b64(hashlib.sha256(canonical.encode(_strict(jwk))).digest())


def public_key(jwk: Mapping[str, Any]) -> PublicKey:
    """The verifying key. Loading costs more than verifying: keep what you get.

    Raises:
        Malformed: Not a public JWK of an allowed form, or not a point on its curve.
    """
    return signer.load_public(*alg_and_raw(jwk))


def alg_and_raw(jwk: Mapping[str, Any]) -> tuple[str, bytes]:
    """Algorithm and raw public bytes.

    Raises:
        Malformed: Not a public JWK of an allowed form.
    """
    strict = _strict(jwk)
    match strict:
        case {"kty": "OKP", "crv": "Ed25519", "x": x}:
            return ED25519, canonical.unb64(x)
        case {"kty": "EC", "crv": "P-256", "x": x, "y": y}:
            raw_x, raw_y = canonical.unb64(x), canonical.unb64(y)
            if len(raw_x) != _COORDINATE_BYTES or len(raw_y) != _COORDINATE_BYTES:
                raise Malformed("a P-256 coordinate has 32 bytes")
            return ES256, raw_x + raw_y
        case {"kty": "AKP", "alg": "ML-DSA-44" | "ML-DSA-65" as alg, "pub": pub}:
            return alg, canonical.unb64(pub)
        case _:
            raise Malformed("the curve or algorithm is not one used here")


def to_jwk(alg: str, raw: bytes) -> dict[str, str]:
    """The public JWK of raw public bytes (as in `PublicKey.raw`)."""
    if alg == ED25519:
        return {"crv": "Ed25519", "kty": "OKP", "x": canonical.b64(raw)}
    if alg == ES256:
        x, y = raw[:_COORDINATE_BYTES], raw[_COORDINATE_BYTES:]
        return {"crv": "P-256", "kty": "EC", "x": canonical.b64(x), "y": canonical.b64(y)}
    if alg in {ML_DSA_44, ML_DSA_65}:
        return {"alg": alg, "kty": "AKP", "pub": canonical.b64(raw)}
    raise Malformed(f"no such algorithm: {alg}")


class SoftwareSigner:
    """A `Signer` with its private key in this process: an opened file, or a rehearsal's cast."""

    __slots__ = ("_private", "alg", "jwk", "kid", "public")

    def __init__(self, private: PrivateKey) -> None:
        self._private = private
        self.alg = private.alg
        self.public = private.public
        self.jwk: Mapping[str, str] = to_jwk(private.alg, private.public)
        self.kid = thumbprint(self.jwk)

    def __repr__(self) -> str:
        return f"SoftwareSigner({self.alg}, {self.kid})"

    @classmethod
    def generate(cls, alg: str = ED25519) -> SoftwareSigner:
        """A new key."""
        return cls(signer.generate(alg))

    @classmethod
    def from_secret(cls, alg: str, secret: bytes) -> SoftwareSigner:
        """The key of 32 secret bytes (seed or scalar). Raises: Malformed."""
        return cls(signer.from_secret(alg, secret))

    @classmethod
    def from_pkcs8(cls, der: bytes) -> SoftwareSigner:
        """The key in PKCS#8 DER. Raises: Malformed."""
        return cls(signer.from_pkcs8(der))

    def pkcs8(self) -> bytes:
        """The private key as DER, not encrypted: hand it to `custody` only."""
        return self._private.pkcs8()

    def sign(self, data: bytes) -> bytes:
        """The signature in the form of formats.md §3."""
        return self._private.sign(data)

    def verifier(self) -> PublicKey:
        """The verifying half."""
        return signer.load_public(self.alg, self.public)
