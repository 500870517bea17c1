"""`socai play`: scenario files against a ledger, every answer checked."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import click

from api.cli.terminal import seen_tables
from api.cli.terminal.error_messages import guarded
from api.cli.terminal.shell import Shell, fail, in_lines, misuse, options, shell_of
from api.cli.terminal.typed_values import SERVER_URL
from api.client.client import Client
from api.ops.machine import RealClock
from api.rehearsal.enclaves import (
    PlayEnclaves,
    ServedEnclave,
    levels_of,
    name_of,
    player_at,
    venue_of,
)
from api.rehearsal.eyes import seen_by
from api.rehearsal.player import FinalResult, Outcome, Player, ReadResult, StepResult
from api.rehearsal.scenario import Play, PlayRead, file_or_shipped, read_files
from api.settings import Settings
from ledger.message import Message, Text

_SHOWN: Final = Message("shown")
_REFUSED: Final = Message("not shown")
_NOTHING_PLAYED: Final = Message(
    "Not as the file says: no step of it was played, since this enclave is of none of its levels."
    " Play it without --server, or against an enclave of its level."
)
_UNPLAYED: Final = Message(
    "Not as the file says: the step that it is about was not played here. Play it without --server,"
    " or against an enclave of the level of that step."
)


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--server",
    default=None,
    type=SERVER_URL,
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
@click.option(
    "--as-seen-by",
    "eyes",
    default=None,
    metavar="ALIAS",
    help="Show what this one of the cast sees at the end.",
)
@options
@guarded
def play(
    files: tuple[Path, ...],
    server: str | None,
    registrar: Path | None,
    keep: Path | None,
    eyes: str | None,
) -> None:
    """Play scenario and negative FILES, in the order of their dates, and check every answer.

    Keys are made for the cast and enrolled by the registrar; each step is signed here and sent over
    HTTP. Without --server each file gets a fresh rehearsal enclave of each level that it has steps
    of, which is thrown away (--keep DIR: kept, as DIR itself where there is one, else as DIR/<id>,
    DIR/<id>-<level> above ordinary).

    With --as-seen-by that officer signs in when a file has been played: the list of cases follows,
    and of each case of the file what is for them.
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
    _require_cast(plays, eyes)
    outcomes, seen = [], []
    with _players(plays, server, registrar, keep, shell) as players:
        for one, player, venue in players:
            outcome = player.play(one)
            outcome.probe_elsewhere = server is None and one.probe_level not in (
                None,
                outcome.level,
            )
            outcomes.append(outcome)
            if not shell.json:
                show(shell, outcome)
            if eyes is not None and _has_place_for(eyes, outcome):
                seen.append(_looked(shell, player, outcome, venue, eyes))
    ok = all(outcome.ok for outcome in outcomes)
    if shell.json:
        told = [as_json(outcome) for outcome in outcomes]
        shell.give({"ok": ok, "plays": told, **({"seen": seen} if eyes is not None else {})})
    elif len(outcomes) > 1:
        good = sum(outcome.ok for outcome in outcomes)
        shell.say(Message("{good} of {count} as their files say.", good=good, count=len(outcomes)))
    if keep is not None:
        first = plays[0]
        home = keep if len(outcomes) == 1 else keep / name_of(first, levels_of(first)[0])
        shell.say(Message("Kept. Next: SOCAI_HOME={home} socai serve", home=home))
    sys.exit(0 if ok else 1)


@contextmanager
def _players(
    plays: Sequence[Play],
    server: str | None,
    registrar: Path | None,
    keep: Path | None,
    shell: Shell,
) -> Iterator[Iterator[tuple[Play, Player, ServedEnclave]]]:
    if server is not None:
        venue = venue_of(Settings.from_env(), server, registrar)
        with player_at(venue, shell.lang) as player:
            yield ((one, player, venue) for one in plays)
        return
    with (
        closing(PlayEnclaves(keep)) as stages,
        closing(_fresh_players(stages, plays, shell)) as players,  # ended first: it serves there
    ):
        yield players


def _fresh_players(
    stages: PlayEnclaves, plays: Sequence[Play], shell: Shell
) -> Generator[tuple[Play, Player, ServedEnclave], None, None]:
    wanted = [(one, level) for one in plays for level in levels_of(one)]
    for one, level in wanted:
        with (
            stages.fresh(one, level, alone=len(wanted) == 1) as venue,
            player_at(venue, shell.lang) as player,
        ):
            yield one, player, venue


def _require_cast(plays: Sequence[Play], eyes: str | None) -> None:
    """Whoever is to look is known before anything is played."""
    for one in plays:
        if eyes is not None and eyes not in one.cast:
            misuse(
                Message(
                    "Nothing was played: {id} has no {alias} in its cast; there are: {known}.",
                    id=one.id,
                    alias=eyes,
                    known=", ".join(one.cast),
                ),
            )


def _has_place_for(eyes: str, outcome: Outcome) -> bool:
    """Whether somebody is to look: of a play of several levels whoever has a post at this one."""
    if outcome.trouble:
        return False
    return eyes in outcome.threads.officers or len(levels_of(outcome.play)) == 1


def _looked(
    shell: Shell, player: Player, outcome: Outcome, venue: ServedEnclave, eyes: str
) -> Mapping[str, Any]:
    """Shows what one of the cast sees at the end, and gives it for programs."""
    cases = outcome.threads.cases
    try:
        signer = player.signer(outcome, eyes)
    except KeyError:
        fail(
            Message("{alias} was not enrolled: no step that was played names them.", alias=eyes),
            "not_enrolled",
        )
    now, lang = RealClock().now, shell.lang
    with closing(Client(venue.url, signer, log=venue.log, now=now, lang=lang)) as client:
        seen = seen_by(client, cases.values())
    if not shell.json:
        seen_tables.seen(shell, eyes, seen.listed, seen.cases)
    return {
        "id": outcome.play.id,
        "as_seen_by": eyes,
        "cases": list(seen.listed),
        "files": {case: one.file for case, one in seen.cases.items()},
        "acts": {case: list(one.acts) for case, one in seen.cases.items()},
    }


def show(shell: Shell, outcome: Outcome) -> None:
    """The table of one play and what differs."""
    titles = outcome.play.title
    title = f"{outcome.play.id} · {titles.get(shell.lang) or titles.get('en', '')}"
    if len(levels_of(outcome.play)) > 1:
        title = f"{title} · {outcome.level}"
    columns = ("step", "occurred", "act", "author", "status", "state", "result")
    rows = (row for result in outcome.steps for row in (_row(result), *map(_read, result.reads)))
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
    if outcome.unplayed and not outcome.trouble:
        shell.say(_UNPLAYED if outcome.steps else _NOTHING_PLAYED)
    if outcome.ok:
        shell.say(Message("As the file says.\n"))


def as_json(outcome: Outcome) -> dict[str, Any]:
    """One play for programs."""
    return {
        "id": outcome.play.id,
        "level": outcome.level,
        "ok": outcome.ok,
        "steps": [_step_json(result) for result in outcome.steps],
        "skipped": [step.n for step in outcome.skipped],
        "unplayed": outcome.unplayed,
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
        "reads": [_read_json(one) for one in result.reads],
    }


def _read_json(result: ReadResult) -> Mapping[str, Any]:
    read = result.read
    return {
        "by": read.by,
        "at": read.at.isoformat(),
        "case": read.case,
        "step": read.step,
        "under": result.under,
        "via": result.via,
        "refused": result.refused,
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


def _read(result: ReadResult) -> tuple[object, ...]:
    """A read stands under the step after which it was asked."""
    read = result.read
    return (
        "",
        f"{read.at:%d/%m/%Y %H:%M}",
        shell_of().text(_asked(read)),
        read.by,
        shell_of().text(_REFUSED if result.refused else _SHOWN),
        result.refused or result.under or "",
        "✗" if result.wrong else "✓",
    )


def _asked(read: PlayRead) -> Text:
    if read.case is not None:
        return Message("reads case {case}", case=read.case)
    return Message("reads the act of step {step}", step=read.step)


def _final(final: FinalResult) -> Text:
    end = f"{final.state or '–'} · {final.outcome or '–'}"
    told = Message(
        "At the end {alias}: {end} · {statements} statements · {case_id}",
        alias=final.alias,
        end=end,
        statements=final.statements,
        case_id=final.case_id,
    )
    return in_lines(told)


def _differences(outcome: Outcome) -> Iterator[str]:
    if outcome.trouble:
        yield outcome.trouble
    for result in outcome.steps:
        for line in result.wrong:
            yield f"{outcome.play.id} {result.step.n} {result.step.act}: {line}"
        for one in result.reads:
            for line in one.wrong:
                yield f"{outcome.play.id} {result.step.n} {one.read.by}: {line}"
    for final in outcome.finals:
        for line in final.wrong:
            yield f"{outcome.play.id} {final.alias}: {line}"
