"""Hints to and from other processes (architecture.md §5): whoever waits here also polls.

Implements `Notices`.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Final, LiteralString

import psycopg

from ledger.errors import Unavailable
from ledger.postgres.connect import Connection, connect
from ledger.postgres.hints import Channel, Hints

_HUNG_S: Final = 8.0
_LISTEN: Final[dict[Channel, LiteralString]] = {
    "records": "LISTEN records",
    "checkpoint": "LISTEN checkpoint",
    "shreds": "LISTEN shreds",
}


class PostgresNotices:
    """One connection per listener; while it is lost, waits are pauses."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    @contextlib.contextmanager
    def listen(self, channel: Channel) -> Iterator[Callable[[float], bool]]:
        """A wait that returns True on a hint and False after that many seconds."""
        connection: Connection | None = None

        def wait(timeout_s: float) -> bool:
            nonlocal connection
            try:
                if connection is None or connection.closed:
                    connection = connect(self._dsn, hung_after_s=_HUNG_S)
                    connection.execute(_LISTEN[channel])
                    return True  # whatever was committed before this moment was missed
                return any(True for _ in connection.notifies(timeout=timeout_s, stop_after=1))
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

    @contextlib.contextmanager
    def giving(self, channel: Channel) -> Iterator[Callable[[], None]]:
        """See `Hints.give`."""
        hints = Hints(self._dsn, channel)
        try:
            yield hints.give
        finally:
            hints.close()
