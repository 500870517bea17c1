"""Lines of the registry, as a table or as the API says them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import click

from api.cli.commands.signer_options import identity
from api.cli.terminal import addresses
from api.cli.terminal.shell import Shell, shell_of
from api.cli.terminal.typed_values import AS_OF_TEXT
from api.client.client import Client
from api.client.connection import understood
from api.texts import case_words
from api.texts.labels import function, word
from ledger.message import Message, plural


@click.command()
@click.argument(
    "what", type=click.Choice(["agencies", "officers", "keys", "instruments", "openings"])
)
@click.option("--as-of", type=AS_OF_TEXT, default=None, help="As it stood then.")
@click.option("--function", default=None, help="Agencies that hold this function, e.g. LEAD.")
@click.option("--officer", default=None, help="One officer's line or keys.")
@click.option(
    "--rule",
    type=click.Choice(["A7", "A9", "A19"]),
    default=None,
    help="Openings by a grant, by an inspection order, or in an emergency.",
)
@click.option(
    "--running",
    type=click.Choice(["true", "false"]),
    default=None,
    help="Openings that run, or not.",
)
@click.option("--all", "every", is_flag=True, help="Also agencies that do not exist at the moment.")
@identity
def registry(client: Client, what: str, *, every: bool, **asked: str | None) -> None:
    """Agencies, officers, keys, instruments or who was let in, now or as of a moment."""
    shell = shell_of()
    query = {name: value for name, value in asked.items() if value is not None}
    if asked["officer"] is not None:
        query["officer"] = addresses.officer(client, asked["officer"])
    body = client.whole(f"/v1/{what}", what, query=query)
    if shell.json:
        shell.give(body)
        return
    lines = body[what]
    shown = [line for line in lines if every or line.get("exists", True)]
    columns, whole, row = _REGISTRY[what]
    with understood():
        rows = [row(shell, line) for line in shown]
    shell.table(columns, rows, whole=whole)
    if not lines:
        shell.say(Message("The registry has none such."))
    if months := body.get("by_month"):
        shell.say(Message("Emergency openings by month:"))
        columns = ("month", "opened", "reviewed_in_time", "reviewed_late", "not_reviewed")
        shell.table(columns, ([line[one] for one in columns] for line in months))
    if len(shown) < len(lines):
        gone = len(lines) - len(shown)
        shell.say(
            plural(
                "{n} agency that does not exist at that moment is left out; --all shows it.",
                "{n} agencies that do not exist at that moment are left out; --all shows them.",
                n=gone,
            )
        )


def _agency(shell: Shell, line: Mapping[str, Any]) -> tuple[object, ...]:
    functions = "; ".join(function(one, shell.lang) for one in line.get("functions") or ())
    return line["agency"], line.get("label") or line.get("name"), functions


def _officer(shell: Shell, line: Mapping[str, Any]) -> tuple[object, ...]:
    gone = shell.text(Message(" (not held that day)"))
    posts = [
        f"{post['post_vi']}, {post['agency_name']}{'' if post['on_day'] else gone}"
        for post in line.get("posts", ())
    ]
    return line["officer"], "\n".join(posts), "\n".join(kid[:10] for kid in line.get("keys", ()))


def _key(shell: Shell, line: Mapping[str, Any]) -> tuple[object, ...]:
    return (
        line["kid"],
        str(line.get("officer") or "–")[:8],
        word(str(line.get("custody")), shell.lang),
        word(str(line.get("status")), shell.lang),
        case_words.day(line.get("valid_to")),
        line.get("enrolled_index"),
    )


def _instrument(_: Shell, line: Mapping[str, Any]) -> tuple[object, ...]:
    first, last = (
        case_words.day(line.get("in_force_from")),
        case_words.day(line.get("in_force_to")),
    )
    return line["instrument"], line.get("title"), first, last


def _opening(shell: Shell, line: Mapping[str, Any]) -> Sequence[object]:
    """Who was let in where; the act says why."""
    named = [case.removeprefix("case/") for case in line["cases"]] or line["agencies"]
    named = named or [line["stream"].removeprefix("agency/")]
    running = Message("runs") if line["running"] else Message("has ended")
    status = [shell.text(running)]
    if line["review"] is not None:
        status.append(shell.text(_REVIEWS[line["review"]]))
    until = case_words.when(line["revoked_at"] or line["until"])
    what = "\n".join(named)
    act = f"{line['rule']} {shell.local(line, 'act')}"
    return act, str(line["officer"])[:8], what, until, ", ".join(status), line["act_id"]


_IDS: Final = ("act_id", "officer")
_REVIEWS: Final[Mapping[str, Message]] = {
    "REVIEWED": Message("reviewed"),
    "DUE": Message("to be reviewed"),
    "OVERDUE": Message("review overdue"),
}
_REGISTRY: Final = {
    "agencies": (("agency", "name", "functions"), ("agency",), _agency),
    "officers": (("officer", "post", "kid"), ("officer", "kid"), _officer),
    "keys": (("kid", "officer", "custody", "status", "to", "index"), ("kid", "officer"), _key),
    "instruments": (("number", "name", "from", "to"), ("number", "from", "to"), _instrument),
    "openings": (("rule", "officer", "what", "until", "status", "act_id"), _IDS, _opening),
}
