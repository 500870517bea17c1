"""Prepared statements called with values in binary form, past the driver's cursor.

For the appends, which are called with every group, the hints behind them, and the file of a case:
looking at values, query and rows costs the driver more than the call itself costs libpq. Of arrays
an append sends up to nineteen, and the driver's own dumper looks at every element to find its type;
here the column is known. What the columns mean is the caller's to know. A failure is the driver's
own exception, as elsewhere.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Final
from uuid import UUID
from weakref import WeakKeyDictionary

import psycopg
from psycopg import pq

from ledger.postgres.connect import Connection, answers

_BINARY = pq.Format.BINARY
_BOOL: Final = 16
_BYTEA: Final = 17
_INT8: Final = 20
_TEXT: Final = 25
_TIMESTAMPTZ: Final = 1184
_UUID: Final = 2950

_DIGITS: Final = 16
_HEADER: Final = struct.Struct("!iiIii")  # dimensions, has nulls, element type, length, lower bound
_LENGTH: Final = struct.Struct("!i")
_OF_1, _OF_8, _OF_16, _OF_32 = (_LENGTH.pack(size) for size in (1, 8, 16, 32))
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_US: Final = timedelta(microseconds=1)


class PreparedStatement:
    """A statement with `$1` …, on whatever connections it is called over; values are binary.

    Its name on a connection is of its query: whoever shares a connection and asks the same shares
    what is prepared there, and whoever asks something else has another name.

    Args:
        name: Of the statement, for whoever looks at a server.
        query: With a cast at each parameter.
    """

    _on: ClassVar[WeakKeyDictionary[Connection, set[bytes]]] = WeakKeyDictionary()

    def __init__(self, name: bytes, query: bytes) -> None:
        digest = hashlib.sha256(query).hexdigest()[:_DIGITS]
        self._name, self._query = b"%s %s" % (name, digest.encode()), query

    def prepare(self, connection: Connection) -> None:
        """Has the server know it; once a connection.

        Raises:
            psycopg.Error: The server refuses the statement, or is gone.
        """
        known = self._on.setdefault(connection, set())
        if self._name not in known:
            connection.pgconn.send_prepare(self._name, self._query)
            _done(connection)
            known.add(self._name)

    def rows(
        self, connection: Connection, values: Sequence[bytes | None]
    ) -> list[list[bytes | None]]:
        """Every row, each value in binary form.

        Args:
            connection: In autocommit mode; nobody else uses it during the call.
            values: Of its parameters.

        Raises:
            psycopg.Error: It failed; where the connection was lost, nobody knows whether it ran.
        """
        self.prepare(connection)
        try:
            return self._rows(connection, values)
        except psycopg.errors.InvalidSqlStatementName:
            # the driver lets go of all that is prepared once a transaction was rolled back
            self._on[connection].discard(self._name)
            self.prepare(connection)
            return self._rows(connection, values)

    def _rows(
        self, connection: Connection, values: Sequence[bytes | None]
    ) -> list[list[bytes | None]]:
        formats = [_BINARY] * len(values)
        connection.pgconn.send_query_prepared(self._name, values, formats, _BINARY)
        return _told(connection)


def rows(
    connection: Connection, query: bytes, values: Sequence[bytes | None]
) -> list[list[bytes | None]]:
    """Every row of a statement that is asked for once, each value in binary form.

    Within a transaction, where one that is prepared and was let go of could not be made anew.

    Args:
        connection: Nobody else uses it during the call.
        query: With a cast at each parameter.
        values: Of its parameters.

    Raises:
        psycopg.Error: It failed.
    """
    formats = [_BINARY] * len(values)
    connection.pgconn.send_query_params(query, values, None, formats, _BINARY)
    return _told(connection)


def command(connection: Connection, text: bytes) -> None:
    """A command without values that answers nothing.

    Args:
        connection: In autocommit mode; nobody else uses it during the call.
        text: The command.

    Raises:
        psycopg.Error: It failed; where the connection was lost, nobody knows whether it ran.
    """
    connection.pgconn.send_query(text)
    _done(connection)


def _told(connection: Connection) -> list[list[bytes | None]]:
    results = answers(connection)
    # Rows come before COMMIT; whether that failed is said by a result behind them.
    _sound(connection, results[-1], pq.ExecStatus.TUPLES_OK)
    (result,) = results
    columns = range(result.nfields)
    return [[result.get_value(n, column) for column in columns] for n in range(result.ntuples)]


def _done(connection: Connection) -> None:
    for made in answers(connection):  # one that is ended meanwhile is told that as well
        _sound(connection, made, pq.ExecStatus.COMMAND_OK)


def _sound(connection: Connection, result: pq.abc.PGresult, wanted: pq.ExecStatus) -> None:
    if result.status == wanted:
        return
    if connection.pgconn.status == pq.ConnStatus.BAD:
        raise psycopg.OperationalError(result.get_error_message())
    raise psycopg.errors.error_from_result(result)


# -- values in binary form -----------------------------------------------------------------------


def byteas(items: Iterable[bytes]) -> bytes:
    """`bytea[]`."""
    return _sized(_BYTEA, items)


def hashes(items: list[bytes]) -> bytes:
    """`bytea[]` of 32 bytes each, as an entry and a tag are."""
    return _fixed(_BYTEA, _OF_32, items)


def texts(items: Iterable[str]) -> bytes:
    """`text[]`."""
    return _sized(_TEXT, (item.encode() for item in items))


def uuids(items: Iterable[UUID]) -> bytes:
    """`uuid[]`."""
    return _fixed(_UUID, _OF_16, [item.bytes for item in items])


def bigints(items: Iterable[int]) -> bytes:
    """`bigint[]`."""
    return _fixed(_INT8, _OF_8, [item.to_bytes(8, signed=True) for item in items])


def booleans(items: Iterable[bool]) -> bytes:
    """`boolean[]`."""
    return _fixed(_BOOL, _OF_1, [b"\1" if item else b"\0" for item in items])


def moments(items: Iterable[datetime]) -> bytes:
    """`timestamptz[]`: microseconds since 2000."""
    since = [(item - _EPOCH) // _US for item in items]
    return _fixed(_TIMESTAMPTZ, _OF_8, [item.to_bytes(8, signed=True) for item in since])


def _fixed(element: int, length: bytes, items: list[bytes]) -> bytes:
    """Elements of one length, which stands before each of them."""
    header = _HEADER.pack(1, 0, element, len(items), 1)
    return b"".join((header, length, length.join(items))) if items else header


def _sized(element: int, items: Iterable[bytes]) -> bytes:
    """Elements of any length, each behind its own."""
    parts: list[bytes] = []
    for item in items:
        parts += (_LENGTH.pack(len(item)), item)
    return _HEADER.pack(1, 0, element, len(parts) // 2, 1) + b"".join(parts)


def of_bigint(value: int) -> bytes:
    """`bigint`."""
    return value.to_bytes(8, "big", signed=True)


def of_moment(value: datetime) -> bytes:
    """`timestamptz`."""
    return ((value - _EPOCH) // _US).to_bytes(8, "big", signed=True)


def bigint(value: bytes) -> int:
    """An `int8` as it comes back."""
    return int.from_bytes(value, "big", signed=True)


def moment(value: bytes) -> datetime:
    """A `timestamptz` as it comes back."""
    return _EPOCH + _US * bigint(value)
