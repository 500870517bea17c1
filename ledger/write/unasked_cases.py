"""The other cases of a log where nobody may wait for them: in a group that is judged together.

Nearly every act asks of them only whether a token stands elsewhere, and that the append asks again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NoReturn

from ledger.ports import Grounds
from ledger.streams.names import is_case


class AsksOthers(Exception):
    """This act is judged by what lies elsewhere, so it is judged by its own thread."""


class UnaskedCases:
    """Implements `Asking` without asking; one for each judgement.

    Attributes:
        grounds: None: nothing was told.
        presumed: Whether a token was presumed to stand in no other case.
    """

    grounds = Grounds()

    def __init__(self) -> None:
        self.presumed = False

    def token_elsewhere(self, token: str, stream: str) -> bool:
        """Presumed not: the append is told of a case's tokens, and says otherwise (ADR 37).

        Raises:
            AsksOthers: The append is told of no token of this stream.
        """
        if not is_case(stream):
            raise AsksOthers(token, stream)
        self.presumed = True
        return False

    def state(self, stream: str) -> NoReturn:
        """Raises: AsksOthers."""
        raise AsksOthers(stream)

    def record(self, index: int, entry: str) -> NoReturn:
        """Raises: AsksOthers."""
        raise AsksOthers(index, entry)

    def changes_registry(self, index: int) -> NoReturn:
        """Raises: AsksOthers."""
        raise AsksOthers(index)

    def running(self, stream: str, at: datetime) -> NoReturn:
        """Raises: AsksOthers."""
        raise AsksOthers(stream, at)

    def reports(self) -> NoReturn:
        """Raises: AsksOthers."""
        raise AsksOthers

    def signers(self, stream: str) -> NoReturn:
        """Raises: AsksOthers."""
        raise AsksOthers(stream)

    def is_about(self, stream: str, named: Sequence[str]) -> NoReturn:
        """Raises: AsksOthers."""
        raise AsksOthers(stream, named)

    def takes_part(self, stream: str, officer: str, at: datetime, level: str) -> NoReturn:
        """Raises: AsksOthers."""
        raise AsksOthers(stream, officer, at, level)
