"""How far the views of one enclave are folded, and how they stand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from time import monotonic, sleep
from typing import Final, LiteralString

from projections.engine import generations
from projections.engine.generations import ViewState
from projections.queries.guard_lookups import Connecting
from projections.views import acts as timeline
from projections.views.base import Connection

_STEP_S: Final = 0.01
_MOST_STEP_S: Final = 0.1
_INDEX: Final[LiteralString] = """
SELECT coalesce(min(position), -1), coalesce(max(position), -1) FROM proj.views
WHERE state = 'live' AND view = ANY (%s)
"""
_LAST: Final[LiteralString] = "SELECT size - 1 FROM log.log_head"


class ViewPositions:
    """How far the views are folded, and how they stand."""

    def __init__(self, connecting: Connecting, lending_whole: Connecting) -> None:
        self._connecting, self._lending_whole = connecting, lending_whole

    def status(self) -> list[ViewState]:
        """Every generation of every view."""
        with self._connecting() as connection:
            return generations.states(connection)

    def altered(self) -> list[str]:
        """Tables of the views that are not the plain ones this program makes."""
        with self._connecting() as connection:
            return generations.altered(connection)

    def set_aside(self) -> timeline.Unvoided:
        """Records that are set aside and not voided: how many, and the first of them."""
        with self._lending_whole() as connection:
            return timeline.unvoided(connection)

    def index(self, *views: str) -> int:
        """Last record folded into all of these views; of the log itself, where none is named."""
        with self._connecting() as connection:
            return folded_to(connection, views)

    def wait(self, index: int, timeout_s: float, *views: str) -> int:
        """Waits until a record is folded; the position reached, which may be short of it."""
        end, step = monotonic() + timeout_s, _STEP_S
        while True:
            reached = self.index(*views)
            if reached >= index or monotonic() >= end:
                return reached
            sleep(min(step, max(0.0, end - monotonic())))
            step = min(2 * step, _MOST_STEP_S)


def folded_to(connection: Connection, views: Iterable[str]) -> int:
    """Last record folded into all of these views; of the log itself, where none is named."""
    named = list(views)
    if named:
        return folded_span(connection, named)[0]
    row = connection.execute(_LAST).fetchone()
    return -1 if row is None else int(row[0])


def folded_span(connection: Connection, views: Sequence[str]) -> tuple[int, int]:
    """Last record folded into all of these views, and into any of them."""
    ((least, most),) = connection.execute(_INDEX, [list(views)]).fetchall()
    return int(least), int(most)
