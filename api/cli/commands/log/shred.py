"""For the operator: carries out an act of erasure that the officers have signed."""

from __future__ import annotations

import sys
from typing import Any

import click

from api.cli.commands.log.ledger_act import is_whole, ledger_act
from api.cli.terminal.error_messages import guarded
from api.cli.terminal.shell import Shell, misuse, options, shell_of
from api.cli.terminal.writing.act_shown import tell_ahead
from api.ops import shredding as ops
from api.settings import Settings
from api.texts.case_words import when
from ledger.erasure.shredding import Erasure
from ledger.message import Message, Text, plural
from ledger.regulation import words


@click.command()
@click.argument("act", metavar="[ACT]", required=False)
@click.option(
    "--wait",
    "wait_s",
    type=click.IntRange(1, 86_400),
    default=120,
    show_default=True,
    help="Seconds to wait for the views.",
)
@click.option(
    "--yes", is_flag=True, help="Do not ask whether this act is meant; its whole id is given."
)
@options
@guarded
def shred(act: str | None, wait_s: int, *, yes: bool) -> None:
    """Destroy the keys of what a RecordErased names, and the files behind them.

    The act must stand, be signed by all three and be covered by a checkpoint; the database reads
    from it what goes, once, and nothing else. Which act it is and what goes is shown and asked
    before anything goes: there is no way back. Every proof stays. Whoever was cut off runs it
    again.
    Until the epoch is turned (socai key epoch turn) backups and WAL still hold the keys, and the
    receipt says so. ACT is its id or how that begins; without it every act that was carried out is
    listed. Exit 1 while views are behind.
    """
    shell, settings = shell_of(), Settings.from_env()
    if act is None:
        _list(shell, ops.shreds(settings))
        return
    if yes and not is_whole(act):
        misuse(
            Message(
                "Nothing was erased: with --yes the act is named by its whole id, and {text} is how"
                " one begins.",
                text=act,
            )
        )

    def agreed(erasure: Erasure) -> None:
        _show(shell, erasure)
        if not yes and not _confirmed(shell):
            misuse(Message("Nothing was erased. Who is not asked gives --yes and the whole id."))

    done = ops.shred(settings, ledger_act(settings, act), wait_s=wait_s, agreed=agreed)
    told = ops.receipt(done)
    if shell.json:
        shell.give({"ok": done.views, **told})
    else:
        shell.say(_said(done))
        _note(shell, done)
    if not done.views:
        sys.exit(1)


def _show(shell: Shell, erasure: Erasure) -> None:
    """What is about to go, on standard error: by which act, on which ground, which records."""
    act = erasure.act
    ground = str(act.facts["ground"])
    shell.note(
        Message(
            "Act of erasure {act}, of {at}. Ground: {ground} ({legal_ground}).",
            act=act.act_id,
            at=when(act.occurred_at.isoformat()),
            ground=words.label("ground", ground) or ground,
            legal_ground=act.facts["legal_ground"],
        )
    )
    shell.note(
        Message(
            "Content that goes: records {indices}; files named: {files}.",
            indices=", ".join(map(str, erasure.indices)),
            files=len(act.facts.get("attachments", ())),
        )
    )
    tell_ahead(shell, act.act)


def _confirmed(shell: Shell) -> bool:
    try:
        return click.confirm(
            shell.text(Message("Erase it for good? There is no way back.")), err=True
        )
    except click.Abort:  # nobody is there to ask
        return False


def _list(shell: Shell, found: list[ops.Shredded]) -> None:
    rows: list[dict[str, Any]] = [ops.receipt(one) for one in found]
    if shell.json:
        shell.give({"ok": True, "erasures": rows})
    elif not rows:
        shell.say(Message("Nothing was ever erased from this log."))
    else:
        columns = ("act_id", "at", "records", "files", "status")
        shell.table(columns, ([row[name] for name in columns] for row in rows))


def _said(done: ops.Shredded) -> Text:
    return plural(
        "The content of {n} record is erased by {act}; its proofs stand.",
        "The content of {n} records is erased by {act}; their proofs stand.",
        n=done.records,
        act=done.act_id,
    )


def _note(shell: Shell, done: ops.Shredded) -> None:
    if done.gone_before:
        shell.note(
            Message(
                "Erased before, by another act: {indices}.",
                indices=", ".join(map(str, done.gone_before)),
            )
        )
    if done.reporters:
        shell.note(
            plural(
                "What the vault kept of {n} reporter is gone with it. Backups from before hold it,"
                " under keys that are not turned: let them go.",
                "What the vault kept of {n} reporters is gone with it. Backups from before hold it,"
                " under keys that are not turned: let them go.",
                n=done.reporters,
            )
        )
    for digest, index in (done.staying or {}).items():
        shell.note(
            Message(
                "A file that the act names stays, since record {index} lists it: {digest}. For it"
                " to go, let the officers sign an act that names that record too.",
                index=index,
                digest=digest,
            )
        )
    if not done.views:
        shell.note(
            Message(
                "The views have not let go of it yet: look at them (socai projection status), then"
                " run this again."
            )
        )
    if done.pending:
        shell.note(
            Message(
                "Pending epoch {epoch}: backups of the database and their WAL still hold the keys."
                " Turn the epoch: socai key epoch turn. Physical backups hold the views too: let"
                " those from before go.",
                epoch=", ".join(done.pending),
            )
        )
    elif done.held_by:
        shell.note(
            Message(
                "Pending sweep: the keys are destroyed, and the database's pages or WAL may still"
                " hold what views said of it. Sweep them: socai key epoch turn",
            )
        )
