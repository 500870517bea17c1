"""For anybody: what was published, without signing in (access.md A3)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any, Final

import click

from api.cli.commands.signer_options import client_at, server_option
from api.cli.terminal.codes import Code
from api.cli.terminal.error_messages import guarded
from api.cli.terminal.shell import Shell, misuse, options, shell_of
from api.client.client import Client
from api.ops.home_notes import running_url
from api.settings import Settings
from api.texts.case_words import when
from ledger.message import Message, Text
from ledger.regulation.acts.catalogue import load
from ledger.regulation.words import label

_WIDTHS: Final = {"at": 10, "kind": 15, "agency": 13, "act_id": 36}
_BEGINNING: Final = re.compile(r"[0-9a-f]{6,8}(?:-[0-9a-f]{0,4}){0,3}(?:-[0-9a-f]{0,11})?")
_YES: Final = Message("yes")
_NO: Final = Message("no")


@click.command()
@click.argument("act_id", required=False, metavar="[ACT]")
@click.option(
    "--act",
    type=Code("act", lambda: load().types),
    default=None,
    metavar="TYPE",
    help="Of this act type.",
)
@click.option("--agency", default=None, help="Of this agency.")
@click.option(
    "--limit", type=click.IntRange(1, 200), default=50, show_default=True, help="At most so many."
)
@click.option("--cursor", default=None, help="`next` of the page before.")
@server_option
@options
@guarded
def public(act_id: str | None, server: str | None, **asked: str | int | None) -> None:
    """What was published, newest first, or one publication; nobody has to sign in.

    ACT is its id, or how that begins. Shown are effective acts that were signed to be public:
    official information, corrections, intake points, versions of the regulation. In the ordinary
    enclave alone.
    """
    shell = shell_of()
    with closing(client_at(server or running_url(Settings.from_env()), None)) as client:
        if act_id is None:
            body = client.public("/v1/public/acts", query=asked)
        else:
            body = client.public(f"/v1/public/acts/{_whole(client, act_id)}")
    if shell.json:
        shell.give(body)
        return
    if act_id is not None:
        shell.table(("name", "value"), _told(shell, body))
        return
    rows = [
        (when(one["occurred_at"]), shell.local(one, "act"), one["agency_name"], one["act_id"])
        for one in body["acts"]
    ]
    shell.table(tuple(_WIDTHS), rows, widths=_WIDTHS, whole=("act_id",))
    if not rows:
        shell.say(Message("Nothing is published."))
    if "next" in body:
        shell.say(Message("There are more: --cursor {cursor}", cursor=body["next"]))


def _whole(client: Client, text: str) -> str:
    """The id of a publication, from its first six characters on."""
    if not _BEGINNING.fullmatch(text):
        return text
    found: list[str] = []
    query: dict[str, Any] = {"limit": 200}
    while True:
        body = client.public("/v1/public/acts", query=query)
        found += [one["act_id"] for one in body["acts"] if one["act_id"].startswith(text)]
        if "next" not in body:
            break
        query["cursor"] = body["next"]
    if len(found) != 1:
        misuse(
            Message(
                "{count} publications begin with {text}: {ids}",
                count=len(found),
                text=text,
                ids=", ".join(found) or "–",
            )
        )
    return found[0]


def _told(shell: Shell, one: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    yield shell.name("act"), shell.local(one, "act")
    yield shell.name("agency"), one["agency_name"]
    yield shell.name("at"), when(one["occurred_at"])
    specs = load().types[one["act"]].facts if one["act"] in load().types else {}
    for name, value in one["facts"].items():
        yield str(specs.get(name, {}).get(shell.lang, name)), _value(shell, name, value)
    if one["corrects"]:
        yield shell.text(Message("corrects")), one["corrects"]
    yield shell.text(Message("put right since")), shell.text(_YES if one["corrected"] else _NO)
    for by in one["corrected_by"]:
        yield shell.text(Message("put right by")), by


def _value(shell: Shell, name: str, value: object) -> str:
    if isinstance(value, list):
        return ", ".join(_value(shell, name, one) for one in value)
    if isinstance(value, bool):
        return shell.text(_YES if value else _NO)
    said: Text | None = label(name, value) if isinstance(value, str) else None
    return str(value) if said is None else shell.text(said)
