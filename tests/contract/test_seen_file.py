"""The file keeps the promises of the port, and those that only a file has to keep."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ledger.checkpoints import seen_file
from ledger.checkpoints.seen_file import DoubtMark, SeenFile
from ledger.errors import Doubt, Unavailable
from ledger.message import Wording
from ledger.ports import SeenStore
from tests.contract.seen import SeenContract


class TestSeenFile(SeenContract):
    """On a disk."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> SeenStore:
        """In a folder that is not there yet."""
        return SeenFile(tmp_path / "seen" / "checkpointer")


def test_it_is_open_to_its_owner_alone(tmp_path: Path) -> None:
    """Another role of the same group has a folder of its own."""
    SeenFile(tmp_path / "seen").write(b"note")
    assert stat.S_IMODE((tmp_path / "seen").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "seen" / "checkpoint").stat().st_mode) == 0o600


@pytest.mark.parametrize("point", ["fdatasync", "replace"])
def test_a_write_that_fails_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    """Half a note is never read: whole or not at all, and no room is no doubt."""

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    store = SeenFile(tmp_path)
    for note in (b"the first of all", b"the second", b"the one before"):
        store.write(note)
    monkeypatch.setattr(seen_file, "_exchanged", lambda *_: False)
    monkeypatch.setattr(Path if point == "replace" else os, point, fail)
    with pytest.raises(Unavailable, match="disk_full"):
        store.write(b"the next one")
    assert store.read() == b"the one before"


@pytest.mark.parametrize("trades", [True, False], ids=["trade names", "take the name"])
def test_notes_follow_each_other_whole_in_one_file_and_its_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, trades: bool
) -> None:
    """A shorter note has nothing of a longer one behind it, and no file is left of the others."""
    if not trades:  # a file system that knows no such thing
        monkeypatch.setattr(seen_file, "_exchanged", lambda *_: False)
    store = SeenFile(tmp_path)
    for length in (9, 3400, 3, 3401, 1, 3402):
        note = str(length).encode() * length
        with store.alone():
            store.write(note)
            assert store.read() == note
        assert SeenFile(tmp_path).read() == note
    names = {one.name for one in tmp_path.iterdir()}
    assert names == ({"checkpoint", "checkpoint.draft"} if trades else {"checkpoint"})


def test_who_reads_waits_for_who_writes_but_for_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file that is read may be the next draft: it must not be written over meanwhile."""
    store, other = SeenFile(tmp_path), SeenFile(tmp_path)
    store.write(b"note")
    locks: list[int] = []
    monkeypatch.setattr(fcntl, "flock", lambda _handle, how: locks.append(how))
    with store.alone():
        store.read()
        other.read()
    store.read()
    assert locks == [fcntl.LOCK_EX, fcntl.LOCK_SH, fcntl.LOCK_SH]


def test_a_link_in_the_place_of_the_file_is_not_followed_by_the_next_note(tmp_path: Path) -> None:
    """What it leads to is another's, and stays as it is."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"another's")
    store = SeenFile(tmp_path / "seen")
    (tmp_path / "seen").mkdir()
    (tmp_path / "seen" / "checkpoint").symlink_to(elsewhere)
    for note in (b"first", b"second", b"third"):
        store.write(note)
    assert elsewhere.read_bytes() == b"another's"
    assert store.read() == b"third"


@contextmanager
def _as_a_service(folder: Path) -> Iterator[None]:
    """Without the rights of root, in a folder that is the service's own."""
    if os.geteuid():
        yield
        return
    os.chown(folder, _NOBODY, _NOBODY)
    os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def _no_right_to_write(path: Path) -> None:
    path.chmod(0o400)


def _by_root(path: Path) -> None:
    path.chmod(0o644)
    if not os.geteuid():
        os.chown(path, 0, 0)


def _open_to_others(path: Path) -> None:
    path.chmod(0o666)


def _a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _a_dangling_link(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.parent / "elsewhere")


_NOBODY = 65534
_PUT_BACK = {"checkpoint": [_no_right_to_write, _by_root, _open_to_others]}
_PUT_BACK["checkpoint.draft"] = [*_PUT_BACK["checkpoint"], _a_pipe, _a_dangling_link]


@pytest.mark.parametrize(
    ("name", "put"), [(name, put) for name, puts in _PUT_BACK.items() for put in puts]
)
def test_a_file_that_somebody_put_back_stops_no_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, put: Callable[[Path], None]
) -> None:
    """What cannot be written over, or by others too, is taken away once it is the draft."""
    monkeypatch.chdir(tmp_path)  # the folders above are root's alone
    with _as_a_service(tmp_path):
        for note in (b"the first", b"the second"):
            SeenFile(Path()).write(note)
    put(tmp_path / name)
    with _as_a_service(tmp_path):
        store = SeenFile(Path())
        for note in (b"3", b"the fourth", b"the fifth"):
            with store.alone():
                store.write(note)
                assert store.read() == note
    assert {one.name for one in tmp_path.iterdir()} == {"checkpoint", "checkpoint.draft"}
    assert {one.stat().st_mode for one in tmp_path.iterdir()} == {stat.S_IFREG | 0o600}


def test_a_copy_by_hard_links_stays_what_it_was(tmp_path: Path) -> None:
    """`cp -al`, `rsync --link-dest`: else a backup of the memory would follow the log."""
    store, copies = SeenFile(tmp_path / "seen"), []
    for n in range(4):
        store.write(f"note {n}".encode())
        copies.append(tmp_path / f"copy-{n}")
        copies[n].hardlink_to(store.path)
    assert [copy.read_bytes() for copy in copies] == [f"note {n}".encode() for n in range(4)]


class _Disk:
    """What a cut of the power would leave: the names as of the folder's last sync.

    A file system may have written more of them; that it has is what nobody may count on.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._path = folder / "checkpoint"
        self._fsync, self._fdatasync, self._open = os.fsync, os.fdatasync, os.open
        self.named: int | None = None
        self.killed_before_the_name = False
        monkeypatch.setattr(os, "open", self.open)
        monkeypatch.setattr(os, "fsync", self.fsync)

    def open(self, path: Path, flags: int, mode: int = 0o777) -> int:
        handle = self._open(path, flags, mode)
        if flags & os.O_WRONLY:
            assert os.fstat(handle).st_ino != self.named, "half a note, if the power is cut now"
        return handle

    def fsync(self, handle: int) -> None:
        if self.killed_before_the_name and self._ino() != self.named:
            raise SystemExit(137)
        self._fsync(handle)
        self.named = self._ino()

    def _ino(self) -> int | None:
        return self._path.stat().st_ino if self._path.exists() else None

    @property
    def has_the_name(self) -> bool:
        """Whether the note of here is the note of there."""
        return self._ino() == self.named


@pytest.mark.parametrize("again", [True, False], ids=["started again", "beside it"])
def test_what_a_killed_writer_left_is_on_the_disk_before_it_is_read_or_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, again: bool
) -> None:
    """Killed between names and folder: the name on the disk is of the file that is the draft here.

    Who reads the note hands it out: gone with the power, its size could be signed twice.
    """
    disk = _Disk(tmp_path, monkeypatch)
    beside, killed = SeenFile(tmp_path), SeenFile(tmp_path)
    for note in (b"1", b"2", b"3"):
        beside.write(note)
        assert disk.has_the_name
    for note in (b"4", b"5", b"6"):
        disk.killed_before_the_name = True
        with pytest.raises(SystemExit):
            killed.write(note)
        disk.killed_before_the_name = False
        assert not disk.has_the_name
        store = SeenFile(tmp_path) if again else beside
        if note == b"6":
            store.write(b"7")
        else:
            assert store.read() == note
        assert disk.has_the_name


def test_what_cannot_be_read_or_written_is_doubt_and_not_nothing_seen(tmp_path: Path) -> None:
    """A folder in the place of the file: whoever reads `None` would begin anew."""
    (tmp_path / "checkpoint").mkdir()
    store = SeenFile(tmp_path)
    with pytest.raises(Doubt):
        store.read()
    with pytest.raises(Doubt):
        store.write(b"note")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Doubt), SeenFile(tmp_path / "file" / "below").alone():
        pass


def test_a_mark_stands_until_it_is_cleared_and_keeps_the_first_reason(tmp_path: Path) -> None:
    """What comes later is what came of it."""
    mark = DoubtMark(tmp_path / "checkpointer")
    assert mark.reason() is None
    mark.leave(Wording("gốc khác", "another\nroot"))
    mark.leave(Wording("sau", "later"))
    assert DoubtMark(tmp_path / "checkpointer").reason() == Wording("gốc khác", "another root")
    mark.clear()
    mark.clear()
    assert mark.reason() is None


def test_an_empty_or_unreadable_mark_is_a_mark(tmp_path: Path) -> None:
    """Whoever could write only its name said enough."""
    (tmp_path / "doubt").write_bytes(b"")
    assert DoubtMark(tmp_path).reason() == Wording("?", "?")
    (tmp_path / "doubt").unlink()
    (tmp_path / "doubt").mkdir()
    assert DoubtMark(tmp_path).reason() is not None


def test_what_is_set_aside_is_kept_under_a_name_of_its_own(tmp_path: Path) -> None:
    """It is evidence, and no second one takes its place."""
    store = SeenFile(tmp_path)
    assert store.set_aside() is None
    kept = []
    for harm in (b"first", b"second"):
        store.write(harm)
        kept.append(store.set_aside())
        assert store.read() is None
    (tmp_path / "checkpoint").mkdir()
    kept.append(store.set_aside())
    assert [path.read_bytes() for path in kept[:2] if path] == [b"first", b"second"]
    assert len({*kept}) == 3
    store.write(b"anew")
    assert store.read() == b"anew"
