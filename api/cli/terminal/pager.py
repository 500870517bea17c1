"""A long answer on a terminal goes through a pager; anything else goes where it always went.

Never where standard output is no terminal, for JSON, with `--no-pager` or `NO_PAGER`. The pager is
that of `PAGER`, else the system's. Not: which commands answer at length.
"""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import click

_MARGIN: Final = 2
"""Lines that the shell's own prompt takes."""


class _Held(io.StringIO):
    """What is told, held until it is known how long it is; a terminal to whoever writes."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        """As the terminal that it stands for."""
        return True


@contextmanager
def paged(*, wanted: bool) -> Iterator[None]:
    """Holds what is told meanwhile, and shows it at once or page by page, also before an error.

    Args:
        wanted: Whether a pager may be used at all.
    """
    out = sys.stdout
    if not (wanted and out is not None and out.isatty() and sys.stdin is not None):
        yield
        return
    held = _Held()
    sys.stdout = held
    try:
        yield
    finally:
        sys.stdout = out
        _show(held.getvalue())


def _show(text: str) -> None:
    high = shutil.get_terminal_size().lines - _MARGIN
    if text.count("\n") > max(high, 1):
        click.echo_via_pager(text)  # with colours where the pager shows them, else without
    else:
        click.echo(text, nl=False, color=True)
