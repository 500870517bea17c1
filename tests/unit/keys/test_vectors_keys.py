"""Keys of statement.json (formats.md §3, §9) and vkeys of checkpoint.json (§7)."""

from __future__ import annotations

from typing import Any

import pytest

from keys import canonical, jwk
from keys.errors import KeysError, Malformed
from keys.keyring import Keyring
from keys.note import VKey
from tests.vector_files import load, name_of, rows, signer


@pytest.mark.parametrize("row", rows("statement", "keys"), ids=name_of)
def test_thumbprint_and_private_part_of_every_key(row: dict[str, Any]) -> None:
    """A kid must be the same everywhere, or an enrolled key could not be found."""
    assert canonical.encode(row["jwk"]) == row["thumbprint_input"].encode()
    assert jwk.thumbprint(row["jwk"]) == row["thumbprint"]
    own = signer(row["name"])
    assert (own.alg, own.kid, own.jwk) == (row["alg"], row["thumbprint"], row["jwk"])
    jwk.public_key(row["jwk"]).verify(own.sign(b"data"), b"data")


@pytest.mark.parametrize("row", rows("statement", "keys"), ids=name_of)
def test_a_key_printed_in_the_vectors_is_known_as_a_test_key(row: dict[str, Any]) -> None:
    """Its private part is public: no deployment may enrol it."""
    assert Keyring.is_test_key(row["thumbprint"])


@pytest.mark.parametrize("row", rows("checkpoint", "keys"), ids=name_of)
def test_vkey_of_every_note_key(row: dict[str, Any]) -> None:
    """The key id binds name, type and key."""
    vkey = VKey.parse(row["vkey"])
    assert str(vkey) == row["vkey"]
    assert (vkey.name, vkey.kind, vkey.key_id.hex()) == (row["name"], row["type"], row["key_id"])
    alg = row.get("alg", "Ed25519")
    own = jwk.SoftwareSigner.from_secret(alg, bytes.fromhex(row["seed"]))
    assert own.public == vkey.raw
    assert Keyring.is_test_key(own.kid)


@pytest.mark.parametrize("row", rows("checkpoint", "reject_vkeys"), ids=name_of)
def test_malformed_vkey_is_refused(row: dict[str, Any]) -> None:
    """A vkey is typed by hand and pasted: each slip must show."""
    with pytest.raises(Malformed):
        VKey.parse(row["vkey"])


@pytest.mark.parametrize("vkey", ["\udcff+00000000+AAAA", "a\udcff+00000000+AQAA"])
def test_a_vkey_of_bytes_that_are_no_text_is_refused(vkey: str) -> None:
    """As a terminal gives such bytes to a command."""
    with pytest.raises(Malformed):
        VKey.parse(vkey)


def test_witness_vkey_is_well_formed() -> None:
    """witness.json's keys are read by the same code."""
    for text in (load("witness")["witness"]["vkey"], load("witness")["log_vkey"]):
        assert str(VKey.parse(text)) == text


def test_every_refusal_is_a_keys_error() -> None:
    """Callers translate one class at the border."""
    assert issubclass(Malformed, KeysError)
