"""Appointing an officer, enrolling a key, letting somebody sign: acts with a command of their own.

Each is drawn up, judged, shown, confirmed, signed and sent as `socai act new` does it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import IO, Any, Final, TypeVar

import click

from api.cli.commands.access import officer_id
from api.cli.commands.signer_options import identity, signing_time, vkey_option
from api.cli.commands.writing.drafting import Drafting, Wanted
from api.cli.commands.writing.recording import Recording, unanswered
from api.cli.terminal.codes import Code
from api.cli.terminal.late_commands import Late, LateGroup
from api.cli.terminal.shell import misuse, shell_of
from api.cli.terminal.typed_values import DAY_TEXT, MOMENT, saved_text
from api.cli.terminal.writing.draft_files import DraftFile
from api.client.client import Client
from api.client.connection import understood
from api.ops.machine import RealEntropy
from keys import unambiguous_json
from ledger.admission.registrar import OWN
from ledger.message import Message
from ledger.regulation.acts.catalogue import load
from ledger.regulation.registry.calendar import local_day, local_time

F = TypeVar("F", bound=Callable[..., Any])
Json = Mapping[str, Any]
APPOINTING: Final = "OfficerAppointed"
ENROLLING: Final = "KeyEnrolled"
DELEGATING: Final = "DelegationGiven"
_MOST_BYTES: Final = 1 << 16


def recorded(command: F) -> F:
    """The options that every command of this file has beside its own."""
    for option in (
        vkey_option,
        click.option("--dry-run", is_flag=True, help="Show it and ask the rules; sign nothing."),
        click.option("--yes", is_flag=True, help="Ask nothing; sign as it is shown."),
        click.option("--at", type=MOMENT, default=None, help="The ledger's time; rehearsals only."),
    ):
        command = option(command)
    return identity(command)


def _choices(act: str, fact: str) -> click.Choice[str]:
    return click.Choice(list(load().types[act].facts[fact]["enum"]))


@click.group(
    cls=LateGroup,
    table={
        "appoint": Late(
            "api.cli.commands.writing.appointing:appoint",
            Message("Enter an officer in a post, as a registrar."),
        )
    },
)
def officer() -> None:
    """Officers: entered in a post by a registrar."""


@click.command("appoint")
@click.argument("post")
@click.option("--agency", required=True, help="Whose post it is: a part of its name, or its id.")
@click.option("--document", required=True, help="The decision that it rests on.")
@click.option(
    "--officer", "named", default=None, metavar="OFFICER", help="Who; a new id if left out."
)
@click.option(
    "--person", default=None, metavar="TOKEN", help="Their sealed token; new with a new id."
)
@click.option(
    "--capacity",
    "capacities",
    multiple=True,
    type=click.Choice(["TRUC_TIEP", "TM", "KT", "TL", "TUQ", "Q"]),
    help="In which the post signs; TRUC_TIEP if left out.",
)
@click.option("--power", "powers", multiple=True, metavar="CODE", help="Beside those of the post.")
@click.option(
    "--from", "from_", type=DAY_TEXT, default=None, metavar="DAY", help="Today if left out."
)
@click.option("--until", type=DAY_TEXT, default=None, metavar="DAY", help="Its last day.")
@click.option("--approver", default=None, metavar="OFFICER", help="The personnel officer.")
@recorded
def appoint(
    client: Client,
    post: str,
    named: str | None,
    person: str | None,
    capacities: Sequence[str],
    powers: Sequence[str],
    **said: Any,  # noqa: ANN401  options
) -> None:
    """Enter an officer in POST of an agency, as a registrar; the personnel officer signs next.

    Prints the officer's id. Whoever has an id already keeps it, with the token that it was entered
    with.
    """
    if (named is None) != (person is None):
        misuse(Message("Nothing was signed: --officer and --person go together."))
    who = str(RealEntropy().uuid()) if named is None else officer_id(client, named)
    facts = {
        "officer": who,
        "agency": said["agency"],
        "post": post,
        "capacities": [*capacities] or [OWN],
        "powers": [*powers],
        "person": person or f"sealed:{RealEntropy().uuid()}",
        "valid_from": said["from_"] or _today(client, said["at"]),
        "valid_to": said["until"],
        "basis_document": said["document"],
    }
    shell_of().note(Message("Officer: {officer}", officer=who))
    _record(client, APPOINTING, f"officer/{who}", facts, said)


@click.command("enrol")
@click.argument("file", type=click.File("rb", lazy=True))
@click.option("--officer", "named", required=True, metavar="OFFICER", help="Whose key it is.")
@click.option("--until", type=DAY_TEXT, required=True, metavar="DAY", help="Its last day.")
@click.option(
    "--custody",
    type=_choices(ENROLLING, "custody"),
    default="SOFTWARE",
    show_default=True,
    help="Where its private half is kept.",
)
@click.option("--approver", default=None, metavar="OFFICER", help="The personnel officer.")
@recorded
def enrol(
    client: Client,
    file: IO[bytes],
    named: str,
    custody: str,
    **said: Any,  # noqa: ANN401  options
) -> None:
    """Enrol an officer's key, as a registrar: FILE is what `socai key show --json` printed."""
    who, shown = officer_id(client, named), _public(file)
    at = said["at"] or signing_time(client)
    facts = {
        "officer": who,
        "kid": shown["kid"],
        "jwk": shown["jwk"],
        "custody": custody,
        "valid_from": local_time(at),
        "valid_to": f"{said['until']}T23:59:59+07:00",
    }
    _record(client, ENROLLING, f"officer/{who}", facts, said)


@click.command("delegate")
@click.argument("named", metavar="OFFICER")
@click.option(
    "--capacity",
    type=_choices(DELEGATING, "capacity"),
    required=True,
    help="In which they sign: KT, TL, TUQ or GQ.",
)
@click.option(
    "--ground",
    type=_choices(DELEGATING, "ground"),
    metavar="GROUND",
    required=True,
    help="LEAVE, ABSENCE, DEPUTY_IN_CHARGE, STANDING or SINGLE_CASE.",
)
@click.option("--scope", required=True, help="What is let sign, in words.")
@click.option("--until", type=DAY_TEXT, required=True, metavar="DAY", help="Its last day.")
@click.option(
    "--from", "from_", type=DAY_TEXT, default=None, metavar="DAY", help="Today if left out."
)
@click.option("--document", required=True, help="The document that it rests on.")
@click.option(
    "--act",
    "acts",
    multiple=True,
    type=Code("act", lambda: load().types),
    metavar="ACT",
    help="Only acts of this type.",
)
@click.option("--case", default=None, metavar="CASE", help="Only in this case.")
@click.option(
    "--their-post", default=None, metavar="POST", help="Their post, where they hold several."
)
@recorded
def delegate(
    client: Client,
    named: str,
    acts: Sequence[str],
    their_post: str | None,
    **said: Any,  # noqa: ANN401  options
) -> None:
    """Let OFFICER sign for your post, until a day; it ends by itself, or by DelegationEnded."""
    who = officer_id(client, named)
    facts = {
        "officer": who,
        "post": their_post or _only_post(client, who),
        "capacity": said["capacity"],
        "ground": said["ground"],
        "acts": [*acts],
        "scope": said["scope"],
        "valid_from": said["from_"] or _today(client, said["at"]),
        "valid_to": said["until"],
        "basis_document": said["document"],
    }
    _record(client, DELEGATING, None, facts, said)


def _record(client: Client, act: str, stream: str | None, facts: Json, said: Json) -> None:
    """As a draft that was read from a file: judged, shown, confirmed, signed, sent."""
    signers = {"APPROVER": said["approver"]} if said.get("approver") else {}
    case = said.get("case")
    if stream is None and case is None:
        stream = f"agency/{_own_agency(client)}"
    recording = Recording(
        client, shell_of(), said["at"], yes=said["yes"], vkey=said["vkey"], dry_run=said["dry_run"]
    )
    try:
        drafting = Drafting(recording, Wanted(act, case, stream, None, signers), asking=False)
        drafting.take(DraftFile({"facts": facts}))
        drafting.record()
    except click.Abort as error:
        raise unanswered("--yes") from error


def _own_agency(client: Client) -> str:
    client.login()
    return str(_posts(client, str(client.officer))[0]["agency"])


def _only_post(client: Client, who: str) -> str:
    held = list(dict.fromkeys(str(post["post"]) for post in _posts(client, who)))
    if len(held) != 1:
        misuse(
            Message(
                "Nothing was signed: say with --their-post in which post they sign, of: {posts}.",
                posts=", ".join(held),
            )
        )
    return held[0]


def _posts(client: Client, who: str) -> list[dict[str, Any]]:
    """Posts that an officer holds today, one at least."""
    body = client.whole("/v1/officers", "officers", query={"officer": who})
    with understood():
        found = [post for line in body["officers"] for post in line["posts"] if post["on_day"]]
    if not found:
        misuse(Message("Nothing was signed: officer {officer} holds no post today.", officer=who))
    return found


def _today(client: Client, at: datetime | None) -> str:
    return local_day(at or signing_time(client)).isoformat()


def _public(file: IO[bytes]) -> Json:
    """The public part of a key, as `socai key show --json` prints it."""
    try:
        found = unambiguous_json.read(saved_text(file.read(_MOST_BYTES)))
    except ValueError:
        found = None
    if not isinstance(found, dict) or not {"kid", "jwk"} <= found.keys():
        misuse(
            Message("Nothing was signed: FILE is not what `socai key show --json` prints of a key.")
        )
    return found
