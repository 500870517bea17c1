"""How a log of reads that lost its tail goes on under other keys (formats.md §7).

What is left and what is lost is said in the log of reads itself, by the first row behind what is
left. In the log of acts two custodians record the ceremony, by a commitment to it alone: whoever
reads that stream learns neither how much was read nor how much is lost (access.md D2).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from keys import canonical
from keys.envelope_encryption import Keks
from keys.lost_checkpoint import LostCheckpoint
from keys.signer import Signer
from ledger.errors import Fatal, VerificationError
from ledger.log.recovery import Recovery
from ledger.ports import Entropy
from ledger.reads.access_logged import recovered
from ledger.reads.writer import RowGroup, RowStore, said, seal_row
from ledger.streams.names import stream_id

CEREMONY: Final = "KeyCeremonyRecorded"
"""The act that two custodians sign (access.md A21), of kind `RECOVER`."""
_LABEL: Final = b"socai/reads-recovery/1\0"
_WORDS: Final = "socai reads commitment: "


def commitment(facts: Mapping[str, Any]) -> str:
    """What the act says of a recovery: b64 of 32 bytes, which tell nothing of it."""
    plan = {name: value for name, value in facts.items() if name != "act"}
    return canonical.b64(hashlib.sha256(_LABEL + canonical.encode(plan)).digest())


def stated(device: str, facts: Mapping[str, Any]) -> str:
    """The device statement of the act, which ends with the commitment."""
    return f"{device}; {_WORDS}{commitment(facts)}"


def require(
    facts: Mapping[str, Any], at: int, origin: str, ceremony: Mapping[str, Any] | None
) -> Recovery:
    """The recovery that the row at an index says, if everything of it holds but root and keys.

    Args:
        facts: Of the row.
        at: Its index.
        origin: Origin of the log of reads.
        ceremony: Facts of the act it names, if that stands and is effective.

    Raises:
        VerificationError: `recovery`: what does not.
    """
    recovery = Recovery.of(facts, at)
    if recovery.size != at:
        raise VerificationError("recovery", "the row is not the first behind what was left", at)
    words = str((ceremony or {}).get("device_statement", ""))
    if (ceremony or {}).get("kind") != "RECOVER" or not words.endswith(stated("", facts)):
        raise VerificationError("recovery", "no ceremony of two custodians commits to it", at)
    signed = [
        one.size > at and LostCheckpoint.signed_by(one, origin, recovery.old_vkeys)
        for one in recovery.lost
    ]
    if not signed or not all(signed):
        raise VerificationError("recovery", "no key that ends has signed what it says is lost", at)
    return recovery


def go_on(  # noqa: PLR0913 - what a row is made of
    store: RowStore,
    facts: Mapping[str, Any],
    *,
    origin: str,
    level: str,
    signer: Signer,
    kek: Keks,
    entropy: Entropy,
    at: datetime,
) -> None:
    """Notes the row, in a chain of its own.

    Args:
        store: Where the log lies.
        facts: The plan, with the act.
        origin: Origin of the log of reads.
        level: Its level.
        signer: The service's key.
        kek: Wraps.
        entropy: Ids and blinds.
        at: The ledger's time, and no time before the last row's.

    Raises:
        Fatal: The log does not take it.
    """
    event_id, stream = entropy.uuid(), f"reads/{entropy.uuid()}"
    members = recovered(facts, event_id=event_id, stream=stream, at=at)
    statement = said(canonical.encode(members), signer, origin, at, seq=1, prev=None)
    sealed = seal_row(
        statement, kek, entropy, origin=origin, level=level, stream=stream, seq=1, at=at
    )
    ids: Sequence[UUID] = [event_id]
    group = RowGroup(stream_id(origin, stream), stream, 1, at, ids, [sealed], [frozenset()])
    status = store.append(group).status
    if status != "ok":
        raise Fatal(f"the log of reads does not take its recovery: {status}")
