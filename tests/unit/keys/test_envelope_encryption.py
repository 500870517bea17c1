"""What the vault promises beyond the vectors: fresh keys, padding, and no way to swap."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from keys import envelope_encryption
from keys.envelope_encryption import Kek
from keys.errors import Malformed, Unsealable

PLACE = {"origin": "x.example/ordinary", "stream": "case/1"}


@given(st.binary(max_size=5000), st.sampled_from(["ordinary", "mat", "tuyet-mat"]))
def test_seal_open_round_trip(envelope: bytes, level: str) -> None:
    """The envelope comes back byte for byte at every level."""
    sealed = envelope_encryption.seal(envelope, **PLACE, seq=3, level=level)
    assert envelope_encryption.open_state(sealed.state, sealed.dek, **PLACE, seq=3) == envelope


def test_length_is_hidden_in_steps_above_ordinary() -> None:
    """A watcher of the database above ordinary must not read a statement's length."""
    for length, stored in [(0, 1024), (1020, 1024), (1021, 4096), (200_000, 262_144)]:
        sealed = envelope_encryption.seal(b"x" * length, **PLACE, seq=1, level="mat")
        assert len(sealed.state) == stored + 29
    with pytest.raises(Malformed):
        envelope_encryption.seal(b"x" * 262_141, **PLACE, seq=1, level="mat")


def test_swapped_states_of_two_records_do_not_open() -> None:
    """Whoever can write the table must not be able to exchange two records."""
    sealed = envelope_encryption.seal(b"one", **PLACE, seq=1, level="ordinary")
    with pytest.raises(Unsealable):
        envelope_encryption.open_state(sealed.state, sealed.dek, **PLACE, seq=2)


def test_a_state_is_never_sealed_twice_alike() -> None:
    """A key or nonce used twice would give both plaintexts away."""
    one, two = (
        envelope_encryption.seal(b"same", **PLACE, seq=1, level="ordinary") for _ in range(2)
    )
    assert one.dek != two.dek
    assert one.state != two.state


def test_padding_other_than_zeros_is_refused() -> None:
    """One envelope has one padded form, so that padding carries no message."""
    dek, nonce = b"k" * 32, b"n" * 12
    aad = envelope_encryption._record_aad(PLACE["origin"], PLACE["stream"], 1)
    padded = envelope_encryption.pad(b"envelope")
    for bad in (padded[:-1] + b"\1", padded + bytes(3072), bytes((0, 0, 9, 0)) + padded[4:]):
        state = b"\2" + nonce + AESGCM(dek).encrypt(nonce, bad, aad)
        with pytest.raises(Unsealable):
            envelope_encryption.open_state(state, dek, **PLACE, seq=1)


@given(st.binary(max_size=3000), st.sampled_from(["ordinary", "mat"]))
def test_what_is_read_before_the_tag_is_what_the_tag_will_cover(data: bytes, level: str) -> None:
    """An auditor learns from it which stream to open the record for; opening decides."""
    sealed = envelope_encryption.seal(data, **PLACE, seq=1, level=level)
    assert envelope_encryption.unverified_envelope(sealed.state, sealed.dek) == data
    with pytest.raises(Unsealable):
        envelope_encryption.unverified_envelope(b"\3" + sealed.state[1:], sealed.dek)


def test_a_wrap_opens_for_its_entry_only() -> None:
    """A wrap moved to another record must not open there."""
    kek, dek = Kek.generate(), b"d" * 32
    wrapped = envelope_encryption.wrap(kek, dek, origin="x.example/mat", entry=b"e" * 32)
    assert envelope_encryption.kek_id_of(wrapped) == kek.kek_id
    assert envelope_encryption.unwrap(kek, wrapped, origin="x.example/mat", entry=b"e" * 32) == dek
    with pytest.raises(Unsealable):
        envelope_encryption.unwrap(kek, wrapped, origin="x.example/mat", entry=b"f" * 32)
    with pytest.raises(Unsealable):
        envelope_encryption.unwrap(Kek.generate(), wrapped, origin="x.example/mat", entry=b"e" * 32)


def test_secrets_do_not_show_in_a_repr() -> None:
    """A log line or traceback must not print a key."""
    kek = Kek(b"i" * 16, b"K" * 32)
    assert "KKKK" not in repr(kek)
    assert "dek" not in repr(envelope_encryption.seal(b"x", **PLACE, seq=1, level="ordinary"))
