"""Where the stored rows about files come from: a port of an audit, beside `Evidence`.

The same snapshot, rows as they stand, nothing repaired; beside it the files' own bytes, which are
in no snapshot but never change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol
from uuid import UUID

Wraps = tuple[tuple[bytes, bytes | None], ...]
"""Each `kek_id` that a key is wrapped under, and the wrap where it may be read."""


class RawFile(NamedTuple):
    """One row of `files` with its wrap.

    Attributes:
        name: Of the file.
        tag: What it is found by; None where the login may not read it.
        wraps: Its own wrapped keys; empty where erased.
    """

    name: UUID
    tag: bytes | None
    wraps: Wraps


class RawEvent(NamedTuple):
    """One row of `custody` with its wrap.

    Attributes:
        place: Position among the events of all files.
        name: Of the file.
        seq: Position in the file's history.
        entry: 32 bytes.
        state: The sealed event; None where the login may not read it.
        wraps: Its wrapped keys; empty where erased.
    """

    place: int
    name: UUID
    seq: int
    entry: bytes
    state: bytes | None
    wraps: Wraps


class FileBytes(Protocol):
    """Where the sealed files themselves lie."""

    def sizes(self) -> Mapping[UUID, int]:
        """Name and length of every file there is."""

    def get(self, name: UUID) -> Iterable[bytes]:
        """Its sealed bytes. Raises: NotFound."""


class FileEvidence(Protocol):
    """The stored rows about the files of one log."""

    def declared(self) -> Sequence[tuple[bool, int]]:
        """Every row that says how many events there are: one, with its mark."""

    def counted(self) -> tuple[int, int]:
        """How many rows of `files` and of `custody` there are."""

    def keys(self) -> Sequence[tuple[bool, bytes | None]]:
        """Every row of the key of the files: its mark, and the wrap where it may be read."""

    def files(self) -> Iterable[RawFile]:
        """Every row of `files`, in the order of their names."""

    def events(self) -> Iterable[RawEvent]:
        """Every row of `custody`, in the order of their places."""

    def astray(self) -> Sequence[tuple[UUID, int]]:
        """File and position of wrapped keys that are of no file and of no event."""
