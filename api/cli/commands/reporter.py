"""For whoever has to do with a reporter: seal who it is, answer, open by a disclosing act, look.

What is sealed is sealed on this machine: no server, and nobody at intake, reads it back. Not: who
may; that follows from the acts.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import IO, Any, Final

import click
import orjson

from api.cli.commands.access import REGULATION, drawn_up, sign_and_send
from api.cli.commands.key.custodian_files import FILE, share_of
from api.cli.commands.signer_options import identity, opening_key
from api.cli.terminal import addresses
from api.cli.terminal.addresses import case_id
from api.cli.terminal.shell import dumped, misuse, shell_of, visible
from api.cli.terminal.typed_values import MOMENT
from api.client import reporters
from api.client.client import Client
from api.client.pinned_keys import pinned
from api.ops.machine import RealEntropy
from api.settings import Settings
from api.texts.case_words import when
from keys import unambiguous_json
from ledger.message import Message, Wording
from ledger.vault.identity import Keys

SEALING: Final = "ReporterIdentitySealed"
_AT: Final = click.option(
    "--at",
    type=MOMENT,
    default=None,
    help="The ledger's time of this request; rehearsals only.",
)


@click.group()
def reporter() -> None:
    """Reporters: seal, answer, open, show."""


@reporter.command("seal")
@click.argument("case", metavar="CASE")
@click.option(
    "--identity",
    "said",
    type=click.File("rb", lazy=True),
    required=True,
    metavar="FILE",
    help="JSON: contact_consent, and of name, address, phone, email, recording, writing what is"
    " known; - reads standard input. Delete the file afterwards.",
)
@click.option(
    "--report", default=None, metavar="ACT", help="The report it belongs to, where two wait."
)
@_AT
@identity
def seal(
    client: Client, case: str, said: IO[bytes], report: str | None, at: datetime | None
) -> None:
    """Seal who reported, and record that it is sealed.

    It is sealed here, before it leaves: the server keeps it and cannot read it, and nor can you.
    """
    members = _identity(said.read())
    case = case_id(client, case)
    keys = _keys(client, at)
    item = reporters.seal(client, members, keys, RealEntropy())
    facts = {
        "reporter": item.token,
        "vault_item": item.item,
        "sealing_post": "–",
        "contact_consent": members["contact_consent"],
    }
    more = {} if report is None else {"refers_to": addresses.act_id(client, report)}
    options = {"at": at, "basis": ()}
    chosen = drawn_up(client, SEALING, case, facts, options, (REGULATION,), **more)
    chosen["facts"]["sealing_post"] = chosen["post"]
    reporters.keep(client, case, item, at=at)
    sign_and_send(client, chosen, at)


@reporter.command("answer")
@click.argument("act_id", metavar="ACT")
@_AT
@identity
def answer(client: Client, act_id: str, at: datetime | None) -> None:
    """Have the vault send the reporter what your ReporterInformed ACT says they were told.

    Once, however often it is asked. The answer is "sent" or why not, and never where to.
    """
    shell, body = shell_of(), reporters.write(client, addresses.act_id(client, act_id), at=at)
    if shell.json:
        shell.give(body)
    else:
        shell.say(Wording(str(body["outcome_vi"]), str(body["outcome_en"])))
    if body["outcome"] not in ("sent", "waits"):
        raise SystemExit(1)


@reporter.command("open")
@click.argument("act_id", metavar="ACT")
@click.option(
    "--share",
    type=FILE,
    required=True,
    metavar="FILE",
    help="Your share of R's key (.socaishare).",
)
@click.option(
    "--custodian-key",
    type=FILE,
    required=True,
    metavar="FILE",
    help="The key that opens it (.socaikey).",
)
@click.option("--yes", is_flag=True, help="Do not ask whether the act is the one you agreed to.")
@_AT
@identity
def open_(
    client: Client,
    act_id: str,
    share: Path,
    custodian_key: Path,
    at: datetime | None,
    *,
    yes: bool,
) -> None:
    """As a custodian, give your share for the disclosing act ACT; the second opens.

    The act is shown first, with who signed it. Your share is opened here, and leaves sealed to the
    vault for this act alone.
    """
    act_id = addresses.act_id(client, act_id)
    shell, act = shell_of(), reporters.disclosure(client, act_id)
    click.echo(dumped(dict(act.members)), err=True)
    for line in client.read(f"/v1/acts/{act_id}").body["statements"]:
        shown = " · ".join(str(line.get(name)) for name in ("role", "post", "officer", "verdict"))
        click.echo(visible(shown), err=True)
    asked = Message("Give your share for this act?")
    if not yes and not click.confirm(shell.text(asked), err=True):
        misuse(Message("Nothing was given."))
    key = opening_key(Settings.from_env(), custodian_key)
    body = reporters.give_share(client, act, share_of(share), key, _keys(client, at), at=at)
    if shell.json:
        shell.give(body)
    elif body["outcome"] == "one_of_two":
        shell.say(Message("The vault has your share. It opens with that of a second custodian."))
    else:
        shell.say(Message("It is open until {until}.", until=when(body["until"])))
        if "notice" in body:
            shell.say(_NOTICES[body["notice"]])


@reporter.command("show")
@click.argument("act_id", metavar="ACT")
@_AT
@identity
def show(client: Client, act_id: str, at: datetime | None) -> None:
    """What your disclosing act ACT opened, until it is over. That you looked is noted."""
    act_id = addresses.act_id(client, act_id)
    shown, until = reporters.look(client, act_id, at=at)
    shell = shell_of()
    if shell.json:
        shell.give({"act_id": act_id, "identity": dict(shown), "until": until.isoformat()})
        return
    shell.table(("name", "value"), shown.items(), whole=("name", "value"))
    shell.say(Message("It is open until {until}.", until=when(until.isoformat())))


_NOTICES: Final = {
    "sent": Message("The reporter is told."),
    "law_forbids": Message("The reporter is not told, by the ground that the act names."),
    "no_address": Message("The reporter could not be told: they left no address."),
    "refused": Message("The reporter could not be told: the mail server does not take it."),
    "unreachable": Message("The reporter could not be told: the mail server was not reached."),
    "unsure": Message("Whether the reporter was told is not known: the connection broke."),
}


def _keys(client: Client, at: datetime | None) -> Keys:
    """R's public keys, those that this machine has seen."""
    return pinned(Settings.from_env().home, client.origin, reporters.keys_of(client, at=at))


def _identity(data: bytes) -> dict[str, Any]:
    try:
        members = unambiguous_json.read(data)
    except orjson.JSONDecodeError as error:
        misuse(
            Message(
                "Nothing was sealed: this is no JSON (line {line}). Correct it there, and call"
                " again.",
                line=error.lineno,
            )
        )
    except unambiguous_json.SaidTwice as error:
        misuse(Message("Nothing was sealed: {member} is said twice.", member=error.member))
    if not isinstance(members, dict):
        misuse(Message("Nothing was sealed: a JSON object is needed."))
    return members
