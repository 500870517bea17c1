"""What `make` leaves on a machine where nothing is yet."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parent.parent
_TELLS: Final = """#!/bin/sh
echo "$1 ${UV_CACHE_DIR-its own}" >>told
"""
"""In the place of uv, which would fetch: what it was called for, and where its cache would be."""


@pytest.mark.parametrize(
    ("place", "cache"), [(".uv/bin", ".uv/cache"), ("bin", "its own")], ids=["ours", "theirs"]
)
def test_what_is_put_here_keeps_its_cache_here(tmp_path: Path, place: str, cache: str) -> None:
    """So `make clean` takes it away too; a uv that was there before has the cache that it had."""
    for name in ("Makefile", "pyproject.toml", "uv.lock"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / ".venv").mkdir()
    uv = tmp_path / place / "uv"
    uv.parent.mkdir(parents=True)
    uv.write_text(_TELLS, "ascii")
    uv.chmod(0o700)
    env = {"PATH": f"{tmp_path}/bin:/usr/bin:/bin", "HOME": str(tmp_path / "home")}
    made = subprocess.run(
        ["make", ".venv/.ready", f"PYTHON={sys.executable}"],  # noqa: S607 - as anybody runs it
        cwd=tmp_path, env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "told").read_text("ascii") == f"sync {cache}\n"
    assert not (tmp_path / "home").exists()
