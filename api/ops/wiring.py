"""The only place where ports meet adapters; the real clock and the real randomness."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property, partial
from pathlib import Path
from tempfile import TemporaryFile
from time import monotonic
from typing import Final, Protocol, Self
from urllib.parse import urlsplit
from uuid import UUID

import psycopg
from psycopg.conninfo import make_conninfo

from api.auth import Caller, SignIn, TokenBox
from api.ops.custody import custody_name, custody_of
from api.ops.keeper.asking import KeeperLine, KeptKeks
from api.ops.keeper.folding import FoldedRecords
from api.ops.machine import RealClock, RealEntropy
from api.ops.readiness import Readiness, free_bytes
from api.ops.reads.access_log import OpenedLate, doubt_of_reads, mark_of_reads, watch_reads
from api.ops.reads.which_log import ACTS, READS, WhichLog
from api.ops.vault.mail import NoLetters, SmtpLetters, SmtpServer
from api.ops.vault.metrics import VaultMetrics
from api.page_sessions import PageSessions
from api.settings import (
    ORDINARY,
    EnclaveFacts,
    Home,
    Settings,
    SettingsError,
    memory_needed,
)
from api.texts.catalogue import translate
from keys import jwk, read_tags
from keys.custody.file import read_key, read_opening_key
from keys.custody.key_files import KeyFiles
from keys.envelope_encryption import Kek, Keks, kek_id_of
from keys.errors import KeysError, Unsealable
from keys.jwk import SoftwareSigner
from keys.keyring import Keyring
from keys.log_keys import LogKeys
from keys.note import NoteSigner, log_pair
from ledger.asker import Asker, asker, asking
from ledger.audit.files.snapshot_port import FileBytes
from ledger.checkpoints.checkpointer import Checkpointer
from ledger.checkpoints.log_watch import LogWatch
from ledger.checkpoints.proofs import Proofs
from ledger.checkpoints.seen_checkpoint import SeenCheckpoint
from ledger.checkpoints.seen_file import SeenFile
from ledger.checkpoints.verified_checkpoints import SignedCheckpoints
from ledger.errors import (
    Doubt,
    Fatal,
    LedgerError,
    NotFound,
    Rejected,
    Unavailable,
    VerificationError,
)
from ledger.files.attachments import Attachments
from ledger.files.custody_anchors import Anchoring, Anchors
from ledger.files.file_key import FileKey
from ledger.files.folder_store import FolderBlobs
from ledger.keeper.keeper import MOST_AGE, WrapKeeper
from ledger.keeper.pace import Pace
from ledger.log import tiles as tiling
from ledger.log.tiles import ENTRIES, TileId
from ledger.message import Message, Text, Wording, system_fault
from ledger.ports import (
    NIL_UNIT,
    BlobStore,
    Clock,
    Entropy,
    NoRecords,
    RecordStore,
    StoredRecord,
    TileStore,
)
from ledger.postgres.checkpoints import PostgresCheckpoints
from ledger.postgres.connect import (
    Connection,
    Lending,
    Lone,
    Pool,
    connect,
    is_lost,
    open_pool,
    place_of,
    renew,
    translated,
    translating,
)
from ledger.postgres.files import PostgresFiles
from ledger.postgres.keeping.opens import PostgresOpens
from ledger.postgres.keeping.vitals import PostgresVitals
from ledger.postgres.migrate import check, login_dsn
from ledger.postgres.mirror.lower_logs import PostgresLowerLogs
from ledger.postgres.mirror.mirrored import PostgresMirror
from ledger.postgres.narrowing import PostgresNarrowing
from ledger.postgres.notices import PostgresNotices
from ledger.postgres.reads.rows import PostgresReads
from ledger.postgres.recorder import GroupAppender
from ledger.postgres.records import PostgresRecords
from ledger.postgres.sessions import PostgresSessions
from ledger.postgres.sight import PostgresSight
from ledger.postgres.ticket import TicketKey, Tickets
from ledger.postgres.ticketed import Ticketed
from ledger.postgres.tiles import PostgresTiles
from ledger.postgres.vault.compartment import PostgresCompartment
from ledger.postgres.vault.store import PostgresVaultStore
from ledger.reads.access_logged import HeldPost
from ledger.reads.copies import Copies
from ledger.reads.counts import ReadCounts
from ledger.reads.noted_rows import NotedRows
from ledger.reads.read import ReadBy, ReadLog
from ledger.reads.scope import ReadScope, for_whom, scope_of
from ledger.reads.shown import ShownCases, gathered
from ledger.reads.writer import ReadWriter
from ledger.recovery.recoveries import Recoveries
from ledger.regulation.participation.members import overview
from ledger.regulation.registry.calendar import local_day, local_time
from ledger.streams.names import is_case
from ledger.streams.record_reader import Reader
from ledger.vault.desk import Desk, StandingAct, statements_of
from ledger.vault.identity import require_address
from ledger.vault.ports import Letters
from ledger.vault.vault import Vault
from ledger.work import work_s
from ledger.write.commands import Ledger
from ledger.write.followed_log import FollowedLog
from ledger.write.forgetting import Forgetting
from ledger.write.log_keys_follower import FollowedKeys
from ledger.write.registry_follower import RegistryFollower
from projections.engine import generations
from projections.engine.noted_signatures import NotedSignatures
from projections.engine.projector import Projector
from projections.engine.rebuild_pool import Builders
from projections.engine.rebuild_worker import WorkerConfig
from projections.fold.shard import DIGITS
from projections.queries.guard_lookups import LogCases
from projections.queries.mirrored import Mirrored
from projections.queries.published import Publications
from projections.queries.queries import Queries
from projections.queries.rights import Rights
from projections.queries.row_evidence import RowEvidence
from projections.views import search_terms


class KeptFiles(BlobStore, FileBytes, Protocol):
    """A store of sealed files, as the service and the audit need it."""

    def get(self, name: UUID) -> Iterator[bytes]:
        """Its bytes in parts. Raises: NotFound, Unavailable."""


_REGISTRY_TTL_S: Final = 1.0
_POOL_SPARE: Final = 3
_POOL_MOST: Final = 12
_CONNECTIONS_BESIDE: Final = 4
"""The appender's, that of notices, and the two of what is public."""
_HUNG_S: Final = 8.0
"""How long the database may be silent within a statement of whoever writes."""
_HUNG_READ_S: Final = 12.0
"""The same of whoever reads, where a statement may take longer."""
_HUNG_BATCH_S: Final = 15.0
"""The same of a batch of the projector's; nobody is shown anything of a case before it goes on."""
_KEEPER_PATIENCE_S: Final = 5
"""How long the keeper waits for a lock, and ten times as long for the end of a statement."""

_log = logging.getLogger("socai.log")


class Enclave:
    """Everything one API process holds of one enclave; nothing of another.

    Attributes:
        settings: What the process was told.
        facts: Which enclave this is.
        clock: Real time.
        entropy: Real randomness.
        token_box: HMACs of tokens, cursors and ETags.
        sign_in: Who is calling.
        page_sessions: Who reads pages.
        ledger: The write path.
        proofs: Inclusion and consistency.
        records: Stored records, by the reader's login.
        reader: Opens them.
        checkpoints: Stored checkpoints, signed by the log.
        watch: Holds the log to what this home has seen of it.
        rights: Who may see what is opened.
        lower_logs: Which lower logs are mirrored here, and how far.
        mirrored: What is told of cases of these.
        queries: Every reading of the views.
        readiness: Whether it can serve.
        attachments: The files of acts.
        anchors: Their custody, anchored in the log.
        anchoring: Anchors it on time; None where nobody has started it.
        started: Whether the database is known to be this home's; nothing is served before.
        reads: Where it is noted who reads under an order, before anything is shown.
        recoveries: The breaks that the log records of itself.
    """

    anchoring: Anchoring | None = None
    started = False

    def __init__(  # noqa: PLR0915 - ports meet adapters, one a line
        self, settings: Settings, clock: Clock, entropy: Entropy
    ) -> None:
        home = Home(settings)
        self.settings, self.facts = settings, home.facts()
        self.clock, self.entropy = clock, entropy
        self.token_box = TokenBox(home.session_key())
        # by the machine's own time, as the database judges them
        self._tickets = Tickets(lambda: TicketKey(home.ticket_key()), RealClock())
        origin, level = self.facts.origin, self.facts.level
        self._reading, self._writing = map(self._pool, ("reader", "writer"))
        self._noting = OpenedLate(self._read_writer, self.doubt_of_reads)
        self._mark_of_reads = mark_of_reads(settings)
        self._line = KeeperLine(settings.keeper_socket) if level != ORDINARY else None
        # what is noted before a wrap is opened is noted while a question of an officer's is asked
        self._beside = self._reading if self._line is None else self._pool("reader")
        self._kek, self._own_kek = kek, own = self._keks()
        self._asked = Ticketed(self._reading)
        self.records = PostgresRecords(self._asked)
        self.reader = Reader(self.records, own, origin, level)
        self._log_keys = FollowedKeys(lambda: self.ledger.follower)
        self.checkpoints = SignedCheckpoints(
            PostgresCheckpoints(self._reading),
            self._log_keys.at,
            origin,
            follow=self._log_keys.follow,
        )
        self._tiles = PostgresTiles(self._reading)
        seen = SeenCheckpoint(SeenFile(home.seen_folder("api")), self._log_keys.at, origin)
        # asked for nobody: whoever waits for it may be one whose sight is not known just now
        stored = PostgresRecords(self._reading)
        self.watch = LogWatch(seen, self.checkpoints, stored, self._tiles, _told)
        self._watching = [self.watch]
        notices = PostgresNotices(role_dsn(settings, self.facts, "reader"))
        self.proofs = Proofs(self._tiles, self.checkpoints, notices)
        self._appender = GroupAppender(
            role_dsn(settings, self.facts, "writer"),
            free_bytes=partial(free_bytes, settings.home)
            if settings.database_url is None
            else None,
            min_free_bytes=settings.min_free_mib << 20,
            clock=None if self.facts.rehearsal else clock,  # a rehearsal has its senders' time
            admit=lambda connection: self.watch.admit(PostgresRecords(Lone(connection))),
        )
        written = PostgresRecords(self._writing)
        if isinstance(kek, KeptKeks):
            written = FoldedRecords(self._writing, kek)
        self.attachments = self._attachments(own, kek, written)
        whole = self._evidence(written, Reader(written, kek, origin, level))
        self.lower_logs = PostgresLowerLogs(self._reading)
        self.ledger = Ledger(
            store=written,
            appender=self._appender,
            kek=kek,
            clock=clock,
            entropy=entropy,
            cases=LogCases(self._lend_whole, whole, lambda: self.ledger.registry),
            origin=origin,
            level=level,
            rehearsal=self.facts.rehearsal,
            files=self.attachments,
            sights=PostgresSight(self._asked, self._writing, origin),
            narrow=PostgresNarrowing(self._writing, origin),
            compartment=PostgresCompartment(self._writing),
            lower=self.lower_logs,
        )
        self.anchors = self._anchors(kek)
        self.reads: ReadLog = self._noting
        self.rights = Rights(
            self._lend_whole,
            whole,
            lambda: self.ledger.registry,
            origin=origin,
            level=level,
            now=self.ledger_time,
        )
        self.mirrored = Mirrored(
            partial(PostgresMirror, self._asked),
            lambda log, reader: RegistryFollower(PostgresMirror(self._reading, log), reader),
            own,
        )
        self.queries = Queries(
            self.lend,
            at_once=self._asked.at_once,
            origin=origin,
            follower=self.ledger.follower,
            evidence=self._evidence(self.records, self.reader),
            lending_whole=self._lend_whole,
            judge=whole,
            rights=self.rights,
            mirrored=self.mirrored,
        )
        self.sign_in = SignIn(
            origin=origin,
            token_box=self.token_box,
            sessions=PostgresSessions(self._reading),
            entropy=entropy,
            now=clock.now,
            ledger_time=self.ledger_time,
            keyring=self._keyring,
            token_ttl_s=settings.token_ttl_s,
            attempts=settings.attempts,
        )
        self.page_sessions = PageSessions(
            origin=origin,
            token_box=self.token_box,
            entropy=entropy,
            now=clock.now,
            holder=self.sign_in.holder,
            in_office=self._in_office,
        )
        self.recoveries = Recoveries(self.ledger.follower, self.records, self.reader, self.proofs)
        self._opened_late: list[Pool | PostgresReads] = []
        self._refreshed, self._refreshing = 0.0, threading.Lock()
        self.readiness = Readiness(
            settings,
            self.facts,
            clock=clock,
            records=self.records,
            checkpoints=self.checkpoints,
            watch=self.watch,
            queries=self.queries,
            vitals=PostgresVitals(self._writing),
            doubt_of_reads=self.doubt_of_reads,
            believed=self._believed,
            started=lambda: self.started,
            deaf=lambda: notices.deaf,
            keeper=None if self._line is None else self._line.well,
        )

    def _pool(self, role: str) -> Pool:
        most = min(self.settings.threads + _POOL_SPARE, _POOL_MOST)
        hung_after_s = _HUNG_S if role == "writer" else _HUNG_READ_S
        dsn = role_dsn(self.settings, self.facts, role)
        return open_pool(dsn, most=most, hung_after_s=hung_after_s)

    def _believed(self) -> bool:
        """Whether the database takes tickets of the key that this process has.

        Asked by a ticket of nobody's, which shows nothing.

        Raises:
            LedgerError: It does not say.
        """
        try:
            nobody = self._tickets.of(str(NIL_UNIT), "none", of_cases=False, at=None)
            with asking(nobody), self._asked.connection():
                return True
        except SettingsError:
            return False
        except Unavailable as error:
            if error.code not in ("ticket_refused", "clocks_apart"):
                raise
            return False
        except psycopg.Error as error:
            raise translated(error) from error

    def _keks(self) -> tuple[Keks, Keks]:
        """What folds for nobody to be shown, and what opens for whoever asks (access.md U3)."""
        if self._line is None:
            return (kek := required_kek(self.settings)), kek
        origin, note = self.facts.origin, self._noting.note_opens
        return (
            KeptKeks(self._line, origin, note, lambda: None),
            KeptKeks(self._line, origin, note, _reading_now, _kept_now),
        )

    @cached_property
    def forgetting(self) -> Forgetting:
        """Lets go of what was shredded, and of a KEK that is over."""
        ahead = [self._kek.forget] if isinstance(self._kek, KeptKeks) else []
        return Forgetting(
            PostgresRecords(self._writing).shreds,
            [self.ledger.forget, self.rights.forget, search_terms.forget, *ahead],
            always=self._kek.look if isinstance(self._kek, KeyFiles) else lambda: None,
        )

    @property
    def _files(self) -> PostgresFiles:
        return PostgresFiles(self._reading, self._writing)

    @cached_property
    def published(self) -> Publications:
        """What anybody may read, by a login that reads nothing else; at the ordinary level alone.

        Its two connections are no officer's: whoever asks for everybody's asks in that line.
        """
        pool = open_pool(role_dsn(self.settings, self.facts, "public"), most=2, least=0)
        self._opened_late.append(pool)
        return Publications(pool.connection)

    @cached_property
    def custody(self) -> str | None:
        """What keeps the KEK, `FILE` or `PKCS11`; None where the keeper has it, and nobody here."""
        return custody_name(self.settings)

    def _evidence(self, records: RecordStore, reader: Reader) -> RowEvidence:
        return RowEvidence(records, reader, self.facts.origin, lambda: self.ledger.follower)

    def _attachments(self, kek: Keks, folding: Keks, whole: RecordStore) -> Attachments:
        settings = self.settings
        return Attachments(
            blobs=open_blobs(settings),
            index=self._files,
            records=self.records,
            require=lambda stream, act_id: self.rights.require(stream, [act_id]),
            whole=whole,
            kek=kek,
            folding=folding,
            entropy=self.entropy,
            origin=self.facts.origin,
            level=self.facts.level,
            limit_bytes=settings.max_attachment_mib << 20,
            scratch=lambda: TemporaryFile(dir=_scratch(settings)),
            follower=lambda: self.ledger.follower,
        )

    def _anchors(self, kek: Keks) -> Anchors:
        return Anchors(
            index=self._files,
            records=self.records,
            reader=self.reader,
            follower=self.ledger.follower,
            door=self.ledger,
            file_key=FileKey(self._files, kek, self.facts.origin),
            entropy=self.entropy,
            origin=self.facts.origin,
            now=self.ledger_time,
            every=timedelta(seconds=self.settings.anchor_every_s),
        )

    @cached_property
    def reads_key(self) -> bytes:
        """What rows of the log of reads are found by (`keys.read_tags`)."""
        return read_tags.key_of(FileKey(self._files, self._kek, self.facts.origin).made())

    @cached_property
    def stored_reads(self) -> PostgresReads:
        """The log of reads as it lies, with its tiles and checkpoints."""
        gate = read_tags.gate(self.reads_key)

        def held() -> tuple[int, bytes] | None:
            watch = self.reads_watch
            return None if watch is None else watch.held

        stored = PostgresReads(self._beside, gate, held, keeps=True)
        self._opened_late.append(stored)
        return stored

    @cached_property
    def reads_watch(self) -> LogWatch | None:
        """Holds the log of reads to what this home has seen of it; None where it has none."""
        watch = watch_reads(self.settings, self.stored_reads, READS.origin(self.facts))
        if watch is not None:
            watch.look()
            watch.start()
            self._watching.append(watch)
        return watch

    def doubt_of_reads(self) -> Text | None:
        """Why no read can be noted now, and so nothing shown that needs it (U1)."""
        return doubt_of_reads(self._mark_of_reads, self.reads_watch)

    @cached_property
    def noted_rows(self) -> NotedRows:
        """The log of reads as it is told."""
        origin = READS.origin(self.facts)
        reader = Reader(NoRecords(), self._kek, origin, self.facts.level)
        return NotedRows(
            self.stored_reads, reader, lambda: self.ledger.follower.current.registry, origin
        )

    @cached_property
    def read_counts(self) -> ReadCounts:
        """How often what was read, by month."""
        return ReadCounts(self.noted_rows)

    @cached_property
    def copies(self) -> Copies:
        """Copies handed out by permits, as the log of reads has them."""
        return Copies(self.noted_rows, self.reads, self.reads_key, READS.origin(self.facts))

    def read_scope(self, officer: str, at: datetime) -> ReadScope:
        """Whose reads an officer is told of."""
        return scope_of(officer, self.ledger.follower.current.registry, local_day(at))

    def tells_of_read(
        self, officer: str, reader: str, via: str, read_at: datetime, now: datetime
    ) -> bool:
        """Whether an officer is told of what somebody read by an order or an opening (D2)."""
        scope, registry = self.read_scope(officer, now), self.ledger.follower.current.registry
        day = local_day(read_at)
        return officer == reader or scope.tells_of(reader, via, registry, day)

    def _read_writer(self) -> ReadWriter:
        facts = self.facts

        def posts(by: ReadBy, at: datetime) -> list[HeldPost]:
            held = self.ledger.follower.current.registry.appointments(by.officer, local_day(at))
            return [HeldPost(one.agency, one.post) for one in held]

        return ReadWriter(
            store=self.stored_reads,
            signer=service_signer(self.settings),
            kek=self._kek,
            key=self.reads_key,
            entropy=self.entropy,
            origin=READS.origin(facts),
            level=facts.level,
            now=self._asked_at,
            posts=posts,
        )

    @classmethod
    def wired(
        cls, settings: Settings, *, clock: Clock | None = None, entropy: Entropy | None = None
    ) -> Self:
        """Wires one enclave, its keys opened; it serves nobody before `start`.

        Raises:
            SettingsError: No enclave in the home, or a secret is missing.
        """
        return cls(settings, clock or RealClock(), entropy or RealEntropy())

    @classmethod
    def open(
        cls, settings: Settings, *, clock: Clock | None = None, entropy: Entropy | None = None
    ) -> Self:
        """Wires one enclave and holds record 0 against the genesis digest of its home.

        Raises:
            SettingsError: No enclave in the home, a secret is missing, or this is another log.
            Unavailable: The database cannot be reached.
            Fatal: As `require_schema`.
        """
        enclave = cls.wired(settings, clock=clock, entropy=entropy)
        try:
            enclave.start()
        except Exception:
            enclave.close()
            raise
        return enclave

    def start(self) -> None:
        """Holds record 0 against the genesis digest of its home, and follows the log from now on.

        May be tried again where the database could not be reached.

        Raises:
            SettingsError: This is another log.
            Unavailable: The database cannot be reached.
            Fatal: As `require_schema`.
        """
        dsn = role_dsn(self.settings, self.facts, "reader")
        require_schema(dsn)
        require_genesis(self.reader, self.facts)
        self.watch.look()
        with suppress(SettingsError, KeysError, Fatal):  # readiness tells, and none is noted
            self.doubt_of_reads()
        self.watch.start()
        self.forgetting.start(PostgresNotices(dsn))
        self.started = True

    def start_anchoring(self) -> None:
        """Anchors the custody of files from now on, beside the requests.

        Raises:
            SettingsError: The key of the service is missing or does not open.
        """
        signer = service_signer(self.settings)
        self.anchoring = Anchoring(self.anchors, signer, self.clock, rehearsal=self.facts.rehearsal)
        self.anchoring.start()
        self.readiness.anchoring = self.anchoring

    def close(self) -> None:
        """Gives connections back and ends the threads that wait."""
        if self.anchoring is not None:
            self.anchoring.stop()
        for watch in self._watching:
            watch.close()
        self.readiness.close()
        self.forgetting.close()
        self.proofs.close()
        self._appender.close()
        for late in self._opened_late:
            late.close()
        if self._line is not None:
            self._line.close()
            self._beside.close()
        self._reading.close()
        self._writing.close()

    def pools(self) -> Mapping[str, Mapping[str, int]]:
        """How the pools of this process stand, by login."""
        return {"reader": self._reading.get_stats(), "writer": self._writing.get_stats()}

    @property
    def most_connections(self) -> int:
        """How many connections of the database this process may come to hold."""
        pools = {id(one): one for one in (self._reading, self._writing, self._beside)}.values()
        return sum(one.max_size for one in pools) + _CONNECTIONS_BESIDE

    def connections_of_server(self) -> int:
        """How many the database has for everybody. Raises: Unavailable."""
        return PostgresVitals(self._writing).connections()

    def asker(self, caller: Caller, *, of_cases: bool, at: datetime | None) -> Asker:
        """The ticket by which the database knows who asks (access.md G13)."""
        return self._tickets.of(caller.officer, caller.kid, of_cases=of_cases, at=at)

    def read_ticket_key(self) -> None:
        """Has the next ticket made by the key that is there then: the last was not believed."""
        self._tickets.forget()

    def note_shown(self, shown: ShownCases, caller: Caller) -> None:
        """Notes what an answer shows, before it is sent (U1).

        At the ordinary level what it shows by an order or an opening alone, above it everything.

        Raises:
            ReadNotLogged: Nothing may be shown.
        """
        if shown.pending:  # said once its connection was given back
            with self.lend():
                pass
        by = ReadBy(caller.officer, caller.kid)
        whom = partial(self._for_whom, caller.officer)
        own = None if self.facts.level == ORDINARY else _of_own(self.facts.level)
        reads = shown.reads(by, self._purpose, whom, _of_totals, own)
        if reads:
            self.reads.note(reads)

    def read_under(self, shown: ShownCases) -> list[tuple[str, str, str]]:
        """Rule, act and end of each order or opening by which alone something of it is seen."""
        by_order = shown.by_order
        found = self.queries.let_in_by(by_order) if by_order else ()
        return [(one.rule, one.grant.act_id, local_time(one.grant.until)) for one in found]

    def _for_whom(self, officer: str, via: UUID | None) -> frozenset[str]:
        """For which agencies an officer reads by an order or an opening, or totals (None)."""
        day = local_day(self._asked_at())
        if via is None:
            return frozenset().union(*overview(self.ledger.follower.current.registry, day))
        found = for_whom(officer, str(via), self.ledger.follower.current.registry, day)
        if not found:  # the audience has folded it, and this process not yet
            found = for_whom(officer, str(via), self.ledger.refresh(), day)
        return found

    def _purpose(self, via: UUID) -> str:
        """What an order or an opening is for, as it says; everybody may read it (N6)."""
        act_id = str(via)
        found = self.ledger.follower.current.registry.granted.purpose(act_id)
        if found is None:  # the audience has folded it, and this process not yet
            found = self.ledger.refresh().granted.purpose(act_id)
        return found or act_id

    def lend(self) -> AbstractContextManager[Connection]:
        """A connection of the reader's login, for the queries of `projections`.

        Raises:
            Unavailable: The database cannot be reached, does not take the ticket, or does not know
                who takes part.
        """
        return _lent(self._asked)

    @cached_property
    def desk(self) -> Desk:
        """The reporters' compartment: puts in and asks, and reads nothing back."""
        return Desk(
            PostgresCompartment(self._writing),
            self.reads,
            self._standing_act,
            lambda: self.ledger.registry,
            self.entropy,
            origin=self.facts.origin,
        )

    def _standing_act(self, act_id: str) -> StandingAct:
        """An act of a case that the asker sees, as the rules have it. Raises: NotFound."""
        rows = self.records.act(UUID(act_id))
        if not rows or not is_case(rows[0].stream):
            raise NotFound(act_id)
        self.rights.require(rows[0].stream, [act_id])
        entry = self.rights.case(rows[0].stream).entries.get(act_id)
        if entry is None:
            raise NotFound(act_id)
        keyring, found = self.ledger.registry.keyring, []
        for row in rows:
            statement = self.reader.open(row).statement
            if statement is not None and statement.kid in keyring:
                key = keyring.key(statement.kid)
                found.append((statement.compact, jwk.to_jwk(key.alg, key.raw), row.index))
        return statements_of(found, entry)

    def _lend_whole(self) -> AbstractContextManager[Connection]:
        """A connection of the writer's login: for processes, never for what an officer is told."""
        return _lent(self._writing)

    @staticmethod
    def work_s() -> float:
        """See `ledger.work.work_s`."""
        return work_s()

    def ledger_time(self) -> datetime:
        """The ledger's time where a request states none (http.md §1)."""
        if not self.facts.rehearsal:
            return self.clock.now()
        last = self.last_recorded_at()
        return self.clock.now() if last is None else last

    def _asked_at(self) -> datetime:
        """The time of who asks: what a rehearsal's caller states, else the ledger's."""
        who = asker()
        return (None if who is None else who.at) or self.ledger_time()

    def last_recorded_at(self) -> datetime | None:
        """When the last record was taken; None: there is none."""
        return PostgresRecords(self._beside).head().recorded_at

    def tile_bytes(self, tile: TileId) -> bytes:
        """A hash tile, or the entry bundle of a signed tree.

        Raises:
            NotFound: No checkpoint covers it.
        """
        latest = self.checkpoints.latest()
        return _tile_bytes(tile, latest[0] if latest else 0, self._tiles, self.records.entries)

    def access_tile_bytes(self, tile: TileId) -> bytes:
        """The same of the log of reads. Raises: NotFound."""
        stored = self.stored_reads
        latest = stored.latest()
        return _tile_bytes(tile, latest[0] if latest else 0, stored, stored.entries)

    def record_at(self, index: int, *, seen: bool) -> StoredRecord | None:
        """A record by its index.

        Args:
            index: In the log of acts.
            seen: As whoever asks sees it; else whoever sees it: the answer is for an auditor of
                everything.

        Raises:
            Unavailable: `audience_late`: it is not known whether they see it.
        """
        who = asker()
        with asking(None if who is None else replace(who, of_cases=True)):
            found = (self.records if seen else PostgresRecords(self._writing)).read(index, 1)
        return found[0] if found else None

    @property
    def log_keys(self) -> LogKeys:
        """The keys of the log by size: those of record 0, until a recovery turns them."""
        return self._log_keys.now

    @property
    def vkeys(self) -> tuple[str, ...]:
        """Keys of the log and of `/pq` in force."""
        return self.log_keys.current

    @property
    def policy(self) -> str:
        """C2SP tlog-policy."""
        return f"log {self.vkeys[0]}\nquorum none\n"

    def _in_office(self, officer: str) -> bool:
        """Whether an officer holds a post today, by the registry as `_keyring` left it."""
        day = local_day(self.ledger_time())
        return bool(self.ledger.follower.current.registry.appointments(officer, day))

    def _keyring(self, kid: str | None) -> Keyring:
        """The keyring, at most a second old and newer where it lacks `kid`; for None: as it is."""
        follower = self.ledger.follower
        with self._refreshing:
            stale = kid is None or monotonic() - self._refreshed > _REGISTRY_TTL_S
            if stale or kid not in follower.current.registry.keyring:
                self.ledger.refresh()
                self._refreshed = monotonic()
        return follower.current.registry.keyring


def _reading_now() -> ReadBy | None:
    """For whom this thread opens."""
    who = asker()
    return None if who is None else ReadBy(who.officer, who.kid)


def _kept_now() -> dict[tuple[str, int], bytes] | None:
    """What was opened already for the answer that this thread makes."""
    shown = gathered()
    return None if shown is None else shown.keys


@contextmanager
def _lent(pool: Lending) -> Iterator[Connection]:
    """Raises: Unavailable."""
    try:
        with pool.connection() as connection:
            yield connection
    except psycopg.Error as error:
        if is_lost(error):
            renew(pool, error)
        raise translated(error) from error


def _of_totals(year: str) -> str:
    """What figures of all cases are read for; signed, and so in one language for all."""
    return translate(Message("Figures of all cases, {year}", year=year), "vi")


def _of_own(level: str) -> str:
    """What somebody reads for who takes part; signed, and so in one language for all."""
    return translate(Message("Own work, in an enclave of level {level}", level=level), "vi")


def _tile_bytes(
    tile: TileId, size: int, stored: TileStore, entries: Callable[[int, int], Sequence[bytes]]
) -> bytes:
    if tile.width > tiling.width_at(tile.level, tile.n, size):
        raise NotFound
    if tile.level != ENTRIES:
        return stored.tile(tile.level, tile.n, tile.width)
    start = tile.n * tiling.WIDTH
    return tiling.bundle(entries(start, start + tile.width))


def opens_record_0(settings: Settings, kek: Kek) -> bool | None:
    """Whether a KEK opens record 0 of this home's log, to the genesis that the home was made with.

    Returns:
        None where nobody can say: no enclave or database here, or the wrap is under another KEK.
    """
    try:
        facts = Home(settings).facts()
        with closing(open_pool(role_dsn(settings, facts, "projector"), most=1)) as pool:
            records = PostgresRecords(pool)
            wraps = [row.wrap for row in records.read(0, 1)]
            if not wraps or wraps[0] is None or kek_id_of(wraps[0]) != kek.kek_id:
                return None
            require_genesis(Reader(records, kek, facts.origin, facts.level), facts)
    except VerificationError:
        return False
    except (SettingsError, LedgerError):
        return None
    return True


def require_genesis(reader: Reader, facts: EnclaveFacts) -> None:
    """That record 0 is the one this home was made with.

    Raises:
        SettingsError: There is no record 0, or it is another's.
    """
    found = reader.read(0, 1)
    if not found or found[0].act is None:
        raise SettingsError(Message("the log has no record 0: run `socai init`"))
    if found[0].entry.hex() != facts.genesis:
        raise SettingsError(
            Message("record 0 is not the genesis this home was made with"),
        )
    said = found[0].act.facts
    if said["log"] != facts.origin or said["level"] != facts.level:
        raise SettingsError(
            Message("record 0 names another log or level than this home"),
        )
    if bool(said.get("demo", False)) != facts.rehearsal:
        raise SettingsError(
            Message("record 0 and this home disagree on whether this is a rehearsal"),
        )


def _told(doubt: Doubt | None) -> None:
    if doubt is None:
        _log.warning("the log agrees again with the checkpoint last seen")
    else:
        _log.error("the log is in doubt, nothing is recorded: %s", doubt)


def open_checkpointer(
    settings: Settings,
    *,
    clock: Clock | None = None,
    facts: EnclaveFacts | None = None,
    which: WhichLog = ACTS,
    signers: tuple[NoteSigner, NoteSigner] | None = None,
) -> tuple[Checkpointer, Pool]:
    """The checkpointer of a home's log, and the pool to close behind it.

    Args:
        settings: Of the home.
        clock: Dates the second signature; the machine's if left out.
        facts: Where its database is, if not where the home says.
        which: The log of acts or that of reads. Of the latter nobody is told when it grows: it is
            looked at on a clock.
        signers: Its keys, where they are open already.

    Raises:
        SettingsError: A key does not open, or is not of its kind; no checkpoint of the log of acts
            is known. Where none of reads is, signing ends on doubt, and that of acts goes on.
        Unavailable: The database cannot be reached.
        Fatal: As `require_schema`.
    """
    home = Home(settings)
    facts, store = facts or home.facts(), SeenFile(home.seen_folder(which.seen))
    if which is ACTS and store.read() is None:
        raise memory_needed(home.seen_folder(which.seen))
    dsn = role_dsn(settings, facts, "checkpointer")
    require_schema(dsn)
    log_key, pq_key = signers or log_signers(settings, which=which)
    pool, origin = open_pool(dsn, most=2, hung_after_s=_HUNG_READ_S), which.origin(facts)
    checkpointer = Checkpointer(
        records=PostgresRecords(pool, which.schema),
        tiles=PostgresTiles(pool, which.schema),
        checkpoints=PostgresCheckpoints(pool, which.schema),
        seen=SeenCheckpoint(store, lambda _: [log_key.vkey, pq_key.vkey], origin),
        log_key=log_key,
        pq_key=pq_key,
        clock=clock or RealClock(),
        origin=origin,
        notices=PostgresNotices(dsn) if which is ACTS else None,
    )
    return checkpointer, pool


def open_projector(
    settings: Settings, *, kek: KeyFiles[Kek] | None = None
) -> tuple[Projector, PostgresNotices, Pool]:
    """The projector of a home, its hints, and the pool to close behind it.

    Args:
        settings: Of the home.
        kek: Its KEK, where that is open already.

    Raises:
        SettingsError: Record 0 is not that of this home.
        Unavailable: The database cannot be reached.
        Fatal: As `require_schema`, or the views are not this program's.
    """
    home = Home(settings)
    facts = home.facts()
    dsn, kek = role_dsn(settings, facts, "projector"), kek or open_kek(settings)
    require_schema(dsn)
    cores = min(len(os.sched_getaffinity(0)), len(DIGITS))
    pool = open_pool(dsn, most=2, hung_after_s=_HUNG_S)
    records = PostgresRecords(pool)
    reader = Reader(records, kek, facts.origin, facts.level)
    try:
        require_genesis(reader, facts)
        with connect(dsn) as connection, translating():
            generations.require_installed(connection)
    except Exception:
        pool.close()
        raise
    follower = RegistryFollower(records, reader)
    seen = home.seen_folder("projector")
    watch = _watching(SeenFile(seen), pool, records, reader, follower)
    opening = WorkerConfig(dsn, kek, facts.origin, facts.level, seen)

    def connected() -> Connection:
        """Where the one before was lost, or hung, those of the pool may hang as well."""
        pool.drain()
        return connect(dsn, hung_after_s=_HUNG_BATCH_S)

    projector = Projector(
        connected,
        records,
        reader,
        origin=facts.origin,
        level=facts.level,
        builders=Builders(opening, cores) if cores > 1 else None,
        follower=follower,
        watch=watch,
        forgetting=Forgetting(
            records.shreds, [follower.forget, search_terms.forget], always=kek.look, after_s=0
        ),
        checked=NotedSignatures(seen),
    )
    return projector, PostgresNotices(dsn), pool


def open_keeper(
    settings: Settings,
    *,
    clock: Clock | None = None,
    facts: EnclaveFacts | None = None,
    kek: KeyFiles[Kek] | None = None,
) -> tuple[WrapKeeper, KeyFiles[Kek], Pool]:
    """The keeper of a home, its KEK, and the pool to close behind it.

    Args:
        settings: Of the home.
        clock: Says when it is time to reckon; the machine's if left out.
        facts: Where its database is, if not where the home says.
        kek: Its KEK, where that is open already.

    Raises:
        SettingsError: The KEK does not open.
        Unavailable: The database cannot be reached.
        Fatal: As `require_schema`.
    """
    facts = facts or Home(settings).facts()
    dsn = role_dsn(settings, facts, "keeper")
    require_schema(dsn)
    kek = kek or required_kek(settings)
    pool = open_pool(dsn, most=_POOL_MOST, patience_s=_KEEPER_PATIENCE_S)
    keeper = WrapKeeper(
        PostgresOpens(pool),
        kek,
        origin=facts.origin,
        level=facts.level,
        now=(clock or RealClock()).now,
        most_age=None if facts.rehearsal else MOST_AGE,
        pace=Pace(settings.keeper_opens),
    )
    return keeper, kek, pool


def open_vault(
    settings: Settings, *, clock: Clock | None = None
) -> tuple[Vault, Pool, VaultMetrics | None]:
    """The vault of a home, the pool to close behind it, and its metrics where a file is named.

    Raises:
        SettingsError: It is not founded here, its key does not open, or its mail is set wrongly.
    """
    home = Home(settings)
    facts, path = home.facts(), home.key_path("vault")
    if not path.exists():
        raise SettingsError(
            Message("there is no {path}: found the vault, socai vault found", path=path)
        )
    try:
        keys = KeyFiles(path, lambda path: read_opening_key(path, home.vault_passphrase()))
    except (KeysError, OSError) as error:
        raise SettingsError(
            Message("the vault's key does not open: {error}", error=_why_closed(error))
        ) from error
    letters = _letters(settings, clock or RealClock())
    pool = open_pool(role_dsn(settings, facts, "vault"), most=2, hung_after_s=_HUNG_READ_S)
    store, metrics = PostgresVaultStore(pool), None
    if settings.metrics_file is not None:
        metrics = VaultMetrics(settings.metrics_file, store.waiting_s, clock or RealClock())
        letters = metrics.watching(letters)
    vault = Vault(
        store,
        keys,
        letters,
        clock=(clock or RealClock()).now,
        origin=facts.origin,
        rehearsal=facts.rehearsal,
    )
    return vault, pool, metrics


def _letters(settings: Settings, clock: Clock) -> Letters:
    if not settings.mail_host:
        _log.warning("SOCAI_MAIL_HOST is not set: letters to reporters wait")
        return NoLetters()
    try:
        sender = require_address(settings.mail_from)
    except Rejected as error:
        raise SettingsError(
            Message("SOCAI_MAIL_FROM must be one address, such as name@example.vn")
        ) from error
    user, password = Home(settings).mail_login() or (None, None)
    server = SmtpServer(
        settings.mail_host, settings.mail_port, settings.mail_security, sender, user, password
    )
    return SmtpLetters(server, clock)


def _watching(
    store: SeenFile,
    pool: Pool,
    records: PostgresRecords,
    reader: Reader,
    follower: RegistryFollower,
) -> LogWatch:
    """Holds a log to what one role remembers, by the keys that the log itself tells."""
    keys, origin = FollowedKeys(lambda: follower), reader.origin
    return LogWatch(
        SeenCheckpoint(store, keys.at, origin),
        SignedCheckpoints(PostgresCheckpoints(pool), keys.at, origin, follow=keys.follow),
        records,
        PostgresTiles(pool),
    )


def followed_log(settings: Settings) -> type[FollowedLog]:
    """The log of a home as an application class, for eventsourcing's `ProjectionRunner`.

    Whoever uses it needs the projector's login and the KEK; each application has its own
    connections, until it is closed. What followers have seen of the log is in the folder `follower`
    of `SOCAI_SEEN_DIR`, one for all of them: it is of one log, and only moves on.

    Raises:
        SettingsError: No enclave in the home; by the class, where record 0 is not that of it, or
            no checkpoint of it is known to followers.
    """
    home = Home(settings)
    facts, folder = home.facts(), home.seen_folder("follower")
    dsn, kek = role_dsn(settings, facts, "projector"), open_kek(settings)

    class Log(FollowedLog):
        """The log of this home."""

        def __init__(self, env: Mapping[str, str] | None = None) -> None:
            store = SeenFile(folder)
            if store.read() is None:
                raise memory_needed(folder)
            require_schema(dsn)
            self._pool = open_pool(dsn, most=2, hung_after_s=_HUNG_READ_S)
            records = PostgresRecords(self._pool)
            reader = Reader(records, kek, facts.origin, facts.level)
            try:
                require_genesis(reader, facts)
            except Exception:
                self._pool.close()
                raise
            watch = _watching(store, self._pool, records, reader, RegistryFollower(records, reader))
            super().__init__(
                records,
                reader,
                watch,
                PostgresNotices(dsn),
                env,
                shreds=records.shreds,
                always=kek.look,
            )

        def close(self) -> None:
            """Gives the connections back."""
            super().close()
            self._pool.close()

    return Log


def require_schema(dsn: str) -> None:
    """Whether the database is this program's; any login may ask. Migrate first, then serve.

    Raises:
        Unavailable: The database cannot be reached.
        Fatal: It is older or newer than this program, or made by files that were edited since.
    """
    with connect(dsn, hung_after_s=_HUNG_S) as connection, translating():
        check(connection)


def server_url(settings: Settings) -> str | None:
    """The address of the server that is not the embedded one.

    Raises:
        SettingsError: The driver does not understand it; no password of it is shown.
    """
    url = settings.database_url
    if url is None:
        return None
    try:
        place_of(url)
    except ValueError as error:
        why, password = str(error), urlsplit(url).password
        raise SettingsError(
            Message(
                "SOCAI_DATABASE_URL is no address that PostgreSQL's driver understands: {why}",
                why="…" if password and password in why else why,
            )
        ) from error
    return url


def role_dsn(settings: Settings, facts: EnclaveFacts, role: str) -> str:
    """The connection string of one login of this enclave. Raises: SettingsError."""
    place = facts.database
    base = server_url(settings) or make_conninfo(
        host=str(place["host"]), port=str(place["port"]), connect_timeout="5"
    )
    password = Home(settings).password(role)
    return login_dsn(base, facts.slug, role, password, dbname=str(place["dbname"]))


def open_kek(settings: Settings) -> KeyFiles[Kek]:
    """The enclave's KEK from its file or token, and beside it what an epoch turns (K9)."""
    path = Home(settings).key_path("kek")
    return KeyFiles(path, custody_of(settings, path).open)


def required_kek(settings: Settings) -> KeyFiles[Kek]:
    """As `open_kek`. Raises: SettingsError: It is missing or does not open."""
    try:
        return open_kek(settings)
    except (KeysError, OSError) as error:
        raise SettingsError(
            Message("the KEK does not open: {error}", error=_why_closed(error))
        ) from error


def _why_closed(error: Exception) -> Text:
    """Why a key file does not open, as people are told."""
    if isinstance(error, OSError):
        return Message(
            "{path} cannot be read ({strerror}); put it back from where keys are kept",
            path=error.filename,
            strerror=system_fault(error),
        )
    if isinstance(error, Unsealable):
        return Message("wrong passphrase, or the file was changed")
    return Wording(str(error), str(error))


def open_blobs(settings: Settings) -> KeptFiles:
    """Where the sealed files of the enclave lie.

    Raises:
        SettingsError: `SOCAI_BLOBS` names no store, its options do not fit, or the extra `s3` is
            not installed.
    """
    if "://" not in settings.blobs:
        folder = Path(settings.blobs).expanduser().absolute()
        return FolderBlobs(folder, min_free_bytes=settings.min_free_mib << 20)
    try:
        from ledger.files.object_store import ObjectBlobs  # noqa: PLC0415  the extra s3
    except ModuleNotFoundError as error:
        raise SettingsError(
            Message(
                "SOCAI_BLOBS is {url}, which needs an extra: pip install 'socai[s3]'",
                url=settings.blobs,
            )
        ) from error
    try:
        return ObjectBlobs.at(settings.blobs, Home(settings).blob_options())
    except ValueError as error:
        raise SettingsError(Message("SOCAI_BLOBS: {error}", error=error)) from error


def _scratch(settings: Settings) -> Path:
    """Where a file waits, sealed, until it is kept: beside the others, which the API may write."""
    if "://" in settings.blobs:
        return settings.home
    return Path(settings.blobs).expanduser().absolute()


def service_signer(settings: Settings) -> SoftwareSigner:
    """The key of the service, from its file.

    Raises:
        SettingsError: It is missing or does not open.
    """
    home = Home(settings)
    try:
        return read_key(home.key_path("service"), home.passphrase())
    except (KeysError, OSError) as error:
        raise SettingsError(
            Message("the service's key does not open: {error}", error=_why_closed(error)),
        ) from error


def log_signers(
    settings: Settings, path: Callable[[str], Path] | None = None, which: WhichLog = ACTS
) -> tuple[NoteSigner, NoteSigner]:
    """A log's key and `/pq` (formats.md §7), from their files.

    Args:
        settings: Of the home.
        path: Where they lie, if not where the home has them.
        which: Of which log.

    Raises:
        SettingsError: One of them does not open.
    """
    home = Home(settings)
    at = path or home.key_path
    try:
        log_key, pq_key = (read_key(at(name), home.passphrase()) for name in which.keys)
    except (KeysError, OSError) as error:
        raise SettingsError(
            Message("a key of the log does not open: {error}", error=_why_closed(error)),
        ) from error
    return log_pair(which.origin(home.facts()), log_key, pq_key)
