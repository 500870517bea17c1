"""What a database says of itself to whoever watches: its clock, its age, whether it can write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, LiteralString, cast

import psycopg

from ledger.postgres.connect import Connection, Lending, reading

_NOW: Final[LiteralString] = "SELECT clock_timestamp()"
_AGES: Final[LiteralString] = """
SELECT index, extract(epoch FROM clock_timestamp() - recorded_at)::float8
FROM log.records WHERE index = ANY (%s)
"""
_CONNECTIONS: Final[LiteralString] = "SELECT current_setting('max_connections')::int"
_WRITES: Final[LiteralString] = "SELECT current_setting('transaction_read_only') = 'off'"
#: What does not fit into the memory of a sort goes to a file where tables lie, and is gone at once.
_NARROW: Final[LiteralString] = "SET LOCAL work_mem = '64kB'"
_SPILLS: Final[LiteralString] = """
SELECT count(*) FROM (SELECT g FROM generate_series(1, 8000) g ORDER BY g DESC OFFSET 1) s
"""


class PostgresVitals:
    """Asked by a login that reads every record.

    Args:
        pool: Of that login.
    """

    def __init__(self, pool: Lending) -> None:
        self._pool = pool

    def now(self) -> datetime:
        """The database's clock. Raises: Unavailable."""
        row = reading(self._pool, lambda connection: connection.execute(_NOW).fetchone())
        return cast("tuple[datetime]", row)[0]

    def ages(self, indices: Sequence[int]) -> Mapping[int, float]:
        """Seconds, by the database's clock, since these records were taken. Raises: Unavailable."""
        rows = reading(
            self._pool, lambda connection: connection.execute(_AGES, [list(indices)]).fetchall()
        )
        return dict(cast("list[tuple[int, float]]", rows))

    def connections(self) -> int:
        """How many connections the server has, for all of its logins. Raises: Unavailable."""
        row = reading(self._pool, lambda connection: connection.execute(_CONNECTIONS).fetchone())
        return cast("tuple[int]", row)[0]

    def writes(self) -> bool:
        """Whether anything can be written where its tables lie; it leaves nothing behind.

        A primary that fell back to a standby cannot, nor can a disk without room.

        Raises:
            Unavailable: It cannot be asked.
        """
        return reading(self._pool, _writes)


def _writes(connection: Connection) -> bool:
    try:
        with connection.transaction():
            row = connection.execute(_WRITES).fetchone()
            may = row is not None and bool(row[0])
            if may:
                connection.execute(_NARROW)
                connection.execute(_SPILLS)
    except psycopg.errors.DiskFull:
        return False
    if not may:
        connection.close()  # it may be this session alone: the next one is asked anew
    return may
