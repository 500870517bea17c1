"""What a flag asks of the rest of the log: the reports of article 9 that are known by then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ledger.regulation.case.other_cases_port import CountedReport


@dataclass(slots=True)
class Reports:
    """`Cases` for flags: of the rest of the log a flag asks for the reports of article 9 only."""

    known: list[CountedReport] = field(default_factory=list)

    def state(self, stream: str) -> str | None:
        """Not asked by a flag."""
        raise NotImplementedError(stream)

    def token_elsewhere(self, token: str, stream: str) -> bool:
        """Not asked by a flag."""
        raise NotImplementedError(token, stream)

    def record(self, index: int, entry: str) -> str | None:
        """Not asked by a flag."""
        raise NotImplementedError(index, entry)

    def changes_registry(self, index: int) -> bool:
        """Not asked by a flag."""
        raise NotImplementedError(index)

    def running(self, stream: str, at: datetime) -> Sequence[str]:
        """Not asked by a flag."""
        raise NotImplementedError(stream, at)

    def signers(self, stream: str) -> Sequence[str]:
        """Not asked by a flag."""
        raise NotImplementedError(stream)

    def is_about(self, stream: str, named: Sequence[str]) -> bool:
        """Not asked by a flag."""
        raise NotImplementedError(stream, named)

    def takes_part(self, stream: str, officer: str, at: datetime, level: str) -> bool:
        """Not asked by a flag."""
        raise NotImplementedError(stream, officer, at, level)

    def reports(self) -> Sequence[CountedReport]:
        """Reports effective so far."""
        return self.known
