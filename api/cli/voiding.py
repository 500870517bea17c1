"""For the registrar: voids records that are set aside, as an act of two registrars.

What stands in the log is looked up, shown and signed here; it is sent by `socai act submit`, and
the second registrar signs the same bytes by `socai act sign --countersign`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import click
import orjson

from api.bootstrap import RealEntropy
from api.cli.shell import Moment, dumped, fail, misuse
from api.cli.who import identity
from api.client import Client
from keys import canonical
from ledger.log import statement as statements
from ledger.log.moment import unstamp
from ledger.regulation.deadline import VIETNAM
from ledger.regulation.edition import PROCEDURE
from ledger.regulation.registry_lines import KEEPER
from ledger.regulation.shape import fmt_time
from ledger.regulation.stream import VOIDING

Line = Mapping[str, Any]


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
            "Chưa ký: các bản ghi thuộc nhiều dòng; hãy loại từng dòng một.",
            "Nothing was signed: the records are of several streams; void those of one at a time.",
        )
    client.login()
    _require_aside(client, streams, indices)
    at = iat or unstamp(client.log()["now"])
    registrars = _registrars(client)
    me = registrars.get(client.officer or "")
    if me is None:
        fail(
            "Chưa ký: chỉ người giữ sổ đăng ký được loại bản ghi; nêu khóa của người đó bằng"
            " --key.",
            "Nothing was signed: only registrars void a record; name the key of one with --key.",
            "not_a_registrar",
        )
    signers = [me, *_second(registrars, me, approver)]
    payload = canonical.encode(_act(events, signers, reason, at))
    made = client.sign(payload, stream=streams.pop(), iat=at)
    click.echo(dumped(made.members), err=True)
    click.echo(orjson.dumps(statements.flattened(made)).decode())


def _event(client: Client, index: int) -> Line:
    """What the feed says of a record."""
    query = {"after": index - 1, "limit": 1}
    found: list[Line] = []
    if index < client.log()["records"]:
        found = client.answer("GET", "/v1/feed", query=query, accept="*/*").json()
    if not found or found[0]["data"]["index"] != index:
        fail(
            f"Chưa ký: chưa có bản ghi {index}.",
            f"Nothing was signed: there is no record {index} yet.",
            "not_found",
        )
    return found[0]


def _require_aside(client: Client, streams: Collection[str], indices: Collection[int]) -> None:
    """Only what is set aside is voided, and once."""
    heads = [client.json("GET", f"/v1/streams/{stream}/head") for stream in streams]
    left = {index for head in heads for index in head.get("set_aside", ())}
    for index in indices:
        if index not in left:
            fail(
                f"Chưa ký: bản ghi {index} hợp lệ hoặc đã bị loại. Xem danh sách: socai log status",
                f"Nothing was signed: record {index} stands, or is voided already."
                " The list: socai log status",
                "stands",
            )


def _registrars(client: Client) -> dict[str, Line]:
    """Officers who keep the registry today, each with the post in which they do."""
    found: dict[str, Line] = {}
    for officer in client.whole("/v1/officers", "officers")["officers"]:
        posts = [p for p in officer["posts"] if p["on_day"] and KEEPER in p["powers"]]
        if posts and officer["keys"]:
            found[officer["officer"]] = {"officer": officer["officer"], **posts[0]}
    return found


def _second(registrars: Mapping[str, Line], me: Line, approver: str | None) -> Sequence[Line]:
    """Who signs second; nobody while the founder is the only registrar."""
    others = {uuid: line for uuid, line in registrars.items() if uuid != me["officer"]}
    if approver is None and len(others) <= 1:
        return list(others.values())
    named = others.get(approver or "")
    if named is None:
        listed = ", ".join(others)
        misuse(
            f"Chưa ký: nêu người giữ sổ đăng ký thứ hai bằng --approver: {listed}.",
            f"Nothing was signed: name the second registrar with --approver: {listed}.",
        )
    return [named]


def _act(
    events: Sequence[Line], signers: Sequence[Line], reason: str, at: datetime
) -> dict[str, Any]:
    author = signers[0]
    roles = ("AUTHOR", "APPROVER")
    return {
        "v": 1,
        "act": VOIDING,
        "act_id": str(RealEntropy().uuid()),
        "stream": events[0]["subject"],
        "occurred_at": fmt_time(at.astimezone(VIETNAM).replace(microsecond=0)),
        "precision": "second",
        "agency": author["agency"],
        "post": author["post"],
        "capacity": author["capacities"][0],
        "basis": [dict(PROCEDURE)],
        "circulation": "INTERNAL",
        "facts": {
            "entries": [
                {"index": event["data"]["index"], "entry": event["data"]["entry"]}
                for event in events
            ],
            "reason": reason,
        },
        "signers": [
            {"officer": line["officer"], "post": line["post"], "role": role}
            for line, role in zip(signers, roles, strict=False)
        ],
    }
