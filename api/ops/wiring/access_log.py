"""The log of reads of an enclave, as one API process notes in it and tells of it (access.md §6)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from uuid import UUID

from api.home import EnclaveFacts
from api.ops.reads.access_log import OpenedLate, doubt_of_reads, mark_of_reads, watch_reads
from api.ops.reads.which_log import READS
from api.ops.wiring.connections import Connections
from api.ops.wiring.key_files import service_signer
from api.settings import Settings
from keys import read_tags
from keys.envelope_encryption import Keks
from ledger.checkpoints.log_watch import LogWatch
from ledger.files.file_key import FileKey
from ledger.log.tiles import TileId, served
from ledger.message import Text
from ledger.ports import Entropy, NoRecords
from ledger.postgres.reads.rows import PostgresReads
from ledger.reads.access_logged import HeldPost
from ledger.reads.copies import Copies
from ledger.reads.counts import ReadCounts
from ledger.reads.noted_rows import NotedRows
from ledger.reads.read import ReadBy
from ledger.reads.scope import ReadScope, for_whom, scope_of
from ledger.reads.writer import ReadWriter
from ledger.regulation.participation.members import overview
from ledger.regulation.registry.calendar import local_day
from ledger.regulation.registry.registry import Registry
from ledger.streams.record_reader import Reader
from ledger.write.commands import Ledger


class AccessLog:
    """Who read what, under what: noted before it is shown, and told to whom it concerns.

    Args:
        settings: What the process was told.
        facts: Of the enclave.
        connections: Of the process.
        entropy: Ids and blinds.
        kek: Wraps rows.
        ledger: The write path, whose registry says who reads for whom.
        now: The time of whoever asks.

    Attributes:
        noting: Where reads are noted.
    """

    def __init__(  # noqa: PLR0913 - wired once, by Enclave
        self,
        settings: Settings,
        facts: EnclaveFacts,
        connections: Connections,
        entropy: Entropy,
        *,
        kek: Callable[[], Keks],
        ledger: Callable[[], Ledger],
        now: Callable[[], datetime],
    ) -> None:
        self._settings, self._facts, self._connections = settings, facts, connections
        self._entropy, self._kek, self._ledger, self._now = entropy, kek, ledger, now
        self._origin = READS.origin(facts)
        self._mark = mark_of_reads(settings)
        self._opened: list[PostgresReads | LogWatch] = []
        self.noting = OpenedLate(self.writer, self.doubt)

    @cached_property
    def key(self) -> bytes:
        """What rows of the log of reads are found by (`keys.read_tags`)."""
        file_key = FileKey(self._connections.files, self._kek(), self._facts.origin)
        return read_tags.key_of(file_key.made())

    @cached_property
    def stored(self) -> PostgresReads:
        """The log of reads as it lies, with its tiles and checkpoints."""
        gate = read_tags.gate(self.key)

        def held() -> tuple[int, bytes] | None:
            watch = self.watch
            return None if watch is None else watch.held

        stored = PostgresReads(self._connections.beside, gate, held, keeps=True)
        self._opened.append(stored)
        return stored

    @cached_property
    def watch(self) -> LogWatch | None:
        """Holds the log of reads to what this home has seen of it; None where it has none."""
        watch = watch_reads(self._settings, self.stored, self._origin)
        if watch is not None:
            watch.look()
            watch.start()
            self._opened.append(watch)
        return watch

    def doubt(self) -> Text | None:
        """Why no read can be noted now, and so nothing shown that needs it (U1)."""
        return doubt_of_reads(self._mark, self.watch)

    @cached_property
    def rows(self) -> NotedRows:
        """The log of reads as it is told."""
        reader = Reader(NoRecords(), self._kek(), self._origin, self._facts.level)
        return NotedRows(self.stored, reader, lambda: self._registry, self._origin)

    @cached_property
    def counts(self) -> ReadCounts:
        """How often what was read, by month."""
        return ReadCounts(self.rows)

    @cached_property
    def copies(self) -> Copies:
        """Copies handed out by permits, as the log of reads has them."""
        return Copies(self.rows, self.noting, self.key, self._origin)

    def scope(self, officer: str, at: datetime) -> ReadScope:
        """Whose reads an officer is told of."""
        return scope_of(officer, self._registry, local_day(at))

    def tells_of(
        self, officer: str, reader: str, via: str, read_at: datetime, now: datetime
    ) -> bool:
        """Whether an officer is told of what somebody read by an order or an opening (D2)."""
        scope, day = self.scope(officer, now), local_day(read_at)
        return officer == reader or scope.tells_of(reader, via, self._registry, day)

    def writer(self) -> ReadWriter:
        """Who signs rows, opened now."""

        def posts(by: ReadBy, at: datetime) -> list[HeldPost]:
            held = self._registry.appointments(by.officer, local_day(at))
            return [HeldPost(one.agency, one.post) for one in held]

        return ReadWriter(
            store=self.stored,
            signer=service_signer(self._settings),
            kek=self._kek(),
            key=self.key,
            entropy=self._entropy,
            origin=self._origin,
            level=self._facts.level,
            now=self._now,
            posts=posts,
        )

    def for_whom(self, officer: str, via: UUID | None) -> frozenset[str]:
        """For which agencies an officer reads by an order or an opening, or totals (None)."""
        day = local_day(self._now())
        if via is None:
            return frozenset().union(*overview(self._registry, day))
        found = for_whom(officer, str(via), self._registry, day)
        if not found:  # the audience has folded it, and this process not yet
            found = for_whom(officer, str(via), self._ledger().refresh(), day)
        return found

    def purpose(self, via: UUID) -> str:
        """What an order or an opening is for, as it says; everybody may read it (N6)."""
        act_id = str(via)
        found = self._registry.granted.purpose(act_id)
        if found is None:  # the audience has folded it, and this process not yet
            found = self._ledger().refresh().granted.purpose(act_id)
        return found or act_id

    def tile_bytes(self, tile: TileId) -> bytes:
        """As `Enclave.tile_bytes`. Raises: NotFound."""
        latest = self.stored.latest()
        return served(tile, latest[0] if latest else 0, self.stored, self.stored.entries)

    def close(self) -> None:
        """Ends what was opened."""
        for one in reversed(self._opened):
            one.close()

    @property
    def _registry(self) -> Registry:
        return self._ledger().follower.current.registry
