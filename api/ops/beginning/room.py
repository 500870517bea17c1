"""Room on the disk and in memory, asked before anything is made: what runs out halfway is no use.

What is free counts, and where a container sets a limit what that leaves. A system that does not
tell is believed to have enough.
"""

from __future__ import annotations

import re
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from api.settings import SettingsError
from ledger.message import Message

_MEMINFO: Final = Path("/proc/meminfo")
_CGROUP: Final = Path("/sys/fs/cgroup")
_AVAILABLE: Final = re.compile(r"^MemAvailable:\s+(\d+) kB$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Need:
    """What something takes at most, as measured, with a quarter more.

    Attributes:
        disk_mib: In the folder where it works.
        memory_mib: Of all its processes together.
    """

    disk_mib: int
    memory_mib: int


@dataclass(frozen=True, slots=True)
class Machine:
    """Where this machine says how much it has; a test names other places.

    Attributes:
        meminfo: The system's figures of memory.
        cgroup: The limit of a container.
    """

    meminfo: Path = _MEMINFO
    cgroup: Path = _CGROUP

    def memory_mib(self) -> int | None:
        """What may be taken; None where nothing says so."""
        found = []
        with suppress(OSError):
            if match := _AVAILABLE.search(self.meminfo.read_text("ascii")):
                found.append(int(match[1]) >> 10)
        with suppress(OSError, ValueError):
            most = int((self.cgroup / "memory.max").read_text("ascii"))  # "max": no limit
            used = int((self.cgroup / "memory.current").read_text("ascii"))
            found.append(max(0, most - used) >> 20)
        return min(found, default=None)


def require_room(folder: Path, need: Need, machine: Machine | None = None) -> None:
    """That there is enough.

    Args:
        folder: Where it will work; it need not be there yet.
        need: What it takes.
        machine: Whom to ask.

    Raises:
        SettingsError: There is not; the text says how much there is, and how much it takes.
    """
    place = next(one for one in (folder.absolute(), *folder.absolute().parents) if one.is_dir())
    free = shutil.disk_usage(place).free >> 20
    if free < need.disk_mib:
        raise SettingsError(
            Message(
                "this takes {need} MiB of disk in {place}, where {free} MiB are free: make room, or"
                " name another folder",
                need=need.disk_mib,
                place=place,
                free=free,
            )
        )
    memory = (machine or Machine()).memory_mib()
    if memory is not None and memory < need.memory_mib:
        raise SettingsError(
            Message(
                "this takes {need} MiB of memory, and {free} MiB are free: end something else, or"
                " take a larger machine",
                need=need.memory_mib,
                free=memory,
            )
        )
