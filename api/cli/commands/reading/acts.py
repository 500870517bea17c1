"""`socai acts`: acts of all cases by filter."""

from __future__ import annotations

import click

from api.cli.commands.reading.cases import _counted
from api.cli.commands.reading.codes import ACT, FIGURE, FLAG
from api.cli.commands.signer_options import identity
from api.cli.terminal import addresses, case_tables, shown_rows
from api.cli.terminal.codes import CodeOption
from api.cli.terminal.shell import shell_of
from api.cli.terminal.typed_values import DAY_TEXT, KEY_ID
from api.client.client import Client
from ledger.message import Message


@click.command()
@click.option("--agency", default=None, help="Agency of the author.")
@click.option("--act", type=ACT, default=None, help="Of this type: socai catalogue act")
@click.option("--flag", type=FLAG, default=None, help="Has had it: socai catalogue guard")
@click.option(
    "--figure",
    cls=CodeOption,
    type=FIGURE,
    default=None,
    help="Is counted by a figure of stats.",
)
@click.option("--late", is_flag=True, help="Entered late.")
@click.option("--pending", is_flag=True, help="Waiting for signatures.")
@click.option(
    "--kid",
    type=KEY_ID,
    default=None,
    help="Signed with this key; for supervisors and inspectors.",
)
@click.option(
    "--from", "from_", default=None, type=DAY_TEXT, metavar="DAY", help="First day of the period."
)
@click.option("--to", default=None, type=DAY_TEXT, metavar="DAY", help="Last day of the period.")
@click.option(
    "--clock",
    type=click.Choice(["recorded", "occurred"]),
    default=None,
    help="By when acts were recorded, or by when they happened.",
)
@click.option(
    "--limit", type=click.IntRange(1, 200), default=50, show_default=True, help="At most so many."
)
@click.option("--all", "every", is_flag=True, help="Every page, one snapshot.")
@identity
def acts(
    client: Client, *, every: bool, late: bool, pending: bool, **asked: str | int | None
) -> None:
    """Acts of all cases that you see, newest first; never by person."""
    shell = shell_of()
    query = {name.rstrip("_"): value for name, value in asked.items() if value is not None}
    query |= addresses.agency_asked(client, asked)
    if asked["kid"] is not None:
        query["kid"] = addresses.kid(client, str(asked["kid"]))
    query |= {name: "true" for name, on in (("late", late), ("pending", pending)) if on}
    if every:
        body = client.whole("/v1/acts", "acts", query=query)
    else:
        body = client.read("/v1/acts", query=query).body
    if shell.json:
        shell.give(body)
        return
    case_tables.act_lines(shell, body["acts"])
    shown_rows.keep(client, shown_rows.ACTS, [one["act_id"] for one in body["acts"]])
    if not body["acts"]:
        shell.say(Message("There is no such act among those that you see."))
    _counted(shell, body, "acts", f"-{asked['clock'] or 'recorded'}_at")
    if "next" in body:
        shell.say(Message("There are more: --all shows them, or narrow the filter."))
