"""For auditors, supervisors and each officer: who read what under which act (access.md A11)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import click

from api.cli.commands.signer_options import identity
from api.cli.terminal import addresses
from api.cli.terminal.participant_tables import PostNames
from api.cli.terminal.shell import Shell, shell_of
from api.client.client import Client
from api.client.connection import understood
from api.texts.case_words import when
from ledger.message import Message

_WIDTHS: Final = {"at": 10, "kind": 13, "by": 18, "case": 8, "ground": 20}
_WHOSE: Final[Mapping[str, Message]] = {
    "own": Message("Your own reads."),
    "agency": Message("Reads by officers of: {agencies}."),
    "all": Message("Reads by everybody."),
}
_NONE: Final[Mapping[str, Message]] = {
    "own": Message("You have read nothing under an order, an opening or a permit."),
    "agency": Message("No officer of these agencies has read anything under such an act."),
    "all": Message("Nobody has read anything under an order, an opening or a permit."),
}


@click.command()
@click.option(
    "--of",
    type=click.Choice(["own", "agency", "all"]),
    default=None,
    help="Whose; the most you may see, by default.",
)
@click.option("--case", default=None, metavar="CASE", help="Of this case.")
@click.option("--record", type=click.IntRange(0), default=None, help="That showed this record.")
@click.option("--order", default=None, metavar="ACT", help="Under this order, opening or permit.")
@click.option("--agency", default=None, help="By officers of this agency.")
@click.option("--post", default=None, help="By whoever held this post of --agency.")
@click.option(
    "--limit", type=click.IntRange(1, 200), default=50, show_default=True, help="At most so many."
)
@click.option("--cursor", default=None, help="`next` of the page before.")
@identity
def reads(client: Client, **asked: str | int | None) -> None:
    """Reads under an order, an emergency opening or a permit, newest first.

    Each officer sees their own; whoever supervises or audits an agency, those of its officers; the
    auditors of an overseer, all. Looking is noted as well.
    """
    shell = shell_of()
    order = asked["order"]
    query = asked | {"order": None if order is None else addresses.act_id(client, str(order))}
    body = client.read("/v1/access-log", query=query).body
    if shell.json:
        shell.give(body)
        return
    of = str(body["of"])
    with understood():
        whose, none = _WHOSE[of], _NONE[of]
    shell.say(whose.filled(agencies=", ".join(body["scope"]["agencies"])))
    names = PostNames(client)
    rows = [_row(shell, one, names) for one in body["reads"]]
    shell.table(tuple(_WIDTHS), rows, widths=_WIDTHS, whole=())
    if not rows and "next" not in body:
        shell.say(none)
    if "next" in body:
        shell.say(Message("There are more: --cursor {cursor}", cursor=body["next"]))


def _row(shell: Shell, one: Mapping[str, Any], names: PostNames) -> tuple[object, ...]:
    if not one["readable"]:
        text = shell.text(Message("this row cannot be read: socai log audit"))
        return when(one["at"]), "", "", "", text
    by = names.by(one["posts"], str(one["officer"] or "–"))
    rule = shell.local(one, "rule") or one["rule"]
    kind = shell.local(one, "kind")
    if one["copy"] is not None:
        number = one["copy"]["number"]
        kind = shell.text(Message("{kind}, no. {number}", kind=kind, number=number))
    via = "" if one["via"] is None else f" {one['via'][:8]}"
    return (
        when(one["at"]),
        kind,
        by,
        "" if one["case"] is None else one["case"][:8],
        f"{rule}{via}: {one['purpose']}",
    )
