"""Sealed files in a folder: the default place, for which nothing more is installed.

A file is written beside its place, synced, moved there whole, and its folders synced before `put`
returns. All have one time, that of no upload: beside the times of records it would tell of which
case a file is (access.md L26). Implements `BlobStore`. What is inside is not known here.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Final
from uuid import UUID

from ledger.errors import NotFound, Unavailable
from ledger.files import given
from ledger.message import Message

_PART_BYTES: Final = 1 << 20
_NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT)
_TIME_S: Final = 946_684_800
"""2000-01-01T00:00:00Z, for files and folders alike; when an inode changed no program can set."""
_HEX: Final = re.compile(r"[0-9a-f]{32}")


class FolderBlobs:
    """Files of one enclave; never of two (access.md F10).

    Args:
        folder: Where they lie; made with mode 0700 where it is not there.
        min_free_bytes: Below this it takes no more.
    """

    def __init__(self, folder: Path, *, min_free_bytes: int = 0) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._min_free = min_free_bytes

    def put(self, name: UUID, sealed: Iterable[bytes]) -> None:
        """Keeps a file; durable and whole on return.

        Raises:
            Unavailable: The folder is full or cannot be written; nothing is kept.
        """
        self._require_room()
        shard, _, own = place_of(name).partition("/")
        draft = f"{own}.part"
        with ExitStack() as held:
            with disk_told():
                top = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
                held.callback(os.close, top)
                below = given.opened_in(top, shard)
                held.callback(os.close, below)
                handle = given.begun(below, draft)
            try:
                with os.fdopen(handle, "wb", buffering=0) as file:
                    for part in sealed:
                        write_whole(file, part)
                    with disk_told():
                        os.utime(file.fileno(), (_TIME_S, _TIME_S))
                        os.fsync(file.fileno())
                with disk_told():
                    os.replace(draft, own, src_dir_fd=below, dst_dir_fd=below)
                    for folder in (below, top):
                        _settle(folder)
            except BaseException:
                with suppress(OSError):
                    os.unlink(draft, dir_fd=below)
                raise

    def get(self, name: UUID) -> Iterator[bytes]:
        """Its bytes in parts, in constant memory. Raises: NotFound, Unavailable."""
        place = self._folder / place_of(name)
        try:
            place.stat()
        except FileNotFoundError as error:
            raise NotFound(f"no file {name}") from error
        except OSError as error:
            raise unavailable() from error
        return _parts(place)

    def remove(self, name: UUID) -> None:
        """Takes a file away for good, and a draft of it; safe to repeat. Raises: Unavailable."""
        place = self._folder / place_of(name)
        with disk_told():
            for path in (place, place.with_name(f"{place.name}.part")):
                path.unlink(missing_ok=True)
            for folder in (place.parent, self._folder):
                if folder.is_dir():
                    _sync(folder)

    def sizes(self) -> dict[UUID, int]:
        """Name and length of every file there is. Raises: Unavailable."""
        with disk_told():
            return {
                UUID(hex=path.name): path.stat().st_size
                for path in self._folder.glob("??/*")
                if _HEX.fullmatch(path.name)
            }

    def _require_room(self) -> None:
        if shutil.disk_usage(self._folder).free < self._min_free:
            raise _full()


def place_of(name: UUID) -> str:
    """Path of a file in its store: no folder gets too long a list."""
    return f"{name.hex[:2]}/{name.hex}"


def unavailable() -> Unavailable:
    """What an officer hears of a store that fails, never a driver's words."""
    return Unavailable(
        "files_unavailable",
        Message(
            "The file store cannot be reached now; nothing was taken, send it again in a few"
            " seconds."
        ),
    )


def _full() -> Unavailable:
    return Unavailable(
        "disk_full",
        Message("The server is out of room; nothing was kept. Tell the operator, then try again."),
        retry_after_s=60,
    )


@contextmanager
def disk_told() -> Iterator[None]:
    """A failing disk as the port says it; what the sender's stream raises is not in here.

    Raises: Unavailable.
    """
    try:
        yield
    except OSError as error:
        raise (_full() if error.errno in _NO_ROOM else unavailable()) from error


def write_whole(file: IO[bytes], part: bytes) -> None:
    """All of it, to a file that holds nothing back: else a full disk is met as it is closed.

    Raises: Unavailable.
    """
    view = memoryview(part)
    with disk_told():
        while view:
            view = view[file.write(view) :]


def _sync(folder: Path) -> None:
    """DURABLE when this returns: the names in it, and that nothing tells when they came."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        _settle(handle)
    finally:
        os.close(handle)


def _settle(folder: int) -> None:
    os.utime(folder, (_TIME_S, _TIME_S))
    os.fsync(folder)


def _parts(place: Path) -> Iterator[bytes]:
    with disk_told(), place.open("rb", buffering=0) as file:
        while part := file.read(_PART_BYTES):
            yield part
