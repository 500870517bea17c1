"""An audit of one enclave: its log, its views and the definitions of its database.

Not: how it is printed, and which exit status it has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

from api.ops.init_enclave import read_vkeys
from api.ops.supervisor import REMEMBERING
from api.ops.wiring import KeptFiles, open_blobs, open_kek, role_dsn
from api.settings import EnclaveFacts, Home, Settings, SettingsError
from api.texts import damage
from api.texts.catalogue import translate
from keys.envelope_encryption import Kek
from keys.note import VKey
from ledger.audit.audit import Report, audit, unread
from ledger.audit.findings import OF_FILES, Finding
from ledger.checkpoints.seen_checkpoint import SeenCheckpoint
from ledger.checkpoints.seen_file import SeenFile
from ledger.errors import Doubt
from ledger.message import Text
from ledger.postgres.connect import connect, open_pool, translating
from ledger.postgres.definitions import Altered
from ledger.postgres.evidence import PostgresEvidence
from ledger.postgres.records import PostgresRecords
from ledger.streams.record_reader import Reader
from projections.checks.rebuild_comparison import RebuildDifference, altered_definitions, compare

READER: Final = "reader"
AUDITOR: Final = "auditor"
NOTHING: Final = "nothing"
LENGTH: Final = "length"
DIGEST: Final = "digest"
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

    @property
    def of_the_log(self) -> Sequence[Finding]:
        """What is wrong with records, tree and checkpoints: with no file, and nobody's custody."""
        return [finding for finding in self.report.findings if finding.kind not in OF_FILES]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong with what was checked, and with what this home has seen."""
        return self.report.ok and not (self.views or self.altered or self.unopened)

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
        altered = [{"where": a.where, "line": a.line} for a in self.altered]
        return {
            **self.report.as_dict(damage.as_dict),
            "message_vi": translate(self.said, "vi") if self.report.findings else "",
            "ok": self.ok,
            "definitions": altered,
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
    notes, unopened = dict[bytes, None](), dict[Path, Doubt]()
    for role in REMEMBERING:
        store = SeenFile(Home(settings).seen_folder(role))
        try:
            notes[SeenCheckpoint(store, lambda _: vkeys, facts.origin).last().note] = None
        except Doubt as doubt:
            if doubt.kind != "unseen":
                unopened[store.path] = doubt
    return Seen(list(notes), unopened)


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
    login: str = READER,
    trusted: Sequence[bytes] = (),
    workers: int = 0,
    views: bool = True,
    definitions: bool = True,
    vkeys: Sequence[str] = (),
    files: str = LENGTH,
) -> Audited:
    """Audits log and views of one database.

    Args:
        settings: Of the home whose keys and logins are used.
        facts: Of the enclave, naming the database to read.
        progress: Called with what is checked, how much of it is done and how much there is.
        login: READER, or AUDITOR, which opens no content.
        trusted: Signed checkpoints kept elsewhere, which the log must lead to.
        workers: Processes; 0 means as many as cores.
        views: Whether views are held against a fresh fold.
        definitions: Whether the database's definitions are held against those shipped.
        vkeys: The log's keys as published; those of the home if empty.
        files: NOTHING, LENGTH (each file is there) or DIGEST (every byte).
    """
    kek = open_kek(settings) if login == READER else None
    dsn, tokens_by = role_dsn(settings, facts, login), _tokens_by(settings, facts)
    with PostgresEvidence(dsn, tokens_by=tokens_by) as evidence:
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
    if not views or kek is None:
        return Audited(report, (), "views" if views else "", altered)
    if not report.ok:
        return Audited(report, (), "views (the log comes first)", altered)
    found = _views(settings, facts, kek, partial(progress, "views"))
    if definitions:
        with translating(), connect(role_dsn(settings, facts, "projector")) as connection:
            altered = [*altered, *altered_definitions(connection, facts.slug)]
    return Audited(report, found, "", altered)


def _tokens_by(settings: Settings, facts: EnclaveFacts) -> str | None:
    """The login that reads where tokens stand; another machine may not have it, and says so."""
    try:
        return role_dsn(settings, facts, AUDITOR)
    except SettingsError:
        return None


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
    settings: Settings, facts: EnclaveFacts, kek: Kek, progress: Callable[[int, int], None]
) -> Sequence[RebuildDifference]:
    dsn = role_dsn(settings, facts, "projector")
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
