"""Every row of tlog_proof.json (formats.md §6; C2SP tlog-proof)."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from keys.note import VKey
from ledger.errors import VerificationError
from ledger.log import proof
from tests.vector_files import name_of, rows


def _verify(row: dict[str, Any]) -> proof.Inclusion:
    found = proof.inclusion_from_file(row["file"].encode())
    proof.verify_inclusion(found, bytes.fromhex(row["entry"]), [VKey.parse(row["vkey"])])
    return found


@pytest.mark.parametrize("row", rows("tlog_proof", "accept"), ids=lambda row: row["name"])
def test_good_proof_file_verifies(row: dict[str, Any]) -> None:
    """A proof in a file proves without a server."""
    assert hashlib.sha256(row["file"].encode()).hexdigest() == row["sha256"]
    found = _verify(row)
    assert found.index == row["index"]
    if row["name"] != "extra-ignored":
        assert found.to_file().decode() == row["file"]


@pytest.mark.parametrize("row", rows("tlog_proof", "reject"), ids=name_of)
def test_bad_proof_file_is_refused(row: dict[str, Any]) -> None:
    """Each defect alone is enough."""
    with pytest.raises(VerificationError):
        _verify(row)
