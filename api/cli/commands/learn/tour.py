"""A guided tour: twelve questions about the demo's cases, each with the command that answers it."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import Any, Final, NamedTuple

import click

from api.cli.commands.signer_options import client_at, origin_of, signer_of
from api.cli.terminal.error_messages import guarded
from api.cli.terminal.shell import Shell, misuse, options, shell_of
from api.client.client import Client
from api.client.connection import understood
from api.home import Home
from api.ops.home_notes import running_url
from api.settings import Settings
from ledger.admission.genesis import REHEARSAL
from ledger.message import Message

WHO: Final = "cv"
"""Of the lead agency: sees both cases of the demo."""
_QUIT: Final = ("q", "quit", "exit")
_NO_DEMO: Final = Message(
    "There is no demo here to be led through: `make demo` makes one, then `make serve`."
)
_DECIDED: Final = ("HandlingDecided", "ResultDetermined", "VerificationConcluded")


class TourCase(NamedTuple):
    """What a command names: a case, and moments in it.

    Attributes:
        number: The case with the longest history.
        decided: TourCase of its decision.
        start: The day on which it began.
        middle: The day on which half of its acts had been recorded.
        end: The day of its newest act.
    """

    number: str
    decided: int
    start: str
    middle: str
    end: str


QUESTIONS: Final[Sequence[tuple[Message, Callable[[TourCase], Sequence[str]]]]] = (
    (
        Message("Who decided this, and on what basis?"),
        lambda at: ("act", "show", f"{at.number}#{at.decided}"),
    ),
    (
        Message("What did the lead agency know on a date?"),
        lambda at: ("case", "as-of", at.number, at.middle),
    ),
    (
        Message("What changed between two dates?"),
        lambda at: ("case", "diff", at.number, at.middle, at.end),
    ),
    (
        Message("Why does a field say what it says?"),
        lambda at: ("case", "why", at.number, "state"),
    ),
    (
        Message("In which cases did a measure come before verification?"),
        lambda _: ("case", "list", "--flag", "MEASURE_BEFORE_VERIFICATION"),
    ),
    (
        Message("Who has signed, and is every signature good?"),
        lambda at: ("case", "verify", at.number),
    ),
    (
        Message("What is overdue, and by which rule?"),
        lambda at: ("case", "times", at.number),
    ),
    (Message("What waits for an officer?"), lambda _: ("worklist",)),
    (
        Message("Which flags still show?"),
        lambda at: ("case", "show", at.number),
    ),
    (
        Message("Who was the lead agency on a date, and what became of it?"),
        lambda at: ("registry", "agencies", "--function", "LEAD", "--as-of", at.start),
    ),
    (
        Message("When was the reporter told?"),
        lambda _: ("acts", "--act", "ReporterInformed"),
    ),
    (Message("What was corrected?"), lambda _: ("acts", "--act", "RecordCorrected")),
)


@click.command()
@click.option(
    "--as", "alias", default=WHO, metavar="ALIAS", show_default=True, help="One of the cast."
)
@options
@guarded
def tour(alias: str) -> None:
    """Twelve questions about the demo's cases: the command for each is shown, then run.

    Enter goes on, q ends. Without a terminal all of them run one after the other.
    """
    shell = shell_of()
    place = _place(Settings.from_env(), alias)
    asked = [(text, (*words(place), "--as", alias)) for text, words in QUESTIONS]
    if shell.json:
        lines = [
            {"question": shell.text(text), "command": ["socai", *words]} for text, words in asked
        ]
        shell.give({"questions": lines})
        return
    waits = sys.stdin.isatty() and sys.stdout.isatty()
    for n, (text, words) in enumerate(asked, 1):
        shell.say(Message("\n── {n} of {all}. {text} ──", n=n, all=len(asked), text=text))
        click.echo(f"$ socai {shlex.join(words)}")
        if waits and not _goes_on(shell):
            return
        _run(words)


def _goes_on(shell: Shell) -> bool:
    """Whether Enter was pressed; an end of what is typed ends it too."""
    click.echo(shell.text(Message("[Enter] runs it, q ends ")), nl=False)
    line = sys.stdin.readline()
    return bool(line) and line.strip().lower() not in _QUIT


def _run(words: Sequence[str]) -> None:
    """A command of the program, as it would be typed; its exit status is its own."""
    root = click.get_current_context().find_root()
    called = ["--lang", shell_of().lang, *words]
    try:
        with root.command.make_context("socai", called) as context:
            root.command.invoke(context)
    except SystemExit:
        return
    except click.exceptions.Exit:
        return
    except click.ClickException as error:
        error.show()


def _place(settings: Settings, alias: str) -> TourCase:
    """The case that the tour leads through. Raises: Refusal: there is no demo here."""
    home = Home(settings)
    if not home.facts_path.exists() or not home.facts().origin.startswith(REHEARSAL):
        misuse(_NO_DEMO)
    url = running_url(settings)
    with closing(client_at(url, signer_of(settings, alias), origin_of(settings))) as client:
        with understood():
            cases = client.whole("/v1/cases", "cases")["cases"]
            numbered = [one for one in cases if one["case_number"]]
        if not numbered:
            misuse(_NO_DEMO)
        with understood():
            return _moments(client, max(numbered, key=lambda one: int(one["seq"])))


def _moments(client: Client, line: Mapping[str, Any]) -> TourCase:
    acts = [act for act in client.case_acts(line["id"])["acts"] if act["statements"]]
    first = [(act["statements"][0]["recorded_at"][:10], act) for act in acts]
    decided = [act for _, act in first if act["act"] in _DECIDED] or [acts[-1]]
    days = sorted(day for day, _ in first)
    return TourCase(
        str(line["case_number"]),
        int(decided[-1]["statements"][0]["seq"]),
        days[0],
        days[len(days) // 2],
        days[-1],
    )
