"""witness.json, its steps in order (formats.md §7; C2SP tlog-witness), without sockets."""

from __future__ import annotations

from typing import Any

from keys.jwk import SoftwareSigner
from keys.note import TYPE_COSIGNATURE, NoteSigner, VKey
from ledger.log import cosignature, merkle
from ledger.log.checkpoint import Checkpoint
from tests.vector_files import load, rows


def _request(step: dict[str, Any]) -> bytes:
    if "request_hex" in step:
        return bytes.fromhex(step["request_hex"])
    request: str = step["request"]
    return request.encode()


def test_every_step_is_answered_as_written() -> None:
    """A witness that answers in another order tells an attacker what it has."""
    vectors = load("witness")
    log = VKey.parse(vectors["log_vkey"])
    seed = bytes.fromhex(vectors["witness"]["seed"])
    key = SoftwareSigner.from_secret("Ed25519", seed)
    witness = NoteSigner(vectors["witness"]["name"], key, TYPE_COSIGNATURE)
    assert str(witness.vkey) == vectors["witness"]["vkey"]
    stored: dict[str, Checkpoint] = {}
    for step in rows("witness", "steps"):
        status, body = 200, None
        try:
            found = cosignature.judge(_request(step), {log.name: log}, stored)
        except cosignature.CosignatureRefused as refused:
            status = refused.status
            body = None if refused.stored_size is None else f"{refused.stored_size}\n"
        else:
            stored[found.origin] = found
            body = cosignature.cosign(found, witness, time_s=step["time"]).decode()
        assert status in {step["status"], *step.get("also_allowed", [])}, step["name"]
        assert body == step.get("body", body), step["name"]
        last = stored.get(log.name, Checkpoint(log.name, 0, merkle.EMPTY_ROOT))
        assert last.size == step["stored_size_after"], step["name"]


def test_request_round_trip_and_the_answer_joins_the_note() -> None:
    """What the log asks is what the witness reads, and its line makes one note."""
    vectors = load("witness")
    witness = VKey.parse(vectors["witness"]["vkey"])
    for step in rows("witness", "steps"):
        if step["status"] == 200:
            request = cosignature.parse_request(_request(step))
            assert request.marshal() == _request(step)
            joined = cosignature.add_cosignature(request.checkpoint, step["body"].encode(), witness)
            assert joined.startswith(request.checkpoint)
