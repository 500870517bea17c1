"""`socai stats`: figures of a period."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import click

from api.cli.commands.signer_options import identity
from api.cli.terminal import addresses
from api.cli.terminal.shell import Shell, shell_of
from api.cli.terminal.typed_values import DAY_TEXT
from api.client.client import Client
from api.client.connection import understood
from api.texts import case_words
from ledger.message import Message, Wording
from projections.views.statistics.hidden_cells import HIDDEN, HIDDEN_MEANS

_COUNTED: Final[Mapping[str, Message]] = {
    "seen": Message("Figures of the cases you see."),
    "province": Message("Figures of all cases of the province."),
}


@click.command()
@click.option(
    "--from", "from_", default=None, type=DAY_TEXT, metavar="DAY", help="First day of the period."
)
@click.option("--to", default=None, type=DAY_TEXT, metavar="DAY", help="Last day of the period.")
@click.option("--agency", default=None, help="Only of this agency.")
@click.option(
    "--province", is_flag=True, help="Of all cases, over a calendar year; for whoever oversees."
)
@identity
def stats(
    client: Client, from_: str | None, to: str | None, agency: str | None, *, province: bool
) -> None:
    """Figures of a period and the oversight indicators, of the cases you see.

    Each can be counted again: socai case list --figure CODE lists the cases behind it. Of all cases
    (--province) cells too small to tell are left out.
    """
    shell = shell_of()
    of = "province" if province else None
    named = None if agency is None else addresses.agency(client, agency)
    query = {"from": from_, "to": to, "agency": named, "of": of}
    body = client.read("/v1/statistics", query=query).body
    if shell.json:
        shell.give(body)
        return
    with understood():
        counted = _COUNTED[body["of"]]
    first, last = case_words.day(body["from"]), case_words.day(body["to"])
    shell.say(
        Message(
            "{first} to {last} · cases: {cell}",
            first=first,
            last=last,
            cell=_cell(shell, body["total"]),
        )
    )
    shell.say(counted)
    shell.say(Message("Up to record {index} of the log.", index=body["index"]))
    if body["of"] == "seen":
        shell.say(Message("The cases behind a figure (CASES_IN: those that came in):"))
        asked = (
            f"  socai case list --figure CODE --counted-from {body['from']}"
            f" --counted-to {body['to']}"
        )
        shell.say(Wording(asked, asked))
    else:
        shell.say(Message("“{hidden}”: {means}.", hidden=HIDDEN, means=HIDDEN_MEANS))
    shell.table(
        ("what", "count", "cases"),
        (
            (
                f"{shell.local(f)}\n{shell.local(f, 'means')} ({f['code']})",
                _cell(shell, f["count"]),
                _cell(shell, f["cases"]),
            )
            for f in body["figures"]
        ),
        whole=("count", "cases"),
    )
    every = {"overturned_by_basis": body["overturned_by_basis"], **body["volumes"]}
    for kind, cells in every.items():
        shell.table(
            (kind, "count"),
            ((shell.local(c) or c["key"], _cell(shell, c["count"])) for c in cells),
        )
    medians = body["median_days"].items()
    shell.table(
        ("median_days", "days"), ((case_words.valued(shell, "outcome", o), n) for o, n in medians)
    )
    if province:
        shell.table(
            ("access_by_month", "month", "count"),
            (
                (shell.local(one), *month)
                for one in body["access_by_month"]
                for month in _months(shell, one["months"])
            ),
            whole=("month", "count"),
        )


def _months(shell: Shell, months: Sequence[Mapping[str, Any]] | None) -> Iterable[Sequence[str]]:
    """Month and figure; of what is not counted, as its name says, neither."""
    if months is None:
        return [("", "")]
    return [(shell.local(cell), _cell(shell, cell["count"])) for cell in months]


def _cell(shell: Shell, count: object) -> str:
    return shell.text(HIDDEN) if count is None else str(count)
