"""Every row of checkpoint.json (formats.md §7; C2SP signed-note, -checkpoint, -cosignature)."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from keys import canonical, note
from keys.jwk import SoftwareSigner
from keys.note import NoteSigner, VKey
from ledger.errors import VerificationError
from ledger.log import checkpoint
from ledger.log.checkpoint import Checkpoint
from ledger.log.verify import TrustedLog
from tests.rows import each, of
from tests.vector_files import load, name_of, rows

ORIGIN = load("checkpoint")["origin"]


def _vkeys(row: dict[str, Any]) -> list[VKey]:
    return [VKey.parse(text) for text in row["known"]]


def _signer(name: str) -> NoteSigner:
    (row,) = (one for one in rows("checkpoint", "keys") if one["name"] == name)
    seed = bytes.fromhex(row["seed"])
    key = SoftwareSigner.from_secret(row.get("alg", "Ed25519"), seed)
    return NoteSigner(name, key, row["type"])


def _row(name: str) -> dict[str, Any]:
    (found,) = (row for row in rows("checkpoint", "accept") if row["name"] == name)
    accepted: dict[str, Any] = found
    return accepted


def test_good_note_opens() -> None:
    """Known signatures are found good, unknown ones passed over."""
    for row in each(rows("checkpoint", "accept")):
        with of(name_of(row)):
            data = row["note"].encode()
            assert hashlib.sha256(data).hexdigest() == row["sha256"]
            opened = checkpoint.open_checkpoint(data, _vkeys(row))
            root = canonical.unb64std(row["root"])
            assert opened.checkpoint == Checkpoint(row["origin"], row["size"], root)
            verified = [(good.name, good.time_s) for good in opened.verified]
            assert verified == [(one["name"], one.get("time")) for one in row["verified"]]
            assert note.format_note(note.parse_note(data)) == data
            assert checkpoint.unmarshal(opened.checkpoint.marshal()) == opened.checkpoint


def test_bad_note_is_refused() -> None:
    """A checkpoint that only looks signed must convince nobody."""
    for row in each(rows("checkpoint", "reject")):
        with of(name_of(row)), pytest.raises(VerificationError):
            checkpoint.open_checkpoint(bytes.fromhex(row["hex"]), _vkeys(row))


@pytest.mark.parametrize("row", rows("checkpoint", "reject_pairs"), ids=name_of)
def test_two_notes_good_alone_prove_a_fork_or_a_rollback_together(row: dict[str, Any]) -> None:
    """A log that signs both has no excuse, and a reader keeps the first."""
    vkey = _signer(ORIGIN).vkey
    trusted = TrustedLog(ORIGIN, [vkey])
    first = trusted.advance(row["first"].encode())
    checkpoint.open_checkpoint(row["second"].encode(), [vkey])
    with pytest.raises(VerificationError) as caught:
        trusted.advance(row["second"].encode())
    assert caught.value.kind == row["reason"].split(":")[0]
    assert trusted.trusted == first


def test_messages_that_are_signed() -> None:
    """The exact bytes under a cosignature and under the ML-DSA-44 line."""
    row = _row("with-pq-and-two-witnesses")
    text = note.parse_note(row["note"].encode()).text
    times = {one["name"]: one.get("time") for one in row["verified"]}
    pq, witness = f"{ORIGIN}/pq", "witness.example/thanh-tra"
    vectors = load("checkpoint")
    assert note.signed_message(6, pq, text, times[pq]).hex() == vectors["pq_signed_message"]
    assert (
        note.signed_message(4, witness, text, times[witness]).decode()
        == vectors["cosignature_signed_message"]
    )


def test_log_signs_the_same_first_line_and_a_good_second() -> None:
    """Ed25519 is deterministic; ML-DSA-44 draws chance, so its line is verified instead."""
    row = _row("with-pq")
    time_s = row["verified"][1]["time"]
    found = Checkpoint(ORIGIN, row["size"], canonical.unb64std(row["root"]))
    signed = checkpoint.sign(found, _signer(ORIGIN), _signer(f"{ORIGIN}/pq"), time_s=time_s)
    assert signed.splitlines()[:5] == row["note"].encode().splitlines()[:5]
    opened = checkpoint.open_checkpoint(signed, _vkeys(row), origin=ORIGIN)
    assert [good.time_s for good in opened.verified] == [None, time_s]
    alone = checkpoint.sign(found, _signer(ORIGIN), None, time_s=time_s)
    assert alone.decode() == _row("plain-600")["note"]
