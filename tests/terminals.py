"""A real terminal of the system: a pair of pseudo-terminals, with the program at one end."""

from __future__ import annotations

import os
import pty
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from select import select
from subprocess import Popen
from typing import Final

ROOT: Final = Path(__file__).parent.parent
_SECONDS: Final = 60.0
_ASKED: Final = b": "
"""How a question ends."""


def on_a_terminal(
    words: Sequence[str],
    home: Path,
    env: Mapping[str, str],
    typed: Sequence[str] = (),
    asked: bytes = _ASKED,
) -> tuple[int, str]:
    """Exit status and what a terminal of 80 by 24 was told; a line is typed at each question."""
    lines = list(typed)
    leader, follower = pty.openpty()
    os.set_blocking(leader, False)
    told = {
        "SOCAI_HOME": str(home), "PATH": "/usr/bin:/bin", "COLUMNS": "80", "LINES": "24",
        "TERM": "xterm-256color", "SOCAI_LANG": "en", "LC_ALL": "C.UTF-8", **env,
    }  # fmt: skip
    run = Popen(
        [sys.executable, "-m", "api.cli.main", *words],
        stdin=follower, stdout=follower, stderr=follower, env=told, cwd=ROOT,
        start_new_session=True,
    )  # fmt: skip
    os.close(follower)
    said = b""
    while select([leader], [], [], _SECONDS)[0]:
        try:
            part = os.read(leader, 1 << 16)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        said += part
        if lines and said.endswith(asked):
            os.write(leader, f"{lines.pop(0)}\n".encode())
    os.close(leader)
    return run.wait(_SECONDS), said.decode().replace("\r", "")
