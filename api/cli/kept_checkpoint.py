"""A checkpoint that somebody kept, given to a command as a file.

A wrong file says nothing about the log: it is refused here, before it could count as damage. Not:
whether the log signed it, which whoever holds the keys decides.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from api.cli.shell import misuse
from ledger.errors import VerificationError
from ledger.log.checkpoint import unverified

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


class KeptCheckpoint(click.ParamType[bytes]):
    """Its bytes, which have the form of a checkpoint."""

    name = "file"

    def convert(
        self,
        value: Any,  # noqa: ANN401  click's signature
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> bytes:
        """The note in the file that was named."""
        path = Path(_FILE.convert(value, param, ctx))
        try:
            note = path.read_bytes()
            unverified(note)
        except OSError as error:
            misuse(
                f"Chưa làm gì: không đọc được {path} ({error.strerror}).",
                f"Nothing was done: {path} cannot be read ({error.strerror}).",
            )
        except VerificationError as error:
            misuse(
                f"Chưa làm gì: {path} không phải điểm kiểm tra ({error.message}).",
                f"Nothing was done: {path} is no checkpoint ({error.message}).",
            )
        return note
