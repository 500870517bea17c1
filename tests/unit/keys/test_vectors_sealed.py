"""Every row of sealed.json (formats.md §5), through the private door that takes nonce and key."""

from __future__ import annotations

from typing import Any

import pytest

from keys import envelope_encryption
from keys.errors import Unsealable
from tests.vector_files import load, name_of, rows

LOG = load("sealed")["log"]


def _envelope(name: str) -> bytes:
    (row,) = (one for one in rows("record", "records") if one["name"] == name)
    envelope: str = row["envelope"]
    return envelope.encode()


def _hex(row: dict[str, Any], *members: str) -> tuple[bytes, ...]:
    return tuple(bytes.fromhex(row[member]) for member in members)


@pytest.mark.parametrize("row", rows("sealed", "rows"), ids=name_of)
def test_sealed_record_and_wrap_are_these_bytes(row: dict[str, Any]) -> None:
    """A record sealed today must open by any implementation, on the row it was sealed for."""
    dek, nonce, aad, state = _hex(row, "dek", "nonce", "aad", "state")
    envelope = _envelope(row["name"])
    assert envelope_encryption._seal_with(dek, nonce, envelope, aad, padded=False) == state
    assert len(state) == len(envelope) + load("sealed")["lengths"]["state_overhead"]
    opened = envelope_encryption.open_state(
        state, dek, origin=LOG, stream=row["stream"], seq=row["seq"]
    )
    assert opened == envelope

    key, kek_id, wrap_nonce, wrap_aad, wrap, entry = _hex(
        row, "kek", "kek_id", "wrap_nonce", "wrap_aad", "wrap", "entry"
    )
    kek = envelope_encryption.Kek(kek_id, key)
    assert envelope_encryption._wrap_with(kek, wrap_nonce, dek, wrap_aad) == wrap
    assert len(wrap) == load("sealed")["lengths"]["wrap"]
    assert envelope_encryption.unwrap(kek, wrap, origin=LOG, entry=entry) == dek


@pytest.mark.parametrize("row", rows("sealed", "reject"), ids=name_of)
def test_changed_or_moved_ciphertext_does_not_open(row: dict[str, Any]) -> None:
    """Swapped rows, logs, keys and flipped bits must all show."""
    aad = bytes.fromhex(row["aad"])
    if row["what"] == "state":
        state, dek = _hex(row, "state", "dek")
        with pytest.raises(Unsealable):
            envelope_encryption._open_with(state, dek, aad)
    else:
        key, kek_id, wrap = _hex(row, "kek", "kek_id", "wrap")
        with pytest.raises(Unsealable):
            envelope_encryption._unwrap_with(envelope_encryption.Kek(kek_id, key), wrap, aad)
