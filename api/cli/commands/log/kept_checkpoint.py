"""A checkpoint that somebody kept, given to a command as a file, or `-` on standard input.

A wrong file says nothing about the log: it is refused here, before it could count as damage. Not:
whether the log signed it, which whoever holds the keys decides.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from api.cli.terminal.shell import misuse
from api.home import EnclaveFacts
from api.ops.reads.which_log import ACTS, READS
from ledger.errors import VerificationError
from ledger.log.checkpoint import unverified
from ledger.message import Message, system_fault

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class CheckpointFile:
    """A checkpoint and the file that it came in."""

    name: str
    note: bytes


class KeptCheckpoint(click.ParamType[CheckpointFile]):
    """Its bytes, which have the form of a checkpoint."""

    name = "file"

    def convert(
        self,
        value: Any,  # noqa: ANN401  click's signature
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> CheckpointFile:
        """The note in the file that was named."""
        del param, ctx
        path = str(value)
        try:
            with click.open_file(path, "rb") as file:
                note: bytes = file.read()
            unverified(note)
        except OSError as error:
            misuse(
                Message(
                    "Nothing was done: the checkpoint {path} cannot be read ({strerror}).",
                    path=path,
                    strerror=system_fault(error),
                ),
            )
        except VerificationError as error:
            misuse(
                Message(
                    "Nothing was done: {path} is no checkpoint ({detail}).",
                    path=path,
                    detail=error.message,
                ),
            )
        return CheckpointFile(path, note)


def kept_checkpoints(told: str) -> Callable[[F], F]:
    """`--checkpoint FILE`, as often as one likes; the command gets `kept`."""
    return click.option("--checkpoint", "kept", multiple=True, type=KeptCheckpoint(), help=told)


def by_log(
    kept: Sequence[CheckpointFile], facts: EnclaveFacts
) -> tuple[Sequence[bytes], Sequence[bytes]]:
    """Notes of the log of acts, and those of the log of reads.

    Another log's says nothing of either, and is no damage: whoever gives a wrong file is told so.
    """
    for one in kept:
        origin = unverified(one.note).origin
        if origin not in (ACTS.origin(facts), READS.origin(facts)):
            misuse(
                Message(
                    "Nothing was done: {path} is a checkpoint of log {origin}, and this is"
                    " {meant}.",
                    path=one.name,
                    origin=origin,
                    meant=facts.origin,
                ),
            )
    notes = [one.note for one in kept]
    of_reads = [note for note in notes if unverified(note).origin == READS.origin(facts)]
    return [note for note in notes if note not in of_reads], of_reads
