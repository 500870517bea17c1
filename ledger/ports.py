"""What the ledger asks of the world: each Protocol is a contract about durability, order and errors, not a shape.

Adapters live in `ledger/postgres` and `api/bootstrap.py`, fakes in `tests/fakes.py`; `tests/contract` holds both to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID


class Clock(Protocol):
    """Now, in UTC with millisecond precision. May jump; the log refuses to go back with it."""

    def now(self) -> datetime: ...


class Entropy(Protocol):
    """Unpredictable bytes and UUIDv4."""

    def take(self, n_bytes: int) -> bytes: ...

    def uuid(self) -> UUID: ...


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """One row of `records` with its wrap, as stored.

    Attributes:
        index: Leaf index, dense from 0.
        stream_id: UUIDv5 of the stream's name.
        seq: Position in the stream, from 1.
        act_id: Act the statement belongs to.
        author: True on the first statement of a payload.
        topic: eventsourcing topic, e.g. `socai.statement.v1`.
        state: Sealed envelope (formats.md §5); empty where the reader's role may not read it.
        entry: 32 bytes (formats.md §4).
        recorded_at: UTC, milliseconds.
        wrap: Wrapped DEK, or None where erased or not readable.
    """

    index: int
    stream_id: UUID
    seq: int
    act_id: UUID
    author: bool
    topic: str
    state: bytes
    entry: bytes
    recorded_at: datetime
    wrap: bytes | None


@dataclass(frozen=True, slots=True)
class LogHead:
    """The one row of `log_head`: `size` records, the last `recorded_at` (None: empty), the last registry index (-1: none)."""

    size: int
    recorded_at: datetime | None
    registry_index: int


class RecordStore(Protocol):
    """The ordered records of one log. What is returned is committed; a reader that tails by index misses nothing."""

    def head(self) -> LogHead: ...

    def read(self, start: int, limit: int) -> Sequence[StoredRecord]:
        """Records `start` … in index order, at most `limit`, without a gap."""

    def stream(self, stream_id: UUID, after_seq: int = 0) -> Sequence[StoredRecord]:
        """One stream in `seq` order, from `after_seq` + 1 on."""

    def entries(self, start: int, end: int) -> Sequence[bytes]:
        """The 32-byte entries of indices [start, end)."""


class TileStore(Protocol):
    """Hash tiles (C2SP tlog-tiles). Levels 0 … hold hashes; a stored tile never changes, a wider one is another row."""

    def tile(self, level: int, n: int, width: int) -> bytes:
        """`width` * 32 bytes. Raises: NotFound."""


class CheckpointStore(Protocol):
    """The checkpoints this log stands by. Durable on return; linearizable across processes."""

    def latest(self) -> tuple[int, bytes] | None:
        """Size and note of the newest checkpoint."""

    def at(self, size: int) -> bytes | None:
        """The note of exactly this size."""

    def advance(
        self, old_size: int | None, size: int, root: bytes, note: bytes, tiles: Sequence[tuple[int, int, int, bytes]]
    ) -> None:
        """Stores tiles and checkpoint in one transaction if the newest is still `old_size`.

        Raises: Conflict: it is not; nothing was written.
        """


class Cases(Protocol):
    """Other cases of this log as last projected: what a guard may ask beyond its own stream (guards.json)."""

    def state(self, stream: str) -> str | None:
        """Main state of a case, None where there is no such case."""

    def token_elsewhere(self, token: str, stream: str) -> bool:
        """Whether the sealed token stands in another case."""

    def record(self, index_or_entry: str) -> tuple[int, str] | None:
        """(index, stream) of a record named by its b64 entry digest; None where there is none."""

    def running(self, stream: str) -> Sequence[str]:
        """Codes of open complaint, review or complaint-window clocks of a case."""

    def reports(self) -> Sequence[str]:
        """act ids of effective StatisticsSubmitted and SituationReportSubmitted, restating ones included."""


class Sessions(Protocol):
    """Sign-in challenges, taken once, and counted attempts; shared by all workers."""

    def put(self, challenge: str, kid: str, expires_at: datetime) -> None: ...

    def take(self, challenge: str, now: datetime) -> str | None:
        """The kid it was made for, or None where unknown, used or expired. A second take gives None."""

    def attempt(self, subject: str, now: datetime, window_s: int, limit: int) -> bool:
        """Counts one attempt; False where `subject` is over its limit in the window."""
