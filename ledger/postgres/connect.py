"""Connections of one login, and what a failing database means to a caller.

A pool serves one login and one database only (access.md PF3). SQLSTATEs end here: above this file
there are `Unavailable` with a code and `Fatal`, never a driver's exception (access.md N5).
"""

from __future__ import annotations

import errno
import logging
import math
import os
import select
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from types import TracebackType
from typing import Any, Final, LiteralString, Protocol, Self, TypeVar

import psycopg
from psycopg import errors as pg
from psycopg import generators, pq, waiting
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from ledger.errors import Fatal, LedgerError, Unavailable
from ledger.message import Message
from ledger.postgres.silent_servers import ServerAddress, SilentServers
from ledger.work import bill

Connection = psycopg.Connection[tuple[object, ...]]
Pool = ConnectionPool[Connection]
_Read = TypeVar("_Read")

_CONNECT_TIMEOUT_S: Final = 5
_POOLED_TIMEOUT_S: Final = 3
"""The same in a pool, where one is waited for five seconds: another try comes within them."""
_AGAIN_S: Final = 0.5
"""How long after an attempt that failed the next one is made, as long as somebody waits."""
_MINUTE_S: Final = 60.0
_REMEMBERED: Final = 100
_UNANSWERED_S: Final = 1.0
"""What is billed at most of a wait that brought no answer: whoever asked is not to pay for a server
that hangs, nor to be able to wait for nothing."""
_LOOK_S: Final = 0.1
"""How often whoever waits looks whether they are stopped."""
_GRACE_S: Final = 10
"""How long after its own end a statement is waited for."""
_ALIVE: Final = {
    "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}  # fmt: skip
"""A host that is gone is known to be within half a minute; nothing of it is asked of a socket."""
_WRITES: Final = {"target_session_attrs": "read-write"}
_READ_ATTEMPTS: Final = 3
_OUT_OF_ROOM: Final = (pg.DiskFull, pg.OutOfMemory, pg.TooManyConnections)
_NO_ROOM: Final = os.strerror(errno.ENOSPC)
"""How the server ends what it says of a full disk to who would connect, who is given no code."""
_MAY_ENTER: Final[LiteralString] = """
SELECT has_database_privilege(d.oid, 'CONNECT') FROM pg_database d WHERE d.datname = %s
"""
_NAMES_OF_THE_SERVER: Final[LiteralString] = "SET search_path = pg_catalog, pg_temp"
DURABLY: Final[LiteralString] = """
FROM set_config('synchronous_commit', CASE current_setting('synchronous_commit')
  WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, true)
"""
"""Ends a SELECT by which something is promised: its COMMIT is answered once it is on the disk, and
on the standby where the server waits for one. Any login may say otherwise of its own sessions, and
the database's owner of all; here and not once a connection, which a pooler lends to others."""
_PASSING: Final = (
    pg.LockNotAvailable,
    pg.QueryCanceled,
    pg.SerializationFailure,
    pg.DeadlockDetected,
    pg.ReadOnlySqlTransaction,
    pg.CannotConnectNow,
    pg.AdminShutdown,
    pg.CrashShutdown,
    pg.IoError,
    pg.InsufficientResources,
    # behind a pooler that keeps no sessions and no prepared statements: said before anything ran
    pg.DuplicatePreparedStatement,
    pg.InvalidSqlStatementName,
)
_OF_SESSION: Final = (pg.QueryCanceled, pg.ReadOnlySqlTransaction)
"""What a session may be refused by what it began with: a setting of the role, a leader of before.
Mended there, it is well in a new session only, and so none goes on with the old one."""


class OnceAMinute(logging.Filter):
    """A pool says at each attempt that it failed, and why; the same is said once a minute.

    Where nobody takes log lines, as in a command, it says nothing: what came of it is told.
    """

    def __init__(self) -> None:
        super().__init__()
        self._again: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it was not said of late; of the words without the name of the pool."""
        words = record.args if isinstance(record.args, tuple) else (record.args,)
        why = words[-1] if words else ""
        # which connection is thrown away tells nothing
        said = (str(record.msg), "" if isinstance(why, psycopg.Connection) else str(why))
        if record.created < self._again.get(said, 0.0):
            return False
        if len(self._again) > _REMEMBERED:
            self._again.clear()
        self._again[said] = record.created + _MINUTE_S
        return True


_servers: Final = SilentServers()
"""One a process: a server that hangs does so for all its connections."""
_pools = logging.getLogger("psycopg.pool")
_pools.addHandler(logging.NullHandler())
_pools.addFilter(OnceAMinute())


class Hung(psycopg.OperationalError):
    """The server was silent for too long: the connection is closed, and nobody knows the rest."""


class Lending(Protocol):
    """What lends connections of one login: a pool, or what stands in front of it."""

    def connection(self) -> AbstractContextManager[Connection]:
        """A connection, until the block ends."""

    def check(self) -> None:
        """Makes lost connections anew."""

    def drain(self) -> None:
        """Makes all connections anew, without asking any: those that hang would be waited for."""


class _Timed(psycopg.Connection[tuple[object, ...]]):
    """A connection whose every wait for the server is work of the thread that waits.

    Attributes:
        hung_after_s: How long an answer is waited for: a server that is silent for longer hangs,
            and the connection is closed, since nobody knows what became of the statement. None:
            for ever.
        blames: As of `connect`.
        server: Who it is a connection of.
        made_at: When, by the clock of this process.
    """

    hung_after_s: float | None = None
    blames: bool = True
    server: ServerAddress
    made_at: float

    @classmethod
    def connect(cls, conninfo: str = "", **named: Any) -> Self:  # noqa: ANN401  the driver's signature
        """As the driver's; of several servers one that was silent is asked last."""
        made = super().connect(_servers.ordered(conninfo), **named)
        said = made.pgconn
        made.server = ServerAddress((said.host or b"").decode(), (said.port or b"").decode())
        made.made_at = _servers.let_in(made.server)
        return made

    def hung(self, limit: float) -> Hung:
        """Closes it: nobody knows what became of what was asked."""
        self.pgconn.finish()
        if self.blames:
            _servers.was_silent(self.server)
        return Hung(f"no answer within {limit:g} s")

    @cached_property
    def said(self) -> select.poll:
        """Tells whether the server has said something."""
        said = select.poll()
        said.register(self.fileno(), select.POLLIN)
        return said

    def wait(self, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401  the driver's signature
        """As the driver's. Raises: Hung."""
        began, limit, most = time.monotonic(), self.hung_after_s, math.inf
        if limit is not None:
            if named.get("timeout") is None:
                named["timeout"] = limit
            else:
                limit = None  # who asks waits for no answer, but for what may come
        try:
            return super().wait(*arguments, **named)
        except psycopg.OperationalError as error:
            most = _UNANSWERED_S
            if limit is None or time.monotonic() - began < limit:
                raise
            raise self.hung(limit) from error
        finally:
            bill(min(time.monotonic() - began, most))

    def commit(self) -> None:
        """As the driver's; where no transaction was begun, without asking it."""
        if self.pgconn.transaction_status != pq.TransactionStatus.IDLE:
            super().commit()


class _Lent(AbstractContextManager[Connection]):
    """A connection out of its pool until the block ends, as the pool's own `connection` lends it.

    That is a generator, which costs more than the lending.
    """

    def __init__(self, pool: ConnectionPool[Connection], timeout: float | None) -> None:
        self._pool, self._timeout = pool, timeout

    def __enter__(self) -> Connection:
        self._connection = self._pool.getconn(self._timeout)
        return self._connection

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._connection.__exit__(kind, error, trace)
            if isinstance(error, _OF_SESSION):
                self._connection.close()
        finally:
            self._pool.putconn(self._connection)


class _Pool(ConnectionPool[Connection]):
    """The driver's, which remembers why it makes no connection: who waits in vain is told."""

    _refused: psycopg.Error | None = None

    def _connect(self, timeout: float | None = None) -> Connection:
        try:
            made = super()._connect(timeout)
        except psycopg.Error as error:
            self._refused = error
            raise
        self._refused = None
        return made

    def getconn(self, timeout: float | None = None) -> Connection:
        """As the driver's, but for those that may hang: all that lie here are made anew then.

        Raises: PoolTimeout, which ends with what the server last said.
        """
        try:
            connection = super().getconn(timeout)
        except PoolTimeout as error:
            if (refused := self._refused) is None:
                raise
            said = str(refused).partition("\n")[0]
            raise PoolTimeout(f"{error}: {said}") from refused
        if not may_hang(connection):
            return connection
        self.drain()  # so that this one is not taken back either
        self.putconn(connection)
        return self.getconn(timeout)

    def connection(  # type: ignore[override]  # the driver's says that it is a generator
        self, timeout: float | None = None
    ) -> AbstractContextManager[Connection]:
        """As the driver's."""
        return _Lent(self, timeout)


def open_pool(
    dsn: str,
    *,
    most: int = 8,
    least: int = 1,
    patience_s: int = 0,
    hung_after_s: float | None = None,
) -> Pool:
    """A pool of one login; it need not reach the server yet, and finds it again by itself.

    A lost host is noticed by the kernel, where the server is reached over TCP; one that hangs, by
    whoever waits for it.

    Args:
        dsn: Of the login.
        most: Connections at a time.
        least: Connections that are kept.
        patience_s: How long a statement waits for a lock, and ten times as long at all; 0: however
            long it takes.
        hung_after_s: How long the server may be silent before the connection is closed; by default
            a little longer than a statement may take, for ever where that is not said.
    """
    waits = f"-c lock_timeout={patience_s}s -c statement_timeout={10 * patience_s}s"
    if hung_after_s is None and patience_s:
        hung_after_s = 10 * patience_s + _GRACE_S

    def bounded(connection: Connection) -> None:
        if isinstance(connection, _Timed):
            connection.hung_after_s = hung_after_s

    return _Pool(
        reaching(dsn),
        connection_class=_Timed,
        configure=bounded,
        min_size=least,
        max_size=most,
        open=True,
        timeout=_CONNECT_TIMEOUT_S,
        reconnect_timeout=_AGAIN_S,
        reconnect_failed=_again,
        kwargs={
            "autocommit": True,
            "connect_timeout": _POOLED_TIMEOUT_S,
            **({"options": waits} if patience_s else {}),
        },
    )


def _again(pool: Pool) -> None:
    """By itself a pool waits for one second, and then for two: longer than a failover takes.

    Where nobody waits nothing is tried: whoever comes next has it tried at once.
    """
    if pool.get_stats().get("requests_waiting"):
        pool.check()


def reaching(dsn: str) -> str:
    """An address with how a lost host is noticed, where whoever wrote it did not say so.

    Of several hosts the one is taken that writes: the others are its standbys.
    """
    said = conninfo_to_dict(dsn)
    more: dict[str, Any] = dict(_ALIVE)
    if "," in str(said.get("host") or said.get("hostaddr") or ""):
        more |= _WRITES
    return make_conninfo(dsn, **{name: value for name, value in more.items() if name not in said})


def of_database(dsn: str, dbname: str) -> str:
    """The same server, login and all, and this database."""
    return make_conninfo(dsn, dbname=dbname)


def place_of(url: str) -> tuple[str, str]:
    """Host and port that an address names; of several, each between commas.

    Raises:
        ValueError: It is no address of a server.
    """
    try:
        said = conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        raise ValueError(str(error).strip()) from error
    return str(said.get("host") or "localhost"), str(said.get("port") or "5432")


def takes_logins(dsn: str) -> bool:
    """Whether a server that takes logins is there, whomever it lets in.

    Asked by the codes of its answer: its words are in the language that it was set up in.
    """
    return pq.PGconn.ping(dsn.encode()) == pq.Ping.OK


def as_administrator(dsn: str, *, autocommit: bool = False) -> Connection:
    """The administrator's connection to an enclave's database, where no name is of its owner's.

    Who owns a database says what every session there begins with and makes schemas in it, and the
    migrator becomes the owner: a name that is looked up among those runs as the administrator.

    Args:
        dsn: Of the administrator, to the enclave's database.
        autocommit: Whether each statement is a transaction of its own.

    Raises:
        psycopg.Error: The server is away, or does not let him in.
    """
    made = psycopg.connect(
        reaching(dsn),
        autocommit=True,
        connect_timeout=_CONNECT_TIMEOUT_S,
        client_encoding="utf8",
    )
    try:
        made.execute(_NAMES_OF_THE_SERVER)
        made.autocommit = autocommit
    except psycopg.Error:
        made.close()
        raise
    return made


def connect(dsn: str, *, hung_after_s: float | None = None, blames: bool = True) -> Connection:
    """One connection in autocommit mode, outside any pool.

    Args:
        dsn: Of the login.
        hung_after_s: As `open_pool`; for ever where it is not said.
        blames: Whether a silence is the server's, so that no connection of it is trusted further:
            not where any login can hold up what is asked.

    Raises:
        Unavailable: `database_unavailable`.
    """
    try:
        made = _Timed.connect(reaching(dsn), autocommit=True, connect_timeout=_CONNECT_TIMEOUT_S)
    except psycopg.Error as error:
        raise translated(error) from error
    made.hung_after_s, made.blames = hung_after_s, blames
    return made


@contextmanager
def answering_within(connection: Connection, seconds: float) -> Iterator[None]:
    """For statements that may take longer than all others over this connection."""
    if not isinstance(connection, _Timed):
        yield
        return
    usual, connection.hung_after_s = connection.hung_after_s, seconds
    try:
        yield
    finally:
        connection.hung_after_s = usual


def may_enter(dsn: str, database: str) -> bool | None:
    """Whether the login may enter another database of its server; None where there is none such.

    Raises:
        Unavailable: `database_unavailable`.
    """
    with connect(dsn) as connection:
        row = connection.execute(_MAY_ENTER, [database]).fetchone()
    return None if row is None else bool(row[0])


class Lone:
    """One connection where a pool is asked for: to ask over this one and no other."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """The one."""
        yield self._connection

    def check(self) -> None:
        """A lost one is not made anew."""

    def drain(self) -> None:
        """Nor is one that hangs."""


def reading(pool: Lending, read: Callable[[Connection], _Read]) -> _Read:
    """What `read` gives on a connection of the pool; asked again where it was a dead one.

    Args:
        pool: Pool of the login that may read it.
        read: Only reads, since it may run more than once.

    Raises:
        Unavailable: `database_unavailable` or `disk_full`.
        Fatal: The store refuses what this program asks: they do not belong together.
    """
    for attempt in range(_READ_ATTEMPTS):
        try:
            with pool.connection() as connection:
                return read(connection)
        except psycopg.Error as error:  # the pool's own errors are of this kind
            if attempt + 1 == _READ_ATTEMPTS or not is_lost(error):
                raise translated(error) from error
            renew(pool, error)
            time.sleep(0.05 * (attempt + 1))
    raise AssertionError("unreachable")


def renew(pool: Lending, error: Exception) -> None:
    """After a restart every connection of a pool is dead at once; after a hang they may hang."""
    if isinstance(error, Hung):
        pool.drain()
    else:
        pool.check()


def answers(connection: Connection) -> list[pq.abc.PGresult]:
    """All results of what was sent past the driver's cursor.

    As `wait` of the connection, which asks more of itself than a small question of the server.
    Whoever is stopped leaves an answer that nobody took: the connection is closed.

    Raises:
        psycopg.Error: The connection was lost; nobody knows whether it ran.
    """
    pgconn = connection.pgconn
    began, most = time.monotonic(), math.inf
    timed = connection if isinstance(connection, _Timed) else None
    limit = None if timed is None else timed.hung_after_s
    try:
        return waiting.wait(generators.execute(pgconn), pgconn.socket, _LOOK_S, limit)
    except psycopg.OperationalError as error:
        most = _UNANSWERED_S
        if timed is None or limit is None or time.monotonic() - began < limit:
            raise
        raise timed.hung(limit) from error
    except KeyboardInterrupt:
        pgconn.finish()
        raise
    finally:
        bill(min(time.monotonic() - began, most))


def may_hang(connection: Connection) -> bool:
    """Whether its server was silent since to another of this process: then a new one is asked."""
    return isinstance(connection, _Timed) and _servers.doubts(connection.server, connection.made_at)


def is_quiet(connection: Connection) -> bool:
    """Whether the server has said nothing to a connection that asks nothing: no goodbye either.

    What is sent over one that is not quiet may or may not run, and nobody is told.
    """
    if connection.closed or not isinstance(connection, _Timed):
        return False
    return not connection.said.poll(0)


def speaks(connection: Connection, timeout_s: float) -> bool:
    """Whether the server says something, waiting so long.

    The driver's own wait turns in circles through its last millisecond, and half of a wait of two.
    """
    if not isinstance(connection, _Timed):
        return True
    return bool(connection.said.poll(1000 * timeout_s))


def calling(
    pool: Lending, query: LiteralString, arguments: Sequence[object], *, binary: bool = False
) -> object:
    """What a function of the database answers; called once, since a call may write.

    Args:
        pool: Connections of the login that may call it.
        query: `SELECT function(…)`, and nothing behind it. What it wrote is durable on return.
        arguments: Of the call.
        binary: Whether the answer comes in binary form.

    Raises:
        Unavailable: `database_unavailable` or `disk_full`; it may have been done all the same.
        Fatal: The store refuses what this program asks: they do not belong together.
    """
    try:
        with pool.connection() as connection:
            row = connection.execute(query + DURABLY, arguments, binary=binary).fetchone()
    except psycopg.Error as error:
        if isinstance(error, Hung):
            pool.drain()
        raise translated(error) from error
    return None if row is None else row[0]


def is_lost(error: Exception) -> bool:
    """Whether the connection went away: nobody knows what became of the last command."""
    if not isinstance(error, psycopg.Error) or isinstance(error, PoolTimeout | PoolClosed):
        return False
    if isinstance(error, pg.AdminShutdown | pg.CrashShutdown | pg.CannotConnectNow):
        return True
    # No SQLSTATE: not the server spoke but libpq, whose words come as plain `DatabaseError` too.
    libpq = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    if libpq or type(error) is psycopg.DatabaseError:
        return error.diag.sqlstate is None or error.diag.sqlstate.startswith("08")
    return False


def translated(error: Exception) -> LedgerError:
    """The ledger's word for a driver's exception; keep the cause with `raise … from`."""
    first = str(error).partition("\n")[0]
    unmade = is_lost(error) or isinstance(error, PoolTimeout)
    if isinstance(error, _OUT_OF_ROOM) or (unmade and first.endswith(_NO_ROOM)):
        return disk_full(first)
    if is_lost(error) or isinstance(error, (PoolTimeout, PoolClosed, *_PASSING)):
        return database_unavailable(first)
    return Fatal(f"the database refuses what this program asks of it: {type(error).__name__}")


def is_passing(error: Exception) -> bool:
    """Whether it says nothing of what was asked: the same may go through in a while."""
    return isinstance(error, psycopg.Error) and isinstance(translated(error), Unavailable)


def is_refused(error: BaseException | None) -> bool:
    """Whether a server that is well let a login of ours not in, which sent its password.

    By what libpq did: the server's words are in the language that it was set up in.
    """
    while error is not None:
        made = error.pgconn if isinstance(error, psycopg.Error) else None
        if made is not None and made.status == pq.ConnStatus.BAD and made.used_password:
            return True
        error = error.__cause__
    return False


@contextmanager
def translating() -> Iterator[None]:
    """For whoever asks over a connection of its own."""
    try:
        yield
    except psycopg.Error as error:
        raise translated(error) from error


def database_unavailable(why: str = "") -> Unavailable:
    """Try again: the database cannot be reached now."""
    return Unavailable(
        "database_unavailable",
        Message("The database cannot be reached now; send the same again in a few seconds."),
        why=why,
    )


def disk_full(why: str = "") -> Unavailable:
    """Try again after the operator has made room."""
    return Unavailable(
        "disk_full",
        Message(
            "The server is out of room; nothing was recorded. Tell the operator, then send it"
            " again."
        ),
        retry_after_s=60,
        why=why,
    )
