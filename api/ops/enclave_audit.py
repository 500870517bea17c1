"""An audit of one enclave: its log, its views and the definitions of its database.

Not: how it is printed, and which exit status it has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

from api.home import EnclaveFacts, Home
from api.ops.init_enclave import read_vkeys
from api.ops.reads.recovery import ceremony_of
from api.ops.reads.which_log import READS, REMEMBERING_READS
from api.ops.service.roles import REMEMBERING
from api.ops.wiring.blob_store import KeptFiles, open_blobs
from api.ops.wiring.key_files import open_kek
from api.ops.wiring.logins import role_dsn
from api.settings import Settings
from api.texts import damage
from api.texts.catalogue import translate
from keys import read_tags
from keys.envelope_encryption import Keks
from keys.errors import KeysError
from keys.note import VKey
from ledger.audit.audit import audit
from ledger.audit.findings import OF_FILES, Finding
from ledger.audit.reads import Opening, ReadsReport, audit_reads
from ledger.audit.report import Report, unread
from ledger.checkpoints.seen_checkpoint import SeenCheckpoint
from ledger.checkpoints.seen_file import SeenFile
from ledger.errors import Doubt, NotFound, Rejected, VerificationError
from ledger.files.file_key import FileKey
from ledger.message import Text
from ledger.postgres.connect import connect, open_pool, translating
from ledger.postgres.definitions import Altered
from ledger.postgres.evidence import PostgresEvidence
from ledger.postgres.files import PostgresFiles
from ledger.postgres.records import PostgresRecords
from ledger.streams.record_reader import Reader
from ledger.write.registry_follower import RegistryFollower
from projections.checks.rebuild_comparison import (
    RebuildDifference,
    altered_definitions,
    any_views,
    compare,
)

PROJECTOR: Final = "projector"
AUDITOR: Final = "auditor"
NOTHING: Final = "nothing"
LENGTH: Final = "length"
DIGEST: Final = "digest"
_NO_REGISTRY: Final = (KeysError, VerificationError, Rejected, KeyError, TypeError, ValueError)
"""What following a damaged log ends in."""
NO_VIEWS: Final = "views (there are none here)"
"""As in a dump of the logs that was restored alone."""
Stage = Literal["log", "views"]
Progressed = Callable[[Stage, int, int], None]


@dataclass(frozen=True, slots=True)
class Audited:
    """What `log audit` found in log, views and the database's own definitions."""

    report: Report
    views: Sequence[RebuildDifference]
    views_skipped: str
    altered: Sequence[Altered] = ()
    unopened: Mapping[Path, Doubt] = field(default_factory=dict)
    reads: ReadsReport | None = None

    @property
    def of_the_log(self) -> Sequence[Finding]:
        """What is wrong with records, tree and checkpoints: with no file, and nobody's custody."""
        return [finding for finding in self.report.findings if finding.kind not in OF_FILES]

    @property
    def sound_reads(self) -> bool:
        """Whether nothing is wrong with the log of reads, as far as it was checked."""
        return self.reads is None or self.reads.ok

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong with what was checked, and with what this home has seen."""
        good = self.sound_reads
        return good and self.report.ok and not (self.views or self.altered or self.unopened)

    @property
    def said(self) -> Text:
        """What is wrong first, to a person."""
        return damage.finding(self.report.findings[0])

    def as_dict(self) -> dict[str, Any]:
        """For programs."""
        views = [
            {"view": d.view, "table": d.table, "where": d.where, "row": d.row} for d in self.views
        ]
        skipped = [*self.report.skipped, *([self.views_skipped] if self.views_skipped else [])]
        if self.report.files.files and self.report.files.contents == NOTHING:
            skipped.append("file bytes")
        if self.reads is None:
            skipped.append("reads")
        altered = [{"where": a.where, "line": a.line} for a in self.altered]
        return {
            **self.report.as_dict(damage.as_dict),
            "message_vi": translate(self.said, "vi") if self.report.findings else "",
            "ok": self.ok,
            "definitions": altered,
            "reads": None if self.reads is None else self.reads.as_dict(damage.as_dict),
            "views": views,
            "unopened": {str(path): str(doubt) for path, doubt in self.unopened.items()},
            "skipped": skipped,
        }


@dataclass(frozen=True, slots=True)
class Seen:
    """What the roles of a home have seen of its log.

    Attributes:
        notes: Each checkpoint once, by any key that the home ever noted: which key signs which
            size the audit asks.
        unopened: Memories that do not open, and why: evidence too, and not passed over in silence.
    """

    notes: Sequence[bytes] = ()
    unopened: Mapping[Path, Doubt] = field(default_factory=dict)


def seen_notes(settings: Settings, facts: EnclaveFacts) -> Seen:
    """Every checkpoint that the roles of this home have seen."""
    vkeys = [VKey.parse(vkey) for vkey in read_vkeys(settings)]
    return _seen(settings, REMEMBERING, vkeys, facts.origin)


def _seen(settings: Settings, roles: Sequence[str], vkeys: Sequence[VKey], origin: str) -> Seen:
    notes, unopened = dict[bytes, None](), dict[Path, Doubt]()
    for role in roles:
        store = SeenFile(Home(settings).seen_folder(role))
        try:
            notes[SeenCheckpoint(store, lambda _: vkeys, origin).last().note] = None
        except Doubt as doubt:
            if doubt.kind != "unseen":
                unopened[store.path] = doubt
    return Seen(list(notes), unopened)


def seen_reads(settings: Settings, facts: EnclaveFacts) -> Seen:
    """What checkpointer and API of this home have seen of the log of reads."""
    path = settings.home / READS.vkeys
    if not path.exists():
        return Seen()
    vkeys = [VKey.parse(vkey) for vkey in path.read_text("ascii").split()]
    return _seen(settings, REMEMBERING_READS, vkeys, READS.origin(facts))


def in_database(facts: EnclaveFacts, dbname: str | None) -> EnclaveFacts:
    """The same enclave, its bytes in another database of the server."""
    if dbname is None:
        return facts
    return replace(facts, database={**facts.database, "dbname": dbname})


def run(  # noqa: PLR0913  an auditor's choices, each with its name
    settings: Settings,
    facts: EnclaveFacts,
    progress: Progressed,
    *,
    login: str = PROJECTOR,
    trusted: Sequence[bytes] = (),
    workers: int = 0,
    views: bool = True,
    definitions: bool = True,
    vkeys: Sequence[str] = (),
    files: str = LENGTH,
    trusted_reads: Sequence[bytes] = (),
) -> Audited:
    """Audits log and views of one database.

    Args:
        settings: Of the home whose keys and logins are used.
        facts: Of the enclave, naming the database to read.
        progress: Called with what is checked, how much of it is done and how much there is.
        login: PROJECTOR, or AUDITOR, which opens no content. A reader sees what its ticket shows
            and no more (access.md G19).
        trusted: Signed checkpoints kept elsewhere, which the log must lead to.
        workers: Processes; 0 means as many as cores.
        views: Whether views are held against a fresh fold.
        definitions: Whether the database's definitions are held against those shipped.
        vkeys: The log's keys as published; those of the home if empty.
        files: NOTHING, LENGTH (each file is there) or DIGEST (every byte).
        trusted_reads: Signed checkpoints of the log of reads kept elsewhere.
    """
    kek = open_kek(settings) if login == PROJECTOR else None
    with PostgresEvidence(role_dsn(settings, facts, login)) as evidence:
        altered = evidence.altered(facts.slug) if definitions else []
        if _blinds(altered, facts.slug, login):
            return Audited(unread(facts.origin), (), "views", altered)
        report = audit(
            evidence,
            origin=facts.origin,
            vkeys=vkeys or read_vkeys(settings),
            kek=kek,
            level=facts.level,
            genesis=facts.genesis,
            trusted=trusted,
            workers=workers,
            progress=partial(progress, "log"),
            blobs=_store(settings, files),
            whole_files=files == DIGEST,
        )
    reads = _reads(settings, facts, login, kek, trusted_reads, damaged=not report.ok)
    if not views or kek is None:
        return Audited(report, (), "views" if views else "", altered, reads=reads)
    if not report.ok:
        return Audited(report, (), "views (the log comes first)", altered, reads=reads)
    with translating(), connect(role_dsn(settings, facts, PROJECTOR)) as connection:
        there = any_views(connection)
        if definitions:
            altered = [*altered, *altered_definitions(connection, facts.slug)]
    if not there:
        return Audited(report, (), NO_VIEWS, altered, reads=reads)
    found = _views(settings, facts, kek, partial(progress, "views"))
    return Audited(report, found, "", altered, reads=reads)


def _reads(
    settings: Settings,
    facts: EnclaveFacts,
    login: str,
    kek: Keks | None,
    trusted: Sequence[bytes],
    *,
    damaged: bool,
) -> ReadsReport | None:
    """The log of reads; None where this home has no keys of it, or the database none.

    Where the log of acts is damaged, so that nobody can follow its registry any more, rows of reads
    stay closed: what was found of the acts is told all the same.
    """
    path = settings.home / READS.vkeys
    if not path.exists():
        return None
    dsn = role_dsn(settings, facts, login)
    try:
        with PostgresEvidence(dsn, schema="access") as evidence:
            return audit_reads(
                evidence,
                acts=facts.origin,
                origin=READS.origin(facts),
                level=facts.level,
                vkeys=path.read_text("ascii").split(),
                opening=None if kek is None else _opening(dsn, facts, kek, damaged=damaged),
                trusted=trusted,
            )
    except NotFound:
        return None


def _opening(dsn: str, facts: EnclaveFacts, kek: Keks, *, damaged: bool) -> Opening | None:
    """What opens rows of reads; None where the log of acts has no key of files or no registry."""
    pool = open_pool(dsn, most=1)
    try:
        records = PostgresRecords(pool)
        follower = RegistryFollower(records, Reader(records, kek, facts.origin, facts.level))
        try:
            follower.catch_up()
        except _NO_REGISTRY:
            if damaged:
                return None
            raise
        file_key = FileKey(PostgresFiles(pool, pool), kek, facts.origin).standing()
        if file_key is None:
            return None
        key = read_tags.key_of(file_key)

        def ceremony(act_id: str) -> Mapping[str, Any] | None:
            with closing(open_pool(dsn, most=1)) as own:
                return ceremony_of(own, kek, facts, act_id)

        return Opening(kek, follower.current.registry, key, facts.genesis, ceremony)
    finally:
        pool.close()


def _blinds(altered: Sequence[Altered], slug: str, login: str) -> bool:
    """Whether something is gone that the rows could not be read without."""
    grants = f" to {slug}_{login}"
    return any(
        a.where == "missing"
        and a.line.startswith(("schema log ", "relation log.", "column log.", "grant "))
        and (not a.line.startswith("grant ") or a.line.endswith(grants))
        for a in altered
    )


def _store(settings: Settings, files: str) -> KeptFiles | None:
    """Where the files lie; None where nothing is asked of them, or this machine has no such folder.

    Another machine's auditor may have the database alone: then no file is missing, none was asked.
    """
    away = "://" not in settings.blobs and not Path(settings.blobs).expanduser().is_dir()
    return None if files == NOTHING or away else open_blobs(settings)


def _views(
    settings: Settings, facts: EnclaveFacts, kek: Keks, progress: Callable[[int, int], None]
) -> Sequence[RebuildDifference]:
    dsn = role_dsn(settings, facts, PROJECTOR)
    pool = open_pool(dsn, most=2)
    try:
        records = PostgresRecords(pool)
        with translating(), connect(dsn) as connection:
            return compare(
                connection,
                records,
                Reader(records, kek, facts.origin, facts.level),
                origin=facts.origin,
                level=facts.level,
                progress=progress,
            )
    finally:
        pool.close()
