"""The only place where ports meet adapters; the real clock and the real randomness."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from time import monotonic, thread_time
from typing import Final, Protocol, Self
from uuid import UUID

import psycopg
from psycopg.conninfo import make_conninfo

from api.auth import SignIn, TokenBox
from api.ops.machine import RealClock, RealEntropy
from api.ops.readiness import Readiness, free_bytes
from api.settings import EnclaveFacts, Home, Settings, SettingsError, memory_needed
from keys.custody.file import read_kek, read_key
from keys.envelope_encryption import Kek
from keys.errors import KeysError
from keys.jwk import SoftwareSigner
from keys.keyring import Keyring
from keys.log_keys import LogKeys
from keys.note import NoteSigner, log_pair
from ledger.audit.files.snapshot_port import FileBytes
from ledger.checkpoints.checkpointer import Checkpointer
from ledger.checkpoints.log_watch import LogWatch
from ledger.checkpoints.proofs import Proofs
from ledger.checkpoints.seen_checkpoint import SeenCheckpoint
from ledger.checkpoints.seen_file import SeenFile
from ledger.checkpoints.verified_checkpoints import SignedCheckpoints
from ledger.errors import Doubt, NotFound
from ledger.files.attachments import Attachments
from ledger.files.custody_anchors import Anchoring, Anchors
from ledger.files.file_key import FileKey
from ledger.files.folder_store import FolderBlobs
from ledger.log import tiles as tiling
from ledger.log.tiles import ENTRIES, TileId
from ledger.message import Message
from ledger.ports import BlobStore, Clock, Entropy
from ledger.postgres.checkpoints import PostgresCheckpoints
from ledger.postgres.connect import (
    Connection,
    Lone,
    Pool,
    connect,
    is_lost,
    open_pool,
    translated,
    waited_s,
)
from ledger.postgres.files import PostgresFiles
from ledger.postgres.migrate import check, login_dsn
from ledger.postgres.notices import PostgresNotices
from ledger.postgres.recorder import GroupAppender
from ledger.postgres.records import PostgresRecords
from ledger.postgres.sessions import PostgresSessions
from ledger.postgres.tiles import PostgresTiles
from ledger.recovery.recoveries import Recoveries
from ledger.streams.record_reader import Reader
from ledger.write.commands import Ledger
from ledger.write.followed_log import FollowedLog
from ledger.write.log_keys_follower import FollowedKeys
from ledger.write.registry_follower import RegistryFollower
from projections.engine import generations
from projections.engine.projector import Projector
from projections.engine.rebuild_pool import Builders
from projections.engine.rebuild_worker import WorkerConfig
from projections.fold.shard import DIGITS
from projections.queries.guard_lookups import LogCases
from projections.queries.queries import Queries
from projections.queries.row_evidence import RowEvidence


class KeptFiles(BlobStore, FileBytes, Protocol):
    """A store of sealed files, as the service and the audit need it."""

    def get(self, name: UUID) -> Iterator[bytes]:
        """Its bytes in parts. Raises: NotFound, Unavailable."""


_REGISTRY_TTL_S: Final = 1.0
_POOL_SPARE: Final = 2
_POOL_MOST: Final = 12

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
        ledger: The write path.
        proofs: Inclusion and consistency.
        records: Stored records, by the reader's login.
        reader: Opens them.
        checkpoints: Stored checkpoints, signed by the log.
        watch: Holds the log to what this home has seen of it.
        queries: Every reading of the views.
        readiness: Whether it can serve.
        attachments: The files of acts.
        anchors: Their custody, anchored in the log.
        anchoring: Anchors it on time; None where nobody has started it.
        recoveries: The breaks that the log records of itself.
    """

    anchoring: Anchoring | None = None

    def __init__(self, settings: Settings, clock: Clock, entropy: Entropy) -> None:
        home = Home(settings)
        self.settings = settings
        self.facts = home.facts()
        self.clock = clock
        self.entropy = entropy
        self.token_box = TokenBox(home.session_key())
        origin, level = self.facts.origin, self.facts.level
        most = min(settings.threads + _POOL_SPARE, _POOL_MOST)
        self._reading, self._writing = (
            open_pool(role_dsn(settings, self.facts, role), most=most)
            for role in ("reader", "writer")
        )
        kek = open_kek(settings)
        self.records = PostgresRecords(self._reading)
        self.reader = Reader(self.records, kek, origin, level)
        self._log_keys = FollowedKeys(lambda: self.ledger.standing)
        self.checkpoints = SignedCheckpoints(
            PostgresCheckpoints(self._reading),
            self._log_keys.at,
            origin,
            follow=self._log_keys.follow,
        )
        self._tiles = PostgresTiles(self._reading)
        seen = SeenCheckpoint(SeenFile(home.seen_folder("api")), self._log_keys.at, origin)
        self.watch = LogWatch(seen, self.checkpoints, self.records, self._tiles, _told)
        self.proofs = Proofs(
            self._tiles,
            self.checkpoints,
            PostgresNotices(role_dsn(settings, self.facts, "reader")),
        )
        self._appender = GroupAppender(
            role_dsn(settings, self.facts, "writer"),
            free_bytes=partial(free_bytes, settings.home)
            if settings.database_url is None
            else None,
            min_free_bytes=settings.min_free_mib << 20,
            clock=None if self.facts.rehearsal else clock,  # a rehearsal has its senders' time
            admit=lambda connection: self.watch.admit(PostgresRecords(Lone(connection))),
        )
        self.attachments = self._attachments(kek)
        evidence = RowEvidence(self.records, self.reader, origin, lambda: self.ledger.standing)
        written = PostgresRecords(self._writing)
        others = RowEvidence(
            written, Reader(written, kek, origin, level), origin, lambda: self.ledger.standing
        )
        self.ledger = Ledger(
            store=written,
            appender=self._appender,
            kek=kek,
            clock=clock,
            entropy=entropy,
            cases=LogCases(self.lend, others, lambda: self.ledger.registry),
            origin=origin,
            level=level,
            rehearsal=self.facts.rehearsal,
            files=self.attachments,
        )
        self.anchors = self._anchors(kek)
        self.queries = Queries(
            self.lend,
            origin=origin,
            standing=self.ledger.standing,
            evidence=evidence,
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
        self.recoveries = Recoveries(self.ledger.standing, self.records, self.reader, self.proofs)
        self._refreshed, self._refreshing = 0.0, threading.Lock()
        self.readiness = Readiness(
            settings,
            self.facts,
            clock=clock,
            records=self.records,
            checkpoints=self.checkpoints,
            watch=self.watch,
            queries=self.queries,
        )

    @property
    def _files(self) -> PostgresFiles:
        return PostgresFiles(self._reading, self._writing)

    def _attachments(self, kek: Kek) -> Attachments:
        settings = self.settings
        return Attachments(
            blobs=open_blobs(settings),
            index=self._files,
            records=self.records,
            kek=kek,
            entropy=self.entropy,
            origin=self.facts.origin,
            level=self.facts.level,
            limit_bytes=settings.max_attachment_mib << 20,
            scratch=lambda: TemporaryFile(dir=_scratch(settings)),
            standing=lambda: self.ledger.standing,
        )

    def _anchors(self, kek: Kek) -> Anchors:
        return Anchors(
            index=self._files,
            records=self.records,
            reader=self.reader,
            standing=self.ledger.standing,
            door=self.ledger,
            file_key=FileKey(self._files, kek, self.facts.origin),
            entropy=self.entropy,
            origin=self.facts.origin,
            now=self.ledger_time,
            every=timedelta(seconds=self.settings.anchor_every_s),
        )

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
        try:
            enclave = cls(settings, clock or RealClock(), entropy or RealEntropy())
        except KeysError as error:
            raise SettingsError(Message("the KEK does not open: {error}", error=error)) from error
        try:
            require_schema(role_dsn(settings, enclave.facts, "reader"))
            require_genesis(enclave.reader, enclave.facts)
            enclave.watch.look()
            enclave.watch.start()
        except Exception:
            enclave.close()
            raise
        return enclave

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
        self.proofs.close()
        self._appender.close()
        self._reading.close()
        self._writing.close()

    @contextmanager
    def lend(self) -> Iterator[Connection]:
        """A connection of the reader's login, for the queries of `projections`.

        Raises:
            Unavailable: The database cannot be reached.
        """
        try:
            with self._reading.connection() as connection:
                yield connection
        except psycopg.Error as error:
            if is_lost(error):
                self._reading.check()  # after a restart every connection is dead at once
            raise translated(error) from error

    @staticmethod
    def work_s() -> float:
        """Seconds that this thread has ever kept a processor or the database busy."""
        return thread_time() + waited_s()

    def ledger_time(self) -> datetime:
        """The ledger's time where a request states none (http.md §1)."""
        if not self.facts.rehearsal:
            return self.clock.now()
        last = self.last_recorded_at()
        return self.clock.now() if last is None else last

    def last_recorded_at(self) -> datetime | None:
        """When the last record was taken; None: there is none."""
        return self.records.head().recorded_at

    def tile_bytes(self, tile: TileId) -> bytes:
        """A hash tile, or the entry bundle of a signed tree.

        Raises:
            NotFound: No checkpoint covers it.
        """
        latest = self.checkpoints.latest()
        size = latest[0] if latest else 0
        if tile.width > tiling.width_at(tile.level, tile.n, size):
            raise NotFound
        if tile.level != ENTRIES:
            return self._tiles.tile(tile.level, tile.n, tile.width)
        start = tile.n * tiling.WIDTH
        return tiling.bundle(self.records.entries(start, start + tile.width))

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

    def _keyring(self, kid: str | None) -> Keyring:
        """The keyring, at most a second old and newer where it lacks `kid`; for None: as it is."""
        standing = self.ledger.standing
        with self._refreshing:
            stale = kid is None or monotonic() - self._refreshed > _REGISTRY_TTL_S
            if stale or kid not in standing.current.registry.keyring:
                self.ledger.refresh()
                self._refreshed = monotonic()
        return standing.current.registry.keyring


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
    settings: Settings, *, clock: Clock | None = None, facts: EnclaveFacts | None = None
) -> tuple[Checkpointer, Pool]:
    """The checkpointer of a home, and the pool to close behind it.

    Args:
        settings: Of the home.
        clock: Dates the second signature; the machine's if left out.
        facts: Where its database is, if not where the home says.

    Raises:
        SettingsError: A key does not open, or is not of its kind; no checkpoint is known.
        Unavailable: The database cannot be reached.
        Fatal: As `require_schema`.
    """
    home = Home(settings)
    facts, store = facts or home.facts(), SeenFile(home.seen_folder("checkpointer"))
    if store.read() is None:
        raise memory_needed(home.seen_folder("checkpointer"))
    dsn = role_dsn(settings, facts, "checkpointer")
    require_schema(dsn)
    log_key, pq_key = log_signers(settings)
    pool = open_pool(dsn, most=2)
    checkpointer = Checkpointer(
        records=PostgresRecords(pool),
        tiles=PostgresTiles(pool),
        checkpoints=PostgresCheckpoints(pool),
        seen=SeenCheckpoint(store, lambda _: [log_key.vkey, pq_key.vkey], facts.origin),
        log_key=log_key,
        pq_key=pq_key,
        clock=clock or RealClock(),
        origin=facts.origin,
        notices=PostgresNotices(dsn),
    )
    return checkpointer, pool


def open_projector(settings: Settings) -> tuple[Projector, PostgresNotices, Pool]:
    """The projector of a home, its hints, and the pool to close behind it.

    Raises:
        SettingsError: Record 0 is not that of this home.
        Unavailable: The database cannot be reached.
        Fatal: As `require_schema`, or the views are not this program's.
    """
    home = Home(settings)
    facts = home.facts()
    dsn, kek = role_dsn(settings, facts, "projector"), open_kek(settings)
    require_schema(dsn)
    cores = min(len(os.sched_getaffinity(0)), len(DIGITS))
    pool = open_pool(dsn, most=2)
    records = PostgresRecords(pool)
    reader = Reader(records, kek, facts.origin, facts.level)
    try:
        require_genesis(reader, facts)
    except Exception:
        pool.close()
        raise
    standing = RegistryFollower(records, reader)
    store = SeenFile(home.seen_folder("projector"))
    watch = _watching(store, pool, records, reader, standing)
    with connect(dsn) as connection:
        generations.require_installed(connection)
    opening = WorkerConfig(dsn, kek, facts.origin, facts.level)
    projector = Projector(
        lambda: connect(dsn),
        records,
        reader,
        origin=facts.origin,
        level=facts.level,
        builders=Builders(opening, cores) if cores > 1 else None,
        standing=standing,
        watch=watch,
    )
    return projector, PostgresNotices(dsn), pool


def _watching(
    store: SeenFile,
    pool: Pool,
    records: PostgresRecords,
    reader: Reader,
    standing: RegistryFollower,
) -> LogWatch:
    """Holds a log to what one role remembers, by the keys that the log itself tells."""
    keys, origin = FollowedKeys(lambda: standing), reader.origin
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
            self._pool = open_pool(dsn, most=2)
            records = PostgresRecords(self._pool)
            reader = Reader(records, kek, facts.origin, facts.level)
            try:
                require_genesis(reader, facts)
            except Exception:
                self._pool.close()
                raise
            watch = _watching(store, self._pool, records, reader, RegistryFollower(records, reader))
            super().__init__(records, reader, watch, PostgresNotices(dsn), env)

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
    with connect(dsn) as connection:
        check(connection)


def role_dsn(settings: Settings, facts: EnclaveFacts, role: str) -> str:
    """The connection string of one login of this enclave."""
    place = facts.database
    base = settings.database_url or make_conninfo(
        host=str(place["host"]), port=str(place["port"]), connect_timeout="5"
    )
    password = Home(settings).password(role)
    return login_dsn(base, facts.slug, role, password, dbname=str(place["dbname"]))


def open_kek(settings: Settings) -> Kek:
    """The enclave's KEK, from its file."""
    home = Home(settings)
    return read_kek(home.key_path("kek"), home.passphrase())


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
            Message("the service's key does not open: {error}", error=error),
        ) from error


def log_signers(
    settings: Settings, path: Callable[[str], Path] | None = None
) -> tuple[NoteSigner, NoteSigner]:
    """The log's key and `/pq` (formats.md §7), from their files.

    Args:
        settings: Of the home.
        path: Where `log` and `pq` lie, if not where the home has them.

    Raises:
        SettingsError: One of them does not open.
    """
    home = Home(settings)
    at = path or home.key_path
    try:
        log_key, pq_key = (read_key(at(name), home.passphrase()) for name in ("log", "pq"))
    except KeysError as error:
        raise SettingsError(
            Message("a key of the log does not open: {error}", error=error),
        ) from error
    return log_pair(home.facts().origin, log_key, pq_key)
