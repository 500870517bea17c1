"""For the auditor: how the log stands, and whether every stored byte holds.

`audit` reads the database alone, with a read-only login; it asks no service and changes nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import click

from api.bootstrap import open_kek, role_dsn
from api.cli import database
from api.cli.case_page import when
from api.cli.errors import guarded
from api.cli.founding import read_vkeys
from api.cli.shell import MISUSED, Refusal, Shell, options, shell_of, visible
from api.cli.supervisor import running_url
from api.cli.who import LogKey, client_at
from api.cli.words import Text, verdict
from api.settings import EnclaveFacts, Settings
from keys.note import VKey
from keys.vault import Kek
from ledger.audit import Report, audit
from ledger.errors import NotFound, Unavailable
from ledger.postgres.connect import connect, may_enter, open_pool
from ledger.postgres.evidence import PostgresEvidence
from ledger.postgres.records import PostgresRecords
from ledger.reader import Reader
from projections.compare import Difference, compare

_READER: Final = "reader"
_AUDITOR: Final = "auditor"
_SHOWN: Final = 20
_LINE: Final = 100
_YES: Final = Text("có", "yes")
_NO: Final = Text("không", "no")
Progressed = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Audited:
    """What `log audit` found in log and views."""

    report: Report
    views: Sequence[Difference]
    views_skipped: str

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong with what was checked."""
        return self.report.ok and not self.views

    def as_dict(self) -> dict[str, Any]:
        """For programs."""
        views = [
            {"view": d.view, "table": d.table, "where": d.where, "row": d.row} for d in self.views
        ]
        skipped = [*self.report.skipped, *([self.views_skipped] if self.views_skipped else [])]
        return {**self.report.as_dict(), "ok": self.ok, "views": views, "skipped": skipped}


@click.group()
def log() -> None:
    """The log: how it stands, whether every stored byte holds, going on after a loss."""


@log.command()
@click.option(
    "--server", default=None, metavar="URL", help="The API; that of SOCAI_HOME if left out."
)
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
@click.option(
    "--checkpoint",
    "trusted",
    multiple=True,
    type=click.Path(path_type=Path, exists=True),
    help="A checkpoint kept elsewhere; the log must lead to it.",
)
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
@options
@guarded
def audit_log(
    login: str,
    dbname: str | None,
    trusted: tuple[Path, ...],
    vkeys: tuple[VKey, ...],
    workers: int | None,
    *,
    no_views: bool,
) -> None:
    """Recompute records, tree, checkpoints, signatures, order and views. Exit 1 at damage."""
    shell = shell_of()
    settings = Settings.from_env()
    with database.reachable(settings) as facts, _named(settings, facts, dbname, login):
        found = run(
            shell,
            settings,
            in_database(facts, dbname),
            login=login,
            trusted=[path.read_bytes() for path in trusted],
            workers=settings.workers if workers is None else workers,
            views=not no_views,
            vkeys=[str(vkey) for vkey in vkeys],
        )
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
    vkeys: Sequence[str] = (),
) -> Audited:
    """Audits log and views of one database, with a progress bar on standard error."""
    kek = open_kek(settings) if login == _READER else None
    with shell.progress(transient=True) as bar:
        task = bar.add_task(shell.text(Text("kiểm toán", "audit")), total=None)
        with PostgresEvidence(role_dsn(settings, facts, login)) as evidence:
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
            )
        if not views or kek is None:
            return Audited(report, (), "views" if views else "")
        if not report.ok:
            return Audited(report, (), "views (the log comes first)")
        task = bar.add_task(shell.text(Text("khung nhìn", "views")), total=None)
        return Audited(
            report,
            _views(
                settings,
                facts,
                kek,
                lambda done, total: bar.update(task, completed=done, total=total),
            ),
            "",
        )


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
    if skipped := found.as_dict()["skipped"]:
        listed = ", ".join(skipped)
        shell.say(Text(f"Không kiểm được: {listed}", f"Not checked: {listed}"))
    _show_recoveries(shell, report)
    if not report.ok:
        shell.table(
            ("index", "kind", "what"),
            ((f.index, str(f.kind), f.message) for f in report.findings[:_SHOWN]),
        )
        shell.say(
            Text(
                f"HỎNG từ chỉ mục {report.first_bad_index}: {report.message_vi}",
                f"DAMAGED from index {report.first_bad_index}: {report.kind}: {report.message}",
            )
        )
    for difference in found.views[:_SHOWN]:
        line = f"{difference.view}/{difference.table} {difference.where}: {difference.row[:160]}"
        shell.say(Text(f"Khung nhìn khác sổ: {line}", f"A view differs from the log: {line}"))
    if found.ok:
        shell.say(Text("Toàn vẹn.", "Sound."))


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
        with connect(dsn) as connection:
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
