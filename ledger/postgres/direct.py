"""One prepared statement called with binary values, past the driver's cursor.

For the appends alone, which are called with every group: looking at values, query and rows costs
the driver more than the call itself costs libpq. A failure is the driver's own exception, as
elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from weakref import WeakSet

import psycopg
from psycopg import generators, pq

from ledger.postgres.connect import Connection

_BINARY = pq.Format.BINARY


class PreparedStatement:
    """A statement with `$1` …, on whatever connections it is called over; values are binary.

    Args:
        name: Of the statement on a connection.
        query: With a cast at each parameter.
    """

    def __init__(self, name: bytes, query: bytes) -> None:
        self._name, self._query = name, query
        self._on: WeakSet[Connection] = WeakSet()

    def prepare(self, connection: Connection) -> None:
        """Has the server know it; once a connection.

        Raises:
            psycopg.Error: The server refuses the statement, or is gone.
        """
        if connection not in self._on:
            connection.pgconn.send_prepare(self._name, self._query)
            (made,) = connection.wait(generators.execute(connection.pgconn))
            _sound(connection, made, pq.ExecStatus.COMMAND_OK)
            self._on.add(connection)

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
            self._on.discard(connection)
            self.prepare(connection)
            return self._rows(connection, values)

    def _rows(
        self, connection: Connection, values: Sequence[bytes | None]
    ) -> list[list[bytes | None]]:
        formats = [_BINARY] * len(values)
        connection.pgconn.send_query_prepared(self._name, values, formats, _BINARY)
        results = connection.wait(generators.execute(connection.pgconn))
        # Rows come before COMMIT; whether that failed is said by a result behind them.
        _sound(connection, results[-1], pq.ExecStatus.TUPLES_OK)
        (result,) = results
        columns = range(result.nfields)
        return [[result.get_value(n, column) for column in columns] for n in range(result.ntuples)]


def _sound(connection: Connection, result: pq.abc.PGresult, wanted: pq.ExecStatus) -> None:
    if result.status == wanted:
        return
    if connection.pgconn.status == pq.ConnStatus.BAD:
        raise psycopg.OperationalError(result.get_error_message())
    raise psycopg.errors.error_from_result(result)
