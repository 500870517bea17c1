"""`socai act new`: an act from questions or from a file, recorded in one step.

One way for all act types: what is asked comes from the served catalogue. What is lawful is the
server's to say, after each answer and before anything is signed.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import click

from api.cli.commands.officer import clean_option
from api.cli.commands.signer_options import identity, vkey_option
from api.cli.commands.writing.drafting import PLACE, SECOND, Drafting, Wanted
from api.cli.commands.writing.recording import Recording, unanswered
from api.cli.terminal.codes import Code
from api.cli.terminal.shell import misuse, shell_of
from api.cli.terminal.typed_values import MOMENT
from api.cli.terminal.writing import draft_files
from api.client.client import Client
from ledger.message import Message
from ledger.regulation.acts.catalogue import load

Json = Mapping[str, Any]


class ActCode(Code):
    """A type of act, in any case; the shell completes it."""

    def __init__(self) -> None:
        super().__init__("act", lambda: load().types)


@click.command("new")
@click.argument("act", required=False, type=ActCode(), metavar="[ACT]")
@click.option(
    "--case", default=None, metavar="CASE", help="Its number or uuid; a new one if left out."
)
@click.option("--stream", default=None, metavar="STREAM", help="Where it stands, if in no case.")
@click.option(
    "--from",
    "file",
    type=click.File("rb", lazy=True),
    default=None,
    help="A draft, YAML or JSON; - is standard input.",
)
@click.option("--template", is_flag=True, help="Print a draft to fill in, with labels.")
@click.option(
    "--attach",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="Send this file, and list it.",
)
@click.option(
    "--post", default=None, metavar="POST", help="Which of your posts, where several fit."
)
@click.option(
    "--checker", default=None, metavar="OFFICER", help="Who checks: an id, its beginning, an alias."
)
@click.option("--approver", default=None, metavar="OFFICER", help="Who approves, likewise.")
@click.option("--at", type=MOMENT, default=None, help="The ledger's time; rehearsals only.")
@click.option("--yes", is_flag=True, help="Ask nothing; sign as it is shown.")
@click.option("--dry-run", is_flag=True, help="Show it and ask the rules; sign nothing.")
@clean_option
@vkey_option
@identity
def new(
    client: Client,
    act: str | None,
    file: IO[bytes] | None,
    *,
    template: bool,
    yes: bool,
    dry_run: bool,
    **said: Any,  # noqa: ANN401  options
) -> None:
    """Record an act in one step: asked for, checked, shown, signed, sent, proven.

    Without ACT, what is lawful now is listed to choose from. With --from nothing is asked but
    whether to sign; with --yes not even that. Exit 1 where the rules say no, 2 for wrong use.
    """
    draft = (
        draft_files.DraftFile({})
        if file is None
        else draft_files.read(file, str(getattr(file, "name", "-")))
    )
    wanted = _wanted(draft.members, act, said)
    recording = Recording(
        client, shell_of(), said["at"], yes=yes, vkey=said["vkey"], dry_run=dry_run,
        clean=said["clean"],
    )  # fmt: skip
    try:
        drafting = Drafting(recording, wanted, asking=file is None and not yes and not template)
        if template:
            click.echo(drafting.template(), nl=False)
            return
        drafting.take(draft)
        drafting.attach(said["attach"])
        drafting.record()
    except click.Abort as error:
        raise unanswered("--from FILE --yes") from error


def _wanted(document: Json, act: str | None, options: Json) -> Wanted:
    """The call's own words, then those of the file."""
    said = {name: None if document.get(name) == "" else document.get(name) for name in PLACE}
    for name, value in said.items():
        if value is not None and not isinstance(value, str):
            misuse(Message("Nothing was signed: {member} must be a text.", member=name))
    typed = None if said["act"] is None else ActCode().convert(said["act"], None, None)
    if act is not None and typed not in (None, act):
        misuse(
            Message(
                "Nothing was signed: the file is of {there}, the call of {here}.",
                there=typed,
                here=act,
            )
        )
    told = {role: options[role.lower()] or said[role.lower()] for role in SECOND}
    return Wanted(
        act or typed,
        options["case"] or said["case"],
        options["stream"] or said["stream"],
        options["post"] or said["post"],
        {role: one for role, one in told.items() if one is not None},
        said["agency"],
        said["capacity"],
    )
