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
_OF_1, _OF_8, _OF_16 = (_LENGTH.pack(size) for size in (1, 8, 16))
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
