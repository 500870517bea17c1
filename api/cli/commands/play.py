"""`socai play`: scenario files against a ledger, every answer checked."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import click

from api.cli.commands.signer_options import ServerUrl
from api.cli.terminal.error_messages import guarded
from api.cli.terminal.shell import Shell, misuse, options, shell_of
from api.rehearsal.enclaves import PlayEnclaves, player_at, venue_of
from api.rehearsal.player import FinalResult, Outcome, Player, StepResult
from api.rehearsal.scenario import Play, file_or_shipped, read_files
from api.settings import Settings
from ledger.message import Message, Text


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--server",
    default=None,
    type=ServerUrl(),
    help="Play against this API; a fresh rehearsal otherwise.",
)
@click.option(
    "--registrar",
    type=click.Path(path_type=Path),
    default=None,
    help="Its key file; the home's if left out.",
)
@click.option(
    "--keep", type=click.Path(path_type=Path), default=None, help="Keep the fresh enclave in DIR."
)
@options
@guarded
def play(
    files: tuple[Path, ...], server: str | None, registrar: Path | None, keep: Path | None
) -> None:
    """Play scenario and negative FILES, in the order of their dates, and check every answer.

    Keys are made for the cast and enrolled by the registrar; each step is signed here and sent over
    HTTP. Without --server each file gets a fresh rehearsal enclave that is thrown away (--keep DIR:
    kept, as DIR itself where there is one file, else as DIR/<id>).
    """
    shell = shell_of()
    if server is not None and keep is not None:
        misuse(
            Message(
                "Nothing was played: --keep makes an enclave, --server takes a running one;"
                " pick one."
            ),
        )
    plays = read_files([file_or_shipped(file) for file in files])
    outcomes = []
    with _players(plays, server, registrar, keep, shell) as players:
        for one, player in players:
            outcome = player.play(one)
            outcomes.append(outcome)
            if not shell.json:
                show(shell, outcome)
    ok = all(outcome.ok for outcome in outcomes)
    if shell.json:
        shell.give({"ok": ok, "plays": [as_json(outcome) for outcome in outcomes]})
    elif len(outcomes) > 1:
        good = sum(outcome.ok for outcome in outcomes)
        shell.say(Message("{good} of {count} as their files say.", good=good, count=len(outcomes)))
    if keep is not None:
        home = keep if len(plays) == 1 else keep / plays[0].id
        shell.say(Message("Kept. Next: SOCAI_HOME={home} socai serve", home=home))
    sys.exit(0 if ok else 1)


@contextmanager
def _players(
    plays: Sequence[Play],
    server: str | None,
    registrar: Path | None,
    keep: Path | None,
    shell: Shell,
) -> Iterator[Iterator[tuple[Play, Player]]]:
    if server is not None:
        venue = venue_of(Settings.from_env(), server, registrar)
        with player_at(venue, shell.lang) as player:
            yield ((one, player) for one in plays)
        return
    with closing(PlayEnclaves(keep)) as stages:
        yield _fresh_players(stages, plays, shell)


def _fresh_players(
    stages: PlayEnclaves, plays: Sequence[Play], shell: Shell
) -> Iterator[tuple[Play, Player]]:
    for one in plays:
        with (
            stages.fresh(one, alone=len(plays) == 1) as venue,
            player_at(venue, shell.lang) as player,
        ):
            yield one, player


def show(shell: Shell, outcome: Outcome) -> None:
    """The table of one play and what differs."""
    titles = outcome.play.title
    title = f"{outcome.play.id} · {titles.get(shell.lang) or titles.get('en', '')}"
    columns = ("step", "occurred", "act", "author", "status", "state", "result")
    rows = (_row(result) for result in outcome.steps)
    shell.table(columns, rows, title, whole=("step", "act", "status", "state", "result"))
    if outcome.skipped:
        numbers = ", ".join(str(step.n) for step in outcome.skipped)
        levels = ", ".join(sorted({step.level for step in outcome.skipped}))
        shell.say(
            Message(
                "Skipped steps {numbers} (level {levels}): this enclave is not of that level.",
                numbers=numbers,
                levels=levels,
            )
        )
    for final in outcome.finals:
        shell.say(_final(final))
    for line in _differences(outcome):
        shell.say(Message("DIFFERS: {line}", line=line))
    if outcome.ok:
        shell.say(Message("As the file says.\n"))


def as_json(outcome: Outcome) -> dict[str, Any]:
    """One play for programs."""
    return {
        "id": outcome.play.id,
        "ok": outcome.ok,
        "steps": [_step_json(result) for result in outcome.steps],
        "skipped": [step.n for step in outcome.skipped],
        "final": [
            {
                "case": final.alias,
                "id": final.case_id,
                "state": final.state,
                "outcome": final.outcome,
                "statements": final.statements,
                "differences": list(final.wrong),
            }
            for final in outcome.finals
        ],
        "differences": list(_differences(outcome)),
    }


def _step_json(result: StepResult) -> Mapping[str, Any]:
    return {
        "step": result.step.n,
        "act": result.step.act,
        "act_id": result.act_id,
        "status": result.status,
        "state": result.state,
        "flags": list(result.flags),
        "refused": result.refused,
        "detail": result.detail,
        "differences": list(result.wrong),
    }


def _row(result: StepResult) -> tuple[object, ...]:
    """Flags and the guard that refused stand under the act's name: both are long words."""
    step = result.step
    signers = [step.author, *(c.by for c in step.countersigners if c.at is not None)]
    named = [step.act, *(f"⚑ {flag}" for flag in result.flags)]
    if result.refused is not None:
        named.append(f"✋ {result.refused}")
    return (
        step.n,
        f"{step.at:%d/%m/%Y %H:%M}",
        "\n".join(named),
        " → ".join(signers),
        result.status,
        result.state,
        "✗" if result.wrong else "✓",
    )


def _final(final: FinalResult) -> Text:
    end = f"{final.state or '–'} · {final.outcome or '–'}"
    return Message(
        "At the end {alias}: {end} · {statements} statements · {case_id}",
        alias=final.alias,
        end=end,
        statements=final.statements,
        case_id=final.case_id,
    )


def _differences(outcome: Outcome) -> Iterator[str]:
    if outcome.trouble:
        yield outcome.trouble
    for result in outcome.steps:
        for line in result.wrong:
            yield f"{outcome.play.id} {result.step.n} {result.step.act}: {line}"
    for final in outcome.finals:
        for line in final.wrong:
            yield f"{outcome.play.id} {final.alias}: {line}"
