"""A run's folder in memory is its own while it lasts, and nobody's after it."""

from __future__ import annotations

import os
from pathlib import Path

from tests.in_memory import is_roomy, make_folder, remove_left


def test_what_another_run_left_goes_and_what_one_uses_stays(tmp_path: Path) -> None:
    """A failed run's files may be looked at while another lasts: `make drills` is two."""
    used, lock = make_folder(tmp_path)
    left, released = make_folder(tmp_path)
    os.close(released)
    remove_left(tmp_path)
    assert (used.exists(), left.exists()) == (True, True)
    remove_left(tmp_path)
    assert (used.exists(), left.exists()) == (True, False)
    os.close(lock)
    remove_left(tmp_path)
    remove_left(tmp_path)
    assert not used.exists()


def test_where_no_memory_is_offered_the_disk_is_used(tmp_path: Path) -> None:
    """Other systems have no such folder."""
    assert not is_roomy(tmp_path / "none")
