"""Delegations over time: who lets whom sign, in which capacity, for what and how long.

Given by the holder of a post to an officer of the same agency, in writing and for a term
(15/2012/QH13, article 54; 30/2020/NĐ-CP, article 13). Whether both are still in post is asked of
the officers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, Self

from ledger.regulation.edition import within

_MOST_TOLD: Final = 4_096
CASE: Final = "case/"
"""How the stream of a delegation for one case begins."""


@dataclass(frozen=True, slots=True)
class Delegation:
    """One delegation, first and last day included.

    Attributes:
        act_id: The act that gives it.
        stream: Of that act: a case, which it is for then alone, or the agency.
        agency: Of giver and taker.
        giver: Officer who gives it.
        from_post: For which is signed.
        taker: Officer who signs.
        to_post: In which that officer signs.
        capacity: As which.
        acts: Act types it is for; empty: all that the post signs.
        valid_from: First day.
        valid_to: Last day.
        document: What it rests on.
        index: Record of the act.
        recorded_on: Day of that record; None: not known.
        ended: Record of the act that ended it.
    """

    act_id: str
    stream: str
    agency: str
    giver: str
    from_post: str
    taker: str
    to_post: str
    capacity: str
    acts: frozenset[str]
    valid_from: date
    valid_to: date
    document: str
    index: int
    ended: int | None = None
    recorded_on: date | None = None

    def runs(self, day: date) -> bool:
        """Whether it is its term, and nobody has ended it as the log stands."""
        return self.ended is None and within(self.valid_from, self.valid_to, day)

    def ran(self, day: date, index: int | None) -> bool:
        """Whether it was its term, and nobody had ended it, when a statement was taken.

        Args:
            day: On which was signed.
            index: Of the statement; None: it is not recorded.
        """
        ended = self.ended is not None and (index is None or self.ended <= index)
        return not ended and within(self.valid_from, self.valid_to, day)

    def covers(self, act: str, stream: str) -> bool:
        """Whether it is for acts of this type in this stream."""
        here = self.stream == stream or not self.stream.startswith(CASE)
        return here and (not self.acts or act in self.acts)


class Delegations:
    """Delegations by the act that gives them; lines are frozen, so a copy is cheap."""

    def __init__(self, lines: Mapping[str, Delegation] | None = None) -> None:
        self._lines = dict(lines or {})
        self._taken: dict[str, tuple[Delegation, ...]] = {}
        """What was asked before, until a line is added or ends: each act asks of each signer."""

    def copy(self) -> Self:
        """An independent set of the same lines."""
        return type(self)(self._lines)

    def give(self, line: Delegation) -> None:
        """Adds one."""
        self._taken.clear()
        self._lines[line.act_id] = line

    def end(self, act_id: str, index: int) -> None:
        """From a record on nobody signs by it any more."""
        known = self._lines.get(act_id)
        if known is not None and known.ended is None:
            self._taken.clear()
            self._lines[act_id] = replace(known, ended=index)

    def get(self, act_id: str) -> Delegation | None:
        """The delegation that an act gave."""
        return self._lines.get(act_id)

    def all(self) -> Iterable[Delegation]:
        """Every delegation, in the order they were given."""
        return self._lines.values()

    def given_by(self, officer: str) -> list[Delegation]:
        """What an officer gave, the first one first."""
        return [line for line in self._lines.values() if line.giver == officer]

    def taken_by(self, officer: str) -> tuple[Delegation, ...]:
        """What an officer was given, the last one first."""
        if not self._lines:
            return ()
        try:
            return self._taken[officer]
        except KeyError:
            if len(self._taken) >= _MOST_TOLD:
                self._taken.clear()
        lines = tuple([line for line in reversed(self._lines.values()) if line.taker == officer])
        self._taken[officer] = lines
        return lines
