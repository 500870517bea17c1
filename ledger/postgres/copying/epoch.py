"""What a backup asks of the log, by the login that dumps it: the epoch, and files that are gone."""

from __future__ import annotations

from typing import Final, LiteralString
from uuid import UUID

import psycopg

from ledger.postgres.connect import connect, translated

_HUNG_S: Final = 75.0

_EPOCH: Final[LiteralString] = (
    "SELECT encode(kek_id, 'hex') FROM log.epochs WHERE closed_at IS NOT NULL"
    " ORDER BY closed_at DESC LIMIT 1"
)
_SHREDDED: Final[LiteralString] = "SELECT name FROM log.shredded_files"


def epoch_and_shredded(dsn: str) -> tuple[str, set[UUID]]:
    """The KEK in force, in hex (empty: none has turned), and names of files that were destroyed.

    Raises:
        Unavailable: The database cannot be reached, or hangs.
    """
    try:
        with connect(dsn, hung_after_s=_HUNG_S) as connection:
            row = connection.execute(_EPOCH).fetchone()
            gone = connection.execute(_SHREDDED).fetchall()
    except psycopg.Error as error:
        raise translated(error) from error
    return "" if row is None else str(row[0]), {UUID(str(name)) for (name,) in gone}
