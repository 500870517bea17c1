"""What rows of a log of reads are found by, and what opens their table (formats.md §5).

Keyed, so that nobody who has the table and not the key can ask whose reads are in it, or of which
case, although ids of officers and cases are known to many. What a row says is not known here.
"""

from __future__ import annotations

import hmac
from functools import lru_cache
from typing import Final
from uuid import UUID

from keys.errors import Malformed

KEY_BYTES: Final = 32


def key_of(file_key: bytes) -> bytes:
    """The key of tags, out of the one key of the files of an enclave."""
    if len(file_key) != KEY_BYTES:
        raise Malformed("a file key has 32 bytes")
    return hmac.digest(file_key, b"socai/reads-key/1", "sha256")


@lru_cache(maxsize=1024)  # whoever reads is found by the same ones, row after row
def tag(key: bytes, kind: str, value: str) -> bytes:
    """What is looked for, 32 bytes.

    Args:
        key: Of `key_of`.
        kind: What the value is: `officer`, `agency`, `post`, `case`, `via` or `copy`.
        value: An id as rows write it; of a post its agency, a slash and the post.
    """
    named = b"\0".join((b"socai/reads-tag/1", kind.encode(), value.encode()))
    return hmac.digest(key, named, "sha256")


def chain(key: bytes, permit: str) -> UUID:
    """In which chain the copies taken by a permit stand: an id that tells nobody of which.

    Args:
        key: Of `key_of`.
        permit: Its `act_id`.
    """
    return UUID(bytes=tag(key, "copies", permit)[:16], version=4)


def gate(key: bytes) -> bytes:
    """What whoever reads the table shows, 32 bytes; the database has its SHA-256."""
    return hmac.digest(key, b"socai/reads-gate/1", "sha256")
