"""The commands about the log; each is read from its file when it is called."""

from __future__ import annotations

from typing import Final

import click

from api.cli.terminal.late_commands import Late, LateGroup
from ledger.message import Message

_TABLE: Final = {
    "status": Late(
        "api.cli.commands.log.standing:status",
        Message("Origin, size, genesis digest, keys."),
    ),
    "checkpoint": Late(
        "api.cli.commands.log.standing:newest",
        Message("Print the newest signed checkpoint, to be kept."),
    ),
    "sheet": Late(
        "api.cli.commands.log.sheet:sheet",
        Message("Hold a printed case against a bundle, a checkpoint or the log."),
    ),
    "audit": Late(
        "api.cli.commands.audit:audit_log",
        Message("Recompute everything; exit 1 at damage."),
    ),
    "void": Late(
        "api.cli.commands.voiding:void",
        Message("Void records that are set aside."),
    ),
    "discard": Late(
        "api.cli.commands.log.discard:discard",
        Message("Take away checkpoints the log did not sign."),
    ),
    "shred": Late(
        "api.cli.commands.log.shred:shred",
        Message("Carry out an act of erasure."),
    ),
    "recover": Late(
        "api.cli.commands.log.recover:recover",
        Message("Go on after a loss, under a new key."),
    ),
    "recover-reads": Late(
        "api.cli.commands.log.recover_reads:recover_reads",
        Message("The same of the log of reads."),
    ),
    "resume": Late(
        "api.cli.commands.log.doubt:resume",
        Message("Go on after a stop on doubt."),
    ),
    "remember": Late(
        "api.cli.commands.log.doubt:remember_",
        Message("Tell this home a checkpoint that is known."),
    ),
}


@click.group(cls=LateGroup, table=_TABLE)
def log() -> None:
    """The log: how it stands, whether every stored byte holds, going on after a loss."""
