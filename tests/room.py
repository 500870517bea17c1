"""What `make test` takes, said before it begins, and a sentence where that is not there.

`python -m tests.room WORKERS`.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Final

from api.ops.beginning.room import Machine, Need, require_room
from api.settings import SettingsError
from tests.in_memory import is_roomy

WORKER_MIB: Final = 1024
"""The processes of one worker: those of a whole run on two cores took four gibibytes."""
FILES_MIB: Final = 4096
"""What a run has written at a time: homes, clusters, folders."""


def need(workers: int, *, in_memory: bool) -> Need:
    """What a run takes."""
    own = WORKER_MIB * workers
    return Need(256, own + FILES_MIB) if in_memory else Need(FILES_MIB, own)


def main(workers: int, machine: Machine | None = None) -> int:
    """Says it, and whether it is there; the status."""
    in_memory = is_roomy(Path("/dev/shm"))  # noqa: S108 - as `tests.in_memory` asks
    place, takes = Path(tempfile.gettempdir()), need(workers, in_memory=in_memory)
    sys.stdout.write(
        f"make test takes {takes.memory_mib} MiB of memory and {takes.disk_mib} MiB of disk in"
        f" {place}, with {workers} workers.\n"
    )
    try:
        require_room(place, takes, machine)
    except SettingsError as error:
        sys.stderr.write(f"Nothing was tested: {error}. Fewer workers: make test WORKERS=1\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
