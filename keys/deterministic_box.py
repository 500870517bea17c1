"""Short texts that only their maker can read or make: AES-SIV (RFC 5297).

The same text is the same bytes each time, so that an answer that holds one has one ETag. No nonce
is drawn, and none can be drawn twice.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from keys.errors import Unsealable

KEY_BYTES = 64


class DeterministicBox:
    """One key for several uses, each of which opens only its own.

    Args:
        key: 64 bytes.
    """

    def __init__(self, key: bytes) -> None:
        self._siv = AESSIV(key)

    def shut(self, use: str, data: bytes) -> bytes:
        """16 bytes more than `data`, which is not empty."""
        return self._siv.encrypt(data, [use.encode()])

    def open(self, use: str, shut: bytes) -> bytes:
        """What `shut` was given for this use. Raises: Unsealable."""
        try:
            return self._siv.decrypt(shut, [use.encode()])
        except (InvalidTag, ValueError) as error:
            raise Unsealable("not made here, or for another use") from error
