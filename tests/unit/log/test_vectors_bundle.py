"""What exists of bundle.json (formats.md §10): records, proofs, checkpoint and digests."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from keys.note import VKey
from ledger.log import checkpoint, proof, record
from tests.vector_files import load, name_of, rows

FILES = {row["path"]: row for row in rows("bundle", "files")}
ENVELOPES: dict[int, bytes] = {
    row["index"]: row["envelope"].encode() for row in rows("record", "records")
}


def _bytes(path: str) -> bytes:
    if path == "data/genesis.json":
        return ENVELOPES[0]
    if path.startswith("data/records/"):
        return ENVELOPES[int(path.removeprefix("data/records/").removesuffix(".json"))]
    return str(FILES[path]["text"]).encode()


@pytest.mark.parametrize("row", rows("bundle", "files"), ids=name_of)
def test_file_of_the_bag_has_its_length_and_digest(row: dict[str, Any]) -> None:
    """Envelopes go into a bundle byte for byte."""
    data = _bytes(row["path"])
    assert (len(data), hashlib.sha256(data).hexdigest()) == (row["length"], row["sha256"])


def test_manifests_name_every_file() -> None:
    """A file that no manifest names could be exchanged."""
    digests = {path: row["sha256"] for path, row in FILES.items()}
    named: dict[str, str] = {}
    for manifest in ("manifest-sha256.txt", "tagmanifest-sha256.txt"):
        for line in FILES[manifest]["text"].splitlines():
            digest, path = line.split("  ")
            named[path] = digest
    assert named == {path: digests[path] for path in named}
    assert set(FILES) - set(named) == {"tagmanifest-sha256.txt"}


def test_every_record_is_proven_under_the_bag_s_checkpoint() -> None:
    """The bundle verifies with no server, no database and no secret."""
    vkey = VKey.parse(load("bundle")["log_vkey"])
    note = FILES["data/checkpoint"]["text"]
    opened = checkpoint.open_checkpoint(note.encode(), [vkey])
    assert record.entry(ENVELOPES[0]).hex() == load("bundle")["genesis_entry"]
    for index, envelope in ENVELOPES.items():
        found = proof.inclusion_from_file(_bytes(f"data/proofs/{index}.tlog-proof"))
        assert (found.index, found.checkpoint) == (index, note)
        entry = record.entry(envelope)
        assert proof.verify_inclusion(found, entry, [vkey]) == opened.checkpoint
