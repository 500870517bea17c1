"""Where a file goes that a command brings."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from api.cli.terminal.shell import fail, misuse
from ledger.message import Message

PUBLIC: Final = ".pub"
"""How the file of a public half ends that is written beside its key."""
output_option: Final = click.option(
    "-o",
    "--output",
    "into",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    metavar="FILE",
    help="Where it goes; nothing is written over.",
)


def require_place(into: Path) -> None:
    """A place for a file, where none is yet, nor a link; what cannot be one is known beforehand.

    Raises:
        OSError: It is no name of a file, such as one that is too long.
    """
    if _is_there(into):
        misuse(
            Message("Nothing was read: {into} is there already; choose another name.", into=into),
        )
    if not into.absolute().parent.is_dir():
        fail(
            Message(
                "Nothing was read: there is no folder {parent}.", parent=into.absolute().parent
            ),
        )


def require_private(file: Path) -> None:
    """A name that nobody takes for that of a public half, and hands out."""
    if file.suffix == PUBLIC:
        misuse(
            Message(
                "No key was made: {file} would be taken for a public half, which is given away;"
                " choose a name without {ending}.",
                file=file,
                ending=PUBLIC,
            ),
        )


def _is_there(path: Path) -> bool:
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True
