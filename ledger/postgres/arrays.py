"""Arrays in PostgreSQL's binary form, written straight from bytes.

The append sends thirteen of them with every group, and the driver's own dumper looks at every
element to find its type; here the column is known. What the columns mean is the recorder's to know.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from psycopg.adapt import Buffer, Dumper
from psycopg.pq import Format

_BOOL: Final = 16
_BYTEA: Final = 17
_INT8: Final = 20
_TEXT: Final = 25
_TIMESTAMPTZ: Final = 1184
_UUID: Final = 2950

_HEADER: Final = struct.Struct("!iiIii")  # dimensions, has nulls, element type, length, lower bound
_LENGTH: Final = struct.Struct("!i")
_EIGHT: Final = struct.Struct("!iq")
_BYTE: Final = struct.Struct("!ib")
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_US: Final = timedelta(microseconds=1)


class Array:
    """One parameter, in its binary form."""

    __slots__ = ("data",)

    def __init__(self, element: int, parts: list[bytes], length: int) -> None:
        self.data = b"".join((_HEADER.pack(1, 0, element, length, 1), *parts))


class ArrayDumper(Dumper):
    """Passes an `Array` on; its type is said by the cast in the query."""

    format = Format.BINARY

    def dump(self, obj: Array) -> Buffer:
        """The bytes themselves."""
        return obj.data


def byteas(items: Iterable[bytes]) -> Array:
    """`bytea[]`, not empty."""
    return _sized(_BYTEA, list(items))


def texts(items: Iterable[str]) -> Array:
    """`text[]`, not empty."""
    return _sized(_TEXT, [item.encode() for item in items])


def uuids(items: Iterable[UUID]) -> Array:
    """`uuid[]`, not empty."""
    return _sized(_UUID, [item.bytes for item in items])


def bigints(items: Iterable[int]) -> Array:
    """`bigint[]`, not empty."""
    parts = [_EIGHT.pack(8, item) for item in items]
    return Array(_INT8, parts, len(parts))


def booleans(items: Iterable[bool]) -> Array:
    """`boolean[]`, not empty."""
    parts = [_BYTE.pack(1, item) for item in items]
    return Array(_BOOL, parts, len(parts))


def moments(items: Iterable[datetime]) -> Array:
    """`timestamptz[]`, not empty: microseconds since 2000."""
    parts = [_EIGHT.pack(8, (item - _EPOCH) // _US) for item in items]
    return Array(_TIMESTAMPTZ, parts, len(parts))


def _sized(element: int, items: list[bytes]) -> Array:
    parts: list[bytes] = []
    for item in items:
        parts += (_LENGTH.pack(len(item)), item)
    return Array(element, parts, len(items))
