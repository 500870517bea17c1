"""Copies handed out by a permit, each with a number of its own (access.md A23).

The log of reads is the register: the n-th row of a permit's own chain says that its n-th number has
been given. So nobody has to keep count beside it, two who ask at once cannot get one number, and a
number once given is not given again, were the answer lost. Whether a permit stands is not decided
here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final
from uuid import UUID

from keys import read_tags
from ledger.errors import Rejected
from ledger.message import Message
from ledger.reads.noted_rows import NotedCopy, NotedRows
from ledger.reads.read import NotedRead, ReadLog, ReadNotLogged
from ledger.streams.names import stream_id

MOST_COPIES: Final = 500
"""Of one permit."""
_ATTEMPTS: Final = 8


class Copies:
    """The copies of one enclave.

    Args:
        rows: The log of reads as it is told.
        log: Where a copy is noted.
        key: Of tags (`keys.read_tags.key_of`).
        origin: Origin of the log of reads.
    """

    def __init__(self, rows: NotedRows, log: ReadLog, key: bytes, origin: str) -> None:
        self._rows = rows
        self._log = log
        self._key = key
        self._origin = origin

    def taken(self, permit: str) -> list[NotedCopy]:
        """What was handed out by a permit, the first copy first.

        Args:
            permit: Its `act_id`.
        """
        return self._newest(permit, MOST_COPIES)[::-1]

    def take(self, permit: str, numbers: Sequence[str], read: Callable[[str], NotedRead]) -> str:
        """Gives the next number of a permit; it is DURABLE, with its row, on return.

        Args:
            permit: Its `act_id`.
            numbers: Of its copies, in order.
            read: What is noted of the copy of a number.

        Raises:
            Rejected: `permit_over`: every number is given.
            ReadNotLogged: Nothing may leave.
        """
        for _ in range(_ATTEMPTS):
            last = next(iter(self._newest(permit, 1)), None)
            given, digest = (0, None) if last is None else (last.seq, last.digest)
            if given and digest is None:
                raise ReadNotLogged  # what it should follow cannot be read
            if given >= len(numbers):
                raise Rejected(
                    "permit_over",
                    Message("Every copy of this permit has been handed out."),
                )
            number = numbers[given]
            if self._log.note_at(read(number), self._chain(permit), given + 1, digest):
                return number
        raise ReadNotLogged

    def _chain(self, permit: str) -> UUID:
        return read_tags.chain(self._key, permit)

    def _newest(self, permit: str, limit: int) -> list[NotedCopy]:
        tags = [read_tags.tag(self._key, "copy", permit)]
        own = stream_id(self._origin, f"reads/{self._chain(permit)}")
        return [one for one in self._rows.of_permit(tags, limit) if one.chain == own]
