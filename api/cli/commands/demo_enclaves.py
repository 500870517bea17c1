"""`socai demo --enclaves`: one case at two levels, on two clusters, and what each shows to whom.

Played, carried and compared by the code that plays, carries and answers everywhere else; nothing
here is staged.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from api.cli.commands import play
from api.cli.commands.mirror import refused_segment
from api.cli.terminal import seen_tables
from api.cli.terminal.shell import Shell, folded, misuse
from api.rehearsal.eyes import SeenCase, seen_by
from api.rehearsal.player import Outcome
from api.rehearsal.scenario import read_file, shipped
from api.rehearsal.two_enclaves import Difference, Side, TwoEnclaves, Went
from api.settings import Settings
from api.texts import case_words
from api.texts.catalogue import in_each, translate
from ledger.message import Message, Text, Wording, plural
from ledger.regulation.acts.catalogue import load

_TERMINAL: Final = 80
_HISTORY: Final = ("#", "occurred", "case", "act", "agency")
_WIDTHS: Final = {"act": 24, "author": 14, "agency": 20}
FILE: Final = "SC7"
BELOW: Final = "C1"
ABOVE: Final = "M1"
LETTER: Final = 4
"""The step below that the classified annex answers."""
GRANTED: Final = "pgd"
#: Who handles the case below, who is granted it above too, who approves above what the case below
#: was asked, and who holds the annex alone.
EYES: Final = ("cv", GRANTED, "ca", "bm")


def show(shell: Shell, settings: Settings, program: str) -> None:
    """Plays it below the home, and shows it. Exits with 1 where something came out otherwise.

    Args:
        shell: Where it is shown.
        settings: Of the home below which the enclaves are made.
        program: How this program is called, for what to type next.
    """
    (one,) = read_file(shipped(FILE))
    two = TwoEnclaves(_folder(settings.home / "enclaves"), one, shell.lang)
    _head(shell, "1", Message("Two enclaves, each with a cluster and keys of its own"))
    shell.note(Message("Both are founded and started; that takes half a minute."))
    two.make()
    with two.served() as (lower, upper):
        granted = _play(shell, two, lower, upper)
        history = _history(shell, upper, granted)
        eyes = _who_sees_what(shell, lower, upper)
        _head(shell, "5", Message("A segment that was damaged on its way"))
        file, refused = two.bring_damaged()
        if not shell.json:
            _say(shell, refused_segment(file, refused))
        found = _without(shell, two, lower)
    ok = lower.outcome.ok and upper.outcome.ok and not found.where and _is_merged(history)
    if shell.json:
        shell.give(
            {
                "ok": ok,
                "plays": [play.as_json(side.outcome) for side in (lower, upper)],
                "history": history,
                "seen": eyes,
                "refused": {"name": file, "kind": refused.kind, "why": str(refused.text)},
                "compared": found.compared, "bytes": found.size, "differences": found.where,
            }
        )  # fmt: skip
    else:
        _next(shell, two, upper, program)
    sys.exit(0 if ok else 1)


def _play(shell: Shell, two: TwoEnclaves, lower: Side, upper: Side) -> int:
    """Both logs, every step, and the grant above that shows the case below: its index."""
    if not shell.json:
        for side in (lower, upper):
            shell.say(Wording(side.facts.origin, side.facts.origin))
    _head(shell, "2", Message("One case: what is secret in it stands above"))
    with _going(shell, Message("steps")) as went:
        two.run(lower, upper, went)
    if not shell.json:
        _played(shell, [lower.outcome, upper.outcome])
    return two.grant(lower, upper, GRANTED, ABOVE, LETTER)


def _folder(wanted: Path) -> Path:
    """Where they are made; what an earlier demo left there stays."""
    number, folder = 1, wanted
    while folder.exists():
        number += 1
        folder = wanted.with_name(f"{wanted.name}.{number}")
    try:
        folder.mkdir(parents=True, mode=0o700)
    except OSError as error:
        misuse(
            Message("Nothing was made: {folder} cannot be ({error}).", folder=folder, error=error)
        )
    return folder


def _history(shell: Shell, upper: Side, granted: int) -> list[dict[str, Any]]:
    """The case above with the one below, as whom it is granted to is shown it."""
    _head(shell, "3", Message("The history above, as {alias} sees it", alias=GRANTED))
    acts: list[dict[str, Any]] = upper.client(GRANTED).case_acts(
        upper.case(ABOVE), at_least=granted
    )["acts"]
    if not shell.json:
        shell.table(_HISTORY, (_line(shell, act) for act in acts), whole=_HISTORY, widths=_WIDTHS)
        _say(
            shell,
            Message(
                "↓ is of the log below: a verified copy, shown by a grant here. Each act above"
                " stands behind what its author had been shown."
            ),
        )
    return acts


def _line(shell: Shell, act: Mapping[str, Any]) -> tuple[object, ...]:
    """One act of the history."""
    mark = act.get("mirrored")
    return (
        f"{'↓' if mark else ''}{act['statements'][0]['index']}",
        case_words.day(act["occurred_at"][:10]),
        act["stream"][5:13],
        shell.local(act, "act"),
        act["agency"],
    )


def _played(shell: Shell, outcomes: Sequence[Outcome]) -> None:
    """Every step of both, in the order of the file, and what differs."""
    steps = sorted(
        ((step, one.level) for one in outcomes for step in one.steps),
        key=lambda both: both[0].step.n,
    )
    rows = (
        (
            step.step.n,
            f"{step.step.at:%d/%m/%Y}",
            level,
            getattr(load().types[step.step.act], shell.lang),
            " → ".join((step.step.author, *(one.by for one in step.step.countersigners))),
            "✗" if step.wrong else "✓",
        )
        for step, level in steps
    )
    columns = ("step", "occurred", "level", "act", "author", "result")
    shell.table(columns, rows, whole=("step", "occurred", "level", "result"), widths=_WIDTHS)
    for one in outcomes:
        for line in play.as_json(one)["differences"]:
            _say(shell, Message("DIFFERS: {line}", line=line))


def _is_merged(acts: Sequence[dict[str, Any]]) -> bool:
    """Whether acts of both logs stand there, some of the lower one before and behind one above."""
    marks = ["mirrored" in one for one in acts]
    return True in marks[: marks.index(False)] and True in marks[marks.index(False) :]


def _who_sees_what(shell: Shell, lower: Side, upper: Side) -> list[dict[str, Any]]:
    """Both cases in the eyes of four people, in each enclave in which they are enrolled."""
    _head(shell, "4", Message("Who sees what, in each of the two"))
    told: list[dict[str, Any]] = []
    rows = []
    for alias in EYES:
        line: dict[str, Any] = {"alias": alias}
        part = upper.outcome.threads.officers[alias].part
        row = [f"{alias}\n{part.post}, {part.agency}"]
        for side, case in ((lower, BELOW), (upper, ABOVE)):
            seen = seen_by(side.client(alias), [side.case(case)])
            one = seen.cases.get(side.case(case), SeenCase(None, ()))
            own, copies = _counted(one)
            line[side.desk.level] = {"acts": own, "mirrored": copies}
            row.append(shell.text(_seen(one)))
        told.append(line)
        rows.append(tuple(row))
    if not shell.json:
        columns = ("participant", lower.desk.level, upper.desk.level)
        shell.table(columns, rows, widths=dict.fromkeys(columns, 24))
    return told


def _counted(one: SeenCase) -> tuple[int, int]:
    copies = sum("mirrored" in act for act in one.acts)
    return len(one.acts) - copies, copies


def _seen(one: SeenCase) -> Text:
    """How much of a case that is, in words."""
    own, copies = _counted(one)
    shown = seen_tables.part(one.file, one.acts[:own])
    if not copies:
        return shown
    return Message("{shown}, and {copies} of the case below", shown=shown, copies=copies)


def _say(shell: Shell, text: Text) -> None:
    """A sentence, in lines of 80 characters."""
    shell.say(in_each(lambda lang: folded(translate(text, lang), _TERMINAL)))


def _without(shell: Shell, two: TwoEnclaves, lower: Side) -> Difference:
    """Compares the ordinary enclave with one that nobody is above of."""
    _head(shell, "6", Message("The ordinary enclave, with and without the one above"))
    shell.note(Message("A copy of it, as it was founded, is sent the same statements."))
    with _going(shell, Message("statements")) as went:
        found = two.without(lower, went)
    if shell.json:
        return found
    shell.say(
        plural(
            "{n} answer and segment, {size} bytes, compared.",
            "{n} answers and segments, {size} bytes, compared.",
            n=found.compared,
            size=found.size,
        )
    )
    equal = Message(
        "Equal to the byte. Left out is what each log draws at random: entries and proofs, and"
        " what segments are sealed with."
    )
    differs = Message("DIFFERS: {line}", line=", ".join(found.where))
    _say(shell, differs if found.where else equal)
    return found


def _next(shell: Shell, two: TwoEnclaves, upper: Side, program: str) -> None:
    _head(shell, "7", Message("What to type next"))
    case, socai = upper.case(ABOVE), f"SOCAI_HOME={two.upper.home} {program}"
    lines = (
        (f"{socai} serve", Message("serve the one above")),
        (
            f"{socai} case history {case} --as {GRANTED}",
            Message("the history again, while it is served"),
        ),
        (f"{socai} mirror status", Message("what was taken in")),
    )
    for command, what in lines:
        shell.say(Message("  # {what}", what=what))
        shell.say(Wording(f"  {command}", f"  {command}"))


@contextmanager
def _going(shell: Shell, what: Message) -> Iterator[Went]:
    """A bar on standard error, gone when the work is done."""
    with shell.progress(transient=True) as bar:
        task = bar.add_task(shell.text(what), total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _head(shell: Shell, number: str, what: Message) -> None:
    if not shell.json:
        shell.say(Message("\n── {number}. {what} ──", number=number, what=what))
