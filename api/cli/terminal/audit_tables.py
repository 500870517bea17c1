"""An audit, printed for a person, and its progress while it runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rich.progress import TaskID

from api.cli.terminal.shell import Shell
from api.ops.enclave_audit import Audited, Progressed, Stage
from api.texts.labels import audited, verdict
from api.texts.text import Text
from ledger.audit.audit import Report
from ledger.audit.files.files import FileReport

_SHOWN: Final = 20
_STAGES: Final[dict[Stage, Text]] = {
    "log": Text("kiểm toán", "audit"),
    "views": Text("khung nhìn", "views"),
}


@contextmanager
def progressing(shell: Shell) -> Iterator[Progressed]:
    """A bar on standard error for each part of an audit, gone when the audit is over."""
    with shell.progress(transient=True) as bar:
        tasks: dict[Stage, TaskID] = {}

        def progress(stage: Stage, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(shell.text(_STAGES[stage]), total=None)
            bar.update(tasks[stage], completed=done, total=total)

        yield progress


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
