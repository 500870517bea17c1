"""Files of acts as the publisher reads them, whole and checked, to go up (formats.md §11).

Implements `PublishedFiles`. What goes up goes with the log and not to somebody, so its custody has
no event of it. That somebody lists a file opens nothing here either: only what the act's author, or
whoever listed it in the stream before, has uploaded is looked for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from keys import envelope_encryption, sealed_file
from keys.envelope_encryption import Keks
from keys.errors import Unsealable
from ledger.errors import NotFound
from ledger.files.attachments import raw_digest, text_digest
from ledger.files.file_key import FileKey
from ledger.ports import BlobStore, FileIndex, RecordStore, StoredFile
from ledger.streams.record_reader import Opened, Reader


class FilesGoingUp:
    """The files of one log.

    Args:
        blobs: Their sealed bytes.
        index: Which uploads there are.
        records: The log.
        reader: Opens its records.
        kek: Opens their keys.
    """

    def __init__(
        self,
        blobs: BlobStore,
        index: FileIndex,
        records: RecordStore,
        reader: Reader,
        kek: Keks,
    ) -> None:
        self._blobs = blobs
        self._index = index
        self._records = records
        self._reader = reader
        self._kek = kek
        self._key = FileKey(index, kek, reader.origin)

    def file(self, record: Opened, listed: Mapping[str, Any]) -> bytes | None:
        """See `PublishedFiles`."""
        digest = str(listed["digest"])
        for authors in (_authors([record], digest), self._before(record, digest)):
            for file in self._uploads(authors, digest):
                found = self._opened(file, digest)
                if found is not None and len(found) == listed["size"]:
                    return found
        return None

    def _before(self, record: Opened, digest: str) -> Iterable[str]:
        """Who listed it in the stream before; asked only where the author has no upload of it."""
        rows = self._records.stream(record.stream_id)
        opened = self._reader.for_folds().open_each([r for r in rows if r.index < record.index])
        yield from _authors(opened, digest)

    def _uploads(self, officers: Iterable[str], digest: str) -> list[StoredFile]:
        key = self._key.standing()
        if key is None:
            return []
        tags = [sealed_file.lookup_tag(key, officer=one, digest=digest) for one in officers]
        found = self._index.find(tags) if tags else []
        return [one for one in found if one.wrap is not None]

    def _opened(self, file: StoredFile, digest: str) -> bytes | None:
        entry = raw_digest(digest)
        try:
            dek = envelope_encryption.unwrap(
                self._kek, file.wrap or b"", origin=self._reader.origin, entry=entry
            )
            sealed = self._blobs.get(file.name)
            found = b"".join(sealed_file.open_sealed(sealed, dek, digest=digest))
        except (Unsealable, NotFound):
            return None
        return found if text_digest(hashlib.sha256(found).digest()) == digest else None


def _authors(records: Iterable[Opened], digest: str) -> list[str]:
    """Authors of the acts among these that list the file."""
    found = [
        one.act.signers[0].officer
        for one in records
        if one.act is not None and any(file["digest"] == digest for file in one.act.attachments)
    ]
    return list(dict.fromkeys(found))
