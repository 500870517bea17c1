"""The one key of the files of an enclave: tags, and what anchors say, are kept under it.

Made when the log is founded, or with the first use, and never changed; it lies wrapped beside the
files. Who may use it is not decided here.
"""

from __future__ import annotations

import hashlib
from typing import Final

from keys import envelope_encryption, sealed_file
from keys.envelope_encryption import Keks
from keys.errors import Unsealable
from ledger.errors import VerificationError
from ledger.ports import FileIndex

ENTRY: Final = hashlib.sha256(b"socai/blob-tag-key/1").digest()
"""What it is wrapped for, in the place of an entry."""


def opened(wrap: bytes, kek: Keks, origin: str) -> bytes:
    """The key inside its wrap. Raises: Unsealable."""
    return envelope_encryption.unwrap(kek, wrap, origin=origin, entry=ENTRY)


class FileKey:
    """The key as one process uses it.

    Args:
        index: Where its wrap lies.
        kek: Opens it.
        origin: Origin of the log.
    """

    def __init__(self, index: FileIndex, kek: Keks, origin: str) -> None:
        self._index = index
        self._kek = kek
        self._origin = origin

    def standing(self) -> bytes | None:
        """The key; None before the first use. Raises: VerificationError."""
        wrap = self._index.lookup_key()
        return None if wrap is None else self._opened(wrap)

    def made(self) -> bytes:
        """The key, made where there is none yet. Raises: VerificationError."""
        return self.standing() or self._make()

    def _make(self) -> bytes:
        made = envelope_encryption.wrap(
            self._kek, sealed_file.new_key(), origin=self._origin, entry=ENTRY
        )
        return self._opened(self._index.keep_lookup_key(made))

    def _opened(self, wrap: bytes) -> bytes:
        try:
            return opened(wrap, self._kek, self._origin)
        except Unsealable as error:
            raise VerificationError("attachment", "the key of the file index is damaged") from error
