"""One share of a generation that several processes build, and how far it is folded.

A part moves its own position in the transaction of its rows, as a view does, so that its process
may die and another goes on where it stood.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, LiteralString

from projections.engine import generations
from projections.engine.generations import ConcurrentUpdate
from projections.fold.fold import MOST_STATEMENTS
from projections.fold.shard import shares
from projections.views import acts
from projections.views.base import Connection, Cursor

PART: Final = MOST_STATEMENTS * 3 // 4
"""Records of a part: its fold keeps all of them in memory, and what a case comes to is written
once, however far apart its acts lie in the log."""
_PARTS: Final[LiteralString] = """
SELECT view, gen, digits, position, until FROM proj.parts WHERE view = %s AND gen = %s
ORDER BY digits
"""
_BEGIN: Final[LiteralString] = """
INSERT INTO proj.parts (view, gen, digits, until) VALUES (%s, %s, %s, %s)
"""
_MOVED: Final[LiteralString] = """
UPDATE proj.parts SET position = %s
WHERE view = %s AND gen = %s AND digits = %s AND position = %s
"""
_TAKEN: Final[LiteralString] = "SELECT recorded_at FROM log.records WHERE index = %s"


@dataclass(frozen=True, slots=True)
class RebuildShard:
    """A row of `proj.parts`, as it was read.

    Attributes:
        view: Name of the view.
        gen: The generation.
        digits: Its share.
        position: Last record folded, -1 for none.
        until: Index behind the last record it folds.
    """

    view: str
    gen: int
    digits: str
    position: int
    until: int

    @property
    def done(self) -> bool:
        """Whether nothing is left for it."""
        return self.position + 1 >= self.until

    def move(
        self,
        cursor: Cursor,
        position: int,
        recorded_at: datetime | None,  # noqa: ARG002 - a part keeps none
        *others: RebuildShard,
    ) -> None:
        """Everything of the share up to `position` is folded, and of the others with it.

        Raises:
            ConcurrentUpdate: One does not stand where it stood when it was read.
        """
        for one in (self, *others):
            said = [position, one.view, one.gen, one.digits, one.position]
            if not cursor.execute(_MOVED, said).rowcount:
                raise ConcurrentUpdate

    def stop(self, connection: Connection, why: str, index: int) -> None:
        """A record stops the generation."""
        generations.stop(connection, self.view, self.gen, why, index)


def parts_of(connection: Connection, view: str, gen: int) -> list[RebuildShard]:
    """The parts of a generation; none where it is folded by one."""
    return [RebuildShard(*row) for row in connection.execute(_PARTS, [view, gen]).fetchall()]


def partition(connection: Connection, view: str, gen: int, number: int, until: int) -> None:
    """Shares a generation that has not begun out in so many parts, up to an index."""
    with connection.transaction():
        for share in shares(number):
            connection.execute(_BEGIN, [view, gen, share.digits, until])


def merge(connection: Connection, state: generations.ViewState, until: int) -> None:
    """Every part is done: from here on the generation is folded as any other."""
    with connection.transaction(), connection.cursor() as cursor:
        row = cursor.execute(_TAKEN, [until - 1]).fetchone()
        state.move(cursor, until - 1, None if row is None else row[0])
        if state.view == acts.NAME:
            acts.renumber(cursor, state.gen)
        cursor.execute(generations.UNSHARE, [state.view, state.gen])
