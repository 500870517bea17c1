"""One prepared statement called with binary values, past the driver's cursor.

For the append alone, which is called with every group: looking at values, query and rows costs the
driver more than the call itself costs libpq. A failure is the driver's own exception, as elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence

import psycopg
from psycopg import generators, pq

from ledger.postgres.connect import Connection

_BINARY = pq.Format.BINARY


class PreparedStatement:
    """A statement with `$1` … on one connection; its values are binary already.

    Args:
        connection: In autocommit mode; nobody else uses it during a call.
        name: Of the statement on this connection.
        query: With a cast at each parameter.

    Raises:
        psycopg.Error: The server refuses the statement, or is gone.
    """

    def __init__(self, connection: Connection, name: bytes, query: bytes) -> None:
        self._connection, self._pgconn = connection, connection.pgconn
        self._name = name
        self._sound(self._pgconn.prepare(name, query), pq.ExecStatus.COMMAND_OK)

    def rows(self, values: Sequence[bytes]) -> list[list[bytes | None]]:
        """Every row, each value in binary form.

        Raises:
            psycopg.Error: It failed; where the connection was lost, nobody knows whether it ran.
        """
        formats = [_BINARY] * len(values)
        self._pgconn.send_query_prepared(self._name, values, formats, _BINARY)
        results = self._connection.wait(generators.execute(self._pgconn))
        # Rows come before COMMIT; whether that failed is said by a result behind them.
        self._sound(results[-1], pq.ExecStatus.TUPLES_OK)
        (result,) = results
        columns = range(result.nfields)
        return [[result.get_value(n, column) for column in columns] for n in range(result.ntuples)]

    def _sound(self, result: pq.abc.PGresult, wanted: pq.ExecStatus) -> None:
        if result.status == wanted:
            return
        if self._pgconn.status == pq.ConnStatus.BAD:
            raise psycopg.OperationalError(result.get_error_message())
        raise psycopg.errors.error_from_result(result)
