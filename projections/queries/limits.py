"""How much one question may cost whoever answers it; a case may have any number of statements."""

from __future__ import annotations

from typing import Final

from ledger.errors import Rejected
from ledger.message import Message

RENDERED: Final = 400_000
"""Statements in all the files that a difference or a history walks through: about two seconds."""
JUDGED: Final = 10_000
"""Statements that are opened and judged for several cases at once: about two seconds."""
PRINTED: Final = 4_000
"""Statements of a case that is printed whole: some thousand sheets."""

WAITED: Final = 20
"""Cases of a worklist in which it is asked whether whoever signs next is shut out."""
DISPUTED: Final = 100
"""Cases with disputed signatures in a worklist, by agency: whoever revokes may touch all."""


class TooMuch(Rejected):
    """The question is too large to be answered at once; a smaller one is not."""

    def __init__(self) -> None:
        super().__init__(
            "too_much_asked",
            Message("This question goes through too many statements."),
        )


def within(statements: int, most: int) -> None:
    """Raises: TooMuch."""
    if statements > most:
        raise TooMuch
