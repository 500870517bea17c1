"""Readiness, which anybody may ask, gives no figure of a disk that others write to (L17)."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from api.ops import readiness
from api.ops.readiness import Readiness
from api.settings import Settings


def test_how_much_is_free_is_not_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it is enough, and the limit as it is set: the same for any room above it."""
    asked = cast("Readiness", SimpleNamespace(_settings=Settings.at(tmp_path, min_free_mib=256)))

    def told(mib: int) -> tuple[bool, str]:
        monkeypatch.setattr(readiness, "free_bytes", lambda _: mib << 20)
        check = Readiness._disk(asked)
        return check.ok, str(check.detail)

    assert told(256) == told(70_001) == (True, "256 MiB or more are free")
    assert told(0) == told(255) == (False, "less than 256 MiB are free: make room")
