"""What a run writes lies in memory where there is room: homes, clusters and folders of tests.

A plugin of pytest. A disk's file system takes a twelfth of a run's processor time, most of it for
the thousand files of each cluster. What a run that failed has left outlasts the next one, since
`make drills` is two, and the one after that takes it away.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a folder in it is made by mkdtemp
_ROOM: Final = 12 << 30
"""Bytes free from which on: a run has up to four gibibytes at a time, and its processes as much."""
_PREFIX: Final = "socai-run-"
_MADE: Final = pytest.StashKey[tuple[Path, int]]()


def is_roomy(memory: Path) -> bool:
    """Whether a run's files may lie there, and a program among them may be run."""
    if not memory.is_dir() or os.statvfs(memory).f_flag & os.ST_NOEXEC:
        return False
    available = re.search(r"MemAvailable: +(\d+) kB", Path("/proc/meminfo").read_text("ascii"))
    free = 1024 * int(available[1]) if available else 0
    return min(free, shutil.disk_usage(memory).free) > _ROOM


def make_folder(memory: Path) -> tuple[Path, int]:
    """A folder for this run, and the descriptor of the lock that says it is this run's."""
    made = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=memory))
    lock = os.open(made / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC)
    fcntl.flock(lock, fcntl.LOCK_EX)
    return made, lock


def remove_left(memory: Path) -> None:
    """Takes away the folders of runs that are over, but spares each of them once."""
    for folder in memory.glob(f"{_PREFIX}*"):
        with suppress(OSError):  # another user's, or gone by now
            lock = os.open(folder / "lock", os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.fstat(lock).st_size:
                    shutil.rmtree(folder, ignore_errors=True)
                else:
                    os.write(lock, b"spared")
            finally:
                os.close(lock)


@pytest.hookimpl(tryfirst=True)  # before pytest reads where its folders lie
def pytest_configure(config: pytest.Config) -> None:
    """Whoever leads the run says where, unless that was said."""
    leads = not hasattr(config, "workerinput") and not config.option.collectonly
    if not leads or config.option.basetemp is not None:
        return
    remove_left(_MEMORY)  # first, or what lies there is never taken away where it takes the room
    if is_roomy(_MEMORY):
        config.stash[_MADE] = made, _ = make_folder(_MEMORY)
        config.option.basetemp = str(made / "run")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Nothing is left of a run that found nothing."""
    if session.config.stash.get(_MADE, None) is not None and exitstatus == pytest.ExitCode.OK:
        session.config.add_cleanup(lambda: remove_own(session.config))


def remove_own(config: pytest.Config) -> None:
    """Takes this run's folder away, once nobody writes there any more."""
    made, lock = config.stash[_MADE]
    shutil.rmtree(made, ignore_errors=True)
    os.close(lock)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config
) -> None:
    """Where to look after a failure."""
    if _MADE in config.stash and exitstatus != pytest.ExitCode.OK:
        made, _ = config.stash[_MADE]
        terminalreporter.write_line(f"files: {made}, in memory until the next run but one begins")
