"""Sealed tokens of reporters in the acts of a case, and the tags by which the log tells them apart.

A token is random (formats.md §2), so its digest can be kept in the open: nobody guesses a token
from it, and whoever has the acts can make all of them again.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

from ledger.regulation.case.reporters import TOKEN

_TOKEN: Final = re.compile(b'"(' + TOKEN.pattern.encode() + b')"')
_CASE: Final = "case/"


def tokens_in(payload: bytes) -> frozenset[str]:
    """Every `sealed:<uuid>` that is a whole string of an act."""
    first = payload.find(b'"sealed:')
    if first < 0:
        return frozenset()
    return frozenset([found.decode() for found in _TOKEN.findall(payload, first)])


def tokens_of(stream: str, payload: bytes) -> frozenset[str]:
    """The tokens that a statement puts into its stream: those of a case's act."""
    return tokens_in(payload) if stream.startswith(_CASE) else frozenset()


def token_tag(origin: str, token: str) -> bytes:
    """What stands for a token in `log.tokens`: 32 bytes."""
    return hashlib.sha256(b"\0".join((b"socai/token/1", origin.encode(), token.encode()))).digest()
