"""`socai changes`: what was recorded since the last visit."""

from __future__ import annotations

from typing import Any, Final

import click

from api.cli.commands.signer_options import identity
from api.cli.terminal import case_tables, shown_rows
from api.cli.terminal.shell import shell_of
from api.client.client import Client
from ledger.message import Message

_MOST_NEW: Final = 200


@click.command()
@click.option(
    "--since",
    type=click.IntRange(-1),
    default=None,
    metavar="INDEX",
    help="Behind this record; where you were last told if left out.",
)
@identity
def changes(client: Client, since: int | None) -> None:
    """What was recorded since your last visit, of what you see.

    Up to which record that was is kept in SOCAI_HOME, for each officer, by a call without --since.
    """
    shell = shell_of()
    start = shown_rows.visited(client) if since is None else since
    records = int(client.log()["records"])
    events: list[dict[str, Any]] = []
    reached = records - 1 if start is None else start
    while start is not None and len(events) < _MOST_NEW:
        found, last = client.feed(reached)
        events += [one["data"] for one in found]
        if last <= reached:
            break
        reached = last
    if since is None:
        shown_rows.visit(client, reached)
    if shell.json:
        shell.give({"since": start, "index": reached, "events": events})
        return
    if start is None:
        shell.say(Message("Your first visit here: from record {index} on.", index=reached))
        return
    case_tables.new_acts(shell, events)
    if not events:
        shell.say(Message("Nothing new behind record {index}, of what you see.", index=start))
    if len(events) >= _MOST_NEW:
        shell.say(Message("There may be more: socai changes --since {index}", index=reached))
