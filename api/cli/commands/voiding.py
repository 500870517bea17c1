"""For the registrar: voids records that are set aside, as an act of two registrars.

What stands in the log is looked up, shown and signed here; it is sent by `socai act submit`, and
the second registrar signs the same bytes by `socai act sign --countersign`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import click
import orjson

from api.cli.commands.signer_options import identity, signing_time
from api.cli.terminal.shell import dumped, fail, misuse
from api.cli.terminal.typed_values import MOMENT
from api.client.client import Client
from api.client.connection import Refused, understood
from api.client.draft_sources import signing_officers
from api.ops.machine import RealEntropy
from keys import canonical
from ledger.admission.registrar import Keeper, registry_act
from ledger.log import statement as statements
from ledger.message import Message
from ledger.regulation.case.state import VOIDING
from ledger.regulation.registry.lines import KEEPER

Line = Mapping[str, Any]
Made = Callable[[Sequence[Keeper]], dict[str, Any]]


@click.command("void")
@click.argument("indices", metavar="INDEX...", nargs=-1, required=True, type=click.IntRange(1))
@click.option("--reason", required=True, help="Why; everybody who sees the stream reads it.")
@click.option(
    "--approver",
    default=None,
    metavar="OFFICER",
    help="The second registrar (uuid); the only other one if left out.",
)
@click.option("--iat", type=MOMENT, default=None, help="When it is signed; now if left out.")
@identity
def void(
    client: Client,
    indices: tuple[int, ...],
    reason: str,
    approver: str | None,
    iat: datetime | None,
) -> None:
    """Sign RecordVoided for records that are set aside; they stay in the log and move nothing.

    The records must be of one stream; its name is told to registrars alone, also where they do not
    see the case. What is signed is shown first, on standard error; the statement is printed, to be
    sent by `socai act submit -`. The second registrar then signs by `socai act sign --countersign
    ACT_ID`.
    """
    named = list(dict.fromkeys(indices))
    entries = [{"index": index, "entry": _entry(client, index)} for index in named]
    client.login()
    at = iat or signing_time(client)
    registrars = _registrars(client)
    me = registrars.pop(client.officer or "", None)
    if me is None:
        fail(
            Message(
                "Nothing was signed: only registrars void a record; name the key of one with --key."
            ),
            "not_a_registrar",
        )
    act_id = str(RealEntropy().uuid())

    def act(stream: str, entries: Sequence[Line], signers: Sequence[Keeper]) -> dict[str, Any]:
        facts = {"entries": entries, "reason": reason}
        return registry_act(
            VOIDING, act_id=act_id, stream=stream, at=at, facts=facts, signers=signers
        )

    streams = {
        _stream(client, act("", [entry], [me]), index)
        for index, entry in zip(named, entries, strict=True)
    }
    if len(streams) > 1:
        misuse(
            Message(
                "Nothing was signed: the records are of several streams; void those of one at a"
                " time."
            ),
        )
    made = partial(act, streams.pop(), entries)
    signers = [me, *_second(client, made, me, list(registrars.values()), approver)]
    members = made(signers)
    signed = client.sign(canonical.encode(members), stream=members["stream"], iat=at)
    click.echo(dumped(signed.members), err=True)
    click.echo(orjson.dumps(statements.flattened(signed)).decode())


def _entry(client: Client, index: int) -> str:
    """The entry of a record in b64, as the tiles have it for anybody."""
    found = client.entry(index)
    if found is None:
        late = Message(
            "Nothing was signed: no checkpoint covers record {index} yet. Run this again in a"
            " moment; if it stays so: socai health --role checkpointer",
            index=index,
        )
        none = Message("Nothing was signed: there is no record {index} yet.", index=index)
        fail(late if index < client.log()["records"] else none, "not_found")
    return canonical.b64(found)


def _stream(client: Client, act: Line, index: int) -> str:
    """The stream of a record that is set aside: told to registrars, also of a hidden case (W2)."""
    unplaced = {name: value for name, value in act.items() if name != "stream"}
    try:
        prepared = client.prepare(unplaced)
    except Refused as refused:
        if refused.code != "not_found":
            raise
        fail(
            Message(
                "Nothing was signed: record {index} stands, or is voided already. The list:"
                " socai log status",
                index=index,
            ),
            "stands",
        )
    with understood():
        return str(prepared["shown"]["stream"])


def _registrars(client: Client) -> dict[str, Keeper]:
    """Officers who keep the registry today with a key that is good, and the post they do it in."""
    able = signing_officers(client)
    found: dict[str, Keeper] = {}
    for line in client.whole("/v1/officers", "officers")["officers"]:
        posts = [p for p in line["posts"] if p["on_day"] and KEEPER in p["powers"]]
        if posts and line["officer"] in able:
            held = posts[0]
            found[line["officer"]] = Keeper(
                line["officer"], held["agency"], held["post"], held["capacities"]
            )
    return found


def _second(
    client: Client, made: Made, me: Keeper, others: Sequence[Keeper], named: str | None
) -> Sequence[Keeper]:
    """Who signs second; nobody while the founder is the only registrar.

    No list says whether two officers are one person: the ledger is asked of each pair.
    """
    fit = [one for one in others if _two_persons(client, made([me, one]))]
    chosen = [one for one in fit if named in (None, one.officer)]
    if len(chosen) > 1 or (named is not None and not chosen):
        listed = ", ".join(one.officer for one in fit) or "–"
        misuse(
            Message(
                "Nothing was signed: name the second registrar with --approver: {registrars}.",
                registrars=listed,
            ),
        )
    return chosen


def _two_persons(client: Client, act: Line) -> bool:
    return client.check(act).get("guard") != "DISTINCT_SIGNERS"
