"""The file of a home that says whose signature was good: what is wrong with it costs a check."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from errno import ENOSPC
from pathlib import Path
from typing import Final
from uuid import UUID

import pytest

from ledger.streams.record_reader import Opened
from projections.engine.noted_signatures import ENTRY_BYTES, NotedSignatures

_WHEN: Final = datetime(2024, 6, 4, tzinfo=UTC)


def record(index: int, entry: bytes | None = None) -> Opened:
    """A record of an entry of its own."""
    said = entry or (index + 1).to_bytes(4) * (ENTRY_BYTES // 4)  # none is a hole's
    return Opened(index, UUID(int=1), "case/x", 1, _WHEN, said, b"", None, None, "")


def noted(folder: Path, indices: Sequence[int]) -> list[int]:
    """Those of these that another process finds noted."""
    of = NotedSignatures(folder)
    return [index for index in indices if of.knows(record(index))]


def file_in(folder: Path) -> Path:
    """The one file there."""
    (path,) = folder.glob("signatures-*")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A home in which some were noted, far apart and in no order."""
    made = NotedSignatures(tmp_path / "projector")
    for index in (5000, 1, 1023, 1024, 3):
        made.keep(record(index))
    return tmp_path / "projector"


_KEPT: Final = [1, 3, 1023, 1024, 5000]
_ASKED: Final = [*range(8), 1022, 1023, 1024, 1025, 4999, 5000, 5001, 90_000]


def test_what_is_noted_is_known_to_every_process(folder: Path) -> None:
    """At its index, of its entry, and nothing else."""
    assert noted(folder, _ASKED) == _KEPT
    assert noted(folder, list(reversed(_ASKED))) == _KEPT[::-1]
    of = NotedSignatures(folder)
    assert not of.knows(record(3, record(1).entry))
    assert not of.knows(record(3, b"\1" * ENTRY_BYTES))
    assert (file_in(folder).stat().st_mode & 0o777, folder.stat().st_mode & 0o777) == (0o600, 0o700)


@pytest.mark.parametrize(
    ("name", "other"), [("version", lambda _: "99.0.0"), ("VERIFIER", "another OpenSSL")]
)
def test_another_program_takes_nothing_over_and_leaves_no_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, other: object
) -> None:
    """Of another version, or with another OpenSSL: what that checked it has not (retention.md)."""
    before = file_in(folder)
    monkeypatch.setattr(f"projections.engine.noted_signatures.{name}", other)
    assert noted(folder, _ASKED) == []
    assert file_in(folder) != before


def test_who_goes_gives_its_file_back(folder: Path) -> None:
    """A process makes one for each order that it carries out."""
    kept = NotedSignatures(folder)
    assert _held(folder) == [file_in(folder)]
    del kept
    assert _held(folder) == []


def _held(folder: Path) -> list[Path]:
    """What this process has open there."""
    held: list[Path] = []
    for one in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # it was closed meanwhile
            held.append(one.readlink())
    return [path for path in held if path.parent == folder]


def test_processes_that_note_at_once_keep_each_other_s(folder: Path) -> None:
    """Each writes its own places, whatever of the others' it has read."""
    one, two = NotedSignatures(folder), NotedSignatures(folder)
    for index in range(2000, 2100):
        (one if index % 2 else two).keep(record(index))
    assert noted(folder, range(1990, 2110)) == [*range(2000, 2100)]


def test_a_log_that_grew_anew_overwrites_what_was_noted(folder: Path) -> None:
    """After a recovery another record stands at the index."""
    other = record(3, b"\7" * ENTRY_BYTES)
    made = NotedSignatures(folder)
    assert not made.knows(other)
    made.keep(other)
    assert NotedSignatures(folder).knows(other)
    assert noted(folder, _ASKED) == [n for n in _KEPT if n != 3]


def _cut(path: Path) -> list[int]:
    os.truncate(path, 3 * ENTRY_BYTES + 5)
    return [1]


def _flip(path: Path) -> list[int]:
    data = bytearray(path.read_bytes())
    data[1024 * ENTRY_BYTES] ^= 1
    path.write_bytes(data)
    return [n for n in _KEPT if n != 1024]


def _gone(path: Path) -> list[int]:
    path.unlink()
    return []


def _of_all(path: Path) -> list[int]:
    path.chmod(0o666)
    return []


def _linked(path: Path) -> list[int]:
    (path.parent / "kept elsewhere").hardlink_to(path)
    return []


def _symbolic(path: Path) -> list[int]:
    path.rename(path.parent / "elsewhere")
    path.symlink_to(path.parent / "elsewhere")
    return []


def _a_pipe(path: Path) -> list[int]:
    path.unlink()
    os.mkfifo(path, 0o600)
    return []


def _of_another_program(path: Path) -> list[int]:
    path.rename(path.with_name("signatures-0123456789abcdef"))
    return []


HARMS: Final = (_cut, _flip, _gone, _of_all, _linked, _symbolic, _a_pipe, _of_another_program)


@pytest.mark.parametrize("harm", HARMS, ids=lambda harm: harm.__name__)
def test_what_is_not_as_it_was_made_here_is_not_gone_by(
    folder: Path, harm: Callable[[Path], list[int]]
) -> None:
    """And the home notes on."""
    left = harm(file_in(folder))
    assert noted(folder, _ASKED) == left
    NotedSignatures(folder).keep(record(7))
    assert noted(folder, _ASKED) == sorted([*left, 7])


def test_no_room_is_no_reason_to_stop(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be noted is checked again by the next process."""
    made = NotedSignatures(folder)

    def full(*_: object) -> int:
        raise OSError(ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("projections.engine.noted_signatures.os.pwrite", full)
        made.keep(record(6))
    made.keep(record(7))
    assert made.knows(record(6))
    assert noted(folder, _ASKED) == _KEPT


def test_a_home_without_a_folder_of_its_own_checks_everything(tmp_path: Path) -> None:
    """Here a file lies in its place."""
    (tmp_path / "projector").write_bytes(b"")
    made = NotedSignatures(tmp_path / "projector")
    made.keep(record(1))
    assert not made.knows(record(2000))
    assert noted(tmp_path / "projector", _ASKED) == []
