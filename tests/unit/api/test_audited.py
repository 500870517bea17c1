"""What a home notes of its audits: damage stays until an audit is sound that asked as much."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from api.ops.home_notes import AUDITED, last_audited, write_audited
from api.settings import Settings

WHOLE = ("content", "views", "definitions", "files")
AT = datetime(2026, 11, 28, tzinfo=UTC)


@pytest.mark.parametrize("without", WHOLE)
def test_a_part_that_is_sound_takes_no_damage_back(tmp_path: Path, without: str) -> None:
    """As --login auditor, --no-views, --no-definitions and --files nothing ask less."""
    settings = Settings.at(tmp_path)
    part = [one for one in WHOLE if one != without]
    assert write_audited(settings, AT, WHOLE, ok=False)
    assert not write_audited(settings, AT, part, ok=True)
    assert last_audited(settings) == (AT.timestamp(), False)
    assert write_audited(settings, AT, part, ok=False)
    assert not write_audited(settings, AT, part, ok=True)
    assert write_audited(settings, AT, WHOLE, ok=True)
    assert last_audited(settings) == (AT.timestamp(), True)


def test_who_asked_for_more_is_asked_for_by_the_next(tmp_path: Path) -> None:
    """Every byte of the files, or a checkpoint kept elsewhere; and a note of before asked all."""
    settings = Settings.at(tmp_path)
    for more in ("bytes of files", "checkpoints"):
        assert write_audited(settings, AT, [*WHOLE, more], ok=False)
        assert not write_audited(settings, AT, WHOLE, ok=True)
        assert write_audited(settings, AT, [*WHOLE, more], ok=True)
    (tmp_path / AUDITED).write_text('{"at": 1, "ok": false}')
    assert not write_audited(settings, AT, WHOLE[1:], ok=True)
    assert write_audited(settings, AT, WHOLE, ok=True)
