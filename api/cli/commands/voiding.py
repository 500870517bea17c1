"""For the registrar: voids records that are set aside, as an act of two registrars.

What stands in the log is looked up, shown and signed here; it is sent by `socai act submit`, and
the second registrar signs the same bytes by `socai act sign --countersign`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import click
import orjson

from api.cli.commands.signer_options import identity
from api.cli.terminal.shell import Moment, dumped, fail, misuse
from api.client.client import Client
from api.client.connection import understood
from api.ops.machine import RealClock, RealEntropy
from keys import canonical
from ledger.admission.genesis import REHEARSAL
from ledger.admission.registrar import Keeper, registry_act
from ledger.log import statement as statements
from ledger.log.moment import unstamp
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
@click.option("--iat", type=Moment(), default=None, help="When it is signed; now if left out.")
@identity
def void(
    client: Client,
    indices: tuple[int, ...],
    reason: str,
    approver: str | None,
    iat: datetime | None,
) -> None:
    """Sign RecordVoided for records that are set aside; they stay in the log and move nothing.

    The records must be of one stream. What is signed is shown first, on standard error; the
    statement is printed, to be sent by `socai act submit -`. The second registrar then signs by
    `socai act sign --countersign ACT_ID`.
    """
    events = [_event(client, index) for index in dict.fromkeys(indices)]
    streams = {event["subject"] for event in events}
    if len(streams) > 1:
        misuse(
            Message(
                "Nothing was signed: the records are of several streams; void those of one at a"
                " time."
            ),
        )
    client.login()
    _require_aside(client, streams, indices)
    at = iat or _now(client)
    registrars = _registrars(client)
    me = registrars.pop(client.officer or "", None)
    if me is None:
        fail(
            Message(
                "Nothing was signed: only registrars void a record; name the key of one with --key."
            ),
            "not_a_registrar",
        )
    stream, act_id = streams.pop(), str(RealEntropy().uuid())
    entries = [{"index": one["data"]["index"], "entry": one["data"]["entry"]} for one in events]

    def act(signers: Sequence[Keeper]) -> dict[str, Any]:
        facts = {"entries": entries, "reason": reason}
        return registry_act(
            VOIDING, act_id=act_id, stream=stream, at=at, facts=facts, signers=signers
        )

    signers = [me, *_second(client, act, me, list(registrars.values()), approver)]
    made = client.sign(canonical.encode(act(signers)), stream=stream, iat=at)
    click.echo(dumped(made.members), err=True)
    click.echo(orjson.dumps(statements.flattened(made)).decode())


def _now(client: Client) -> datetime:
    """When it is signed: no server says so, but that of a rehearsal, whose time is its own."""
    if client.origin.startswith(REHEARSAL):
        return unstamp(client.log()["now"])
    return RealClock().now()


def _event(client: Client, index: int) -> Line:
    """What the feed says of a record."""
    query = {"after": index - 1, "limit": 1}
    found: list[Line] = []
    if index < client.log()["records"]:
        answer = client.answer("GET", "/v1/feed", query=query, accept="*/*")
        with understood():
            found = [_line(one) for one in answer.json()]
    if not found or found[0]["data"]["index"] != index:
        fail(
            Message("Nothing was signed: there is no record {index} yet.", index=index),
            "not_found",
        )
    return found[0]


def _line(event: Line) -> Line:
    """What is signed of an event of the feed. Raises: as `understood` takes."""
    data = {name: event["data"][name] for name in ("index", "entry")}
    return {"subject": str(event["subject"]), "data": data}


def _require_aside(client: Client, streams: Collection[str], indices: Collection[int]) -> None:
    """Only what is set aside is voided, and once."""
    heads = [client.json("GET", f"/v1/streams/{stream}/head") for stream in streams]
    left = {index for head in heads for index in head.get("set_aside", ())}
    for index in indices:
        if index not in left:
            fail(
                Message(
                    "Nothing was signed: record {index} stands, or is voided already. The list:"
                    " socai log status",
                    index=index,
                ),
                "stands",
            )


def _registrars(client: Client) -> dict[str, Keeper]:
    """Officers who keep the registry today with a key that is good, and the post they do it in."""
    keys = client.whole("/v1/keys", "keys")["keys"]
    able = {key["officer"] for key in keys if key["status"] == "ACTIVE"}
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
