"""`socai demo --enclaves --json`: the same demo as one document, for programs."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner

from api.cli.main import main

pytestmark = [pytest.mark.postgres, pytest.mark.soak]


def test_the_demo_of_two_enclaves_is_one_document(tmp_path: Path) -> None:
    """Nothing but it on standard output: plays, merged history, who sees what, what was refused."""
    env = {"COLUMNS": "80", "SOCAI_HOME": str(tmp_path / "home")}
    done = CliRunner().invoke(main, ["demo", "--enclaves", "--json"], env=env)
    assert done.exit_code == 0, done.output
    told = orjson.loads(done.stdout)
    assert told["ok"]
    assert [play["level"] for play in told["plays"]] == ["ordinary", "mat"]
    assert {"mirrored" in act for act in told["history"]} == {True, False}
    assert [one["alias"] for one in told["seen"]] == ["cv", "pgd", "ca", "bm"]
    assert told["refused"]["kind"] == "damaged"
    assert (told["compared"] > 0, told["differences"]) == (True, [])
