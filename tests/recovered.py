"""The one lawful break of a log, for tests: its keys, a loss they signed, the act that says so."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from keys import note
from keys.jwk import SoftwareSigner
from keys.lost_checkpoint import LostCheckpoint
from keys.note import TYPE_ML_DSA_44, NoteSigner
from ledger.log import checkpoint
from ledger.log.checkpoint import Checkpoint


@cache
def pair(origin: str, name: str) -> tuple[NoteSigner, NoteSigner]:
    """A log key and its `/pq`, the same for one name in every run."""
    secret = (name.encode() * 32)[:32]
    return (
        NoteSigner(origin, SoftwareSigner.from_secret("Ed25519", secret)),
        NoteSigner(f"{origin}/pq", SoftwareSigner.from_secret("ML-DSA-44", secret), TYPE_ML_DSA_44),
    )


def vkeys(origin: str, name: str) -> list[str]:
    """What verifies such a pair."""
    return [str(one.vkey) for one in pair(origin, name)]


def signed(origin: str, name: str, size: int, root: bytes) -> bytes:
    """A whole note by such a pair."""
    return checkpoint.sign(
        Checkpoint(origin, size, root), *pair(origin, name), time_s=1_700_000_000
    )


def lost(origin: str, name: str, size: int, root: bytes = bytes(32)) -> dict[str, Any]:
    """A checkpoint of that size, as the act names it."""
    parsed = note.parse_note(signed(origin, name, size, root))
    return LostCheckpoint.from_note(origin, size, root, parsed).fact()


def facts(
    origin: str,
    size: int,
    root: str,
    losses: Sequence[dict[str, Any]],
    *,
    old: str = "first",
    new: str = "second",
) -> dict[str, Any]:
    """The facts of a recovery."""
    return {
        "size": size,
        "root": root,
        "lost": list(losses),
        "old_vkeys": vkeys(origin, old),
        "new_vkeys": vkeys(origin, new),
        "reason": "Ổ đĩa hỏng, khôi phục từ bản sao lưu đêm trước.",
    }
