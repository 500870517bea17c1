"""An audit, printed for a person, and its progress while it runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rich.progress import TaskID

from api.cli.terminal.shell import Shell
from api.ops.enclave_audit import Audited, Progressed, Stage
from api.texts import damage
from api.texts.case_words import when
from api.texts.catalogue import in_each, translate
from api.texts.labels import audited, verdict
from ledger.audit.files.files import FileReport
from ledger.audit.findings import Finding
from ledger.audit.reads import ReadsReport
from ledger.audit.report import Report
from ledger.message import Message, Text, plural
from ledger.postgres.definitions import of_a_newer_program
from ledger.regulation.registry.calendar import local_time

_SHOWN: Final = 20
_STAGES: Final[dict[Stage, Text]] = {
    "log": Message("audit"),
    "views": Message("views"),
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
        Message(
            "{records} · {checkpoints} · {tiles} · root {root}…",
            records=plural("{n} record", "{n} records", n=report.records),
            checkpoints=plural("{n} checkpoint", "{n} checkpoints", n=report.checkpoints),
            tiles=plural("{n} tile", "{n} tiles", n=report.tiles),
            root=report.root[:16],
        )
    )
    counts = ", ".join(
        f"{n} {verdict(code, shell.lang)}" for code, n in sorted(report.verdicts.items())
    )
    if counts:
        shell.say(Message("Signatures: {counts}", counts=counts))
    _show_files(shell, report.files)
    _show_disputed(shell, report)
    _show_aside(shell, report)
    if skipped := found.as_dict()["skipped"]:
        listed = ", ".join(audited(one, shell.lang) for one in skipped)
        shell.say(Message("Not checked: {listed}", listed=listed))
    _show_recoveries(shell, report)
    if not report.ok:
        shell.table(
            ("index", "kind", "what"),
            (
                (f.index, str(f.kind), shell.text(damage.finding(f)))
                for f in report.findings[:_SHOWN]
            ),
        )
        shell.say(
            Message(
                "DAMAGED from index {index}: {finding}",
                index=report.first_bad_index,
                finding=_coded(report.findings[0]),
            )
        )
    _show_reads(shell, found.reads)
    _show_altered(shell, found)
    if found.ok:
        shell.say(_sound(report))


def _show_reads(shell: Shell, reads: ReadsReport | None) -> None:
    """The log of reads, beside that of acts."""
    if reads is None:
        return
    shell.say(
        Message(
            "Log of reads: {rows} · {checkpoints} · {tiles} · root {root}…",
            rows=plural("{n} row", "{n} rows", n=reads.records),
            checkpoints=plural("{n} checkpoint", "{n} checkpoints", n=reads.checkpoints),
            tiles=plural("{n} tile", "{n} tiles", n=reads.tiles),
            root=reads.root[:16],
        )
    )
    if reads.ok:
        return
    shell.table(
        ("index", "kind", "what"),
        ((f.index, str(f.kind), shell.text(damage.finding(f))) for f in reads.findings[:_SHOWN]),
    )
    shell.say(
        Message(
            "The log of reads is DAMAGED from index {index}: {finding}",
            index=reads.findings[0].index,
            finding=_coded(reads.findings[0]),
        )
    )


def _sound(report: Report) -> Text:
    """Nothing is wrong; what nobody can read any more is never left out of that."""
    gone, strays = len({finding.index for finding, _ in report.unreadable}), len(report.strays)
    but: list[Message] = []
    if gone:
        but.append(
            plural(
                "{n} voided record that nobody can read",
                "{n} voided records that nobody can read",
                n=gone,
            )
        )
    if strays:
        text = plural(
            "{n} token noted beside a record that does not name it",
            "{n} tokens noted beside records that do not name them",
            n=strays,
        )
        but.append(text)
    if doubted := sum(one.statements for one in report.disputed):
        text = plural(
            "{n} signature of a revoked key that is disputed",
            "{n} signatures of revoked keys that are disputed",
            n=doubted,
        )
        but.append(text)
    if not but:
        return Message("Sound.")
    what, *others = but
    for more in others:
        what = Message("{what} and {more}", what=what, more=more)
    return Message("Sound, BUT FOR {what}.", what=what)


def _coded(found: Finding) -> Text:
    """A finding with its code, by which English readers and programs know it."""
    return in_each(
        lambda lang: (
            translate(damage.finding(found), lang)
            if lang == "vi"
            else f"{found.kind}: {found.message}"
        )
    )


def _show_altered(shell: Shell, found: Audited) -> None:
    for path, doubt in found.unopened.items():
        shell.say(
            Message(
                "{path} does not open ({doubt}): how far the log was seen is not known here. Name a"
                " checkpoint kept elsewhere: socai log remember FILE",
                path=path,
                doubt=doubt.text,
            )
        )
    if newer := of_a_newer_program(found.altered):
        shell.say(
            Message(
                "The database says that a newer program migrated it ({names}), whose definitions"
                " are not known here: audit with that program. Where no release has it, somebody"
                " else wrote it there.",
                names=", ".join(newer),
            )
        )
    for altered in found.altered[:_SHOWN]:
        line = f"{audited(altered.where, shell.lang)}: {altered.line[:160]}"
        shell.say(Message("A definition in the database is not as shipped: {line}", line=line))
    for difference in found.views[:_SHOWN]:
        where = audited(difference.where, shell.lang)
        line = f"{difference.view}/{difference.table} {where}: {difference.row[:160]}"
        shell.say(Message("A view differs from the log: {line}", line=line))


def _show_files(shell: Shell, files: FileReport) -> None:
    if files.files or files.anchors:
        shell.say(
            Message(
                "{files} files · {events} custody events · {anchors} anchors · {unanchored}"
                " events wait for the next one",
                files=files.files,
                events=files.events,
                anchors=files.anchors,
                unanchored=files.unanchored,
            )
        )
    for gap in files.gaps[:_SHOWN]:
        hours = round(gap.seconds / 3600, 1)
        shell.say(
            Message(
                "Note: no anchor from record {after} to {before} ({hours} hours).",
                after=gap.after,
                before=gap.before,
                hours=hours,
            )
        )


def _show_disputed(shell: Shell, report: Report) -> None:
    """Revoked keys with what they signed that is disputed: the log is sound all the same."""
    for one in report.disputed[:_SHOWN]:
        shell.say(
            plural(
                "Notice: the key {kid}, revoked in record {record}, is not to be trusted from"
                " {since} on: {n} statement is disputed, recorded {last}. Which case it stands in:"
                " socai keys affected {kid}",
                "Notice: the key {kid}, revoked in record {record}, is not to be trusted from"
                " {since} on: {n} statements are disputed, the last recorded {last}. Which cases"
                " they stand in: socai keys affected {kid}",
                n=one.statements,
                kid=one.kid,
                record=one.revoked_index,
                since=when(local_time(one.since)),
                last=when(local_time(one.last)),
            )
        )
    if more := len(report.disputed[_SHOWN:]):
        shell.say(plural("… and {n} more key.", "… and {n} more keys.", n=more))


def _show_aside(shell: Shell, report: Report) -> None:
    """What could not be judged again, and what registrars have voided."""
    for one in report.unjudged:
        why = Message("which is damaged")
        if one.erased_by is not None:
            why = Message("which {act} erased", act=one.erased_by)
        shell.say(
            plural(
                "Not judged again: {n} statement that hangs on record {record}, {why}",
                "Not judged again: {n} statements that hang on record {record}, {why}",
                n=one.statements,
                record=one.record,
                why=why,
            )
        )
    for finding, act in report.unreadable[:_SHOWN]:
        shell.say(
            Message(
                "UNREADABLE: record {index}, voided by {act}: {finding}. It may be junk, or an act"
                " that was destroyed: whoever holds a receipt of this index knows.",
                index=finding.index,
                act=act,
                finding=_coded(finding),
            )
        )
    for stray in report.strays[:_SHOWN]:
        shell.say(
            Message(
                "A reporter's token is noted beside record {index}, which does not name it: no"
                " other case takes that token any more. Only whoever has the writer's login can"
                " do that: change its password.",
                index=stray.index,
            )
        )
    for finding, act in report.voided[:_SHOWN]:
        shell.say(
            Message(
                "Record {index} is voided by {act}: {finding}",
                index=finding.index,
                act=act,
                finding=_coded(finding),
            )
        )


def _show_recoveries(shell: Shell, report: Report) -> None:
    """The breaks that the log records of itself, each time anew: nobody is to forget them."""
    for one in report.recoveries:
        shell.say(
            Message(
                "Recovered at index {index}: {size} records were left, at least {lost}"
                " are lost; a new key from there on.",
                index=one.index,
                size=one.size,
                lost=one.longest - one.size,
            )
        )
    for held in report.lost:
        shell.say(
            plural(
                "A checkpoint kept outside, of {n} record: lost by that recovery.",
                "A checkpoint kept outside, of {n} records: lost by that recovery.",
                n=held.size,
            )
        )
