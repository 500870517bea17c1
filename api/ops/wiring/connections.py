"""The connections of one API process to the database of its enclave."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from typing import Final

import psycopg

from api.home import EnclaveFacts, Home
from api.ops.machine import RealClock
from api.ops.wiring.logins import HUNG_READ_S, HUNG_WRITE_S, POOL_MOST, role_dsn
from api.settings import ORDINARY, Settings, SettingsError
from ledger.asker import asking
from ledger.errors import Unavailable
from ledger.ports import NIL_UNIT
from ledger.postgres.connect import Connection, Lending, Pool, is_lost, open_pool, renew, translated
from ledger.postgres.files import PostgresFiles
from ledger.postgres.keeping.vitals import PostgresVitals
from ledger.postgres.ticket import TicketKey, Tickets
from ledger.postgres.ticketed import Ticketed, Unticketed

_POOL_SPARE: Final = 3
_BESIDE_POOLS: Final = 4
"""The appender's, that of notices, and the two of what is public."""


class Connections:
    """Pools by login, lent as the database is to see who asks.

    Args:
        settings: What the process was told.
        facts: Which enclave it is of.

    Attributes:
        reading: The reader's.
        writing: The writer's.
        beside: The reader's, for what is asked while a question of an officer's holds one of
            `reading`: what is noted before a wrap is opened.
        asked: Those of `reading`, under the ticket of whoever asks.
        unticketed: The same for what is the same whoever asks, also within a question.
        tickets: By which the database knows who asks.
    """

    def __init__(self, settings: Settings, facts: EnclaveFacts) -> None:
        self._settings, self._facts = settings, facts
        self.reading, self.writing = map(self._pool, ("reader", "writer"))
        self.beside = self.reading if facts.level == ORDINARY else self._pool("reader")
        self.asked = Ticketed(self.reading)
        self.unticketed = Unticketed(self.asked, self.reading)
        # by the machine's own time, as the database judges them
        self.tickets = Tickets(lambda: TicketKey(Home(settings).ticket_key()), RealClock())

    def _pool(self, role: str) -> Pool:
        most = min(self._settings.threads + _POOL_SPARE, POOL_MOST)
        hung_after_s = HUNG_WRITE_S if role == "writer" else HUNG_READ_S
        dsn = role_dsn(self._settings, self._facts, role)
        return open_pool(dsn, most=most, hung_after_s=hung_after_s)

    @cached_property
    def public(self) -> Pool:
        """Of a login that reads what anybody may, and nothing else: two, and none until asked."""
        return open_pool(role_dsn(self._settings, self._facts, "public"), most=2, least=0)

    @property
    def files(self) -> PostgresFiles:
        """Which files there are."""
        return PostgresFiles(self.unticketed, self.writing)

    def lend(self) -> AbstractContextManager[Connection]:
        """A connection of the reader's login, for the queries of `projections`.

        Raises:
            Unavailable: The database cannot be reached, does not take the ticket, or does not know
                who takes part.
        """
        return _lent(self.asked)

    def lend_whole(self) -> AbstractContextManager[Connection]:
        """A connection of the writer's login: for processes, never for what an officer is told."""
        return _lent(self.writing)

    def believed(self) -> bool:
        """Whether the database takes tickets of the key that this process has.

        Asked by a ticket of nobody's, which shows nothing.

        Raises:
            LedgerError: It does not say.
        """
        try:
            nobody = self.tickets.of(str(NIL_UNIT), "none", of_cases=False, at=None)
            with asking(nobody), self.asked.connection():
                return True
        except SettingsError:
            return False
        except Unavailable as error:
            if error.code not in ("ticket_refused", "clocks_apart"):
                raise
            return False
        except psycopg.Error as error:
            raise translated(error) from error

    def stats(self) -> Mapping[str, Mapping[str, int]]:
        """How the pools of this process stand, by login."""
        return {"reader": self.reading.get_stats(), "writer": self.writing.get_stats()}

    @property
    def most(self) -> int:
        """How many connections of the database this process may come to hold."""
        pools = {id(one): one for one in (self.reading, self.writing, self.beside)}.values()
        return sum(one.max_size for one in pools) + _BESIDE_POOLS

    def of_server(self) -> int:
        """How many the database has for everybody. Raises: Unavailable."""
        return PostgresVitals(self.writing).connections()

    def close(self) -> None:
        """Gives them back."""
        if "public" in self.__dict__:
            self.public.close()
        for pool in {self.beside, self.reading, self.writing}:
            pool.close()


@contextmanager
def _lent(pool: Lending) -> Iterator[Connection]:
    """Raises: Unavailable."""
    try:
        with pool.connection() as connection:
            yield connection
    except psycopg.Error as error:
        if is_lost(error):
            renew(pool, error)
        raise translated(error) from error
