"""Everything that one API process holds of one enclave: its ports, each with its adapter."""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property, partial
from tempfile import TemporaryFile
from time import monotonic
from typing import Final, Self
from uuid import UUID

from api.auth import Caller, SignIn, TokenBox
from api.home import Home
from api.ops.custody import custody_name
from api.ops.keeper.asking import KeeperLine, KeptKeks
from api.ops.keeper.folding import FoldedRecords
from api.ops.machine import RealClock, RealEntropy
from api.ops.readiness import Readiness, free_bytes
from api.ops.wiring.access_log import AccessLog
from api.ops.wiring.blob_store import open_blobs, scratch_folder
from api.ops.wiring.connections import Connections
from api.ops.wiring.genesis import require_genesis
from api.ops.wiring.key_files import required_kek, service_signer
from api.ops.wiring.logins import require_schema, role_dsn
from api.page_sessions import PageSessions
from api.settings import ORDINARY, Settings, SettingsError
from api.texts.catalogue import translate
from keys import jwk
from keys.custody.key_files import KeyFiles
from keys.envelope_encryption import Keks
from keys.errors import KeysError
from keys.keyring import Keyring
from keys.log_keys import LogKeys
from ledger.asker import Asker, asker, asking
from ledger.checkpoints.log_watch import LogWatch
from ledger.checkpoints.proofs import Proofs
from ledger.checkpoints.seen_checkpoint import SeenCheckpoint
from ledger.checkpoints.seen_file import SeenFile
from ledger.checkpoints.verified_checkpoints import SignedCheckpoints
from ledger.errors import Doubt, Fatal, NotFound
from ledger.files.attachments import Attachments
from ledger.files.custody_anchors import Anchoring, Anchors
from ledger.files.file_key import FileKey
from ledger.log.tiles import TileId, served
from ledger.message import Message
from ledger.ports import Clock, Entropy, RecordStore, StoredRecord
from ledger.postgres.checkpoints import PostgresCheckpoints
from ledger.postgres.connect import Lone
from ledger.postgres.keeping.vitals import PostgresVitals
from ledger.postgres.mirror.lower_logs import PostgresLowerLogs
from ledger.postgres.mirror.mirrored import PostgresMirror
from ledger.postgres.narrowing import PostgresNarrowing
from ledger.postgres.notices import PostgresNotices
from ledger.postgres.recorder import GroupAppender
from ledger.postgres.records import PostgresRecords
from ledger.postgres.sessions import PostgresSessions
from ledger.postgres.sight import PostgresSight
from ledger.postgres.tiles import PostgresTiles
from ledger.postgres.vault.compartment import PostgresCompartment
from ledger.reads.read import ReadBy, ReadLog
from ledger.reads.shown import ShownCases, gathered
from ledger.recovery.recoveries import Recoveries
from ledger.regulation.registry.calendar import local_day, local_time
from ledger.streams.names import is_case
from ledger.streams.record_reader import Reader
from ledger.vault.desk import Desk, StandingAct, statements_of
from ledger.work import work_s
from ledger.write.commands import Ledger
from ledger.write.forgetting import Forgetting
from ledger.write.log_keys_follower import FollowedKeys
from ledger.write.registry_follower import RegistryFollower
from projections.queries.cases.mirrored import Mirrored
from projections.queries.guard_lookups import LogCases
from projections.queries.published import Publications
from projections.queries.queries import Queries
from projections.queries.registry_as_of import RegistryReader
from projections.queries.rights import Rights
from projections.queries.row_evidence import RowEvidence
from projections.queries.sources import Sources
from projections.views import search_terms

_REGISTRY_TTL_S: Final = 1.0
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
        connections: Those of the process to the database.
        access_log: The log of reads.
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
        origin, level = self.facts.origin, self.facts.level
        self.connections = lent = Connections(settings, self.facts)
        self.access_log = AccessLog(
            settings,
            self.facts,
            lent,
            entropy,
            kek=lambda: self._kek,
            ledger=lambda: self.ledger,
            now=self._asked_at,
        )
        self.reads: ReadLog = self.access_log.noting
        self._line = KeeperLine(settings.keeper_socket) if level != ORDINARY else None
        kek, own = self._keks()
        self._kek = kek
        self.records = PostgresRecords(lent.asked)
        self.reader = Reader(self.records, own, origin, level)
        self._log_keys = FollowedKeys(lambda: self.ledger.follower)
        self.checkpoints = SignedCheckpoints(
            PostgresCheckpoints(lent.reading),
            self._log_keys.at,
            origin,
            follow=self._log_keys.follow,
        )
        self._tiles = PostgresTiles(lent.reading)
        seen = SeenCheckpoint(SeenFile(home.seen_folder("api")), self._log_keys.at, origin)
        # asked for nobody: whoever waits for it may be one whose sight is not known just now
        stored = PostgresRecords(lent.reading)
        self.watch = LogWatch(seen, self.checkpoints, stored, self._tiles, _told)
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
        written = PostgresRecords(lent.writing)
        if isinstance(kek, KeptKeks):
            written = FoldedRecords(lent.writing, kek)
        self.attachments = self._attachments(own, kek, written)
        whole = self._evidence(written, Reader(written, kek, origin, level))
        self.lower_logs = PostgresLowerLogs(lent.reading)
        self.ledger = Ledger(
            store=written,
            appender=self._appender,
            kek=kek,
            clock=clock,
            entropy=entropy,
            cases=LogCases(lent.lend_whole, whole, lambda: self.ledger.registry),
            origin=origin,
            level=level,
            rehearsal=self.facts.rehearsal,
            files=self.attachments,
            sights=PostgresSight(lent.asked, lent.writing, origin),
            narrow=PostgresNarrowing(lent.writing, origin),
            compartment=PostgresCompartment(lent.writing),
            lower=self.lower_logs,
        )
        self.anchors = self._anchors(kek)
        self.rights = Rights(
            lent.lend_whole,
            whole,
            lambda: self.ledger.registry,
            origin=origin,
            level=level,
            now=self.ledger_time,
        )
        self.mirrored = Mirrored(
            partial(PostgresMirror, lent.asked),
            lambda log, reader: RegistryFollower(PostgresMirror(lent.reading, log), reader),
            own,
        )
        sources = Sources(
            connecting=lent.lend,
            at_once=lent.asked.at_once,
            origin=origin,
            level=level,
            registries=RegistryReader(self.ledger.follower),
            evidence=self._evidence(self.records, self.reader),
            lending_whole=lent.lend_whole,
            judge=whole,
            rights=self.rights,
        )
        self.queries = Queries(sources, self.mirrored)
        self.sign_in = SignIn(
            origin=origin,
            token_box=self.token_box,
            sessions=PostgresSessions(lent.reading),
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
        self._refreshed, self._refreshing = 0.0, threading.Lock()
        self.readiness = Readiness(
            settings,
            self.facts,
            clock=clock,
            records=self.records,
            checkpoints=self.checkpoints,
            watch=self.watch,
            positions=self.queries.positions,
            vitals=PostgresVitals(lent.writing),
            doubt_of_reads=self.access_log.doubt,
            believed=lent.believed,
            started=lambda: self.started,
            deaf=lambda: notices.deaf,
            keeper=None if self._line is None else self._line.well,
            kek=self._kek if isinstance(self._kek, KeyFiles) else None,
        )

    def _keks(self) -> tuple[Keks, Keks]:
        """What folds for nobody to be shown, and what opens for whoever asks (access.md U3)."""
        if self._line is None:
            return (kek := required_kek(self.settings)), kek
        origin, note = self.facts.origin, self.access_log.noting.note_opens
        return (
            KeptKeks(self._line, origin, note, lambda: None),
            KeptKeks(self._line, origin, note, _reading_now, _kept_now),
        )

    @cached_property
    def forgetting(self) -> Forgetting:
        """Lets go of what was shredded, and of a KEK that is over."""
        ahead = [self._kek.forget] if isinstance(self._kek, KeptKeks) else []
        return Forgetting(
            PostgresRecords(self.connections.writing).shreds,
            [self.ledger.forget, self.rights.forget, search_terms.forget, *ahead],
            always=self._kek.look if isinstance(self._kek, KeyFiles) else lambda: None,
        )

    @cached_property
    def published(self) -> Publications:
        """What anybody may read, by a login that reads nothing else; at the ordinary level alone.

        Its two connections are no officer's: whoever asks for everybody's asks in that line.
        """
        return Publications(self.connections.public.connection)

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
            index=self.connections.files,
            records=self.records,
            require=lambda stream, act_id: self.rights.require(stream, [act_id]),
            whole=whole,
            kek=kek,
            folding=folding,
            entropy=self.entropy,
            origin=self.facts.origin,
            level=self.facts.level,
            limit_bytes=settings.max_attachment_mib << 20,
            scratch=lambda: TemporaryFile(dir=scratch_folder(settings), buffering=0),
            follower=lambda: self.ledger.follower,
        )

    def _anchors(self, kek: Keks) -> Anchors:
        return Anchors(
            index=self.connections.files,
            records=self.records,
            reader=self.reader,
            follower=self.ledger.follower,
            door=self.ledger,
            file_key=FileKey(self.connections.files, kek, self.facts.origin),
            entropy=self.entropy,
            origin=self.facts.origin,
            now=self.ledger_time,
            every=timedelta(seconds=self.settings.anchor_every_s),
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
            self.access_log.doubt()
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
        self.watch.close()
        self.readiness.close()
        self.forgetting.close()
        self.proofs.close()
        self._appender.close()
        self.access_log.close()
        if self._line is not None:
            self._line.close()
        self.connections.close()

    def asker(self, caller: Caller, *, of_cases: bool, at: datetime | None) -> Asker:
        """The ticket by which the database knows who asks (access.md G13)."""
        return self.connections.tickets.of(caller.officer, caller.kid, of_cases=of_cases, at=at)

    def read_ticket_key(self) -> None:
        """Has the next ticket made by the key that is there then: the last was not believed."""
        self.connections.tickets.forget()

    def note_shown(self, shown: ShownCases, caller: Caller) -> None:
        """Notes what an answer shows, before it is sent (U1).

        At the ordinary level what it shows by an order or an opening alone, above it everything.

        Raises:
            ReadNotLogged: Nothing may be shown.
        """
        if shown.pending:  # said once its connection was given back
            with self.connections.lend():
                pass
        by = ReadBy(caller.officer, caller.kid)
        whom = partial(self.access_log.for_whom, caller.officer)
        own = None if self.facts.level == ORDINARY else _of_own(self.facts.level)
        reads = shown.reads(by, self.access_log.purpose, whom, _of_totals, own)
        if reads:
            self.reads.note(reads)

    def read_under(self, shown: ShownCases) -> list[tuple[str, str, str]]:
        """Rule, act and end of each order or opening by which alone something of it is seen."""
        by_order = shown.by_order
        found = self.queries.visibility.let_in_by(by_order) if by_order else ()
        return [(one.rule, one.grant.act_id, local_time(one.grant.until)) for one in found]

    @cached_property
    def desk(self) -> Desk:
        """The reporters' compartment: puts in and asks, and reads nothing back."""
        return Desk(
            PostgresCompartment(self.connections.writing),
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

    @property
    def in_doubt(self) -> bool:
        """Whether the log was another one when this home's memory was last held to it."""
        return self.watch.doubt is not None

    def last_recorded_at(self) -> datetime | None:
        """When the last record was taken; None: there is none."""
        return PostgresRecords(self.connections.unticketed).head().recorded_at

    def tile_bytes(self, tile: TileId) -> bytes:
        """A hash tile, or the entry bundle of a signed tree.

        Raises:
            NotFound: No checkpoint covers it.
        """
        latest = self.checkpoints.latest()
        return served(tile, latest[0] if latest else 0, self._tiles, self.records.entries)

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
            records = self.records if seen else PostgresRecords(self.connections.writing)
            found = records.read(index, 1)
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


def _of_totals(year: str) -> str:
    """What figures of all cases are read for; signed, and so in one language for all."""
    return translate(Message("Figures of all cases, {year}", year=year), "vi")


def _of_own(level: str) -> str:
    """What somebody reads for who takes part; signed, and so in one language for all."""
    return translate(Message("Own work, in an enclave of level {level}", level=level), "vi")


def _told(doubt: Doubt | None) -> None:
    if doubt is None:
        _log.warning("the log agrees again with the checkpoint last seen")
    else:
        _log.error("the log is in doubt, nothing is recorded: %s", doubt)
