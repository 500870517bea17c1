"""Sealing to a key that is apart (formats.md §5): who seals cannot read back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys import hpke, jwk
from keys.errors import Malformed, Unsealable
from keys.hpke import OpeningKey, SealingKey

KEY = OpeningKey.generate()


@pytest.mark.property
@given(plain=st.binary(max_size=300), info=st.binary(max_size=300))
def test_what_is_sealed_opens_for_the_same_use_alone(plain: bytes, info: bytes) -> None:
    """And is so much longer than the text, neither more nor less."""
    sealed = KEY.public.seal(plain, info=info)
    assert len(sealed) == len(plain) + hpke.OVERHEAD
    assert KEY.open(sealed, info=info) == plain
    with pytest.raises(Unsealable):
        KEY.open(sealed, info=info + b"\0")


def test_no_two_seals_are_alike() -> None:
    """A seal tells nobody that the same text was sealed before."""
    one, other = (KEY.public.seal(b"a", info=b"x") for _ in range(2))
    assert one[: hpke.ENC_BYTES] != other[: hpke.ENC_BYTES]
    assert one[hpke.ENC_BYTES :] != other[hpke.ENC_BYTES :]


def test_another_key_does_not_open() -> None:
    """Each key is drawn anew, and none from another (access.md K1)."""
    with pytest.raises(Unsealable):
        OpeningKey.generate().open(KEY.public.seal(b"a", info=b"x"), info=b"x")


def test_the_repr_shows_no_secret() -> None:
    """A key in a trace or a log line would be a key in everybody's hands."""
    assert KEY.secret().hex() not in repr(KEY)
    assert repr(KEY) == f"OpeningKey({KEY.kid})"


def test_the_thumbprint_is_that_of_its_jwk() -> None:
    """A key has one name, in files, shares and acts."""
    assert KEY.kid == jwk.thumbprint(KEY.public.jwk) == SealingKey(KEY.public.raw).kid


def test_nothing_is_sealed_to_a_point_that_everybody_knows() -> None:
    """A half that gives the same secret to whoever seals would leave one half of the KEM."""
    weak = SealingKey(KEY.public.raw[:1184] + bytes(32))
    with pytest.raises(Malformed):
        weak.seal(b"a", info=b"x")


@pytest.mark.parametrize("seed", [b"", bytes(31), bytes(33)])
def test_a_seed_has_32_bytes(seed: bytes) -> None:
    """A file that holds something else is not such a key's."""
    with pytest.raises(Malformed):
        OpeningKey(seed)


@pytest.mark.parametrize(
    "change",
    [
        {"alg": "ML-DSA-65"},
        {"kty": "OKP"},
        {"pub": 1},
        {"pub": "AA"},
        {"use": "enc"},
        {"pub": None},
    ],
)
def test_a_jwk_of_another_form_is_refused(change: dict[str, object]) -> None:
    """A custodian's file comes from outside."""
    members = {**KEY.public.jwk, **change}
    with pytest.raises(Malformed):
        SealingKey.from_jwk({name: value for name, value in members.items() if value is not None})
