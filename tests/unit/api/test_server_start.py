"""In which order the API starts: what takes long comes before anybody is listened to."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

from api.http import wsgi

LOADED = """
import json, sys, threading
from pathlib import Path
from api.http import wsgi
from api.settings import Settings
wsgi._load(Settings.at(Path(sys.argv[1])))
needed = {"api.http.app", "api.ops.wiring", "ledger.regulation.edition", "psycopg", "flask"}
print(json.dumps([sorted(needed - set(sys.modules)), threading.active_count()]))
"""


def test_whoever_connects_waits_for_no_import(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A proxy gives a replica that listens its share: what it sends must not wait for modules."""
    done: list[str] = []

    class Listening:
        def __init__(self, *_: object) -> None:
            done.append("listens")

        def run(self) -> None:
            done.append("serves")

    monkeypatch.setenv("SOCAI_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["wsgi"])
    monkeypatch.setattr("keys.custody.core_dumps.leave_none", lambda: None)
    monkeypatch.setattr(wsgi, "_load", lambda _: done.append("loads"))
    monkeypatch.setattr(wsgi, "Server", Listening)
    wsgi.main()
    assert done == ["loads", "listens", "serves"]


def test_workers_are_forked_from_what_is_loaded_and_from_nothing_that_runs(tmp_path: Path) -> None:
    """So one that takes a killed one's place loads nothing; a thread would not be forked along."""
    told: Any = subprocess.run(
        [sys.executable, "-c", LOADED, str(tmp_path)], capture_output=True, check=True
    ).stdout
    assert orjson.loads(told) == [[], 1]
