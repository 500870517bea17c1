"""What root makes in a folder of another account belongs to that account, from its first moment.

Every step is by descriptor, and never through a link: whoever has the folder may rename in it what
he likes meanwhile. What is not root makes what is its own.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Final

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY
_ANY: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK


@contextmanager
def opened(folder: Path) -> Iterator[int]:
    """A folder, made where it is not there, like those on the way to it."""
    place, missing = folder, list[str]()
    while not place.exists():
        missing.append(place.name)
        place = place.parent
    at = os.open(place, _FOLDER)
    try:
        for name in reversed(missing):
            below = _made_in(at, name)
            os.close(at)
            at = below
        yield at
    finally:
        os.close(at)


def _made_in(at: int, name: str) -> int:
    """A new folder, given before it has its name."""
    draft = f"{name}.part"
    with suppress(FileExistsError):
        os.mkdir(draft, 0o700, dir_fd=at)
    below = os.open(draft, _FOLDER | os.O_NOFOLLOW, dir_fd=at)
    give(below, at)
    os.rename(draft, name, src_dir_fd=at, dst_dir_fd=at)
    return below


def opened_in(at: int, name: str) -> int:
    """A folder in a folder, made where it is not there, by however many at once."""
    with suppress(FileExistsError):
        os.mkdir(name, 0o700, dir_fd=at)
    below = os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=at)
    if os.fstat(below).st_uid == 0:  # also one that was made by who was killed then
        give(below, at)
    return below


@contextmanager
def below(at: int, names: Sequence[str]) -> Iterator[int]:
    """A folder below a folder, made where it is not there, like those on the way to it."""
    here = os.dup(at)
    try:
        for name in names:
            inner = opened_in(here, name)
            os.close(here)
            here = inner
        yield here
    finally:
        os.close(here)


def begun(at: int, name: str, mode: int = 0o600) -> int:
    """A new file in a folder, to be written; what has its name goes."""
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=at)
    handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode, dir_fd=at)
    give(handle, at)
    return handle


def put(top: Path, name: PurePosixPath, data: bytes, mode: int) -> None:
    """A file below a folder: whole, and whose it is to be, before it has its name."""
    with opened(top.joinpath(*name.parts[:-1])) as at:
        draft = f"{name.name}.part"
        with os.fdopen(begun(at, draft, mode), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, name.name, src_dir_fd=at, dst_dir_fd=at)
        os.fsync(at)


def give(handle: int, at: int) -> None:
    """To whoever has the folder."""
    if os.geteuid() == 0:
        owner = os.fstat(at)
        os.fchown(handle, owner.st_uid, owner.st_gid)


def give_below(at: int, uid: int, gid: int) -> None:
    """All that is in a folder which this program filled; only root can.

    A file with another name elsewhere was put there by somebody else.
    """
    if os.geteuid() != 0:
        return
    for _, folders, files, here in os.fwalk(".", topdown=False, dir_fd=at):
        for name in (*folders, *files):
            with suppress(OSError):  # a link, or gone meanwhile: none of ours
                handle = os.open(name, _ANY, dir_fd=here)
                try:
                    seen = os.fstat(handle)
                    if stat.S_ISDIR(seen.st_mode) or seen.st_nlink == 1:
                        os.fchown(handle, uid, gid)
                finally:
                    os.close(handle)
