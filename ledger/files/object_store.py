"""Sealed files in an object store, streamed through `obstore`; implements `BlobStore`.

Any store that `obstore` knows can stand in a folder's stead (`s3://bucket/path`). What is inside is
not known here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, cast
from uuid import UUID

import obstore
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import ObjectStore, from_url

from ledger.errors import NotFound
from ledger.files.folder_store import place_of, unavailable

_PART_BYTES: Final = 1 << 20
_S3_PART_BYTES: Final = 5 << 20  # S3 refuses smaller parts, the last one apart
_AT_ONCE: Final = 2
_APART: Final = ("client_options", "retry_config")
_HEX: Final = re.compile(r"[0-9a-f]{32}")


class ObjectBlobs:
    """Files of one enclave; never of two (access.md F10).

    Args:
        store: Where they lie.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    @classmethod
    def at(cls, url: str, options: Mapping[str, Any] | None = None) -> ObjectBlobs:
        """Over an object store.

        Args:
            url: E.g. `s3://bucket/path`.
            options: Of the store, e.g. `{"aws_region": …, "aws_access_key_id": …}`; beside them
                `client_options` and `retry_config` of `obstore`.

        Raises:
            ValueError: No such kind of store, or an option that it does not know.
        """
        given = dict(options or {})
        apart = {name: given.pop(name) for name in _APART if name in given}
        try:
            store = from_url(url, config=cast("Any", given), **apart)
        except (BaseError, ValueError) as error:
            reason = str(error).partition("\n")[0]
            raise ValueError(f"not a blob store: {reason}") from error
        return cls(store)

    def put(self, name: UUID, sealed: Iterable[bytes]) -> None:
        """Keeps a file; durable and whole on return.

        Raises:
            Unavailable: The store cannot be reached; nothing is kept.
        """
        guarded = _Guarded(sealed)
        try:
            obstore.put(
                self._store,
                place_of(name),
                guarded,
                use_multipart=True,
                chunk_size=_S3_PART_BYTES,
                max_concurrency=_AT_ONCE,
            )
        except Exception as error:
            if guarded.raised is not None:
                raise guarded.raised from None
            if isinstance(error, (BaseError, OSError)):
                raise unavailable() from error
            raise

    def get(self, name: UUID) -> Iterator[bytes]:
        """Its bytes in parts, in constant memory. Raises: NotFound, Unavailable."""
        try:
            found = obstore.get(self._store, place_of(name))
        except (NotFoundError, FileNotFoundError) as error:
            raise NotFound(f"no file {name}") from error
        except (BaseError, OSError) as error:
            raise unavailable() from error
        return _parts(found)

    def remove(self, name: UUID) -> None:
        """Takes a file away for good; safe to repeat. Raises: Unavailable."""
        try:
            obstore.delete(self._store, place_of(name))
        except (NotFoundError, FileNotFoundError):
            return
        except (BaseError, OSError) as error:
            raise unavailable() from error

    def sizes(self) -> dict[UUID, int]:
        """Name and length of every file there is. Raises: Unavailable."""
        try:
            pages = obstore.list(self._store)
            return {
                UUID(hex=name): one["size"]
                for page in pages
                for one in page
                if _HEX.fullmatch(name := one["path"].rpartition("/")[2])
            }
        except (BaseError, OSError) as error:
            raise unavailable() from error


class _Guarded:
    """Hands parts on and remembers what their source raised, however the store wraps it."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self._parts = iter(parts)
        self.raised: BaseException | None = None

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._parts)
        except StopIteration:
            raise
        except BaseException as error:
            self.raised = error
            raise


def _parts(found: obstore.GetResult) -> Iterator[bytes]:
    try:
        for part in found.stream(min_chunk_size=_PART_BYTES):
            yield bytes(part)
    except (BaseError, OSError) as error:
        raise unavailable() from error
