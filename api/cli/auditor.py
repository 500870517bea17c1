"""For the auditor: how the log stands, and whether every stored byte holds.

`audit` reads the database alone, with a read-only login; it asks no service and changes nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import click

from api.bootstrap import open_blobs, open_kek, role_dsn
from api.cli import database
from api.cli.case_page import when
from api.cli.errors import guarded
from api.cli.founding import read_vkeys
from api.cli.kept_checkpoint import Kept, kept_checkpoints
from api.cli.shell import MISUSED, Refusal, Shell, options, shell_of, visible
from api.cli.supervisor import ROLES, running_url
from api.cli.voiding import void
from api.cli.who import LogKey, client_at, server_option
from api.cli.words import Text, audited, verdict
from api.settings import EnclaveFacts, Home, Settings, SettingsError
from keys.note import VKey
from keys.vault import Kek
from ledger.audit import Report, audit, unread
from ledger.blobs import ObjectBlobs
from ledger.checks.files import FileReport
from ledger.checks.findings import OF_FILES, Finding
from ledger.errors import Doubt, NotFound, Unavailable
from ledger.log.checkpoint import unverified
from ledger.postgres.connect import connect, may_enter, open_pool, translating
from ledger.postgres.definitions import Altered
from ledger.postgres.evidence import PostgresEvidence
from ledger.postgres.records import PostgresRecords
from ledger.reader import Reader
from ledger.seen_checkpoint import SeenCheckpoint
from ledger.seen_file import SeenFile
from projections.compare import Difference, altered_definitions, compare

_READER: Final = "reader"
_AUDITOR: Final = "auditor"
_NOTHING: Final = "nothing"
_LENGTH: Final = "length"
_DIGEST: Final = "digest"
_FILES: Final = (_NOTHING, _LENGTH, _DIGEST)
_SHOWN: Final = 20
_LINE: Final = 100
_YES: Final = Text("có", "yes")
_NO: Final = Text("không", "no")
Progressed = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Audited:
    """What `log audit` found in log, views and the database's own definitions."""

    report: Report
    views: Sequence[Difference]
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

    def as_dict(self) -> dict[str, Any]:
        """For programs."""
        views = [
            {"view": d.view, "table": d.table, "where": d.where, "row": d.row} for d in self.views
        ]
        skipped = [*self.report.skipped, *([self.views_skipped] if self.views_skipped else [])]
        if self.report.files.files and self.report.files.contents == _NOTHING:
            skipped.append("file bytes")
        altered = [{"where": a.where, "line": a.line} for a in self.altered]
        return {
            **self.report.as_dict(),
            "ok": self.ok,
            "definitions": altered,
            "views": views,
            "unopened": {str(path): str(doubt) for path, doubt in self.unopened.items()},
            "skipped": skipped,
        }


@click.group()
def log() -> None:
    """The log: how it stands, whether every stored byte holds, going on after a loss."""


log.add_command(void)


@log.command()
@server_option
@options
@guarded
def status(server: str | None) -> None:
    """Origin, size, genesis digest, keys and the ledger's time, as the server says."""
    shell = shell_of()
    with closing(client_at(server or running_url(Settings.from_env()), None)) as client:
        facts = client.log()
        if facts["size"]:
            client.checkpoint()  # held against what was seen before
    if shell.json:
        shell.give(facts)
        return
    lines = ("origin", "level", "rehearsal", "size", "records", "genesis", "now")
    told = {
        **facts,
        "now": when(facts["now"]),
        "rehearsal": _YES if facts.get("rehearsal") else _NO,
    }
    shell.table(
        ("name", "value"),
        (
            (shell.name(line), shell.text(value) if isinstance(value, Text) else value)
            for line in lines
            if (value := told.get(line)) is not None
        ),
    )
    if aside := facts.get("set_aside"):
        listed = ", ".join(map(str, aside))
        shell.say(
            Text(
                f"Trái quy định, chưa được loại (socai log void): {listed}",
                f"Against the rules and not voided (socai log void): {listed}",
            )
        )
    for one in facts["recoveries"]:
        left = one["size"]
        lost = max(lost["size"] for lost in one["lost"]) - left
        shell.say(
            Text(
                f"Khôi phục ở chỉ mục {one['index']}: còn {left} bản ghi, mất ít nhất {lost}.",
                f"Recovered at index {one['index']}: {left} records left, {lost} or more lost.",
            )
        )
    for vkey in facts["vkeys"]:
        click.echo(visible(vkey if len(vkey) <= _LINE else f"{vkey[: _LINE - 1]}…"))


@log.command("checkpoint")
@server_option
@options
@guarded
def newest(server: str | None) -> None:
    """Print the newest signed checkpoint, to be kept elsewhere; held against what was seen before.

    Keep it apart from the database: socai log audit --checkpoint FILE holds a log to it, and
    socai log remember FILE tells it to a new machine.
    """
    shell = shell_of()
    with closing(client_at(server or running_url(Settings.from_env()), None)) as client:
        note = client.checkpoint()
    found = unverified(note)
    if shell.json:
        told = {"origin": found.origin, "size": found.size, "root": found.root.hex()}
        shell.give({"ok": True, **told, "note": note.decode()})
    else:
        click.echo(note, nl=False)


@log.command("audit")
@click.option(
    "--login",
    type=click.Choice([_READER, _AUDITOR]),
    default=_READER,
    show_default=True,
    help="auditor: without content, and says so.",
)
@click.option(
    "--database", "dbname", default=None, help="A copy or a restored dump on the same server."
)
@kept_checkpoints("A checkpoint kept elsewhere; the log must lead to it.")
@click.option(
    "--vkey",
    "vkeys",
    type=LogKey(),
    multiple=True,
    help="The log's keys as published; those of the home if left out.",
)
@click.option(
    "--workers",
    type=click.IntRange(0, 256),
    default=None,
    help="Processes; as many as cores if left out.",
)
@click.option("--no-views", is_flag=True, help="The log only.")
@click.option(
    "--no-definitions",
    is_flag=True,
    help="Rows only: a copy that was restored under other owners.",
)
@click.option(
    "--files",
    type=click.Choice([*_FILES]),
    default=_LENGTH,
    show_default=True,
    help="What is asked of the files of acts: nothing, that each is there, or every byte.",
)
@options
@guarded
def audit_log(  # noqa: PLR0913  as `run`
    login: str,
    dbname: str | None,
    kept: tuple[Kept, ...],
    vkeys: tuple[VKey, ...],
    workers: int | None,
    *,
    no_views: bool,
    no_definitions: bool,
    files: str,
) -> None:
    """Recompute records, tree, checkpoints, signatures, order and views. Exit 1 at damage.

    Functions, triggers, policies and grants are held against those that this program ships.
    The log is also held to what this home has seen of it; a copy (--database) only to --checkpoint.
    """
    shell = shell_of()
    settings = Settings.from_env()
    with database.reachable(settings) as facts, _named(settings, facts, dbname, login):
        seen = seen_notes(settings, facts) if dbname is None else Seen()
        found = run(
            shell,
            settings,
            in_database(facts, dbname),
            login=login,
            trusted=[*seen.notes, *(one.note for one in kept)],
            workers=settings.workers if workers is None else workers,
            views=not no_views,
            definitions=not no_definitions,
            vkeys=[str(vkey) for vkey in vkeys],
            files=files,
        )
    found = replace(found, unopened=seen.unopened)
    if shell.json:
        shell.give(found.as_dict())
    else:
        show(shell, found)
    sys.exit(0 if found.ok else 1)


@contextmanager
def _named(
    settings: Settings, facts: EnclaveFacts, dbname: str | None, login: str
) -> Iterator[None]:
    """Tells a wrong name from a server that is away, which look alike to whoever connects."""
    try:
        yield
    except NotFound as error:
        name = dbname or str(facts.database["dbname"])
        text = Text(
            f"Chưa kiểm gì: cơ sở dữ liệu {name} không chứa sổ nào; xem lại tên sau --database.",
            f"Nothing was checked: the database {name} holds no log; correct --database.",
        )
        raise Refusal(text, MISUSED, "no_log") from error
    except Unavailable as error:
        if dbname is not None:
            enters = may_enter(role_dsn(settings, facts, login), dbname)
            _refuse_name(dbname, login, error, enters=enters)
        raise


def _refuse_name(dbname: str, login: str, cause: Unavailable, *, enters: bool | None) -> None:
    if enters is None:
        text = Text(
            f"Chưa kiểm gì: máy chủ không có cơ sở dữ liệu {dbname}; xem lại tên sau --database.",
            f"Nothing was checked: the server has no database {dbname}; correct --database.",
        )
        raise Refusal(text, MISUSED, "no_such_database") from cause
    if not enters:
        text = Text(
            f"Chưa kiểm gì: tài khoản {login} không vào được {dbname};"
            " quản trị cấp quyền CONNECT trước.",
            f"Nothing was checked: the login {login} may not enter {dbname};"
            " the administrator grants it CONNECT first.",
        )
        raise Refusal(text, MISUSED, "database_closed") from cause


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
    for role in ROLES:
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
    shell: Shell,
    settings: Settings,
    facts: EnclaveFacts,
    *,
    login: str = _READER,
    trusted: Sequence[bytes] = (),
    workers: int = 0,
    views: bool = True,
    definitions: bool = True,
    vkeys: Sequence[str] = (),
    files: str = _LENGTH,
) -> Audited:
    """Audits log and views of one database, with a progress bar on standard error."""
    kek = open_kek(settings) if login == _READER else None
    with shell.progress(transient=True) as bar:
        task = bar.add_task(shell.text(Text("kiểm toán", "audit")), total=None)
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
                progress=lambda done, total: bar.update(task, completed=done, total=total),
                blobs=_store(settings, files),
                whole_files=files == _DIGEST,
            )
        if not views or kek is None:
            return Audited(report, (), "views" if views else "", altered)
        if not report.ok:
            return Audited(report, (), "views (the log comes first)", altered)
        task = bar.add_task(shell.text(Text("khung nhìn", "views")), total=None)
        found = _views(
            settings,
            facts,
            kek,
            lambda done, total: bar.update(task, completed=done, total=total),
        )
        if definitions:
            with translating(), connect(role_dsn(settings, facts, "projector")) as connection:
                altered = [*altered, *altered_definitions(connection, facts.slug)]
        return Audited(report, found, "", altered)


def _tokens_by(settings: Settings, facts: EnclaveFacts) -> str | None:
    """The login that reads where tokens stand; another machine may not have it, and says so."""
    try:
        return role_dsn(settings, facts, _AUDITOR)
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


def _store(settings: Settings, files: str) -> ObjectBlobs | None:
    """Where the files lie; None where nothing is asked of them, or this machine has no such folder.

    Another machine's auditor may have the database alone: then no file is missing, none was asked.
    """
    away = "://" not in settings.blobs and not Path(settings.blobs).expanduser().is_dir()
    return None if files == _NOTHING or away else open_blobs(settings)


def show(shell: Shell, found: Audited) -> None:
    """An audit for a person."""
    report = found.report
    shell.say(
        Text(
            f"{report.records} bản ghi · {report.checkpoints} điểm kiểm tra"
            f" · {report.tiles} mảnh cây · gốc {report.root[:16]}…",
            f"{report.records} records · {report.checkpoints} checkpoints"
            f" · {report.tiles} tiles · root {report.root[:16]}…",
        )
    )
    counts = ", ".join(
        f"{n} {verdict(code, shell.lang)}" for code, n in sorted(report.verdicts.items())
    )
    if counts:
        shell.say(Text(f"Chữ ký: {counts}", f"Signatures: {counts}"))
    _show_files(shell, report.files)
    _show_aside(shell, report)
    if skipped := found.as_dict()["skipped"]:
        listed = ", ".join(audited(one, shell.lang) for one in skipped)
        shell.say(Text(f"Không kiểm được: {listed}", f"Not checked: {listed}"))
    _show_recoveries(shell, report)
    if not report.ok:
        shell.table(
            ("index", "kind", "what"),
            (
                (f.index, str(f.kind), shell.text(Text(f.said_vi, f.message)))
                for f in report.findings[:_SHOWN]
            ),
        )
        shell.say(
            Text(
                f"HỎNG từ chỉ mục {report.first_bad_index}: {report.message_vi}",
                f"DAMAGED from index {report.first_bad_index}: {report.kind}: {report.message}",
            )
        )
    _show_altered(shell, found)
    if found.ok:
        shell.say(_sound(report))


def _sound(report: Report) -> Text:
    """Nothing is wrong; what nobody can read any more is never left out of that."""
    gone, strays = len({finding.index for finding, _ in report.unreadable}), len(report.strays)
    but: list[Text] = []
    if gone:
        vi = f"{gone} bản ghi đã loại mà không ai đọc được nữa"
        but.append(Text(vi, f"{gone} voided records that nobody can read"))
    if strays:
        vi = f"{strays} mã thay tên ghi cạnh bản ghi không nêu mã đó"
        but.append(Text(vi, f"{strays} tokens noted beside records that do not name them"))
    if not but:
        return Text("Toàn vẹn.", "Sound.")
    return Text(
        f"Toàn vẹn, TRỪ {' và '.join(one.vi for one in but)}.",
        f"Sound, BUT FOR {' and '.join(one.en for one in but)}.",
    )


def _show_altered(shell: Shell, found: Audited) -> None:
    for path, doubt in found.unopened.items():
        shell.say(
            Text(
                f"Không mở được {path} ({doubt.vi}): máy này không còn biết đã thấy sổ đến đâu. Nêu"
                " điểm kiểm tra đã giữ ở nơi khác: socai log remember TỆP",
                f"{path} does not open ({doubt}): how far the log was seen is not known here. Name"
                " a checkpoint kept elsewhere: socai log remember FILE",
            )
        )
    for altered in found.altered[:_SHOWN]:
        line = f"{audited(altered.where, shell.lang)}: {altered.line[:160]}"
        shell.say(
            Text(
                f"Định nghĩa trong cơ sở dữ liệu khác bản phát hành: {line}",
                f"A definition in the database is not as shipped: {line}",
            )
        )
    for difference in found.views[:_SHOWN]:
        where = audited(difference.where, shell.lang)
        line = f"{difference.view}/{difference.table} {where}: {difference.row[:160]}"
        shell.say(Text(f"Khung nhìn khác sổ: {line}", f"A view differs from the log: {line}"))


def _show_files(shell: Shell, files: FileReport) -> None:
    if files.files or files.anchors:
        shell.say(
            Text(
                f"{files.files} tệp · {files.events} sự kiện lưu giữ · {files.anchors} lần neo"
                f" · {files.unanchored} sự kiện chờ lần neo tới",
                f"{files.files} files · {files.events} custody events · {files.anchors} anchors"
                f" · {files.unanchored} events wait for the next one",
            )
        )
    for gap in files.gaps[:_SHOWN]:
        hours = f"{gap.seconds / 3600:.1f}"
        shell.say(
            Text(
                f"Lưu ý: bản ghi {gap.after} đến {gap.before} ({hours} giờ) không có lần neo nào.",
                f"Note: no anchor from record {gap.after} to {gap.before} ({hours} hours).",
            )
        )


def _show_aside(shell: Shell, report: Report) -> None:
    """What could not be judged again, and what registrars have voided."""
    for one in report.unjudged:
        why = Text("do hư hỏng", "which is damaged")
        if one.erased_by is not None:
            why = Text(f"đã xóa theo {one.erased_by}", f"which {one.erased_by} erased")
        shell.say(
            Text(
                f"Không xét lại được {one.statements} lần ký: phụ thuộc bản ghi {one.record}"
                f" {why.vi}",
                f"Not judged again: {one.statements} statements that hang on record {one.record},"
                f" {why.en}",
            )
        )
    for finding, act in report.unreadable[:_SHOWN]:
        shell.say(
            Text(
                f"KHÔNG ĐỌC ĐƯỢC bản ghi {finding.index}, đã loại theo {act}: {finding.said_vi}."
                " Có thể là bản ghi rác, cũng có thể là diễn biến đã bị phá;"
                " ai giữ biên nhận của chỉ mục này thì biết.",
                f"UNREADABLE: record {finding.index}, voided by {act}: {finding.kind}:"
                f" {finding.message}. It may be junk, or an act that was destroyed:"
                " whoever holds a receipt of this index knows.",
            )
        )
    for stray in report.strays[:_SHOWN]:
        shell.say(
            Text(
                f"Cạnh bản ghi {stray.index} có ghi một mã thay tên người phản ánh mà bản ghi không"
                " nêu: không hồ sơ nào khác dùng được mã đó nữa. Chỉ ai có mật khẩu của bộ ghi mới"
                " ghi được như vậy; hãy đổi mật khẩu đó.",
                f"A reporter's token is noted beside record {stray.index}, which does not name it:"
                " no other case takes that token any more. Only whoever has the writer's login can"
                " do that: change its password.",
            )
        )
    for finding, act in report.voided[:_SHOWN]:
        shell.say(
            Text(
                f"Đã loại bản ghi {finding.index} theo {act}: {finding.said_vi}",
                f"Record {finding.index} is voided by {act}: {finding.kind}: {finding.message}",
            )
        )


def _show_recoveries(shell: Shell, report: Report) -> None:
    """The breaks that the log records of itself, each time anew: nobody is to forget them."""
    for one in report.recoveries:
        shell.say(
            Text(
                f"Khôi phục ở chỉ mục {one.index}: còn {one.size} bản ghi, mất ít nhất"
                f" {one.longest - one.size}; khóa mới từ đó.",
                f"Recovered at index {one.index}: {one.size} records were left, at least"
                f" {one.longest - one.size} are lost; a new key from there on.",
            )
        )
    for held in report.lost:
        shell.say(
            Text(
                f"Điểm kiểm tra đã giữ, {held.size} bản ghi: đã mất theo lần khôi phục đó.",
                f"A checkpoint kept outside, of {held.size} records: lost by that recovery.",
            )
        )


def _views(
    settings: Settings, facts: EnclaveFacts, kek: Kek, progress: Progressed
) -> Sequence[Difference]:
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
