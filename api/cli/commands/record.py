"""For officers: what an erasure is to name, and the acts by which content is withdrawn and erased.

What is to be signed is shown first; the statement is printed, to be sent by `socai act submit -`.
The others sign the same bytes by `socai act sign --countersign`. The operator carries an erasure
out: `socai log shred`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import IO, Any, Final

import click
import orjson

from api.cli.commands.signer_options import identity, signing_time
from api.cli.terminal.addresses import act_id
from api.cli.terminal.error_messages import guarded
from api.cli.terminal.shell import dumped, fail, misuse, options, shell_of
from api.cli.terminal.typed_values import MOMENT
from api.cli.terminal.writing import act_shown
from api.client.client import Client
from api.client.connection import understood
from api.client.draft_sources import signing_officers
from api.ops.machine import RealEntropy
from keys import canonical, unambiguous_json
from keys.errors import KeysError
from keys.stub_commitment import SALT_BYTES, commitment
from ledger.admission.registrar import Keeper, registry_act
from ledger.log import statement as statements
from ledger.log.record import parse_envelope
from ledger.message import Message
from ledger.regulation.acts.act import known_act
from ledger.regulation.acts.catalogue import load
from ledger.regulation.case.registers import kept, register_of
from ledger.regulation.case.state import ERASURE
from ledger.regulation.registry.kept_apart import KEY_POST

WITHDRAWING: Final = "ContentWithdrawn"
LEDGER: Final = "ledger"
#: Who signs an erasure, by role and power (guard ERASURE_SIGNERS).
SIGNERS: Final[Mapping[str, str]] = {
    "AUTHOR": "ERASURE_AUTHORITY",
    "CHECKER": "KEY_CUSTODIAN",
    "APPROVER": "AUDITOR",
}
Json = Mapping[str, Any]


@click.group()
def record() -> None:
    """Records: what an erasure is to name, withdrawing content, erasing it, a stub's commitment."""


@record.command()
@click.argument("acts", metavar="ACT...", nargs=-1, required=True)
@identity
def entries(client: Client, acts: Sequence[str]) -> None:
    """Print what an erasure of these acts is to name: every record of each, and its files.

    And of those that stand in a register, in which: they keep their number.

    For whoever sees the case. The erasure authority, who need not see it, takes the output as FILE
    of `socai record erase`.
    """
    client.login()
    found: list[dict[str, Any]] = []
    files: dict[str, None] = {}
    registered: list[dict[str, Any]] = []
    for act in dict.fromkeys(act_id(client, one) for one in acts):
        body = client.read(f"/v1/acts/{act}/raw").body
        with understood():
            for one in body["records"]:
                found.append({"index": one["index"], "entry": one["entry"]})
                files |= dict.fromkeys(_files(one))
                registered += _registered(one)
    named = {"entries": found, "attachments": list(files)}
    click.echo(dumped({**named, **({"registered": registered} if registered else {})}))


@record.command()
@click.argument("file", type=click.File("rb", lazy=True))
@click.option(
    "--ground",
    type=click.Choice(load().types[ERASURE].facts["ground"]["enum"]),
    metavar="GROUND",
    required=True,
    help="PERSONAL_DATA, COURT, RETENTION_ENDED, WITHDRAWN or SECRET_SPILL.",
)
@click.option("--legal-ground", required=True, help="By which law; everybody reads it.")
@click.option("--epoch", required=True, help="The epoch that must turn, e.g. 2026-11.")
@click.option("--withdrawal", metavar="ACT", default=None, help="ContentWithdrawn it completes.")
@click.option("--checker", default=None, metavar="OFFICER", help="The key administrator (uuid).")
@click.option("--approver", default=None, metavar="OFFICER", help="The auditor (uuid).")
@click.option("--iat", type=MOMENT, default=None, help="When it is signed; now if left out.")
@identity
def erase(
    client: Client,
    file: IO[bytes],
    checker: str | None,
    approver: str | None,
    iat: datetime | None,
    **said: Any,  # noqa: ANN401  options
) -> None:
    """Sign RecordErased for what FILE names (`socai record entries`); `-` reads standard input.

    The key administrator then signs by `socai act sign --countersign ACT_ID --role CHECKER`, the
    auditor likewise as APPROVER. Nothing goes before all three have signed and the operator has run
    `socai log shred ACT_ID`.
    """
    named = _named(file.read())
    client.login()
    at = iat or signing_time(client)
    facts = {
        "entries": named["entries"],
        "ground": said["ground"],
        "legal_ground": said["legal_ground"],
        "epoch": said["epoch"],
        **{name: named[name] for name in ("attachments", "registered") if named.get(name)},
        **({"withdrawal": act_id(client, said["withdrawal"])} if said["withdrawal"] else {}),
    }
    chosen = {"CHECKER": checker, "APPROVER": approver}
    signers = [
        one_keeper(client, power, role, client.officer if role == "AUTHOR" else chosen[role])
        for role, power in SIGNERS.items()
    ]
    act = registry_act(ERASURE, act_id=new_id(), stream=LEDGER, at=at, facts=facts, signers=signers)
    act["signers"] = [
        {**line, "role": role} for line, role in zip(act["signers"], SIGNERS, strict=True)
    ]
    give_signed(client, act, LEDGER, iat)


@record.command()
@click.argument("acts", metavar="ACT...", nargs=-1, required=True)
@click.option(
    "--ground",
    type=click.Choice(load().types[WITHDRAWING].facts["ground"]["enum"]),
    metavar="GROUND",
    required=True,
    help="PERSONAL_DATA, ENTERED_IN_ERROR, NOT_FOR_THIS_LOG or COURT.",
)
@click.option("--replaced-by", default=None, metavar="ACT", help="The act that replaces it here.")
@click.option("--approver", required=True, metavar="OFFICER", help="Who approves (uuid).")
@click.option("--iat", type=MOMENT, default=None, help="When it is signed; now if left out.")
@identity
def withdraw(
    client: Client,
    acts: Sequence[str],
    ground: str,
    replaced_by: str | None,
    approver: str,
    iat: datetime | None,
) -> None:
    """Sign ContentWithdrawn for acts of one stream; the ground says nothing more.

    What is withdrawn is still there until it is erased: `socai record erase`.
    """
    client.login()
    at = iat or signing_time(client)
    withdrawn = [act_id(client, one) for one in acts]
    bodies = [client.read(f"/v1/acts/{one}").body for one in withdrawn]
    with understood():
        streams = {str(body["stream"]) for body in bodies}
    if len(streams) != 1:
        misuse(
            Message("Nothing was signed: the acts are of several streams; withdraw those of one.")
        )
    stream = streams.pop()
    facts = {
        "withdrawn": withdrawn,
        "ground": ground,
        **({"replaced_by": act_id(client, replaced_by)} if replaced_by else {}),
    }
    me = one_keeper(client, "CONTENT_AUTHORITY", "AUTHOR", client.officer)
    second = one_keeper(client, None, "APPROVER", approver)
    act = registry_act(
        WITHDRAWING, act_id=new_id(), stream=stream, at=at, facts=facts, signers=[me, second]
    )
    give_signed(client, act, stream, iat)


@record.command("commitment")
@click.argument("file", type=click.File("rb", lazy=True))
@click.option("--salt", default=None, metavar="SALT", help="The one that was published, in base64.")
@options
@guarded
def commitment_(file: IO[bytes], salt: str | None) -> None:
    """Commit to the document FILE, for the facts of a stub; `-` reads standard input.

    Prints the commitment and the salt that was drawn for it. The salt stays above, beside the
    document: whoever has it can test what they guess. With --salt it is computed anew, to be
    compared with what a stub says.
    """
    try:
        key = RealEntropy().take(SALT_BYTES) if salt is None else canonical.unb64(salt)
        made = commitment(key, file.read())
    except (KeysError, ValueError):
        misuse(Message("Nothing was computed: a salt is 32 bytes in base64, 43 letters."))
    told = {"commitment": canonical.b64(made), "salt": canonical.b64(key), "salted": True}
    click.echo(dumped(told))


def new_id() -> str:
    """A random id for an act."""
    return str(RealEntropy().uuid())


def give_signed(client: Client, act: Json, stream: str, iat: datetime | None) -> None:
    """Signs an act, shows it on standard error, and prints the statement."""
    made = client.sign(canonical.encode(dict(client.with_seen(act))), stream=stream, iat=iat)
    click.echo(dumped(made.members), err=True)
    act_shown.tell_ahead(shell_of(), str(made.members["act"]))
    click.echo(orjson.dumps(statements.flattened(made)).decode())


def _registered(shown: Json) -> list[dict[str, Any]]:
    """In which register a record stands, as an erasure says it; nothing where in none."""
    envelope = parse_envelope(canonical.unb64(shown["envelope"]))
    act = known_act(statements.parse_compact(envelope.statement).members)
    register = register_of(act, envelope.recorded_at)
    return [] if register is None else [kept(int(shown["index"]), register)]


def _files(shown: Json) -> list[str]:
    """Digests of the files that a record lists; fails where its content is gone."""
    if "envelope" not in shown:
        fail(
            Message("Nothing is left of record {index}: it is erased.", index=shown["index"]),
            "erased",
        )
    envelope = parse_envelope(canonical.unb64(shown["envelope"]))
    members = statements.parse_compact(envelope.statement).members
    return [str(one["digest"]) for one in members.get("attachments", ())]


def _named(data: bytes) -> Json:
    """What a file names, as `socai record entries` prints it."""
    try:
        found = unambiguous_json.read(data)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not found.get("entries"):
        misuse(
            Message("Nothing was signed: FILE is not what `socai record entries` prints."),
        )
    return found


def one_keeper(client: Client, power: str | None, role: str, officer: str | None) -> Keeper:
    """The one officer who signs in a role: the one named, else the only one who may and can."""
    body = client.whole("/v1/officers", "officers")
    with understood():
        fit = [
            Keeper(line["officer"], post["agency"], post["post"], post["capacities"])
            for line in body["officers"]
            for post in line["posts"]
            if post["on_day"]
            and officer in (None, line["officer"])
            and (power is None or _may(power, post["powers"], post["post"]))
        ]
    if not fit and power is not None:
        if officer is None:
            misuse(
                Message(
                    "Nothing was signed: who signs as {role} needs the power {power}, which nobody"
                    " holds today. It is given by an appointment (OfficerAppointed).",
                    role=role, power=power,
                )
            )  # fmt: skip
        misuse(
            Message(
                "Nothing was signed: who signs as {role} needs the power {power}, which officer"
                " {officer} does not hold today. It is given by an appointment (OfficerAppointed).",
                role=role, power=power, officer=officer,
            )
        )  # fmt: skip
    can = signing_officers(client)
    able = [one for one in fit if one.officer in can]
    if fit and not able:
        misuse(
            Message(
                "Nothing was signed: who signs as {role} has no key that is good today, of:"
                " {officers}. A registrar enrols one first (KeyEnrolled).",
                role=role,
                officers=", ".join(sorted({one.officer for one in fit})),
            )
        )
    if len({one.officer for one in able}) != 1:
        misuse(
            Message(
                "Nothing was signed: name the officer who signs as {role}, one of: {officers}.",
                role=role,
                officers=", ".join(sorted({one.officer for one in able})) or "–",
            )
        )
    return able[0]


def _may(power: str, powers: Collection[str], post: str) -> bool:
    """Whether a post signs by a power; the shipped post of the key administrator has none."""
    return power in powers or (power == "KEY_CUSTODIAN" and post == KEY_POST)
