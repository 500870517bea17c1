"""The one way to the reader's connections: each question in a transaction that says who asks.

One transaction, one state of the database: rows of a view and the records they are held against are
read of the same moment, so that a grant which ends between them does not look like a forged view.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from functools import partial
from typing import Final, LiteralString
from uuid import UUID

from ledger.asker import Asker, asker
from ledger.errors import Unavailable
from ledger.message import Message
from ledger.postgres import direct
from ledger.postgres.connect import Connection, Pool, reading
from ledger.postgres.direct import PreparedStatement
from ledger.reads.shown import Under, gathered

_BEGIN: Final = b"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_COMMIT: Final = b"COMMIT"
#: Asked with values beside them: whoever watches the server reads what its sessions say (G13).
_SAY: Final = (
    b"SELECT set_config('app.ticket', $1::text, true), set_config('app.time', $2::text, true)"
)
_ANSWERS: Final = b"SELECT sec.answers()"
_UNDER: Final = b"SELECT comp, via, rule FROM sec.read_under($1::uuid[])"
_ORDERS: Final = b"SELECT via, rule FROM sec.reads_by()"
_ENDED: Final[LiteralString] = "SELECT to_timestamp(%s::bigint) <= now()"
TRUE: Final = b"\1"
"""As a statement that is asked at once brings it."""
_SECONDS: Final = re.compile(r"[0-9]{1,12}")


class Ticketed:
    """A pool of the reader's login, asked on behalf of whoever `asker.asking` says.

    Within a question further ones go over the same connection, in the same transaction.

    Args:
        pool: Of the reader's login.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._held: ContextVar[Connection | None] = ContextVar("held", default=None)

    @property
    def held(self) -> Connection | None:
        """The connection of the question that this context is within; None: of none."""
        return self._held.get()

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A connection in its transaction.

        Raises:
            Unavailable: `ticket_refused`, `clocks_apart` or `audience_late`; the database went
                away.
        """
        held = self._held.get()
        if held is not None:
            yield held
            return
        with self._pool.connection() as connection:
            try:
                _begin(connection, asker())
                mark = self._held.set(connection)
                try:
                    yield connection
                finally:
                    self._held.reset(mark)
                _end(connection)
            except BaseException:
                if not connection.closed:
                    connection.rollback()
                raise

    def at_once(
        self, question: PreparedStatement, stream: str, comp: UUID
    ) -> tuple[Under | None, list[bytes | None]] | None:
        """What is asked of one case in a single statement, which brings its ticket with it.

        Args:
            question: Takes ticket, time, name and id of the case, and answers one row: what
                `sec.answers` says, by which act alone the case is seen and by which rule, and then
                what was asked, its first column NULL where nothing is told.
            stream: Name of the case.
            comp: Its id.

        Returns:
            By what alone it is seen, and what was asked, in binary form; None where nothing is
            told, or where it has to be asked in a transaction: within another question, or for
            nobody.

        Raises:
            Unavailable: As `connection`.
        """
        who = asker()
        if who is None or self._held.get() is not None:
            return None
        said = [who.ticket.encode(), _stated(who).encode(), stream.encode(), comp.bytes]
        ((timely, via, rule, *found),) = reading(self._pool, lambda one: question.rows(one, said))
        if timely is None:
            raise reading(self._pool, partial(_refused, ticket=who.ticket))
        _require(timely=timely == TRUE, of_cases=who.of_cases)
        if found[0] is None:
            return None
        seen_by = None if via is None else Under(UUID(bytes=via), (rule or b"").decode())
        return seen_by, found

    def check(self) -> None:
        """Makes lost connections anew, but for the one that is in use."""
        if self._held.get() is None:
            self._pool.check()

    def drain(self) -> None:
        """Makes all connections anew, without asking any."""
        self._pool.drain()


class Unticketed:
    """The same pool for what is the same whoever asks, such as when the last record was taken.

    Within a question it goes over that one's connection: whoever held one of a pool and waited for
    a second would wait for others who do the same, and nobody be answered.

    Args:
        asked: Under whose questions it is asked.
        pool: Of the reader's login.
    """

    def __init__(self, asked: Ticketed, pool: Pool) -> None:
        self._asked = asked
        self._pool = pool

    def connection(self) -> AbstractContextManager[Connection]:
        """A connection; it is only read from, also where it has a transaction."""
        held = self._asked.held
        return self._pool.connection() if held is None else nullcontext(held)

    def check(self) -> None:
        """As `Ticketed`."""
        self._asked.check()

    def drain(self) -> None:
        """As `Ticketed`."""
        self._asked.drain()


def _begin(connection: Connection, who: Asker | None) -> None:
    direct.command(connection, _BEGIN)
    if who is None:
        return
    direct.rows(connection, _SAY, [who.ticket.encode(), _stated(who).encode()])
    ((timely,),) = direct.rows(connection, _ANSWERS, [])
    if timely is None:
        raise _refused(connection, who.ticket)
    _require(timely=timely == TRUE, of_cases=who.of_cases)


def _stated(who: Asker) -> str:
    return "" if who.at is None else who.at.isoformat()


def _require(*, timely: bool, of_cases: bool) -> None:
    """What `sec.answers` says lets it be answered."""
    if of_cases and not timely:
        raise audience_late()


def _end(connection: Connection) -> None:
    """Ends it, once it is known by which order or opening what was read is seen (U1).

    As of the moment it was read: in the same transaction.

    Raises:
        Unavailable: `audience_late`: by now the database does not tell. How late it is goes by the
            clock, in a transaction whose rows stand still, so late once is late to its end: asked
            after the rest, a yes holds for all of it.
    """
    shown = gathered()
    if shown is None or not shown.pending:
        direct.command(connection, _COMMIT)
        return
    asked = direct.rows(connection, _UNDER, [direct.uuids(shown.to_ask)])
    orders = direct.rows(connection, _ORDERS, []) if shown.counted else []
    direct.command(connection, _COMMIT)
    under = [(UUID(bytes=comp), *_act(via, rule)) for comp, via, rule in asked if comp is not None]
    shown.ask(lambda _: under, lambda: [_act(via, rule) for via, rule in orders])
    if len(under) < len(asked):
        raise audience_late()


def _act(via: bytes | None, rule: bytes | None) -> tuple[UUID, str]:
    return UUID(bytes=via), (rule or b"").decode()


def _refused(connection: Connection, ticket: str) -> Unavailable:
    """The session is good and the database does not know it: no empty answer (access.md G13).

    It judges a ticket's end by its own clock: no key mends one that has ended as it was made.
    """
    ends = ticket.partition("#")[0].rpartition("|")[2]
    if _SECONDS.fullmatch(ends) and connection.execute(_ENDED, [int(ends)]).fetchone() == (True,):
        return Unavailable(
            "clocks_apart",
            Message(
                "This server's clock is minutes behind the database's, which therefore takes no"
                " ticket of it: nothing is shown and nothing was recorded. Tell the operator to"
                " keep both by NTP, then send the same again."
            ),
            retry_after_s=60,
        )
    return Unavailable(
        "ticket_refused",
        Message(
            "The database does not take this server's ticket: nothing is shown and nothing was"
            " recorded. The operator sets its key with socai migrate."
        ),
        retry_after_s=30,
    )


def audience_late() -> Unavailable:
    """Who takes part in which case is not known at this moment (access.md G18)."""
    return Unavailable(
        "audience_late",
        Message(
            "Who takes part in which case is being brought up to date: nothing is shown and nothing"
            " was recorded. Send the same again in a few seconds."
        ),
        retry_after_s=2,
    )
