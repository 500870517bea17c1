"""Every row of mirror.json (formats.md §11), made by another implementation."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from typing import Any

import pytest

from keys import sealed_file, sealed_segment
from keys.errors import Malformed, Unsealable
from keys.hpke import OpeningKey
from keys.jwk import SoftwareSigner
from keys.note import NoteSigner, VKey
from ledger.mirror import segment as segments
from ledger.mirror.refusal import SegmentRefused
from tests.vector_files import load, name_of, rows


def _key() -> NoteSigner:
    (row,) = (one for one in rows("checkpoint", "keys") if one["use"] == "log")
    secret = bytes.fromhex(row["seed"])
    return NoteSigner(row["name"], SoftwareSigner.from_secret("Ed25519", secret))


def _opening(slot: int) -> OpeningKey:
    name = load("mirror")["slots"][slot]
    (row,) = (one for one in rows("hpke", "keys") if one["name"] == name)
    return OpeningKey(bytes.fromhex(row["seed"]))


def _sealed() -> bytes:
    return base64.b64decode(load("mirror")["sealed"]["base64"])


@pytest.mark.parametrize("row", rows("mirror", "rows"), ids=name_of)
def test_a_segment_is_read_and_written_as_another_implementation_does(row: dict[str, Any]) -> None:
    """Its text byte for byte, what the log signs of it, and its signature, good and changed."""
    found = segments.parse(row["text"].encode())
    assert segments.signed_text(found) == row["signed"]
    assert segments.build(replace(found, signature=b""), _key()).decode() == row["text"]
    assert segments.unpacked(segments.packed(found)) == found
    vkey = VKey.parse(str(_key().vkey))
    assert segments.signed_by(found, [vkey])
    assert not segments.signed_by(replace(found, at=found.at + 1), [vkey])
    assert not segments.signed_by(found, [])


@pytest.mark.parametrize("row", rows("mirror", "reject"), ids=name_of)
def test_a_text_that_is_no_segment_is_refused(row: dict[str, Any]) -> None:
    """Another member, a number that is none, a record in the wrong place, a form of its own."""
    with pytest.raises(SegmentRefused) as refused:
        segments.parse(row["text"].encode())
    assert refused.value.kind == "malformed"


@pytest.mark.parametrize("row", rows("mirror", "frames"), ids=lambda row: str(row["length"]))
def test_a_length_shows_in_steps_only(row: dict[str, Any]) -> None:
    """A power of two times 64 KiB, the length before it."""
    text = b"x" * row["length"]
    framed = sealed_segment.frame(text)
    assert (len(framed), hashlib.sha256(framed).hexdigest()) == (row["framed"], row["sha256"])
    assert sealed_segment.unframe(framed) == text


@pytest.mark.parametrize("row", rows("mirror", "reject_frames"), ids=name_of)
def test_a_padding_that_sealing_never_writes_is_refused(row: dict[str, Any]) -> None:
    """Under a good tag too: one text has one form."""
    start, end = bytes.fromhex(row["starts"]), bytes.fromhex(row["ends"])
    framed = (start + bytes(max(0, row["length"] - len(start) - len(end))) + end)[: row["length"]]
    with pytest.raises(Unsealable):
        sealed_segment.unframe(framed)


@pytest.mark.parametrize("slot", [0, 1, 2])
def test_what_another_implementation_sealed_opens_with_each_slot_alone(slot: int) -> None:
    """And with no key that no slot is sealed to."""
    framed = sealed_segment.open_segment(_sealed(), [OpeningKey.generate(), _opening(slot)])
    (row,) = (
        one for one in rows("mirror", "rows") if one["name"] == load("mirror")["sealed"]["row"]
    )
    assert sealed_segment.unframe(framed).decode() == row["text"]
    with pytest.raises(sealed_segment.NotAddressed):
        sealed_segment.open_segment(_sealed(), [OpeningKey.generate()])


@pytest.mark.parametrize("row", rows("mirror", "reject_sealed"), ids=name_of)
def test_changed_or_cut_bytes_do_not_open(row: dict[str, Any]) -> None:
    """Head, slots, nonce, text and tag: the seal covers each of them."""
    data = bytearray(_sealed())
    if "cut" in row:
        del data[row["cut"] :]
    else:
        data[row["flip"]] ^= 1
    with pytest.raises((Malformed, Unsealable)):
        sealed_segment.open_segment(bytes(data), [_opening(row.get("opens_with", 0))])


@pytest.mark.parametrize("row", rows("mirror", "file_keys"), ids=lambda row: str(row["n"]))
def test_the_key_of_a_file_is_made_of_its_records(row: dict[str, Any]) -> None:
    """HKDF over the record's own: each place has another, and none opens what another does."""
    assert sealed_file.key_beside(bytes.fromhex(row["dek"]), row["n"]).hex() == row["key"]
