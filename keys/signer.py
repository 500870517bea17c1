"""Signing and verifying: Ed25519, ES256 with low s, ML-DSA-65, and ML-DSA-44 for notes.

`Signer` and `PublicKey` are what the rest of the house sees; where a private key rests is
`custody`'s business.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, Protocol

from cryptography import __version__ as _binding
from cryptography import exceptions
from cryptography.hazmat.backends.openssl.backend import backend
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

from keys.errors import InvalidSignature, Malformed

ED25519: Final = "Ed25519"
ES256: Final = "ES256"
ML_DSA_44: Final = "ML-DSA-44"
ML_DSA_65: Final = "ML-DSA-65"
STATEMENT_ALGS: Final = frozenset({ED25519, ES256, ML_DSA_65})
"""What a statement may be signed with (formats.md §3)."""

VERIFIER: Final = f"cryptography {_binding}, {backend.openssl_version_text()}"
"""Who says here whether a signature is good: another one may say otherwise (ADR 85)."""

SIGNATURE_BYTES: Final = {ED25519: 64, ES256: 64, ML_DSA_44: 2420, ML_DSA_65: 3309}
PUBLIC_BYTES: Final = {ED25519: 32, ES256: 64, ML_DSA_44: 1312, ML_DSA_65: 1952}
SECRET_BYTES: Final = {ED25519: 32, ES256: 32, ML_DSA_44: 32, ML_DSA_65: 32}

P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_ECDSA: Final = ec.ECDSA(hashes.SHA256())
_P25519: Final = 2**255 - 19
_Y_OF_ORDER_8: Final = int.from_bytes(
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"
)
_SMALL_ORDER_Y: Final = frozenset({0, 1, _P25519 - 1, _Y_OF_ORDER_8, _P25519 - _Y_OF_ORDER_8})


class PublicKey(Protocol):
    """A key that verifies."""

    @property
    def alg(self) -> str:
        """JOSE name of the algorithm."""

    @property
    def raw(self) -> bytes:
        """Ed25519: 32 bytes; ES256: x and y, 64 bytes; ML-DSA: the encoded key."""

    def verify(self, signature: bytes, data: bytes) -> None:
        """Raises: InvalidSignature: the signature is not this key's over these bytes."""


class Signer(Protocol):
    """A key that signs for one officer, service or log, wherever its private part rests."""

    @property
    def alg(self) -> str:
        """JOSE name of the algorithm."""

    @property
    def kid(self) -> str:
        """Thumbprint of `jwk`."""

    @property
    def jwk(self) -> Mapping[str, str]:
        """The public key."""

    def sign(self, data: bytes) -> bytes:
        """The signature over `data`, in the form of formats.md §3."""


class RawSigner(Protocol):
    """What a signed note needs of a key: the raw public part and a signature."""

    @property
    def alg(self) -> str:
        """JOSE name of the algorithm."""

    @property
    def public(self) -> bytes:
        """The raw public key, as in `PublicKey.raw`."""

    def sign(self, data: bytes) -> bytes:
        """The signature over `data`."""


def _expect(length: int, found: int, what: str) -> None:
    if found != length:
        raise InvalidSignature(f"{what} of {found} bytes, not {length}")


class Ed25519Key:
    """RFC 8032, with S below the group order."""

    alg: Final = ED25519
    __slots__ = ("_key", "raw")

    def __init__(self, raw: bytes) -> None:
        # A point of small order verifies one signature over many messages: such a key names nobody.
        y = int.from_bytes(raw, "little") & (2**255 - 1)
        if y >= _P25519 or y in _SMALL_ORDER_Y:
            raise Malformed("the Ed25519 key is not a usable point")
        self.raw = raw
        self._key = ed25519.Ed25519PublicKey.from_public_bytes(raw)

    def verify(self, signature: bytes, data: bytes) -> None:
        """Raises: InvalidSignature."""
        _expect(64, len(signature), "an Ed25519 signature")
        try:
            self._key.verify(signature, data)
        except exceptions.InvalidSignature as error:
            raise InvalidSignature("the Ed25519 signature does not verify") from error


class Es256Key:
    """ECDSA on P-256 with SHA-256; raw r and s, and s in the lower half."""

    alg: Final = ES256
    __slots__ = ("_key", "raw")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self._key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + raw)

    def verify(self, signature: bytes, data: bytes) -> None:
        """Raises: InvalidSignature."""
        _expect(64, len(signature), "an ES256 signature")
        r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:])
        # formats.md §3: the other half would give every signature a twin with another digest.
        if s > P256_ORDER // 2:
            raise InvalidSignature("the ES256 signature has a high s")
        try:
            self._key.verify(encode_dss_signature(r, s), data, _ECDSA)
        except exceptions.InvalidSignature as error:
            raise InvalidSignature("the ES256 signature does not verify") from error


class MlDsaKey:
    """FIPS 204, pure, with an empty context."""

    __slots__ = ("_key", "alg", "raw")

    def __init__(self, alg: str, raw: bytes) -> None:
        self.alg = alg
        self.raw = raw
        self._key: mldsa.MLDSA44PublicKey | mldsa.MLDSA65PublicKey
        if alg == ML_DSA_44:
            self._key = mldsa.MLDSA44PublicKey.from_public_bytes(raw)
        else:
            self._key = mldsa.MLDSA65PublicKey.from_public_bytes(raw)

    def verify(self, signature: bytes, data: bytes) -> None:
        """Raises: InvalidSignature."""
        _expect(SIGNATURE_BYTES[self.alg], len(signature), f"an {self.alg} signature")
        try:
            self._key.verify(signature, data)
        except exceptions.InvalidSignature as error:
            raise InvalidSignature(f"the {self.alg} signature does not verify") from error


def load_public(alg: str, raw: bytes) -> PublicKey:
    """A verifying key from its raw bytes.

    Raises:
        Malformed: Another algorithm, another length, or no point on the curve.
    """
    if alg not in PUBLIC_BYTES:
        raise Malformed(f"no such algorithm: {alg}")
    if len(raw) != PUBLIC_BYTES[alg]:
        raise Malformed(f"a public key of {len(raw)} bytes for {alg}")
    try:
        if alg == ED25519:
            return Ed25519Key(raw)
        if alg == ES256:
            return Es256Key(raw)
        return MlDsaKey(alg, raw)
    except ValueError as error:
        raise Malformed(f"not a public key for {alg}") from error


_Private = (
    ed25519.Ed25519PrivateKey
    | ec.EllipticCurvePrivateKey
    | mldsa.MLDSA44PrivateKey
    | mldsa.MLDSA65PrivateKey
)


class PrivateKey:
    """A private key in this process's memory; its repr shows the algorithm only."""

    __slots__ = ("_key", "_sign", "alg", "public")

    def __init__(self, key: _Private) -> None:
        self._key = key
        # chosen once: to ask each time which kind it is takes longer than to call it
        self._sign: Callable[[bytes], bytes] = (
            partial(_sign_low, key) if isinstance(key, ec.EllipticCurvePrivateKey) else key.sign
        )
        self.alg = _alg_of(key)
        self.public = _raw_public(key)

    def __repr__(self) -> str:
        return f"PrivateKey({self.alg})"

    def sign(self, data: bytes) -> bytes:
        """The signature in the form of formats.md §3."""
        return self._sign(data)

    def pkcs8(self) -> bytes:
        """DER, not encrypted: `custody` seals it."""
        return self._key.private_bytes(
            serialization.Encoding.DER,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )


def _sign_low(key: ec.EllipticCurvePrivateKey, data: bytes) -> bytes:
    """Raw r and s, and s in the lower half."""
    r, s = decode_dss_signature(key.sign(data, _ECDSA))
    low = min(s, P256_ORDER - s)
    return r.to_bytes(32) + low.to_bytes(32)


def _alg_of(key: _Private) -> str:
    match key:
        case ed25519.Ed25519PrivateKey():
            return ED25519
        case mldsa.MLDSA44PrivateKey():
            return ML_DSA_44
        case mldsa.MLDSA65PrivateKey():
            return ML_DSA_65
        case _:
            return ES256


def _raw_public(key: _Private) -> bytes:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        point = key.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
        return point[1:]
    return key.public_key().public_bytes_raw()


def generate(alg: str) -> PrivateKey:
    """A new private key; the randomness is drawn inside the library."""
    make: Mapping[str, Callable[[], _Private]] = {
        ED25519: ed25519.Ed25519PrivateKey.generate,
        ES256: lambda: ec.generate_private_key(ec.SECP256R1()),
        ML_DSA_44: mldsa.MLDSA44PrivateKey.generate,
        ML_DSA_65: mldsa.MLDSA65PrivateKey.generate,
    }
    if alg not in make:
        raise Malformed(f"no such algorithm: {alg}")
    return PrivateKey(make[alg]())


def from_secret(alg: str, secret: bytes) -> PrivateKey:
    """A private key from its 32 secret bytes: the seed, or for ES256 the scalar.

    Raises:
        Malformed: Another algorithm or length, or no such scalar.
    """
    make: Mapping[str, Callable[[bytes], _Private]] = {
        ED25519: ed25519.Ed25519PrivateKey.from_private_bytes,
        ES256: lambda raw: ec.derive_private_key(int.from_bytes(raw), ec.SECP256R1()),
        ML_DSA_44: mldsa.MLDSA44PrivateKey.from_seed_bytes,
        ML_DSA_65: mldsa.MLDSA65PrivateKey.from_seed_bytes,
    }
    if alg not in make or len(secret) != SECRET_BYTES[alg]:
        raise Malformed(f"not a private key for {alg}")
    try:
        return PrivateKey(make[alg](secret))
    except ValueError as error:
        raise Malformed(f"not a private key for {alg}") from error


def from_pkcs8(der: bytes) -> PrivateKey:
    """A private key from PKCS#8 DER.

    Raises:
        Malformed: Not PKCS#8, or a kind of key that this house does not use.
    """
    try:
        key = serialization.load_der_private_key(der, None)
    except (ValueError, TypeError, exceptions.UnsupportedAlgorithm) as error:
        raise Malformed("not a PKCS#8 private key") from error
    if isinstance(key, ec.EllipticCurvePrivateKey) and not isinstance(key.curve, ec.SECP256R1):
        raise Malformed("an elliptic curve other than P-256")
    if not isinstance(key, _Private):
        raise Malformed("a kind of key that is not used here")
    return PrivateKey(key)
