"""For whoever handles files of acts: send one, get one back unchanged, see who has had it.

A file is checked against its digest on both sides. Not: listing it, which is the act's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click

from api.cli.commands.signer_options import identity
from api.cli.terminal import addresses
from api.cli.terminal.participant_tables import PostNames
from api.cli.terminal.places import output_option, require_place
from api.cli.terminal.shell import shell_of
from api.client.client import Client
from api.texts.case_words import when
from api.texts.labels import file_event
from ledger.message import Message, Text, plural

_EVENTS: Final = ("at", "what", "officer", "act")


@click.group()
def attachment() -> None:
    """Files of acts: add, get, export, custody."""


@attachment.command("add")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--media-type", default=None, metavar="TYPE", help="E.g. application/pdf; by its name."
)
@identity
def add(client: Client, file: Path, media_type: str | None) -> None:
    """Send FILE; prints what the act lists of it, for its `attachments`.

    An act of the same officer may list it afterwards. Sending it again is safe.
    """
    shell = shell_of()
    listed = client.attach(file, media_type=media_type)
    shell.give(listed)
    shell.note(
        plural(
            "{n} byte is kept; put this object into the act's `attachments`.",
            "{n} bytes are kept; put this object into the act's `attachments`.",
            n=listed["size"],
        )
    )


@attachment.command("get")
@click.argument("act_id", metavar="ACT")
@click.argument("digest")
@click.option(
    "--case",
    "case",
    default=None,
    metavar="CASE",
    help="ACT is of a lower log: the case here that shows it.",
)
@output_option
@identity
def get(client: Client, act_id: str, digest: str, case: str | None, into: Path) -> None:
    """Get a file that ACT lists; FILE appears only once all of it is checked.

    That it was read stands in its custody history, of a lower log in the log of reads.
    """
    require_place(into)
    if case is None:
        size = client.attachment(addresses.act_id(client, act_id), digest, into)
    else:
        size = client.lower_attachment(case, act_id, digest, into)
    shell = shell_of()
    if shell.json:
        shell.give({"file": str(into), "digest": digest, "size": size})
        return
    shell.say(
        plural(
            "{into}: {n} byte, with the digest that the act names.",
            "{into}: {n} bytes, with the digest that the act names.",
            into=into,
            n=size,
        )
    )


@attachment.command("export")
@click.argument("act_id", metavar="ACT")
@click.argument("digest")
@click.option(
    "--permit", required=True, metavar="ACT", help="The ExportPermitted of the case that names you."
)
@output_option
@identity
def export(client: Client, act_id: str, digest: str, permit: str, into: Path) -> None:
    """Take a copy of a file that leaves the ledger, by a permit of its case.

    Its number is given once, and stands in the register: socai case copies.
    """
    require_place(into)
    act_id, permit = (addresses.act_id(client, one) for one in (act_id, permit))
    size, mark = client.take_copy(act_id, digest, permit, into)
    shell = shell_of()
    if shell.json:
        shell.give({"file": str(into), "digest": digest, "size": size, "mark": mark})
        return
    shell.say(
        plural(
            "{into}: {n} byte, with the digest that the act names.",
            "{into}: {n} bytes, with the digest that the act names.",
            into=into,
            n=size,
        )
    )
    shell.say(Message("Keep this beside it, it is the mark of this copy: {mark}", mark=mark))


@attachment.command("custody")
@click.argument("act_id", metavar="ACT")
@click.argument("digest")
@identity
def custody(client: Client, act_id: str, digest: str) -> None:
    """Who added, attached, read and exported the file, and when."""
    shell = shell_of()
    body = client.custody(addresses.act_id(client, act_id), digest)
    if shell.json:
        shell.give(body)
        return
    names = PostNames(client)
    shell.table(
        _EVENTS,
        (
            (
                when(event["at"]),
                file_event(event["event"], shell.lang),
                names.holder(event["officer"]),
                None if "act_id" not in event else event["act_id"][:8],
            )
            for event in body["events"]
        ),
        whole=("what", "act"),
        widths={"at": 10, "officer": 34},
        title=f"{body['name']} · {body['media_type']} · {body['size']} byte",
    )
    shell.say(_covered(body))


def _covered(body: Mapping[str, Any]) -> Text:
    """How far the log answers for the history."""
    later = sum(not event.get("anchored", True) for event in body["events"])
    anchor = body.get("anchor")
    if anchor is None:
        return Message("The log has not anchored it yet.")
    at, index = when(anchor["at"]), anchor["index"]
    return Message(
        "Anchored in the log at record {index}, {at}; {later} since then wait for the next.",
        index=index,
        at=at,
        later=later,
    )
