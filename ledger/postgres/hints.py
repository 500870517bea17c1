"""NOTIFY as a hint, sent beside the work: who commits neither waits for one nor fails with one.

PostgreSQL has one queue of notifications for all its databases, and a transaction that finds it
full fails at COMMIT. Any login fills it, also one that only reads: it listens, stays in a
transaction and notifies. So nothing of the log notifies inside; a hint is a statement of its own on
a connection of its own, and whoever waits for one also polls (architecture.md §5).
"""

from __future__ import annotations

import logging
import threading
from typing import Final, Literal, LiteralString

import psycopg

from ledger.errors import LedgerError
from ledger.ports import HINTS_APART_S
from ledger.postgres import direct
from ledger.postgres.connect import Connection, connect, may_hang

Channel = Literal["records", "checkpoint", "shreds"]

_APART_S: Final[dict[Channel, float]] = {
    "records": HINTS_APART_S,
    "checkpoint": 0.0,
    "shreds": HINTS_APART_S,
}
"""Between two hints: under load nobody has to wait for one. Whoever signs paces itself, and each
checkpoint is waited for."""
_END_S: Final = 1.0
_HUNG_S: Final = 8.0
_NOTIFY: Final[dict[Channel, bytes]] = {
    "records": b"NOTIFY records",
    "checkpoint": b"NOTIFY checkpoint",
    "shreds": b"NOTIFY shreds",
}
_SWEEP: Final[LiteralString] = "SELECT log.sweep_notices()"
"""Takes off the queue what every listener has passed. PostgreSQL does so when it adds a page, so a
queue that was once full stays so until somebody asks this."""
_log = logging.getLogger("socai.hints")


class Hints:
    """Those of one channel, sent by a thread that begins with the first.

    Args:
        dsn: Connection string of a login of the log's database; it needs no right there.
        channel: Who is meant.

    Attributes:
        lost: How many could not be sent.
    """

    def __init__(self, dsn: str, channel: Channel) -> None:
        self.lost = 0
        self._dsn = dsn
        self._channel: Channel = channel
        self._due = threading.Event()
        self._lock = threading.Lock()
        self._sender: tuple[threading.Thread, threading.Event] | None = None
        self._failing = False

    def give(self) -> None:
        """Something was committed; returns at once, and raises nothing of the database's."""
        self._due.set()
        if self._sender is None:
            with self._lock:
                if self._sender is None:
                    ending = threading.Event()
                    name = f"hints of {self._channel}"
                    sender = threading.Thread(target=self._run, args=(ending,), name=name)
                    sender.daemon = True
                    self._sender = sender, ending
                    sender.start()

    def close(self) -> None:
        """Ends thread and connection; a later hint begins others."""
        with self._lock:
            closing, self._sender = self._sender, None
        if closing is not None:
            sender, ending = closing
            ending.set()
            self._due.set()
            sender.join(_END_S)  # PostgreSQL may hold up who notifies: that ends with the process

    def _run(self, ending: threading.Event) -> None:
        connection: Connection | None = None
        while self._due.wait() and not ending.is_set():
            self._due.clear()
            if connection is not None and may_hang(connection):
                connection.close()
            try:
                if connection is None or connection.closed:
                    connection = connect(self._dsn, hung_after_s=_HUNG_S, blames=False)
                if self._failing:
                    connection.execute(_SWEEP)
                direct.command(connection, _NOTIFY[self._channel])
                self._told(None)
            except (psycopg.Error, LedgerError) as error:
                self.lost += 1
                self._told(error)
            ending.wait(_APART_S[self._channel])
        if connection is not None:
            connection.close()

    def _told(self, error: Exception | None) -> None:
        """Says once that they are lost, and once that they are not any more."""
        failing = error is not None
        if failing and not self._failing:
            _log.warning("hints of %s are lost, those who wait poll: %s", self._channel, error)
        elif self._failing and not failing:
            _log.warning("hints of %s are sent again; lost: %d", self._channel, self.lost)
        self._failing = failing
