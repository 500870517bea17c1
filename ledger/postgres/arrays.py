"""Arrays in PostgreSQL's binary form, written straight from bytes, and what stands in them.

An append sends up to nineteen of them with every group, and the driver's own dumper looks at every
element to find its type; here the column is known. What the columns mean is the recorder's to know.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

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


def byteas(items: Iterable[bytes]) -> bytes:
    """`bytea[]`."""
    return _sized(_BYTEA, list(items))


def texts(items: Iterable[str]) -> bytes:
    """`text[]`."""
    return _sized(_TEXT, [item.encode() for item in items])


def uuids(items: Iterable[UUID]) -> bytes:
    """`uuid[]`."""
    return _sized(_UUID, [item.bytes for item in items])


def bigints(items: Iterable[int]) -> bytes:
    """`bigint[]`."""
    parts = [_EIGHT.pack(8, item) for item in items]
    return _array(_INT8, parts, len(parts))


def booleans(items: Iterable[bool]) -> bytes:
    """`boolean[]`."""
    parts = [_BYTE.pack(1, item) for item in items]
    return _array(_BOOL, parts, len(parts))


def moments(items: Iterable[datetime]) -> bytes:
    """`timestamptz[]`: microseconds since 2000."""
    parts = [_EIGHT.pack(8, (item - _EPOCH) // _US) for item in items]
    return _array(_TIMESTAMPTZ, parts, len(parts))


def _sized(element: int, items: list[bytes]) -> bytes:
    parts: list[bytes] = []
    for item in items:
        parts += (_LENGTH.pack(len(item)), item)
    return _array(element, parts, len(items))


def _array(element: int, parts: list[bytes], length: int) -> bytes:
    return b"".join((_HEADER.pack(1, 0, element, length, 1), *parts))


def of_bigint(value: int) -> bytes:
    """`bigint`."""
    return value.to_bytes(8, "big", signed=True)


def of_moment(value: datetime) -> bytes:
    """`timestamptz`."""
    return of_bigint((value - _EPOCH) // _US)


def bigint(value: bytes) -> int:
    """An `int8` as it comes back."""
    return int.from_bytes(value, "big", signed=True)


def moment(value: bytes) -> datetime:
    """A `timestamptz` as it comes back."""
    return _EPOCH + _US * bigint(value)
