"""Where the stored bytes of a log come from: ports of an audit.

One snapshot, rows as they stand, nothing repaired. Which database, and how another process gets at
the same snapshot, is the adapter's (`ledger.postgres.evidence`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final, NamedTuple, Protocol

from ledger.audit.content import RawRecord
from ledger.audit.files.snapshot_port import FileEvidence
from ledger.audit.rules.token_owners import RawToken
from ledger.audit.tables import Beside
from ledger.audit.tree import RawCheckpoint, RawTile
from ledger.ports import LogHead


class StreamPartition(NamedTuple):
    """Which streams one of several processes reads: those whose id ends in this rest.

    Attributes:
        rest: Of the last byte of the stream's id, divided by `of`.
        of: How many share the streams.
    """

    rest: int
    of: int

    def has(self, stream_id: bytes) -> bool:
        """Whether a stream is read here."""
        return (stream_id[-1] if stream_id else 0) % self.of == self.rest


ALONE: Final = StreamPartition(0, 1)


class Evidence(Protocol):
    """The stored bytes of one log; rows that are iterated over are read as they are asked for.

    Attributes:
        sealed: Whether `state` and wraps can be read by this login.
    """

    @property
    def sealed(self) -> bool:
        """Whether records can be opened at all."""

    def head(self) -> LogHead:
        """The one row of the head."""

    def count(self) -> int:
        """Rows in `records`, whatever their index."""

    def last(self) -> int:
        """Highest index in `records`, -1 without rows."""

    def records(
        self, start: int, end: int, partition: StreamPartition = ALONE
    ) -> Sequence[RawRecord]:
        """Every row of an index in [`start`, `end`) whose stream the partition has, by index."""

    def registry(self) -> Iterable[RawRecord]:
        """Every row marked as a registry record, in index order."""

    def stream(self, stream_id: bytes, before: int) -> Iterable[RawRecord]:
        """The rows of one stream of an index below `before`, in index order."""

    def streams(self, stream_ids: Collection[bytes], before: int) -> Iterable[RawRecord]:
        """The rows of several streams of an index below `before`, in index order over all."""

    def tiles(self) -> Iterable[RawTile]:
        """Every stored tile."""

    def checkpoints(self) -> Iterable[RawCheckpoint]:
        """Every stored checkpoint by size."""

    def sizes(self) -> Iterable[int]:
        """The size of every stored checkpoint."""

    def beside(self) -> Beside:
        """What stands beside the records."""

    def tokens(self) -> Iterable[RawToken] | None:
        """Every row of `tokens`; None where they may not be read."""

    def files(self) -> FileEvidence:
        """The rows about files."""

    def share(self) -> ExportedSnapshot:
        """A way to the same snapshot for other processes; good while this evidence is open."""


class ExportedSnapshot(Protocol):
    """The way to a snapshot that is open elsewhere; picklable."""

    def open(self) -> Evidence:
        """Evidence of this process over that very snapshot."""
