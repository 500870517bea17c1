"""Signatures: each algorithm's round trip, and the twins that must not exist."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys import jwk, signer
from keys.errors import InvalidSignature, Malformed
from keys.jwk import SoftwareSigner
from keys.signer import P256_ORDER, PUBLIC_BYTES, SIGNATURE_BYTES
from tests.vector_files import name_of, rows

ALGS = sorted(SIGNATURE_BYTES)
KEYS = {alg: SoftwareSigner.generate(alg) for alg in ALGS}


@pytest.mark.parametrize("alg", ALGS)
def test_sign_verify_round_trip_and_every_flipped_bit_shows(alg: str) -> None:
    """A signature is over these bytes, by this key, and nothing else."""
    key = KEYS[alg]
    signature = key.sign(b"bytes")
    assert len(signature) == SIGNATURE_BYTES[alg]
    assert len(key.public) == PUBLIC_BYTES[alg]
    key.verifier().verify(signature, b"bytes")
    flipped = bytes((signature[0] ^ 1,)) + signature[1:]
    for bad, data in [
        (flipped, b"bytes"),
        (signature, b"byteS"),
        (signature[:-1], b"bytes"),
        (b"", b""),
    ]:
        with pytest.raises(InvalidSignature):
            key.verifier().verify(bad, data)


@pytest.mark.parametrize("alg", ALGS)
def test_private_key_survives_pkcs8(alg: str) -> None:
    """A key file holds PKCS#8: what comes out must be the same key."""
    again = SoftwareSigner.from_pkcs8(KEYS[alg].pkcs8())
    assert (again.kid, again.alg) == (KEYS[alg].kid, alg)


@given(st.binary(max_size=64))
def test_es256_signs_with_low_s_and_the_high_twin_is_refused(data: bytes) -> None:
    """Otherwise anybody could make a second valid signature, and so a second digest."""
    key = KEYS["ES256"]
    signature = key.sign(data)
    s = int.from_bytes(signature[32:])
    assert s <= P256_ORDER // 2
    twin = signature[:32] + (P256_ORDER - s).to_bytes(32)
    with pytest.raises(InvalidSignature, match="high s"):
        key.verifier().verify(twin, data)


@pytest.mark.parametrize(
    "y", sorted(signer._SMALL_ORDER_Y | {signer._P25519, signer._P25519 + 1}), ids=hex
)
def test_ed25519_key_of_small_order_is_refused(y: int) -> None:
    """Such a key verifies one signature over many messages: its owner could deny anything."""
    for sign_bit in (0, 1 << 255):
        with pytest.raises(Malformed):
            signer.load_public("Ed25519", (y | sign_bit).to_bytes(32, "little"))


def test_small_order_table_is_the_whole_torsion() -> None:
    """The constant is checked by the curve's own law, not by trust in where it was copied from."""
    p, y = signer._P25519, signer._Y_OF_ORDER_8
    d = -121665 * pow(121666, -1, p) % p
    x2 = (y * y - 1) * pow(d * y * y + 1, -1, p) % p
    # 2P has y' = (y^2 + x^2) / (1 - d x^2 y^2), which is 0 at order 4.
    assert (y * y + x2) % p == 0


@pytest.mark.parametrize("row", rows("ed25519", "rows"), ids=name_of)
def test_verifiers_differ_about_these_and_ours_never_does(row: dict[str, Any]) -> None:
    """A record that verified verifies, and what did not does not, whatever checks it (ADR 85)."""
    key = signer.load_public("Ed25519", bytes.fromhex(row["public"]))
    signature, message = bytes.fromhex(row["signature"]), bytes.fromhex(row["message"])
    if row["verifies"]:
        key.verify(signature, message)
    else:
        with pytest.raises(InvalidSignature):
            key.verify(signature, message)


def test_malformed_keys_are_refused() -> None:
    """A JWK says exactly what its type needs."""
    good = dict(KEYS["Ed25519"].jwk)
    ec = dict(KEYS["ES256"].jwk)
    bad: list[dict[str, object]] = [
        {},
        {**good, "d": "AA"},
        {**good, "kid": "x"},
        {**good, "crv": "Ed448"},
        {**good, "x": good["x"] + "="},
        {**good, "x": good["x"][:-2]},
        {**good, "x": 1},
        {**good, "kty": "RSA"},
        {**good, "kty": ["OKP"]},
        {**ec, "x": ec["y"][:-2] + "AA"},
        {**ec, "y": ec["y"] + "AAAA"},
        {**ec, "crv": "P-384"},
        {"kty": "AKP", "alg": "ML-DSA-65", "pub": "AAAA"},
        {"kty": "AKP", "alg": "ML-DSA-87", "pub": KEYS["ML-DSA-65"].jwk["pub"]},
        {"kty": "oct", "k": "AAAA"},
    ]
    for one in bad:
        with pytest.raises(Malformed):
            jwk.public_key(one)


def test_foreign_private_keys_are_refused() -> None:
    """Only the four algorithms of formats.md §3 and §7 exist here."""
    for call in (
        lambda: signer.from_pkcs8(b"\x30\x00"),
        lambda: signer.generate("RSA"),
        lambda: signer.from_secret("Ed25519", b"short"),
        lambda: signer.from_secret("ES256", bytes(32)),
        lambda: signer.load_public("EdDSA", bytes(32)),
    ):
        with pytest.raises(Malformed):
            call()


def test_private_parts_do_not_show_in_a_repr() -> None:
    """A traceback must not print a key."""
    for key in KEYS.values():
        assert key.kid in repr(key)
        assert "private" not in repr(key).lower().replace("privatekey", "")
