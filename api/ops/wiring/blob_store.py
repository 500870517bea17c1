"""Where the sealed files of an enclave lie."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol
from uuid import UUID

from api.home import Home
from api.settings import Settings, SettingsError
from ledger.audit.files.snapshot_port import FileBytes
from ledger.files.folder_store import FolderBlobs
from ledger.message import Message
from ledger.ports import BlobStore


class KeptFiles(BlobStore, FileBytes, Protocol):
    """A store of sealed files, as the service and the audit need it."""

    def get(self, name: UUID) -> Iterator[bytes]:
        """Its bytes in parts. Raises: NotFound, Unavailable."""


def open_blobs(settings: Settings) -> KeptFiles:
    """Where the sealed files of the enclave lie.

    Raises:
        SettingsError: `SOCAI_BLOBS` names no store, its options do not fit, or the extra `s3` is
            not installed.
    """
    if "://" not in settings.blobs:
        folder = Path(settings.blobs).expanduser().absolute()
        return FolderBlobs(folder, min_free_bytes=settings.min_free_mib << 20)
    try:
        from ledger.files.object_store import ObjectBlobs  # noqa: PLC0415  the extra s3
    except ModuleNotFoundError as error:
        raise SettingsError(
            Message(
                "SOCAI_BLOBS is {url}, which needs an extra: pip install 'socai[s3]'",
                url=settings.blobs,
            )
        ) from error
    try:
        return ObjectBlobs.at(settings.blobs, Home(settings).blob_options())
    except ValueError as error:
        raise SettingsError(Message("SOCAI_BLOBS: {error}", error=error)) from error


def scratch_folder(settings: Settings) -> Path:
    """Where a file waits, sealed, until it is kept: beside the others, which the API may write."""
    if "://" in settings.blobs:
        return settings.home
    return Path(settings.blobs).expanduser().absolute()
