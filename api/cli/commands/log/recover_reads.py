"""`socai log recover-reads`: what the log of reads has lost, and going on under other keys.

Without `--act` or `--ceremony` it reports and changes nothing. How it is done is
`api.ops.reads.recovery`'s.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import click

from api.cli.commands.log.kept_checkpoint import CheckpointFile, kept_checkpoints
from api.cli.commands.log.ledger_act import ledger_act
from api.cli.terminal.error_messages import guarded
from api.cli.terminal.shell import Shell, dumped, fail, misuse, options, shell_of
from api.home import Home
from api.ops import database
from api.ops.reads.recovery import STREAM, RecoveringReads
from api.ops.role_lock import Lock
from api.ops.service.roles import ROLES
from api.ops.wiring.logins import require_schema, role_dsn
from api.settings import Settings
from keys.custody.file import write_durably
from ledger.errors import NotFound, VerificationError
from ledger.log.checkpoint import unverified
from ledger.message import Message, plural
from ledger.reads.recovered import CEREMONY, stated
from ledger.recovery.loss import Loss


@click.command("recover-reads")
@kept_checkpoints("A checkpoint of the log of reads kept elsewhere.")
@click.option("--reason", default=None, help="Why it is recovered; stands in the log of reads.")
@click.option("--device", default=None, metavar="TEXT", help="Statement on the device.")
@click.option("--minutes", default=None, metavar="NUMBER", help="Number of the minutes.")
@click.option(
    "--act",
    "draft",
    type=click.Path(path_type=Path),
    default=None,
    help="Makes the keys that begin, and writes the ceremony's act there for two custodians.",
)
@click.option(
    "--ceremony",
    default=None,
    metavar="ACT",
    help="The act, signed by both: goes on under the new keys.",
)
@options
@guarded
def recover_reads(
    kept: tuple[CheckpointFile, ...],
    reason: str | None,
    device: str | None,
    minutes: str | None,
    draft: Path | None,
    ceremony: str | None,
) -> None:
    """Say what the log of reads has lost; go on from what is left, by an act of two custodians.

    An older copy of schema access stands in the place of what was lost. Without --act and
    --ceremony what is lost is reported, exit 1 where anything is. With --act the keys that begin
    are made, and the act is written that two custodians sign: it commits to what is left and lost
    and tells neither. With --ceremony, the service stopped, the log of reads says so itself, its
    old keys are ended and set aside, and new ones sign from there on.
    """
    shell, settings = shell_of(), Settings.from_env()
    Home(settings).facts()
    with ExitStack() as stack:
        if ceremony is not None:  # nobody serves the home meanwhile
            lock = stack.enter_context(closing(Lock(settings.home)))
            lock.take(*ROLES)
            lock.alone(*map(Home(settings).seen_folder, ROLES))
        facts = stack.enter_context(database.reachable(settings))
        require_schema(role_dsn(settings, facts, "reader"))
        log = stack.enter_context(RecoveringReads.open(settings, facts))
        if ceremony is not None:
            _go_on(shell, log, str(ledger_act(settings, ceremony)))
            return
        loss = _loss(log, kept)
        if draft is not None:
            _plan(shell, log, loss, draft, reason=reason, device=device, minutes=minutes)
            return
        lost = _show(shell, log, loss)
    sys.exit(1 if lost else 0)


def _loss(log: RecoveringReads, kept: tuple[CheckpointFile, ...]) -> Loss:
    try:
        return log.loss([one.note for one in kept])
    except VerificationError as error:
        misuse(
            Message(
                "Nothing was done: what was given shows nothing of the log of reads ({error}); give"
                " checkpoints of it alone: socai log checkpoint --reads",
                error=error.message,
            )
        )


def _plan(  # noqa: PLR0913 - what the act says
    shell: Shell,
    log: RecoveringReads,
    loss: Loss,
    draft: Path,
    *,
    reason: str | None,
    device: str | None,
    minutes: str | None,
) -> None:
    if not (reason and device and minutes):
        misuse(Message("Nothing was made: --act asks for --reason, --device and --minutes too."))
    if draft.exists():
        misuse(Message("Nothing was made: {path} is there already.", path=draft))
    if loss.forked or not loss.checkpoints:
        fail(
            Message(
                "Nothing was made: no checkpoint shows that anything is lost of this log of reads,"
                " or this is another one. Restore the newest copy that nothing was added to, and"
                " give --checkpoint."
            ),
            "nothing_lost",
        )
    facts = log.plan(loss, reason)
    act = {
        "act": CEREMONY,
        "stream": STREAM,
        "facts": {
            "kind": "RECOVER",
            "key_ids": [vkey.split("+")[1] for vkey in facts["new_vkeys"]],
            "device_statement": stated(device, facts),
            "minutes": minutes,
        },
    }
    write_durably(draft, dumped(act).encode() + b"\n")
    shell.done(
        Message(
            "Complete {file}, and let two custodians sign and send it: socai act sign. Then, the"
            " service stopped: socai log recover-reads --ceremony ACT_ID",
            file=draft,
        ),
        act=str(draft),
        plan=str(log.plan_path),
        new_vkeys=facts["new_vkeys"],
    )


def _go_on(shell: Shell, log: RecoveringReads, act_id: str) -> None:
    plan = log.planned()
    if plan is None:
        fail(
            Message(
                "Nothing was done: no recovery of the log of reads is under way here; begin it with"
                " --act."
            ),
            "nothing_planned",
        )
    try:
        note = log.carry_out(plan, act_id)
    except NotFound as error:
        fail(
            Message(
                "Nothing was done: the act does not stand, is not signed by both, or does not"
                " commit to what is planned here ({error}).",
                error=error,
            ),
            "no_ceremony",
        )
    found = unverified(note)
    shell.done(
        Message(
            "The log of reads goes on under its new keys from {size} rows; keep its checkpoint"
            " elsewhere and back it up: socai log checkpoint --reads. Next: socai serve",
            size=int(plan["size"]),
        ),
        size=int(plan["size"]),
        checkpoint=found.size,
        new_vkeys=plan["new_vkeys"],
    )


def _show(shell: Shell, log: RecoveringReads, loss: Loss) -> bool:
    lost, planned = loss.longest - loss.left.size, log.planned() is not None
    told: dict[str, Any] = {
        "left": loss.left.size,
        "lost": lost,
        "forked": bool(loss.forked),
        "planned": planned,
    }
    bad = loss.any or planned
    if shell.json:
        shell.give({"ok": not bad, **told})
        return bad
    if loss.forked:
        shell.say(Message("NOT a beginning of the log of reads that was signed, but another one."))
    shell.say(
        Message(
            "Left: {left}; lost: {lost} or more.",
            left=plural("{n} row", "{n} rows", n=loss.left.size),
            lost=lost,
        )
    )
    if planned:
        shell.say(
            Message(
                "A recovery is under way: once two custodians have signed its act, run socai log"
                " recover-reads --ceremony ACT_ID"
            )
        )
    elif lost:
        shell.say(
            Message(
                "Look for a newer copy first. To go on from what is left: --act FILE --reason TEXT"
                " --device TEXT --minutes NUMBER"
            )
        )
    return bad
