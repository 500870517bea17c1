"""By which name a home's loop held the lease last: read by the next one, and by no copy."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from uuid import UUID

import pytest

from projections.engine.last_holder import LastHolder

_ONE, _OTHER = UUID(int=1), UUID(int=2**128 - 1)


def test_the_last_name_that_was_kept_is_read_by_whoever_comes_next(tmp_path: Path) -> None:
    """None before the first; open to its owner alone."""
    path = tmp_path / "projector.holder"
    assert LastHolder(path).name() is None
    for name in (_OTHER, _ONE, _OTHER):
        LastHolder(path).keep(name)
        assert LastHolder(path).name() == name
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_copy_of_a_home_has_no_name(tmp_path: Path) -> None:
    """Both may run: the other's lease is not taken; a name of its own is."""
    made, copied = tmp_path / "made", tmp_path / "copied"
    made.mkdir()
    LastHolder(made / "holder").keep(_ONE)
    shutil.copytree(made, copied)
    assert LastHolder(copied / "holder").name() is None
    assert LastHolder(made / "holder").name() == _ONE
    LastHolder(copied / "holder").keep(_OTHER)
    assert LastHolder(copied / "holder").name() == _OTHER


@pytest.mark.parametrize("said", [b"", b"\xff", b"no name", str(_ONE).encode()])
def test_what_is_torn_is_no_name(tmp_path: Path, said: bytes) -> None:
    """And is written over."""
    path = tmp_path / "holder"
    path.write_bytes(said)
    assert LastHolder(path).name() is None
    LastHolder(path).keep(_ONE)
    assert LastHolder(path).name() == _ONE


def test_what_is_no_file_is_no_name_and_nothing_is_written_through_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A link, a folder, a pipe: said once, and the loop goes on."""
    other = tmp_path / "other"
    other.write_bytes(b"of somebody else")
    (tmp_path / "link").symlink_to(other)
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "folder", "pipe", "nowhere/holder"):
        caplog.clear()
        holder = LastHolder(tmp_path / name)
        assert holder.name() is None
        holder.keep(_ONE)
        assert "who keeps the views is not noted" in caplog.text, name
    assert other.read_bytes() == b"of somebody else"


def test_a_home_that_is_not_to_be_written_is_left_as_it_is(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """As in a container, whose operator would read of it at every start."""
    holder = LastHolder(Path("/sys/kernel/projector.holder"))
    holder.keep(_ONE)
    assert holder.name() is None
    assert not caplog.records
