"""`socai keys`: what a key of an officer touched."""

from __future__ import annotations

import click

from api.cli.commands.signer_options import identity
from api.cli.terminal import addresses, case_tables
from api.cli.terminal.shell import shell_of
from api.cli.terminal.typed_values import KEY_ID, MOMENT_TEXT
from api.client.client import Client


@click.group()
def keys() -> None:
    """Keys of officers: what one of them touched."""


# a key id may begin with a hyphen
@keys.command("affected", context_settings={"ignore_unknown_options": True})
@click.argument("kid", type=KEY_ID, metavar="KID")
@click.option(
    "--from",
    "from_",
    type=MOMENT_TEXT,
    default=None,
    metavar="TIME|DAY",
    help="Recorded then or later.",
)
@identity
def affected(client: Client, kid: str, from_: str | None) -> None:
    """Every statement, act and case that a key touched, before it is revoked and after."""
    shell = shell_of()
    named = addresses.kid(client, kid)
    body = client.read(f"/v1/keys/{named}/affected", query={"from": from_}).body
    if shell.json:
        shell.give(body)
    else:
        case_tables.affected(shell, body)
