"""What participation is judged from: one case as it stands, the registry, and an instant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

from ledger.regulation.case.state import Entry, Signed, StreamState
from ledger.regulation.registry.calendar import deadline, local_day
from ledger.regulation.registry.registry import Registry

HandlerOf = Callable[[str], str | None]
"""The agency that handles another case now, by its stream; None where there is no such case."""


def no_other_case(_stream: str, /) -> str | None:
    """A `HandlerOf` that knows no other case."""
    return None


@dataclass(frozen=True)
class Viewpoint:
    """A case looked at from an instant.

    Attributes:
        fold: The case with every statement recorded by then, and none later.
        registry: The registry as the log stood then.
        at: The instant, by the ledger's own time.
        level: Level of the log; above ordinary agencies hold nothing (access.md §1).
        handler_of: Who handles another case.
    """

    fold: StreamState
    registry: Registry
    at: datetime
    level: str = "ordinary"
    handler_of: HandlerOf = no_other_case

    @cached_property
    def day(self) -> date:
        """The day of the instant: posts, agencies and their successors are asked by it."""
        return local_day(self.at)

    def after(self, start: datetime) -> datetime:
        """The end of what runs on for PARTICIPATION_OVERLAP from an instant."""
        rule = self.registry.limit("PARTICIPATION_OVERLAP", local_day(start))
        if not isinstance(rule.value, int):
            return start
        return deadline(start, rule.value, rule.unit, self.registry.calendar)


def taken_at(signed: Signed | None) -> datetime:
    """When the ledger took a statement.

    Raises:
        ValueError: It did not yet.
    """
    if signed is None or signed.recorded_at is None:
        raise ValueError("a statement that is not recorded gives nothing")
    return signed.recorded_at


def effective_at(entry: Entry) -> datetime:
    """When an act took effect in the ledger.

    Raises:
        ValueError: It did not yet.
    """
    return taken_at(entry.effect)
