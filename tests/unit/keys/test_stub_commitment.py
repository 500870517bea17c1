"""What a stub commits to: by RFC 2104 from hashes alone, under a salt of 32 bytes."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.stub_commitment import SALT_BYTES, commitment


def by_hand(salt: bytes, document: bytes) -> bytes:
    """HMAC-SHA-256 as RFC 2104 writes it."""
    key = salt.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(b ^ 0x36 for b in key) + document).digest()
    return hashlib.sha256(bytes(b ^ 0x5C for b in key) + inner).digest()


@given(st.binary(min_size=SALT_BYTES, max_size=SALT_BYTES), st.binary(max_size=300))
def test_it_is_what_the_page_says(salt: bytes, document: bytes) -> None:
    """access.md A17; and no bare digest of the document."""
    made = commitment(salt, document)
    assert made == by_hand(salt, document)
    assert made != hashlib.sha256(document).digest()


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_salt_of_another_length_is_refused(length: int) -> None:
    """A shorter one can be guessed; a longer one is a caller's mistake."""
    with pytest.raises(ValueError, match="32 bytes"):
        commitment(bytes(length), b"x")
