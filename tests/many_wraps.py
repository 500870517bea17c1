"""A log of very many wraps, put there by the administrator: only number and keys matter."""

from __future__ import annotations

import hashlib

import psycopg

from keys import envelope_encryption
from keys.envelope_encryption import Kek

_COPY = """
COPY log.records (index, seq, recorded_at, stream_id, unit, act_id, author, registry, topic, entry,
  state) FROM STDIN
"""
_TOPIC = "socai.statement.v1"
_STREAM = "00000000-0000-5000-8000-000000000000"


def entry_of(index: int) -> bytes:
    """The entry of a record that was put there."""
    return hashlib.sha256(index.to_bytes(8)).digest()


def dek_of(index: int) -> bytes:
    """Its key."""
    return hashlib.sha256(b"dek" + index.to_bytes(8)).digest()


def fill(admin_dsn: str, kek: Kek, origin: str, count: int) -> range:
    """Puts so many wrapped records behind those that are there; their indices."""
    with psycopg.connect(admin_dsn) as connection, connection.cursor() as cursor:
        row = cursor.execute("SELECT size FROM log.log_head").fetchone()
        first = 0 if row is None else int(row[0])
        every = range(first, first + count)
        with cursor.copy(_COPY) as copy:
            for index in every:
                entry, act = entry_of(index), f"00000000-0000-4000-8000-{index:012x}"
                copy.write_row(
                    (index, index - first + 1, "2024-06-04T01:00:00Z", _STREAM, _STREAM, act, True,
                     False, _TOPIC, entry, bytes(600))
                )  # fmt: skip
        with cursor.copy(
            "COPY log.wraps (index, kek_id, stream_id, unit, wrap) FROM STDIN"
        ) as copy:
            for index in every:
                wrap = envelope_encryption.wrap(
                    kek, dek_of(index), origin=origin, entry=entry_of(index)
                )
                copy.write_row((index, kek.kek_id, _STREAM, _STREAM, wrap))
        cursor.execute("UPDATE log.log_head SET size = %s", [first + count])
    return every
