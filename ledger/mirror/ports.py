"""What the mirror asks of the database above: one lower log as it was taken in."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from ledger.ports import RecordStore, StoredRecord


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a log says of a record whose content did not come.

    Attributes:
        index: Of the record.
        entry: Its entry.
        act_id: The act that erased it.
        at: Index of that act's last statement.
    """

    index: int
    entry: bytes
    act_id: UUID
    at: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a lower log was taken in.

    Attributes:
        size: Records.
        at: Turn of the clock of the newest segment, in seconds since 1970; -1 before the first.
        checkpoint: The newest note of the log that was taken in; None before the first.
        unexplained: Records that are said to be erased by acts that were not taken in yet.
    """

    size: int
    at: int
    checkpoint: bytes | None
    unexplained: tuple[Claimed, ...] = ()


@dataclass(frozen=True, slots=True)
class TakenRow:
    """A record of a lower log as it is stored above.

    Attributes:
        row: As a record of the own log is, sealed under the own KEK; no wrap where it is erased,
            an empty one where nobody below can read it.
        aside: Why the rules below set it aside; None where it stands, or nothing is known of it.
        erased_by: The act that is said to have erased it, and where that ends, where its content
            did not come.
        tags: Of the tokens of reporters that it names, where it is an author's of a case.
        files: Those its act lists, in order: sealed under a key of the record's own (formats.md
            §11), None where the file did not come.
    """

    row: StoredRecord
    aside: str | None = None
    erased_by: tuple[UUID, int] | None = None
    tags: tuple[bytes, ...] = ()
    files: tuple[bytes | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Taken:
    """What one segment changes, all of it or nothing.

    Attributes:
        start: Records that were taken in before.
        rows: The new ones, in order.
        checkpoint: Note.
        at: Turn of the clock.
        root: Of all records that are taken in with it, 32 bytes: what somebody above is shown.
        erased: Records whose content goes now, each with the act that erased it below.
    """

    start: int
    rows: Sequence[TakenRow]
    checkpoint: bytes
    at: int
    root: bytes
    erased: Sequence[tuple[int, UUID]]


@dataclass(frozen=True, slots=True)
class TakenSegment:
    """How far a segment brought a lower log, and when.

    Attributes:
        at: Turn of the clock below, in seconds since 1970.
        size: Records taken in with it and before.
        root: Of these, 32 bytes.
        taken_at: When, by the clock of the database above.
    """

    at: int
    size: int
    root: bytes
    taken_at: datetime


class MirrorStore(RecordStore, Protocol):
    """One lower log above, read as any log is."""

    def segments(self) -> Sequence[TakenSegment]:
        """Every segment that was taken in, in order."""

    def refs(self, start: int, limit: int) -> Sequence[UUID]:
        """As which grants name the acts of records in index order (`unit.ref_of`)."""

    def standing(self) -> Standing:
        """How far it is."""

    def erasures(self) -> Mapping[int, UUID]:
        """Records whose content an act below erased here: the act, by index."""

    def asides(self) -> Mapping[int, str]:
        """Why records were set aside, by index."""

    def file(self, index: int, n: int) -> bytes | None:
        """A file of a record, sealed; None where it is not here."""

    def listed(self, start: int, end: int) -> Mapping[int, int]:
        """How many files each of these records brought or left out, where any."""

    def heads(self, stream_ids: Collection[UUID]) -> Mapping[UUID, int]:
        """The last `seq` of each of these streams that is there."""

    def take(self, taken: Taken) -> None:
        """Stores what a segment brings, and deletes the wraps of what it erases, in one go.

        Raises:
            Conflict: `moved`: another import was first; nothing was stored.
        """
