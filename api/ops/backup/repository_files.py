"""Files of acts as a repository keeps them: as they lie in their store, sealed already.

Beside each lies the SHA-256 of what was copied, by which a disk that has changed it since is told
before the file is needed. Whoever writes in the repository can write both: what is inside is sealed
to keys of the log, and an audit opens it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from uuid import UUID

from ledger.files.folder_store import FolderBlobs, place_of


class NotAsCopied(Exception):
    """A file is not what was copied; its name."""


class RepositoryFiles:
    """Files of acts in a repository.

    Args:
        folder: Of the repository; nothing is made in it before something is kept.
    """

    def __init__(self, folder: Path) -> None:
        self._files, self._sums = folder / "files", folder / "sums"

    def sizes(self) -> dict[UUID, int]:
        """Name and length of every file. Raises: Unavailable."""
        return FolderBlobs(self._files).sizes() if self._files.is_dir() else {}

    def held(self) -> set[UUID]:
        """Those that can be held to what was copied: an older program noted nothing."""
        return set(FolderBlobs(self._sums).sizes()) if self._sums.is_dir() else set()

    def keep(self, name: UUID, sealed: Iterable[bytes]) -> None:
        """Copies one, in the place of what has its name. Raises: Unavailable."""
        files, sums, digest = FolderBlobs(self._files), FolderBlobs(self._sums), hashlib.sha256()

        def passing() -> Iterator[bytes]:
            for part in sealed:
                digest.update(part)
                yield part

        if (self._sums / place_of(name)).exists():
            sums.remove(name)  # cut off from here on it is held to nothing, and copied anew
        files.put(name, passing())
        sums.put(name, [digest.digest()])

    def remove(self, name: UUID) -> None:
        """Takes one away for good; safe to repeat. Raises: Unavailable."""
        FolderBlobs(self._files).remove(name)
        FolderBlobs(self._sums).remove(name)

    def get(self, name: UUID) -> Iterator[bytes]:
        """Its bytes in parts, held to what was copied behind the last one.

        Raises: NotFound, Unavailable, NotAsCopied.
        """
        digest, noted = hashlib.sha256(), b""
        with suppress(FileNotFoundError):
            noted = (self._sums / place_of(name)).read_bytes()
        for part in FolderBlobs(self._files).get(name):
            digest.update(part)
            yield part
        if noted and digest.digest() != noted:
            raise NotAsCopied(f"files/{place_of(name)}")

    def altered(self) -> Iterator[str]:
        """Names of those that are not what was copied; each is read. Raises: Unavailable."""
        for name in sorted(self.sizes()):
            try:
                for _ in self.get(name):
                    pass
            except NotAsCopied as error:
                yield str(error)
