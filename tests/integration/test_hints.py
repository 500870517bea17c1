"""Hints over a server: how far apart they are sent is each channel's own.

Each test has a database of its own, since a channel is a database's: in one that all workers of a
run share, a test hears what another says.
"""

from __future__ import annotations

import threading
from typing import Final

import psycopg
import pytest

from ledger.ports import HINTS_APART_S
from ledger.postgres.hints import Channel, Hints
from ledger.postgres.notices import PostgresNotices
from tests.fixtures.postgres import Database

pytestmark = pytest.mark.postgres
_MOST: Final = 3


class _Ends(threading.Event):
    """Keeps how long each wait would be, has something committed meanwhile, and ends the last."""

    def __init__(self, hints: Hints) -> None:
        super().__init__()
        self.asked_s: list[float | None] = []
        self._hints = hints

    def wait(self, timeout: float | None = None) -> bool:
        """At once."""
        self.asked_s.append(timeout)
        self._hints._due.set()
        if len(self.asked_s) == _MOST:
            self.set()
        return self.is_set()


@pytest.mark.parametrize(
    ("channel", "apart_s"),
    [("checkpoint", 0.0), ("records", HINTS_APART_S), ("shreds", HINTS_APART_S)],
)
def test_each_checkpoint_is_said_at_once_and_of_records_one_says_as_much_as_many(
    database: Database, channel: Channel, apart_s: float
) -> None:
    """Whoever waits for a proof would wait for a hint that is held back."""
    dsn = database.admin
    with psycopg.connect(dsn, autocommit=True) as listening:
        listening.execute(f"LISTEN {channel}".encode())
        hints = Hints(dsn, channel)
        ends = _Ends(hints)
        hints._due.set()
        hints._run(ends)
        heard = list(listening.notifies(timeout=20.0, stop_after=_MOST))
    assert (ends.asked_s, len(heard), hints.lost) == ([apart_s] * _MOST, _MOST, 0)


def test_who_waits_asks_the_driver_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own short wait burns a processor, and what it makes of a hint costs twice the hint."""
    dsn, asked = database.admin, list[object]()
    with (
        PostgresNotices(dsn).listen("shreds") as wait,
        psycopg.connect(dsn, autocommit=True) as saying,
    ):
        assert wait(0.0)  # it has begun to listen
        notifies = psycopg.Connection.notifies

        def noted(self: psycopg.Connection, **named: float) -> object:
            asked.append(named)
            return notifies(self, **named)  # type: ignore[arg-type]

        monkeypatch.setattr(psycopg.Connection, "notifies", noted)
        assert not wait(0.002)
        with saying.transaction():  # so that both come together
            saying.execute("NOTIFY shreds, 'once'")
            saying.execute("NOTIFY shreds, 'twice'")
        assert wait(20.0)
        assert not wait(0.002)
        assert asked == []
