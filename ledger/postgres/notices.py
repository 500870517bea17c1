"""Hints to and from other processes (architecture.md §5): whoever waits here also polls.

Implements `Notices`.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from typing import Final, LiteralString

import psycopg

from ledger.errors import Unavailable
from ledger.postgres.connect import Connection, connect, may_hang, speaks
from ledger.postgres.hints import Channel, Hints

_HUNG_S: Final = 8.0
_TEST_S: Final = 2.0
_LISTEN_TEST: Final[LiteralString] = "LISTEN hearing"
_NOTIFY_TEST: Final[LiteralString] = "NOTIFY hearing"
_UNLISTEN_TEST: Final[LiteralString] = "UNLISTEN hearing"
_LISTEN: Final[dict[Channel, LiteralString]] = {
    "records": "LISTEN records",
    "checkpoint": "LISTEN checkpoint",
    "shreds": "LISTEN shreds",
}

_log = logging.getLogger("socai.hints")


class PostgresNotices:
    """One connection per listener; while it is lost, waits are pauses.

    Args:
        dsn: Of a login of the log's database.

    Attributes:
        deaf: Whether the newest connection heard nothing of what another one said: so it is behind
            a pooler that gives each transaction any connection. Whoever waits then polls.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self.deaf = False
        self._hears = False

    @contextlib.contextmanager
    def listen(self, channel: Channel) -> Iterator[Callable[[float], bool]]:
        """A wait that returns True on a hint and False after that many seconds."""
        connection: Connection | None = None

        def wait(timeout_s: float) -> bool:
            nonlocal connection
            if connection is not None and may_hang(connection):
                connection.close()
            try:
                if connection is None or connection.closed:
                    connection = connect(self._dsn, hung_after_s=_HUNG_S)
                    connection.execute(_LISTEN[channel])
                    self._test(connection)
                    return True  # whatever was committed before this moment was missed
                return speaks(connection, timeout_s) and _heard(connection)
            except (psycopg.Error, Unavailable):
                if connection is not None:
                    connection.close()  # one that does not listen would only seem to
                time.sleep(min(timeout_s, 1.0))
                return False

        try:
            yield wait
        finally:
            if connection is not None:
                connection.close()

    def _test(self, connection: Connection) -> None:
        """Says something over another connection, and whether this one heard anything.

        Until one did: any login can hold up whoever notifies, and nobody is to wait for that again.
        """
        if self._hears:
            return
        connection.execute(_LISTEN_TEST)
        try:
            with connect(self._dsn, hung_after_s=_TEST_S, blames=False) as other:
                other.execute(_NOTIFY_TEST)
        except (psycopg.Error, Unavailable):
            return  # nobody knows; the queue of notices may be full
        deaf = not any(True for _ in connection.notifies(timeout=_TEST_S, stop_after=1))
        if deaf and not self.deaf:
            _log.warning(
                "notices are not heard over this connection, so that whoever waits polls each"
                " second: name the database itself, or let the pooler keep sessions"
            )
        self.deaf, self._hears = deaf, not deaf
        connection.execute(_UNLISTEN_TEST)

    @contextlib.contextmanager
    def giving(self, channel: Channel) -> Iterator[Callable[[], None]]:
        """See `Hints.give`."""
        hints = Hints(self._dsn, channel)
        try:
            yield hints.give
        finally:
            hints.close()


def _heard(connection: Connection) -> bool:
    """Takes all that was said by now, which says no more than the first; whether it was a hint.

    Past the driver, whose own way takes twice as long: each record and each checkpoint is said to
    every process that follows it.
    """
    said, heard = connection.pgconn, False
    said.consume_input()
    while said.notifies() is not None:
        heard = True
    return heard
