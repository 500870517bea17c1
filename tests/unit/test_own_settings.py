"""Tests run the same whoever runs them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_SAID = (
    "import os; from tests import conftest; print(sorted(n for n in os.environ if 'SOCAI' in n))"
)


def test_no_test_reads_the_settings_of_whoever_runs_it(tmp_path: Path) -> None:
    """A home, a port, or a `.socai` beside the tests: none is theirs to read or write."""
    given = {**os.environ, "SOCAI_HOME": str(tmp_path), "SOCAI_PORT": "1"}  # noqa: TID251  as whoever runs them
    said = subprocess.run(
        [sys.executable, "-c", f"{_SAID}; print(conftest.NO_HOME == os.environ['SOCAI_HOME'])"],
        env=given,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.split("\n")[:2] == ["['SOCAI_HOME']", "True"]
