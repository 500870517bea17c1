"""Another version that is installed over a service which runs."""

from __future__ import annotations

import importlib
import shutil
import sys
from pathlib import Path

import pytest

from api.http import app
from api.ops.service.supervisor import Supervisor
from api.settings import Settings
from api.version import VERSION, installed
from ledger.message import Text


@pytest.fixture
def installed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """What the files say, once this process has loaded what they said before."""
    facts = tmp_path / "socai-99.0.dist-info" / "METADATA"
    facts.parent.mkdir()
    facts.write_text("Metadata-Version: 2.1\nName: socai\nVersion: 99.0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return "99.0"


def test_what_runs_says_its_own_version(installed_over: str) -> None:
    """Whoever looks whether the new one serves already would be told so by the old one."""
    assert installed() == installed_over != VERSION
    assert app._blank().config["API_VERSION"] == VERSION


def test_whoever_starts_processes_of_two_versions_says_so_once(
    tmp_path: Path, installed_over: str
) -> None:
    """A fork server that was killed is started from the files, and all that it forks then."""
    said = list[Text]()
    supervisor = Supervisor(Settings.at(tmp_path / "home"), say=said.append)
    for _ in range(2):
        assert supervisor._begin([sys.executable, "-c", ""], []).wait() == 0
    (once,) = said
    assert f"{installed_over} was installed where {VERSION} runs" in str(once)
    shutil.rmtree(tmp_path / "socai-99.0.dist-info")
    importlib.invalidate_caches()
    assert installed() == VERSION
    assert supervisor._begin([sys.executable, "-c", ""], []).wait() == 0
    assert said == [once], "whoever takes the other one back has one version again"
