"""An officer's key on a PKCS#11 token: Ed25519 (CKM_EDDSA), or ES256 with low s (CKM_ECDSA).

The token signs; the public half is read from it, and its thumbprint is the key's name as anywhere.
Whose key it is, and what is signed, are not known here.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import pkcs11
from pkcs11.constants import Attribute, ObjectClass
from pkcs11.mechanisms import KeyType, Mechanism

from keys import jwk, signer
from keys.custody.token import Token
from keys.errors import KeysError, Malformed, TokenError, TokenFault
from keys.signer import ED25519, ES256, P256_ORDER

ALGS: Final = (ED25519, ES256)
LABEL: Final = "socai-officer"
_ID_BYTES: Final = 16
_SIGNATURE_BYTES: Final = 64
_P256: Final = bytes.fromhex("06082a8648ce3d030107")
#: PKCS#11 3.0 names the curve; RFC 8410's id is what others write.
_ED25519: Final = (b"\x13\x0cedwards25519", bytes.fromhex("06032b6570"))
_OCTET_STRING, _BIT_STRING, _UNCOMPRESSED = 0x04, 0x03, b"\x04"


@dataclass(frozen=True, slots=True)
class Sought:
    """Which key of a token; where nothing is said, the only one that signs for an officer.

    Attributes:
        label: CKALABEL, or None.
        key_id: CKA_ID, or None.
    """

    label: str | None = None
    key_id: bytes | None = None


class TokenSigner:
    """A `Signer` whose private half stays on its token.

    Args:
        token: Where it is.
        key_id: CKA_ID of both halves.
        alg: `Ed25519` or `ES256`.
        public: As in `PublicKey.raw`.
    """

    def __init__(self, token: Token, key_id: bytes, alg: str, public: bytes) -> None:
        self._token = token
        self._key_id = key_id
        self.alg = alg
        self.public = public
        self.jwk: Mapping[str, str] = jwk.to_jwk(alg, public)
        self.kid = jwk.thumbprint(self.jwk)

    def __repr__(self) -> str:
        return f"TokenSigner({self.alg}, {self.kid})"

    def sign(self, data: bytes) -> bytes:
        """The signature in the form of formats.md §3. Raises: TokenError."""
        with self._token.session() as session:
            (private,) = _privates(session, self._token, Sought(key_id=self._key_id))
            if self.alg == ED25519:
                return bytes(private.sign(data, mechanism=Mechanism.EDDSA))
            digest = hashlib.sha256(data).digest()
            return _low(bytes(private.sign(digest, mechanism=Mechanism.ECDSA)))


def _low(signature: bytes) -> bytes:
    """Raw r and s, s in the lower half: a token may give either, and one of the two is refused."""
    half = _SIGNATURE_BYTES // 2
    s = int.from_bytes(signature[half:])
    return signature[:half] + min(s, P256_ORDER - s).to_bytes(half)


def signer_on(token: Token, sought: Sought) -> TokenSigner:
    """The officer's key that is sought.

    Raises:
        TokenError: The token does not work; it has no such key, several, or one that could be taken
            out of it or is of another kind.
    """
    with token.session() as session:
        every = _privates(session, token, sought)
        private = every[0]
        found = TokenSigner(token, bytes(private.id), *_public(session, token, private))
    try:
        signer.load_public(found.alg, found.public)
    except KeysError as error:
        raise TokenError(TokenFault.KEY_UNFIT, _named(token, private)) from error
    return found


def make_signer(token: Token, alg: str, label: str = LABEL) -> TokenSigner:
    """A new key, drawn on the token.

    Raises:
        Malformed: Another algorithm than `ALGS`.
        TokenError: The token does not work.
    """
    if alg not in ALGS:
        raise Malformed(f"no key of {alg} is made on a token")
    key_id = os.urandom(_ID_BYTES)
    kind, curve, mechanism = (
        (KeyType.EC_EDWARDS, _ED25519[0], Mechanism.EC_EDWARDS_KEY_PAIR_GEN)
        if alg == ED25519
        else (KeyType.EC, _P256, Mechanism.EC_KEY_PAIR_GEN)
    )
    stays = {
        Attribute.PRIVATE: True,
        Attribute.SENSITIVE: True,
        Attribute.EXTRACTABLE: False,
        Attribute.SIGN: True,
    }
    with token.session() as session:
        domain = session.create_domain_parameters(kind, {Attribute.EC_PARAMS: curve}, local=True)
        domain.generate_keypair(
            mechanism=mechanism, store=True, id=key_id, label=label, private_template=stays
        )
    return signer_on(token, Sought(key_id=key_id))


def _privates(session: pkcs11.Session, token: Token, sought: Sought) -> list[Any]:
    """The one key that is sought, in a list."""
    asked: dict[Attribute, object] = {Attribute.CLASS: ObjectClass.PRIVATE_KEY}
    if sought.label is not None:
        asked[Attribute.LABEL] = sought.label
    if sought.key_id is not None:
        asked[Attribute.ID] = sought.key_id
    objects: list[Any] = list(session.get_objects(asked))
    every = [key for key in objects if key.key_type in (KeyType.EC, KeyType.EC_EDWARDS)]
    by_id = None if sought.key_id is None else sought.key_id.hex()
    said = ", ".join(filter(None, (sought.label, by_id, str(token.place))))
    if not every:
        raise TokenError(TokenFault.KEY_ABSENT, said)
    if len(every) > 1:
        raise TokenError(TokenFault.KEY_AMBIGUOUS, said)
    if every[0][Attribute.EXTRACTABLE] or not every[0][Attribute.SENSITIVE]:
        raise TokenError(TokenFault.KEY_UNFIT, said)
    return every


def _named(token: Token, private: Any) -> str:  # noqa: ANN401  as found
    return f"{private.label}, {token.place}"


def _public(session: pkcs11.Session, token: Token, private: Any) -> tuple[str, bytes]:  # noqa: ANN401
    """Algorithm and raw public half, from the object of the same id."""
    asked = {Attribute.CLASS: ObjectClass.PUBLIC_KEY, Attribute.ID: bytes(private.id)}
    halves: list[Any] = list(session.get_objects(asked))
    if len(halves) != 1:
        raise TokenError(TokenFault.KEY_UNFIT, _named(token, private))
    curve, point = bytes(halves[0][Attribute.EC_PARAMS]), bytes(halves[0][Attribute.EC_POINT])
    raw = _inside(point)
    if curve == _P256 and raw[:1] == _UNCOMPRESSED:
        return ES256, raw[1:]
    if curve in _ED25519:
        return ED25519, raw
    raise TokenError(TokenFault.KEY_UNFIT, _named(token, private))


def _inside(point: bytes) -> bytes:
    """What is in a DER string of a short length; some tokens give the point as it is."""
    if len(point) > 2 and point[0] == _OCTET_STRING and point[1] == len(point) - 2:  # noqa: PLR2004
        return point[2:]
    if len(point) > 3 and point[0] == _BIT_STRING and point[1] == len(point) - 2:  # noqa: PLR2004
        return point[3:]
    return point
