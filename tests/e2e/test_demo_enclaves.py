"""`socai demo --enclaves`: one case at two levels on two clusters, as it is typed."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from api.cli.main import main


@pytest.mark.drill
def test_two_enclaves_are_played_shown_and_compared(tmp_path: Path) -> None:
    """Its own word that all is as the file says, merged, and equal; and what a person reads of it.

    In Vietnamese: longer than English everywhere.
    """
    env = {"COLUMNS": "80", "SOCAI_HOME": str(tmp_path / "home")}
    done = CliRunner().invoke(main, ["--lang", "vi", "demo", "--enclaves"], env=env)
    assert done.exit_code == 0, done.output
    told = done.stdout
    assert "✗" not in told
    assert "Traceback" not in done.stderr
    assert max(len(line.rstrip()) for line in told.splitlines() if "SOCAI_HOME" not in line) <= 80
    history = told.partition("── 3.")[2].partition("── 4.")[0]
    acts = [
        line.split()[0] for line in history.splitlines() if line[:1].isdigit() or "↓" in line[:1]
    ]
    marks = ["↓" in one for one in acts if one != "↓"]
    assert marks == [True] * 4 + [False] * 4 + [True] * 10 + [False] * 2 + [True] * 3 + [False]
    refusal = told.partition("── 5.")[2]
    assert ".socaisegment" in refusal
    assert "a segment of a lower log was refused" not in done.stderr
