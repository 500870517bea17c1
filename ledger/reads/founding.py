"""The first row of a log of reads (formats.md §3): whose reads these are, and its keys."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from keys import canonical, read_tags
from keys.envelope_encryption import Keks
from keys.signer import Signer
from ledger.admission.service_statements import STREAM
from ledger.errors import Fatal
from ledger.log.moment import cut
from ledger.ports import Entropy
from ledger.reads.access_logged import opened, origin_of
from ledger.reads.writer import RowGroup, RowStore, said, seal_row
from ledger.streams.names import stream_id


class EmptyLog(RowStore, Protocol):
    """Where a log of reads begins."""

    def keep_gate(self, digest: bytes) -> bool:
        """Sets what opens the functions that read; False where something else does already."""


def found(  # noqa: PLR0913 - what the first row is made of
    store: EmptyLog,
    *,
    acts: str,
    level: str,
    genesis: str,
    vkeys: Sequence[str],
    signer: Signer,
    kek: Keks,
    key: bytes,
    entropy: Entropy,
    at: datetime,
) -> bytes:
    """Opens a log of reads; entry of its first row, 32 bytes.

    Args:
        store: Where it will lie.
        acts: Origin of the log of acts.
        level: Level of both.
        genesis: Entry of record 0 of the log of acts, in lower-case hex.
        vkeys: Keys of this log, and of no other.
        signer: The service's key.
        kek: Wraps.
        key: Of tags (`keys.read_tags.key_of`).
        entropy: Ids and blinds.
        at: The ledger's time.

    Raises:
        Fatal: There is one already.
    """
    if not store.keep_gate(hashlib.sha256(read_tags.gate(key)).digest()):
        raise Fatal("another log of reads lies there")
    origin, at = origin_of(acts), cut(at)
    event_id = entropy.uuid()
    members = opened(event_id=event_id, at=at, acts=acts, genesis=genesis, vkeys=vkeys)
    statement = said(canonical.encode(members), signer, origin, at, seq=1, prev=None)
    sealed = seal_row(
        statement, kek, entropy, origin=origin, level=level, stream=STREAM, seq=1, at=at
    )
    group = RowGroup(stream_id(origin, STREAM), STREAM, 1, at, [event_id], [sealed], [frozenset()])
    if store.append(group).status != "ok":
        raise Fatal("the log of reads is open already")
    return sealed.entry
