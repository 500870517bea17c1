"""What a stub below commits to of a document above: HMAC-SHA-256 under a salt (access.md A17).

The salt is drawn for the one document and kept above, so that nobody below tests a guess against
the commitment, however short the document is. Once both are published, anybody does.
"""

from __future__ import annotations

import hmac
from typing import Final

SALT_BYTES: Final = 32


def commitment(salt: bytes, document: bytes) -> bytes:
    """The commitment, 32 bytes.

    Args:
        salt: Of `SALT_BYTES`, random, never used for another document.
        document: Its bytes.

    Raises:
        ValueError: The salt has another length: it would be padded, or hashed, unseen.
    """
    if len(salt) != SALT_BYTES:
        raise ValueError(f"a salt has {SALT_BYTES} bytes")
    return hmac.digest(salt, document, "sha256")
