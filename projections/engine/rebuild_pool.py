"""A long generation is built by several processes, each folding its parts of the log in turn.

When all have reached where the log ended as they began, the loop folds what has come since and
switches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from subprocess import TimeoutExpired
from typing import Final, LiteralString

from projections.engine.generations import ViewState
from projections.engine.rebuild_shard import PART, RebuildShard, merge, partition, parts_of
from projections.engine.rebuild_worker import Process, WorkerConfig, WorkerTask, end, start
from projections.fold.shard import DIGITS
from projections.views.base import Connection, View

WORTH: Final = 20_000
"""Records from which the processes are worth the time they take to start."""
_LOOK_S: Final = 0.1
_MOST_ATTEMPTS: Final = 3

_SHOWN: Final[LiteralString] = "UPDATE proj.views SET position = %s WHERE view = %s AND gen = %s"
_DENSE: Final[LiteralString] = "SELECT count(*) = %s FROM log.records WHERE index < %s"


@dataclass(frozen=True, slots=True)
class _Attempt:
    """A process, how much of its parts was folded as it was started, and how often it was then."""

    process: Process
    folded: int
    number: int


class Builders:
    """The processes that build one generation at a time.

    Args:
        opening: What each is given.
        number: How many, 2 to 16.
        worth: Records from which they are started.
    """

    def __init__(self, opening: WorkerConfig, number: int, worth: int = WORTH) -> None:
        self._opening = opening
        self._number = number
        self._worth = worth
        self._building: tuple[str, int] | None = None
        self._attempts: dict[int, _Attempt] = {}

    def begin(self, connection: Connection, state: ViewState, size: int) -> bool:
        """Shares out a generation that has not begun, if that is worth it."""
        if state.position >= 0 or size < self._worth:
            return False
        dense = connection.execute(_DENSE, [size, size]).fetchone()
        if dense is None or not dense[0]:
            return False  # a record is missing: who folds them all stops at it
        number = max(self._number, -(-size // PART))
        partition(connection, state.view, state.gen, min(number, len(DIGITS)), size)
        return True

    def tend(self, connection: Connection, view: View, state: ViewState) -> bool:
        """Sees that every part is at work, and waits a moment.

        Returns:
            False where the generation is in no parts.
        """
        parts = parts_of(connection, state.view, state.gen)
        if not parts:
            return False
        if self._building != (state.view, state.gen):
            self.stop()
            self._building = (state.view, state.gen)
        if all(part.done for part in parts):
            self.stop()
            merge(connection, state, parts[0].until)
            return True
        for number in range(self._number):
            own = parts[number :: self._number]
            left = [part for part in own if not part.done]
            if left and not self._at_work(view, number, own):
                why = "the process that folds it ends by itself"
                state.stop(connection, why, left[0].position + 1)
                return True
        self._wait()
        reached = sum(part.position + 1 for part in parts) // len(parts) - 1
        connection.execute(_SHOWN, [reached, state.view, state.gen])
        return True

    def tend_only(self, building: Sequence[ViewState]) -> None:
        """Ends the processes unless their generation is still among these."""
        if self._building not in {(state.view, state.gen) for state in building}:
            self.stop()

    def stop(self) -> None:
        """Ends every process; what they have committed stays."""
        for attempt in self._attempts.values():
            end(attempt.process)
        self._attempts, self._building = {}, None

    def _at_work(self, view: View, place: int, own: Sequence[RebuildShard]) -> bool:
        """Starts the process of a place if there is none; False where it ends again and again."""
        last = self._attempts.get(place)
        if last is not None and last.process.poll() is None:
            return True
        if last is not None:
            end(last.process)
        folded = sum(part.position + 1 for part in own)
        number = last.number + 1 if last is not None and last.folded == folded else 1
        shares = tuple(part.digits for part in own)
        process = start(WorkerTask(self._opening, view, own[0].gen, shares))
        self._attempts[place] = _Attempt(process, folded, number)
        return number <= _MOST_ATTEMPTS

    def _wait(self) -> None:
        """Until one that is at work ends, but not for long."""
        running = [a.process for a in self._attempts.values() if a.process.poll() is None]
        try:
            if running:
                running[0].wait(_LOOK_S)
        except TimeoutExpired:
            pass
