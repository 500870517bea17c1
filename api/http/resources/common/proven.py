"""Inclusion proofs beside what they prove; the checkpoint they lead to stands once in an answer."""

from __future__ import annotations

from typing import Any

from ledger.checkpoints.proofs import CheckpointTree
from ledger.errors import NotFound


def path(index: int, tree: CheckpointTree | None) -> dict[str, Any]:
    """`proof` of a record, without the checkpoint; empty where the tree has it not."""
    if tree is None:
        return {}
    try:
        proof = tree.inclusion(index)
    except NotFound:
        return {}
    return {"proof": {name: proof[name] for name in ("index", "size", "hashes")}}
