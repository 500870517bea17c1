"""A run with many failures says at its end which few sentences they failed with."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.failures import last_words
from tests.source_files import ROOT


def test_the_end_of_a_red_run_counts_what_was_said(tmp_path: Path) -> None:
    """Errors at set-up and failures alike, most frequent first; a green run says nothing."""
    (tmp_path / "test_it.py").write_text(
        """
import pytest

@pytest.fixture
def server(): raise OSError("the server\\nhas gone")

@pytest.mark.parametrize("n", range(3))
def test_of_three(server, n): pass

def test_of_one(): assert 1 == 2
def test_green(): pass
""",
        "utf-8",
    )
    (tmp_path / "pytest.ini").write_text("[pytest]\n", "utf-8")

    def told(*more: str) -> list[str]:
        run = subprocess.run(
            [
                sys.executable, "-m", "pytest", "-c", str(tmp_path / "pytest.ini"), "-q",
                "-p", "tests.failures", "-p", "no:cacheprovider", "-p", "no:schemathesis",
                "-p", "no:anyio", "-p", "no:hypothesispytest", f"--basetemp={tmp_path / 'temp'}",
                "--rootdir", str(tmp_path), str(tmp_path), *more,
            ],
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        return [line for line in run.stdout.splitlines() if line.startswith("failed: ")]

    assert told() == [
        "failed: 3 x OSError: the server has gone",
        "failed: 1 x assert 1 == 2",
    ]
    assert told("-k", "green") == []


def test_a_server_is_quoted_with_what_it_said_of_itself(tmp_path: Path) -> None:
    """Not with every statement it refused; one that has no log says nothing."""
    log = tmp_path / "server.log"
    assert last_words(log) == []
    log.write_text("ERROR:  no such row\nPANIC:  could not write to file\nLOG:  ready\n", "utf-8")
    assert last_words(log) == ["PANIC:  could not write to file"]
