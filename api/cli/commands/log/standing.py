"""For anybody: how the log stands, as its server says, and its newest checkpoint to be kept.

Both are held against what this home has seen before. Not: whether every stored byte holds.
"""

from __future__ import annotations

from contextlib import closing
from typing import Final

import click

from api.cli.commands.signer_options import client_at, server_option
from api.cli.terminal.case_tables import when
from api.cli.terminal.error_messages import guarded
from api.cli.terminal.shell import options, shell_of, visible
from api.ops.home_notes import running_url
from api.settings import Settings
from ledger.log.checkpoint import unverified
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
