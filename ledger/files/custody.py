"""The custody history of a file.

Who added, read or exported it, and when, each event sealed and chained to the last. An event is
canonical JSON with a blind, sealed as a record is (formats.md §5) under a stream name that no
record has. It is committed before a byte leaves. A loss, a swap or an edit breaks the chain; that
the newest events are gone is told by the anchors of the log (`custody_anchors`). Who may see it is
not decided here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from keys import canonical, envelope_encryption
from keys.envelope_encryption import Keks
from keys.errors import KeysError, Unsealable
from ledger.errors import NotFound, Unavailable, VerificationError
from ledger.log import custody
from ledger.log.custody import ADDED
from ledger.log.moment import stamp, unstamp
from ledger.message import Message
from ledger.ports import CustodyRow, Entropy, FileIndex
from ledger.streams.opener import event_key

What = Literal["ADDED", "READ", "EXPORTED"]
_BLIND_BYTES: Final = 32
_ATTEMPTS: Final = 64


@dataclass(frozen=True, slots=True)
class Actor:
    """Who handles a file: the officer, and the key of the session."""

    officer: str
    kid: str


@dataclass(frozen=True, slots=True)
class Event:
    """One event.

    Attributes:
        seq: Position in the history, from 1.
        what: `ADDED`, `READ` or `EXPORTED`.
        at: The ledger's time.
        by: Who did it.
        about: `digest`, `size`, `media_type` of an upload; `act_id` and `stream` through which it
            was read, and `under`, the order or opening by which alone.
        place: Position among the events of all files, from 0.
    """

    seq: int
    what: What
    at: datetime
    by: Actor
    about: Mapping[str, Any]
    place: int | None = None


class FileHistory:
    """Histories of the files of one log.

    Args:
        index: Where they lie.
        kek: Seals and opens events.
        entropy: Blinds.
        origin: Origin of the log.
        level: Its level.
    """

    def __init__(
        self, index: FileIndex, *, kek: Keks, entropy: Entropy, origin: str, level: str
    ) -> None:
        self._index = index
        self._kek = kek
        self._entropy = entropy
        self._origin = origin
        self._level = level

    def first(self, name: UUID, at: datetime, by: Actor, about: Mapping[str, Any]) -> CustodyRow:
        """The event of an upload, to be kept together with it."""
        return self._row(name, 1, None, ADDED, at, by, about)

    def note(
        self, name: UUID, what: What, at: datetime, by: Actor, about: Mapping[str, Any]
    ) -> None:
        """Adds an event. DURABLE on return; only then may a byte leave.

        Raises:
            NotFound: There is no such file.
            Unavailable: It could not be written; nothing may leave.
        """
        for _ in range(_ATTEMPTS):
            last = self._index.last(name)
            if last is None:
                raise NotFound(f"no file {name}")
            seq, entry = last
            if self._index.note(self._row(name, seq + 1, entry, what, at, by, about)):
                return
        raise Unavailable(
            "unavailable",
            Message("Too many read this file at once just now; try again in a few seconds."),
        )

    def events(self, name: UUID) -> list[Event]:
        """Every event whose content is not erased, in order; the whole chain is checked.

        Raises:
            VerificationError: `custody`: an event is missing, swapped, edited or does not open.
        """
        found: list[Event] = []
        before: bytes | None = None
        for seq, row in enumerate(self._index.history(name), 1):
            if row.seq != seq:
                raise VerificationError("custody", f"event {seq} of file {name} is missing")
            if row.wrap is not None:
                found.append(self.open(row, before))
            before = row.entry
        return found

    def open(self, row: CustodyRow, before: bytes | None) -> Event:
        """One event.

        Args:
            row: As stored, not erased.
            before: Entry of the event before it; None for the first.

        Raises:
            VerificationError: `custody`.
        """
        try:
            members = custody.read_event(
                self._opened(row), origin=self._origin, name=row.name, seq=row.seq, before=before
            )
            return _event(members, row.place)
        except (KeysError, KeyError, ValueError) as error:
            raise VerificationError("custody", f"event {row.seq} does not open: {error}") from error

    def _opened(self, row: CustodyRow) -> bytes:
        dek = event_key(self._kek, self._origin, row)
        envelope = envelope_encryption.open_state(
            row.state, dek, origin=self._origin, stream=custody.sealed_for(row.name), seq=row.seq
        )
        if hashlib.sha256(envelope).digest() != row.entry:
            raise Unsealable("the event has another hash")
        return envelope

    def _row(  # noqa: PLR0913, PLR0917 - the parts of an event
        self,
        name: UUID,
        seq: int,
        before: bytes | None,
        what: What,
        at: datetime,
        by: Actor,
        about: Mapping[str, Any],
    ) -> CustodyRow:
        members = {
            "v": 1,
            "log": self._origin,
            "file": str(name),
            "seq": seq,
            "event": what,
            "at": stamp(at),
            "officer": by.officer,
            "kid": by.kid,
            "about": dict(about),
            "blind": canonical.b64(self._entropy.take(_BLIND_BYTES)),
        }
        if before is not None:
            members["prev"] = canonical.b64(before)
        envelope = canonical.encode(members)
        entry = hashlib.sha256(envelope).digest()
        sealed = envelope_encryption.seal(
            envelope,
            origin=self._origin,
            stream=custody.sealed_for(name),
            seq=seq,
            level=self._level,
        )
        wrap = envelope_encryption.wrap(self._kek, sealed.dek, origin=self._origin, entry=entry)
        return CustodyRow(name, seq, entry, sealed.state, wrap)


def _event(members: Mapping[str, Any], place: int | None) -> Event:
    return Event(
        seq=members["seq"],
        what=members["event"],
        at=unstamp(members["at"]),
        by=Actor(members["officer"], members["kid"]),
        about=members["about"],
        place=place,
    )
