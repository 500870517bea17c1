"""The shell completes commands, options and codes: the script, and putting it where it is read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import click
from click.shell_completion import get_completion_class

from api.cli.terminal.error_messages import guarded
from api.cli.terminal.shell import MISUSED, Refusal, misuse, options, shell_of
from api.settings import login_shell
from ledger.message import Message, system_fault

PROGRAM: Final = "socai"
#: Where each shell looks by itself, below the home of whoever is signed in.
PLACES: Final[Mapping[str, str]] = {
    "bash": ".local/share/bash-completion/completions/socai",
    "fish": ".config/fish/completions/socai.fish",
    "zsh": ".zfunc/_socai",
}
_SHELL = click.option(
    "--shell", type=click.Choice([*PLACES]), default=None, help="Yours where it is left out."
)


@click.group()
def completion() -> None:
    """Have the shell complete commands, options and codes: install, show, remove."""


@completion.command()
@_SHELL
@options
@guarded
def install(shell: str | None) -> None:
    """Put the script where the shell finds it; nothing else of yours is written."""
    name = _named(shell)
    path = _place(name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        fresh.write_text(script(name), "utf-8")
        fresh.replace(path)
    except OSError as error:
        text = Message(
            "Nothing was installed: {path} cannot be written ({error}). By hand: socai completion"
            " show --shell {name}",
            path=str(path),
            error=system_fault(error),
            name=name,
        )
        raise Refusal(text, MISUSED, "unwritable") from error
    said = shell_of()
    said.say(Message("Installed: {path}. It holds in shells that begin from now.", path=str(path)))
    if name == "zsh":
        said.say(
            Message(
                "zsh reads it where ~/.zshrc says, before compinit: {line}",
                line="fpath=(~/.zfunc $fpath)",
            )
        )


@completion.command()
@_SHELL
@options
@guarded
def show(shell: str | None) -> None:
    """Print the script."""
    click.echo(script(_named(shell)))


@completion.command()
@_SHELL
@options
@guarded
def remove(shell: str | None) -> None:
    """Take the script away again."""
    path = _place(_named(shell))
    there = path.is_file()
    path.unlink(missing_ok=True)
    gone = Message("Removed: {path}", path=str(path))
    shell_of().say(gone if there else Message("There was none: {path}", path=str(path)))


def script(shell: str) -> str:
    """What makes a shell ask the program."""
    kind = get_completion_class(shell)
    if kind is None:  # click knows each of `PLACES`
        raise LookupError(shell)
    root = click.Group(PROGRAM)
    return kind(root, {}, PROGRAM, f"_{PROGRAM.upper()}_COMPLETE").source()


def _named(shell: str | None) -> str:
    found = shell or login_shell()
    if found not in PLACES:
        misuse(
            Message(
                "Nothing was done: name the shell, one of {shells}: --shell bash",
                shells=", ".join(PLACES),
            )
        )
    return found


def _place(shell: str) -> Path:
    return Path.home() / PLACES[shell]
