"""For the operator: turns the epoch of the enclave's KEK, and shows the turns there were."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Any, Final

import click

from api.cli.terminal.error_messages import guarded
from api.cli.terminal.shell import dumped, fail, options, shell_of
from api.ops.epoch import given_up as lost
from api.ops.epoch import turn as ops
from api.settings import Settings
from keys import canonical
from ledger.message import Message, plural
from ledger.postgres.keeping.keeper import Epoch, GivenUp

_TURNED: Final = ("epoch", "before", "begun_at", "closed_at", "wraps_before", "wraps_after")
_GIVEN_UP: Final = ("epoch", "before", "begun_at", "given_up_at", "left_behind")


@click.group()
def epoch() -> None:
    """The KEK under which everything is wrapped: turn it, give a turn up, show its turns."""


@epoch.command()
@click.option(
    "--leave-unreadable",
    is_flag=True,
    help="Go on where a wrap opens under no key: it can then never be restored.",
)
@click.option("--no-sweep", is_flag=True, help="Leave pages and WAL as they are.")
@options
@guarded
def turn(*, leave_unreadable: bool, no_sweep: bool) -> None:
    """Put a new KEK in the place of the old one, and destroy the old one.

    Every living wrap is moved, and both sides are counted; dumps of the log from before open no
    more. Whoever was cut off runs it again. Processes that serve take the new key up by themselves.
    Then make a full backup at once, and let physical backups and WAL from before go: the views in
    them are in the open. The custodians record the ceremony: KeyCeremonyRecorded.
    """
    shell, settings = shell_of(), Settings.from_env()
    with shell.progress() as bar:
        task = bar.add_task("wraps", total=None)

        def show(count: int, total: int) -> None:
            bar.update(task, advance=count, total=total)

        done = ops.turn(settings, show, leave=leave_unreadable, sweeps=not no_sweep)
    if done.epoch.closed_at is None:
        fail(
            Message(
                "The epoch is not turned: {count} wraps open under no key here, the first is of"
                " {first}. Look at them (socai log audit) and restore them, or run this again with"
                " --leave-unreadable. Nothing is lost, and both keys are kept.",
                count=len(done.unopened),
                first=done.unopened[0] if done.unopened else "–",
            ),
            "epoch_not_turned",
        )
    if done.put_back:
        shell.note(
            Message(
                "{count} did not open once moved, went back, and moved again."
                " Somebody wrote noise with the keeper's login: give it another password"
                " (keeper.password, socai migrate), and find out who.",
                count=plural("{n} wrap", "{n} wraps", n=done.put_back),
            )
        )
    if done.swept is False:
        shell.note(
            Message(
                "Pages are written anew, but files of the server's WAL from before are still"
                " there: it keeps its checkpoints to itself, or a slot or an archiver waits for"
                " them. What was in them stays until the server takes them away."
            )
        )
    facts = ops.ceremony(done.epoch)
    if not shell.json:
        shell.say(Message("For the act KeyCeremonyRecorded, beside device_statement and minutes:"))
        click.echo(dumped(facts))
    shell.done(
        Message(
            "The epoch is turned: {after} wraps are under the new key, none under the old one,"
            " which is destroyed here. Make a full backup now, and destroy copies of the old key.",
            after=done.epoch.wraps_after,
        ),
        **_told(done.epoch),
        unreadable=list(done.unopened),
        swept=done.swept,
        put_back=done.put_back,
        ceremony=facts,
    )


@epoch.command("give-up")
@click.option(
    "--leave-unreadable",
    is_flag=True,
    help="Go on where something is under the lost KEK alone: it opens once that KEK is found.",
)
@options
@guarded
def give_up(*, leave_unreadable: bool) -> None:
    """Give a turn up whose new KEK was lost before it was over; the old KEK stays in force.

    What had moved goes back as it was. What came meanwhile is under the lost KEK alone, and is
    named. Whoever was cut off runs it again. Then turn the epoch anew, to another KEK. Should the
    lost KEK be found, put it back as kek-next.socaikek before that turn: it then goes on to it.
    """
    shell = shell_of()
    done = lost.give_up(Settings.from_env(), leave=leave_unreadable)
    if done.turn is None and done.left:
        fail(
            Message(
                "The turn is not given up yet: {count} wraps are under the lost KEK alone, the"
                " first is of {first}. What had moved went back, and the old KEK is in force."
                " Look for the lost KEK (custodians, backups of keys/), or run this again with"
                " --leave-unreadable.",
                count=len(done.left),
                first=done.left[0],
            ),
            "epoch_not_given_up",
        )
    if done.kept is not None:
        shell.note(Message("The file of the lost KEK is kept: {file}", file=done.kept))
    shell.done(
        Message(
            "The turn is given up: {back} wraps went back, {left} are under the lost KEK alone."
            " The old KEK is in force. Next: socai key epoch turn",
            back=done.put_back,
            left=len(done.left),
        ),
        **({} if done.turn is None else _gave_up(done.turn)),
        put_back=done.put_back,
        unreadable=list(done.left),
    )


@epoch.command()
@options
@guarded
def status() -> None:
    """Every turn there was: which key took which one's place, when, and the counts."""
    shell = shell_of()
    turned, given_up = ops.epochs(Settings.from_env())
    found, over = [_told(one) for one in turned], [_gave_up(one) for one in given_up]
    if shell.json:
        shell.give({"ok": True, "epochs": found, "given_up": over})
    elif not found and not over:
        shell.say(Message("The epoch was never turned; turn it: socai key epoch turn"))
    else:
        for columns, rows in ((_TURNED, found), (_GIVEN_UP, over)):
            shell.table(columns, ([one[name] for name in columns] for one in rows))
    if any(one["closed_at"] is None for one in found):
        sys.exit(1)


def _told(one: Epoch) -> dict[str, Any]:
    return {
        "epoch": canonical.b64(one.kek_id),
        "before": canonical.b64(one.before),
        "begun_at": one.begun_at.isoformat(timespec="seconds"),
        "closed_at": _when(one.closed_at),
        "wraps_before": one.wraps_before,
        "moved": one.moved,
        "wraps_after": one.wraps_after,
        "left_behind": one.left_behind,
        "destroyed_at": _when(one.destroyed_at),
        "swept_at": _when(one.swept_at),
        "wal_swept": one.wal_swept,
    }


def _gave_up(one: GivenUp) -> dict[str, Any]:
    return {
        "epoch": canonical.b64(one.kek_id),
        "before": canonical.b64(one.before),
        "begun_at": _when(one.begun_at),
        "given_up_at": _when(one.given_up_at),
        "wraps_before": one.wraps_before,
        "left_behind": one.left_behind,
    }


def _when(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="seconds")
