"""`socai worklist`: what waits for the caller."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import click

from api.cli.commands.signer_options import identity
from api.cli.terminal import case_tables
from api.cli.terminal.shell import Shell, in_lines, shell_of
from api.client.client import Client
from api.client.connection import Refused
from api.texts import case_words
from api.texts.labels import PARTS_OF_WORK, word
from ledger.message import Message, Wording
from projections.views.statistics.indicators import NO_FINDING

_TASKS: Final = ("kind", "number", "act", "due", "status", "clock", "source")
TASKS_OF_ALL: Final = ("kind", "number", "act", "due", "clock", "officer")
"""Where it is said whose each is: the status is below the date, and the source below the clock."""
TASK_WIDTHS: Final = {
    "kind": 10, "due": 10, "status": 12, "act": 18, "clock": 14, "source": 15,
}  # fmt: skip
_MEASURES: Final = 20
_HOLDING: Final = "HOLDING"
_DISPUTED: Final = "DISPUTED"


@click.command()
@click.option("--team", is_flag=True, help="The whole agency's, for its supervisors.")
@identity
def worklist(client: Client, *, team: bool) -> None:
    """What waits for the caller: to sign, due, overdue, with the clock and its source."""
    shell = shell_of()
    body = client.read("/v1/worklist", query={"team": "true"} if team else None).body
    if shell.json:
        shell.give(body)
        return
    if others := body["other_keys"]:
        shell.say(
            Message(
                "Other keys sign in your name: {kids}. Where one is not yours, have it revoked"
                " (KeyRevoked), and see what it signed: socai keys affected KID.",
                kids=", ".join(others),
            )
        )
    if team and not body["team"]:
        shell.say(
            Message("You hold no post that supervises an agency; this is what waits for you.")
        )
    team = bool(body["team"])
    rows = [(part, line) for part in PARTS_OF_WORK for line in body.get(part, ())]
    columns = TASKS_OF_ALL if team else _TASKS
    tasks = (task_row(shell, part, line, team=team) for part, line in rows)
    shell.table(columns, tasks, whole=("number", "officer"), widths=TASK_WIDTHS)
    if not rows:
        shell.say(
            Message("Nothing waits for your agency.")
            if team
            else Message("Nothing waits for you; supervisors see the whole agency: --team.")
        )
    for _, line in rows:
        if line["in_vain"] is not None:
            _waits_in_vain(shell, line)
    if team:
        _measures(client, shell)


def _waits_in_vain(shell: Shell, line: Mapping[str, Any]) -> None:
    """Below the table, where a sentence has room: what nobody can sign as it stands, and why."""
    why = shell.text(case_words.IN_VAIN[line["in_vain"]])
    told = f"{_number(line)}, {line[f'act_{shell.lang}']}: {why}"
    shell.say(in_lines(Wording(told, told)))


def _number(line: Mapping[str, Any]) -> str:
    return str(line["case_number"] or line["register_no"] or line["stream"].rpartition("/")[2][:8])


def _measures(client: Client, shell: Shell) -> None:
    """Measures that hold and have no finding, which no clock may ask about; the newest of them."""
    query = {"figure": NO_FINDING.code, "limit": _MEASURES}
    try:
        body = client.read("/v1/acts", query=query).body
    except Refused as refused:
        if refused.code != "ordinary_only":
            raise
        return
    if body["acts"]:
        shell.say(NO_FINDING.title)
        case_tables.act_lines(shell, body["acts"], rows=False)
        told = f"  socai acts --figure {NO_FINDING.code}"
        shell.say(Wording(told, told))


def task_row(shell: Shell, part: str, line: Mapping[str, Any], *, team: bool) -> tuple[object, ...]:
    """A line of work as a row of the table of whoever asks, or of a whole agency."""
    at = line.get("due_at")
    due = case_words.when(at)
    status = None if at is None and line.get("code") is None else word(line["status"], shell.lang)
    what = (
        word(part, shell.lang),
        _number(line),
        "\n".join(filter(None, (line.get(f"act_{shell.lang}"), line["title"]))),
    )
    why = (_move(shell, line), case_words.source(shell, line))
    if not team:
        return (*what, due, status, *why)
    below = ("\n".join(filter(None, both)) for both in ((due, status), why))
    return (*what, *below, str(line.get("officer") or "–")[:8])


def _move(shell: Shell, line: Mapping[str, Any]) -> str | None:
    """The clock, and of what others are asked whom; of what is to be signed in which post."""
    if line["kind"] == _HOLDING:
        return shell.text(Message("end of what is named to you"))
    if line["kind"] == _DISPUTED:
        return shell.text(Message("signed with a revoked key"))
    if line["waits_for"] is not None:
        return f"{shell.local(line, 'clock')}\n→{line['waits_for_label'] or line['waits_for']}"
    told: str | None = shell.local(line, "clock") or line["post_vi"]
    return told
