"""What a caller sees of a case before anything of a write is answered (access.md N2).

The writer's login reads its whole level and answers no question of an officer's: so this is asked
by the reader's login, under the caller's ticket.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from threading import Condition
from time import monotonic, sleep
from typing import Final, LiteralString, cast
from uuid import UUID

from ledger.asker import asker
from ledger.ports import Sight
from ledger.postgres import direct
from ledger.postgres.connect import Connection, Pool, reading
from ledger.postgres.direct import PreparedStatement
from ledger.postgres.ticketed import TRUE, Ticketed, audience_late
from ledger.reads.shown import shows, shows_under
from ledger.streams.names import stream_id

_Found = tuple[int, bool | None]
"""How far the audience is, and whether all of the case is seen; None: nothing of it."""
_PATIENCE_S: Final = 5.0
_STEP_S: Final = 0.01
_NEWEST: Final[LiteralString] = (
    "SELECT (SELECT index FROM log.records WHERE stream_id = %s ORDER BY seq DESC LIMIT 1),"
    " (SELECT size - 1 FROM log.log_head)"
)
_SIGHT: Final[LiteralString] = (
    "SELECT v.position, s.whole FROM proj.views v LEFT JOIN sec.sight(%s) s ON true"
    " WHERE v.view = 'audience' AND v.state = 'live'"
)
_SIGHT_NOW: Final = PreparedStatement(
    b"sight_now",
    b"SELECT timely, via, rule, position, whole"
    b" FROM proj.sight_now($1::text, $2::text, $4::uuid) WHERE $3::text IS NOT NULL",
)
"""The same in one way there and back, with the ticket (`Ticketed.at_once`)."""
_REACHED: Final[LiteralString] = (
    "SELECT position FROM proj.views WHERE view = 'audience' AND state = 'live'"
)
_ACTS: Final[LiteralString] = (
    "SELECT DISTINCT act_id::text FROM log.records WHERE stream_id = %s AND act_id = ANY (%s)"
)


class _Audience:
    """How far the audience is folded: asked by one for all that wait in this process.

    Each of them asking for themselves, under a ticket, took the database more time than the acts.

    Args:
        pool: Of the writer's login.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._news = Condition()
        self._position = -1
        self._asked = False  # whether somebody asks now

    def wait(self, seen: int, least: int, end: float) -> None:
        """Until it has come from where it was seen to where it must be, or until the end.

        Raises:
            Unavailable: Whoever asks learns nothing.
        """
        with self._news:
            self._position = seen  # of another generation, what was known may say more than is true
        while True:
            with self._news:
                left = end - monotonic()
                if self._position >= least or left <= 0:
                    return
                if self._asked:
                    self._news.wait(left)
                    continue
                self._asked = True
            position = seen
            try:
                sleep(min(_STEP_S, left))
                row = reading(self._pool, lambda c: c.execute(_REACHED).fetchone())
                position = seen if row is None else cast("int", row[0])
            finally:
                with self._news:
                    self._position, self._asked = position, False
                    self._news.notify_all()


class PostgresSight:
    """Implements `Sights` for whoever this thread asks for.

    Args:
        asked: The reader's login, under tickets.
        written: Pool of the writer's: how far the case has come.
        origin: Origin of the log.
    """

    def __init__(self, asked: Ticketed, written: Pool, origin: str) -> None:
        self._asked = asked
        self._written = written
        self._audience = _Audience(written)
        self._origin = origin

    def of(self, stream: str, *, begins: bool = False) -> Sight:
        """How much of a case the caller sees, by everything recorded of it so far.

        Where there is none it is asked all the same, and what is not seen waits for the whole log:
        else an answer, or how long it takes, would tell of a case that is there, or of work in it.

        Args:
            stream: Its name.
            begins: Whether a case is begun: whoever takes one in waits for nobody else's records.

        Raises:
            Unavailable: `audience_late`: who takes part in it is not known yet; `ticket_refused`,
                `clocks_apart`.
        """
        if asker() is None:
            return "whole"
        comp = stream_id(self._origin, stream)

        def ask() -> _Found:
            found = self._at_once(stream, comp)
            return found or reading(self._asked, partial(self._seen, stream, comp)) or (-2, None)

        # Nearly always whoever writes sees all of the case, and waits for nothing. Asked before the
        # newest record is looked for, what is said here is at most too little.
        found = None if begins else ask()
        if found is not None and found[1]:
            return "whole"
        newest, last = cast(
            "tuple[int | None, int]",
            reading(self._written, lambda c: c.execute(_NEWEST, [comp]).fetchone()),
        )
        if newest is None:
            sight = self._known(ask, found, -1, -1 if begins else last)
            return "absent" if sight is None else sight
        sight = self._known(ask, found, newest, newest if begins else last)
        return "hidden" if sight is None else sight

    def _known(
        self, ask: Callable[[], _Found], found: _Found | None, newest: int, last: int
    ) -> Sight | None:
        """What is seen once the audience is as far as the answer needs; None: nothing.

        Raises:
            Unavailable: `audience_late`.
        """
        end = monotonic() + _PATIENCE_S
        while True:
            position, whole = found or ask()
            # A revocation or an exclusion refuses at once (access.md G18); what else ends a part
            # comes with the fold, for who writes as for who reads. So only what is not all waits:
            # what was recorded since may have made it the whole.
            if whole:
                return "whole"
            if whole is not None and position >= newest:
                return "part"
            if whole is None and position >= last:
                return None
            if monotonic() >= end:
                raise audience_late()
            self._audience.wait(position, newest if position < newest else last, end)
            found = None

    @staticmethod
    def _seen(stream: str, comp: UUID, connection: Connection) -> _Found | None:
        """How much is seen; where anything is, whatever is answered shows that."""
        found = cast("_Found | None", connection.execute(_SIGHT, [comp]).fetchone())
        if found is not None and found[1] is not None:
            shows("RECORD", stream, comp)
        return found

    def _at_once(self, stream: str, comp: UUID) -> _Found | None:
        """The same by one statement; None where it is to be asked in a transaction."""
        told = self._asked.at_once(_SIGHT_NOW, stream, comp)
        if told is None:
            return None
        under, (position, whole) = told
        if whole is not None:
            shows_under("RECORD", stream, comp, under)
        return direct.bigint(position or b""), None if whole is None else whole == TRUE

    def acts(self, stream: str, act_ids: Collection[str]) -> frozenset[str]:
        """Which of these acts of a case the caller sees."""
        comp = stream_id(self._origin, stream)
        rows = reading(
            self._asked,
            lambda c: c.execute(_ACTS, [comp, [UUID(one) for one in act_ids]]).fetchall(),
        )
        return frozenset(cast("str", row[0]) for row in rows)
