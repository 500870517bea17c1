"""How fast wraps are opened: what whoever took over the API can get in a minute (access.md TH4).

Each reader has a budget, and all of them together ten times as much, so that neither one name nor
many are a way to the whole log at once. Nothing waits here: what is too much is refused.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from ledger.reads.read import ReadBy

SPAN: Final = timedelta(minutes=1)
FOR_ALL: Final = 10
"""How many readers' budgets there are for all."""
_MOST_KNOWN: Final = 1_000


class _Budget(NamedTuple):
    left: float
    at: datetime


class Pace:
    """The budgets of one keeper.

    Args:
        most: Wraps that are opened for one reader in a minute, and at once.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._readers: dict[ReadBy, _Budget] = {}
        self._all: _Budget | None = None

    def take(self, by: ReadBy | None, wraps: int, now: datetime) -> bool:
        """Takes so many for a reader; False, and nothing, if it is too much.

        A process that folds cases, for nobody (None), has what there is for all.

        A question that is larger than a whole budget is answered from a full one.
        """
        every = self._filled(self._all, self._most * FOR_ALL, now)
        if every.left < min(wraps, self._most * FOR_ALL):
            return False
        if by is not None:
            own = self._filled(self._readers.get(by), self._most, now)
            if own.left < min(wraps, self._most):
                return False
            self._readers[by] = own._replace(left=own.left - wraps)
        self._all = every._replace(left=every.left - wraps)
        if len(self._readers) > _MOST_KNOWN:
            self._forget(now)
        return True

    def _filled(self, budget: _Budget | None, most: int, now: datetime) -> _Budget:
        if budget is None:
            return _Budget(most, now)
        passed = max(now - budget.at, timedelta())  # a clock that is set back fills nothing
        return _Budget(min(most, budget.left + most * (passed / SPAN)), max(now, budget.at))

    def _forget(self, now: datetime) -> None:
        """Lets go of readers whose budget is whole again."""
        filled = {by: self._filled(one, self._most, now) for by, one in self._readers.items()}
        self._readers = {by: one for by, one in filled.items() if one.left < self._most}
