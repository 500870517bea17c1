"""`socai registry`: agencies entered from a table, shown before they are signed, by two signers."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final, NoReturn

import click

from api.cli.commands.access import sign_and_send
from api.cli.commands.record import new_id, one_keeper
from api.cli.commands.registry import listing
from api.cli.commands.signer_options import identity, signing_time
from api.cli.terminal.shell import Shell, fail, misuse, shell_of, visible
from api.cli.terminal.typed_values import MOMENT
from api.client.client import Client
from api.client.connection import understood
from ledger.admission.registrar import registry_act
from ledger.message import Message, plural
from ledger.regulation.edition import load_edition
from ledger.regulation.registry.added_lines import ADDING
from ledger.regulation.registry.lines import KEEPER
from ledger.regulation.sheets.registry_rows import Line, RegistryRows, read, shares

_LISTED: Final = ("agencies", "officers", "keys", "instruments", "openings")


@click.group()
def registry() -> None:
    """Agencies, officers, keys, instruments or who was let in, and agencies entered from a table.

    To look: agencies, officers, keys, instruments, openings. To enter: import.
    """


def _listing(kind: str) -> click.Command:
    shown = listing.registry
    params = [one for one in shown.params if one.name != "what"]
    return click.Command(
        kind,
        params=params,
        callback=partial(shown.callback or registry, what=kind),
        help=shown.help,
    )


for _kind in _LISTED:
    registry.add_command(_listing(_kind))


@registry.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--document", required=True, help="The document that the lines rest on.")
@click.option("--approver", required=True, metavar="OFFICER", help="The second signer (uuid).")
@click.option("--iat", type=MOMENT, default=None, help="When it is signed; now if left out.")
@click.option(
    "--check", "dry_run", is_flag=True, help="Show what would be signed, and sign nothing."
)
@click.option("--yes", is_flag=True, help="Sign without being asked once more.")
@identity
def import_(  # noqa: PLR0913 - its options
    client: Client,
    file: Path,
    document: str,
    approver: str,
    iat: datetime | None,
    *,
    dry_run: bool,
    yes: bool,
) -> None:
    """Enter the agencies of the table FILE, as a registrar.

    A CSV with Vietnamese headings (docs/operate/registry.md). The lines are shown, then signed and
    sent as acts RegistryLinesAdded of at most 64 KiB; each waits until the second officer signs it
    by `socai act sign --countersign ACT_ID`. Lines that the registry has are left out. Where
    anything is wrong with the file, nothing is signed.
    """
    shell = shell_of()
    client.login()
    found = _sound(shell, client, file)
    _show(shell, found)
    acts = shares(found.lines)
    if dry_run or not acts:
        shell.done(Message("Nothing was signed."), lines=len(found.lines), acts=len(acts))
        return
    asked = plural("Sign {n} act with these lines?", "Sign {n} acts with these lines?", n=len(acts))
    if not yes and not click.confirm(shell.text(asked), err=True):
        misuse(Message("Nothing was signed."))
    for lines in acts:
        act = _act(client, lines, document, approver, iat)
        answer = client.check(act, at=iat)
        if not answer.get("ok"):
            code = str(answer.get("guard") or answer.get("code"))
            told = str(answer.get("detail") or code)
            fail(Message("Nothing was signed. {error}", error=told), code)
        sign_and_send(client, act, iat)


def _sound(shell: Shell, client: Client, file: Path) -> RegistryRows:
    """The lines of a file that is in order; else every fault is told, and nothing is recorded."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        misuse(Message("Nothing was recorded: {file} is not UTF-8.", file=file))
    body = client.whole("/v1/agencies", "agencies")
    with understood():
        there = {str(one["agency"]) for one in body["agencies"]}
    found = read(file.name, text, load_edition(), there)
    if found.faults:
        _tell(shell, file, found)
    return found


def _tell(shell: Shell, file: Path, found: RegistryRows) -> NoReturn:
    lines = [
        {
            "file": str(file),
            "line": None if fault.place is None else fault.place.line,
            "text": shell.text(fault.text),
        }
        for fault in found.faults
    ]
    for line in lines if not shell.json else ():
        click.echo(visible(f"{line['file']}:{line['line']}: {line['text']}"), err=True)
    fail(
        plural(
            "The file has {n} fault; nothing was recorded. Mend it and run the command again.",
            "The file has {n} faults; nothing was recorded. Mend it and run the command again.",
            n=len(lines),
        ),
        "registry_faults",
        faults=lines,
    )


def _show(shell: Shell, found: RegistryRows) -> None:
    """What will be signed, on standard error: standard output is for the receipts."""
    if found.known:
        shell.note(
            plural(
                "{n} line is in the registry already and is left out.",
                "{n} lines are in the registry already and are left out.",
                n=len(found.known),
            )
        )
    for line in found.lines:
        shown = (line["agency"], line["name"], line["kind"], line["valid_from"], line["source"])
        click.echo(visible(" · ".join((*shown, line["certainty"]))), err=True)


def _act(
    client: Client, lines: list[Line], document: str, approver: str, iat: datetime | None
) -> dict[str, Any]:
    """An act with these lines; nothing is signed."""
    signers = [
        one_keeper(client, KEEPER, "AUTHOR", client.officer),
        one_keeper(client, None, "APPROVER", approver),
    ]
    facts = {"lines": [dict(line) for line in lines], "basis_document": document}
    at = iat or signing_time(client)
    return registry_act(
        ADDING, act_id=new_id(), stream="ledger", at=at, facts=facts, signers=signers
    )
