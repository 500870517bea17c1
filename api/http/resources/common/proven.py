"""Inclusion proofs beside what they prove; the checkpoint they lead to stands once in an answer."""

from __future__ import annotations

from typing import Any

from api.http.resources.common.served import enclave
from ledger.errors import NotFound


def path(index: int, size: int) -> dict[str, Any]:
    """`proof` of a record, without the checkpoint; empty where a tree of this size has it not."""
    if index >= size:
        return {}
    try:
        proof = enclave().proofs.inclusion(index, size)
    except NotFound:
        return {}
    return {"proof": {name: proof[name] for name in ("index", "size", "hashes")}}
