"""Custody events of files as bytes, and the chain over all of them in the order they were taken.

A link binds file, position and entry of one event to all before it, so that one digest speaks of
the first n events, none missing, none moved, none changed. It needs no key: whoever sees the rows
can follow it. Who made an event, and what for, is `ledger.files.custody`'s.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from keys import canonical
from keys.errors import Malformed

START: Final = bytes(32)


@dataclass(frozen=True, slots=True)
class CustodyChain:
    """The chain after `count` events.

    Attributes:
        count: How many events it is over.
        digest: The last link; 32 zero bytes before the first.
    """

    count: int = 0
    digest: bytes = START

    def after(self, name: UUID, seq: int, entry: bytes) -> CustodyChain:
        """The chain with one event more.

        Args:
            name: Of the file.
            seq: Position in the file's history, from 1.
            entry: SHA-256 of the event's bytes.
        """
        said = b"".join((self.digest, name.bytes, seq.to_bytes(8), entry))
        return CustodyChain(self.count + 1, hashlib.sha256(said).digest())


ADDED: Final = "ADDED"
READ: Final = "READ"
EXPORTED: Final = "EXPORTED"
_KINDS: Final = frozenset({ADDED, READ, EXPORTED})
_MEMBERS: Final = frozenset(
    {"v", "log", "file", "seq", "event", "at", "officer", "kid", "about", "blind"}
)


def sealed_for(name: UUID) -> str:
    """What an event is sealed for in place of a stream.

    No record's stream begins so: an event never opens as a record, nor a record as an event.
    """
    return f"file/{name}"


def read_event(
    envelope: bytes, *, origin: str, name: UUID, seq: int, before: bytes | None
) -> Mapping[str, Any]:
    """The members of an event that stands where it says.

    Args:
        envelope: Its bytes.
        origin: Origin of the log.
        name: Of the file.
        seq: Position in the file's history.
        before: Entry of the event before it; None for the first.

    Raises:
        KeysError: It is of another form, place, file or log, or follows another event.
    """
    members = canonical.parse(envelope)
    expected: dict[str, Any] = {"v": 1, "log": origin, "file": str(name), "seq": seq}
    if before is not None:
        expected["prev"] = canonical.b64(before)
    if members.keys() != _MEMBERS | expected.keys():
        raise Malformed("an event has exactly its members")
    if any(members[member] != value for member, value in expected.items()):
        raise Malformed("the event stands in another place than it says")
    if not isinstance(members["officer"], str) or not isinstance(members["about"], dict):
        raise Malformed("an event says who, and about what")
    if members["event"] not in _KINDS or (members["event"] == ADDED) != (seq == 1):
        raise Malformed("a history begins with the upload, and has no second one")
    return members
