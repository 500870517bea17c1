"""For anybody: how the log stands, as its server says, and its newest checkpoint to be kept.

Both are held against what this home has seen before. Not: whether every stored byte holds.
"""

from __future__ import annotations

import sys
from contextlib import closing
from typing import Any, Final

import click

from api.cli.commands.signer_options import (
    client_at,
    log_option,
    origin_of,
    server_option,
    signer_of,
    whose_key,
)
from api.cli.terminal.error_messages import guarded
from api.cli.terminal.shell import fail, options, shell_of, visible
from api.client.client import Client
from api.client.connection import Refused
from api.ops.home_notes import ACCESS_VKEYS, noted_vkeys, running_url
from api.settings import Settings
from api.texts.case_words import when
from api.texts.labels import level
from ledger.errors import VerificationError
from ledger.log.checkpoint import open_checkpoint, unverified
from ledger.message import Message, Text

_LINE: Final = 100
_YES: Final = Message("yes")
_NO: Final = Message("no")


@click.command()
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
        "level": level(facts["level"]),
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
            Message("Against the rules and not voided (socai log void): {listed}", listed=listed)
        )
    for one in facts["recoveries"]:
        left = one["size"]
        lost = max(lost["size"] for lost in one["lost"]) - left
        shell.say(
            Message(
                "Recovered at index {index}: {left} records left, {lost} or more lost.",
                index=one["index"],
                left=left,
                lost=lost,
            )
        )
    for vkey in facts["vkeys"]:
        click.echo(visible(vkey if len(vkey) <= _LINE else f"{vkey[: _LINE - 1]}…"))


@click.command("checkpoint")
@click.option("--reads", is_flag=True, help="Of the log of reads; for an overseer's auditors.")
@whose_key
@server_option
@log_option
@options
@guarded
def newest(server: str | None, log: str | None, *, reads: bool, **whose: Any) -> None:  # noqa: ANN401  a key's
    """Print the newest signed checkpoint, to be kept elsewhere; held against what was seen before.

    Keep it apart from the database: socai log audit --checkpoint FILE holds a log to it, and
    socai log remember FILE tells it to a new machine. Above ordinary it is shown with an officer's
    key; that of the log of reads with the key of an overseer's auditor, and held against nothing
    but that log's keys, where this home has them.
    """
    shell, settings = shell_of(), Settings.from_env()
    signer = signer_of(settings, **whose) if reads or any(whose.values()) else None
    of = log if signer is None else log or origin_of(settings)
    with closing(client_at(server or running_url(settings), signer, of)) as client:
        note = _of_reads(client, settings) if reads else client.checkpoint()
    found = unverified(note)
    if shell.json:
        told = {"origin": found.origin, "size": found.size, "root": found.root.hex()}
        shell.give({"ok": True, **told, "note": note.decode()})
    else:
        # in a file its bytes are kept
        click.echo(visible(note.decode()) if sys.stdout.isatty() else note, nl=False)


def _of_reads(client: Client, settings: Settings) -> bytes:
    """The newest checkpoint of the log of reads."""
    try:
        note = client.reads_checkpoint()
    except Refused as refused:
        if refused.code != "not_found":
            raise
        fail(
            Message(
                "Nothing is shown: the checkpoints of the log of reads are for the auditors of an"
                " overseer alone. If you are one, none is signed yet."
            ),
            refused.code,
        )
    origin, vkeys = f"{client.origin}/access", noted_vkeys(settings, ACCESS_VKEYS)
    try:
        good = unverified(note).origin == origin
        if vkeys:
            open_checkpoint(note, vkeys, origin=origin)
    except VerificationError:
        good = False
    if not good:
        fail(
            Message(
                "Nothing is shown: what the server gave is no checkpoint of this log of reads, or"
                " not signed by its keys."
            ),
            "no_checkpoint_of_this_log",
        )
    return note
