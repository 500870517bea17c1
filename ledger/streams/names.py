"""The id of a stream: one rule for every kind (architecture.md §4).

What kinds there are, and which names are lawful, is regulation's to say.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final
from uuid import NAMESPACE_URL, UUID, uuid5

from ledger.regulation.acts.json_shape import STREAM

_LAWFUL: Final = re.compile(STREAM, re.ASCII)


@lru_cache(maxsize=64)
def _namespace(origin: str) -> UUID:
    return uuid5(NAMESPACE_URL, origin)


@lru_cache(maxsize=16_384)
def stream_id(origin: str, stream: str) -> UUID:
    """UUIDv5 of the stream's name under the log's origin: the aggregate's `originator_id`."""
    return uuid5(_namespace(origin), stream)


def is_stream(name: str) -> bool:
    """Whether a stream may have this name (formats.md §2)."""
    return _LAWFUL.fullmatch(name) is not None


def is_case(name: str) -> bool:
    """Whether a stream of this name is a case's: the only kind that not everybody reads (N6)."""
    return name.startswith("case/")
