"""An officer's key on a token signs what one in a file would, and never leaves it."""

from __future__ import annotations

from datetime import UTC, datetime

import pkcs11
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keys import canonical, jwk
from keys.custody.token import Token, TokenPlace
from keys.custody.token_signer import (
    ALGS,
    Sought,
    TokenSigner,
    _inside,
    _low,
    make_signer,
    signer_on,
)
from keys.errors import Malformed, TokenError, TokenFault
from keys.signer import P256_ORDER, load_public
from ledger.log import statement as statements
from tests.attacks import attack
from tests.examples import examples
from tests.fixtures.softhsm import OFFICER_TOKEN, PIN, SoftHsm


@pytest.fixture(scope="module")
def token(softhsm: SoftHsm) -> Token:
    """The officers' token."""
    return Token(TokenPlace(softhsm.module, OFFICER_TOKEN), lambda: PIN)


@pytest.fixture(scope="module", params=ALGS)
def own(request: pytest.FixtureRequest, token: Token) -> TokenSigner:
    """A key of each kind."""
    return make_signer(token, request.param, f"an {request.param}")


@settings(max_examples=examples(20), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=2_000))
def test_what_the_token_signs_verifies(own: TokenSigner, data: bytes) -> None:
    """By the public half alone, strictly: of ES256 the lower s, whatever the token gave."""
    load_public(own.alg, own.public).verify(own.sign(data), data)


@given(r=st.integers(1, P256_ORDER - 1), s=st.integers(1, P256_ORDER - 1))
def test_of_two_signatures_of_es256_the_low_one_is_given(r: int, s: int) -> None:
    """The other would be refused by every verifier (formats.md §3)."""
    low = _low(r.to_bytes(32) + s.to_bytes(32))
    assert low[:32] == r.to_bytes(32)
    assert int.from_bytes(low[32:]) in {s, P256_ORDER - s}
    assert int.from_bytes(low[32:]) <= P256_ORDER // 2


def test_a_statement_signed_on_a_token_is_read_by_everybody(own: TokenSigner) -> None:
    """A whole statement and a sign-in, as the client makes them."""
    made = statements.make(
        canonical.encode({"v": 1}), own, iat=1_717_463_551, log="x.example/ordinary", seq=1,
        prev=None, role="AUTHOR",
    )  # fmt: skip
    assert statements.parse_compact(made.compact).kid == own.kid
    jwk.public_key(own.jwk).verify(made.signature, made.signing_input)
    login = statements.make_login(
        own, challenge="a", log="x.example/ordinary", expires_at=datetime(2026, 1, 1, tzinfo=UTC)
    )
    assert login["signature"]


def test_a_key_is_found_by_label_or_id_or_because_it_is_the_only_one(
    token: Token, own: TokenSigner
) -> None:
    """And told apart where there are several; its name is the same each time."""
    assert signer_on(token, Sought(f"an {own.alg}")).kid == own.kid
    assert signer_on(token, Sought(key_id=own._key_id)).jwk == own.jwk
    make_signer(token, "ES256", "another")
    for sought, fault in (
        (Sought(), TokenFault.KEY_AMBIGUOUS),
        (Sought("no such key"), TokenFault.KEY_ABSENT),
        (Sought(key_id=b"none"), TokenFault.KEY_ABSENT),
    ):
        with pytest.raises(TokenError) as caught:
            signer_on(token, sought)
        assert caught.value.fault is fault


@attack(
    "an officer's key is taken from its token",
    stopped_by="it is sensitive and not extractable; one that is not so signs nothing",
    noticed_by="-",
)
def test_an_officers_key_on_a_token_is_not_taken_from_it(token: Token, own: TokenSigner) -> None:
    """What is enrolled as PKCS11 has never been in a file."""
    loose = f"loose {own.alg}"
    with token.session() as session:
        (there,) = session.get_objects(
            {
                pkcs11.Attribute.CLASS: pkcs11.ObjectClass.PRIVATE_KEY,
                pkcs11.Attribute.ID: own._key_id,
            }
        )
        assert there[pkcs11.Attribute.NEVER_EXTRACTABLE] is True
        with pytest.raises(pkcs11.exceptions.AttributeSensitive):
            there[pkcs11.Attribute.VALUE]
        domain = session.create_domain_parameters(
            pkcs11.KeyType.EC,
            {pkcs11.Attribute.EC_PARAMS: bytes.fromhex("06082a8648ce3d030107")},
            local=True,
        )
        domain.generate_keypair(
            store=True,
            label=loose,
            id=loose.encode(),
            private_template={pkcs11.Attribute.EXTRACTABLE: True},
        )
    with pytest.raises(TokenError) as caught:
        signer_on(token, Sought(loose))
    assert caught.value.fault is TokenFault.KEY_UNFIT


def test_a_key_of_another_kind_does_not_sign(token: Token) -> None:
    """P-384 is no algorithm of a statement; ML-DSA is not made on a token."""
    with token.session() as session:
        domain = session.create_domain_parameters(
            pkcs11.KeyType.EC,
            {pkcs11.Attribute.EC_PARAMS: bytes.fromhex("06052b81040022")},
            local=True,
        )
        domain.generate_keypair(store=True, label="p384", id=b"p384")
    with pytest.raises(TokenError) as caught:
        signer_on(token, Sought("p384"))
    assert caught.value.fault is TokenFault.KEY_UNFIT
    with pytest.raises(Malformed):
        make_signer(token, "ML-DSA-65")


@pytest.mark.parametrize(
    ("point", "raw"),
    [
        (b"\x04\x20" + b"a" * 32, b"a" * 32),
        (b"\x03\x21\x00" + b"a" * 32, b"a" * 32),
        (b"a" * 32, b"a" * 32),
        (b"\x04\x41\x04" + b"a" * 64, b"\x04" + b"a" * 64),
        (b"\x04" + b"a" * 64, b"\x04" + b"a" * 64),
        (b"", b""),
    ],
)
def test_a_point_is_read_as_makers_write_it(point: bytes, raw: bytes) -> None:
    """Octet string, bit string, or bare."""
    assert _inside(point) == raw
