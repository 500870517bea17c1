"""The turn to date and append: a hint among processes, at whose mercy nobody is."""

from __future__ import annotations

import fcntl
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from time import monotonic
from typing import Final

from api.ops.append_turn import AppendTurn
from tests.attacks import attack

_SHORT_S: Final = 0.05
_LONG_S: Final = 30.0
_HOLDS: Final = """
import sys, time
from pathlib import Path
from api.ops.append_turn import AppendTurn
with AppendTurn(Path(sys.argv[1])):
    print("holds it", flush=True)
    time.sleep(3600)
"""


def _free(folder: Path) -> bool:
    """Whether nobody has the turn just now."""
    with (folder / "append.lock").open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


@contextmanager
def _another(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds it until it is killed."""
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDS, str(folder)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "holds it\n"
        try:
            yield holder
        finally:
            holder.kill()


def test_one_is_behind_the_other(tmp_path: Path) -> None:
    """Each opens the file for itself, as two processes do."""
    one, other = (AppendTurn(tmp_path, hung_after_s=_LONG_S) for _ in range(2))
    done: list[str] = []

    def second() -> None:
        with other:
            done.append("second")

    waits = threading.Thread(target=second)
    with closing(one), closing(other):
        with one:
            waits.start()
            waits.join(_SHORT_S)
            done.append("first")
        waits.join()
    assert done == ["first", "second"]
    assert _free(tmp_path)


@attack(
    "a process of the API is stopped with the turn to append, or who reads its folder keeps it",
    stopped_by="it is a hint, waited for a quarter of a second, once",
    noticed_by="-",
)
def test_who_hangs_is_waited_for_once(tmp_path: Path) -> None:
    """Then not before it was seen to have given the turn back, as who is killed does."""
    with _another(tmp_path) as stopped, closing(AppendTurn(tmp_path)) as turn:
        stopped.send_signal(signal.SIGSTOP)
        turn._hung_after_s, began = _SHORT_S, monotonic()
        with turn:
            assert monotonic() - began >= _SHORT_S
        turn._hung_after_s, began = _LONG_S, monotonic()
        with turn:
            assert monotonic() - began < _LONG_S, "it is waited for once more"
        assert not _free(tmp_path)  # what it does not have it does not give back
        stopped.kill()
        stopped.wait()
        with turn:
            assert not _free(tmp_path)
        assert _free(tmp_path)


def test_where_nothing_can_be_written_nobody_waits(tmp_path: Path) -> None:
    """A home that is only to be read, a file in the place of the folder, a link in the file's."""
    (tmp_path / "file").touch()
    (tmp_path / "append.lock").symlink_to(tmp_path / "elsewhere")
    for folder in (tmp_path / "file", tmp_path):
        with closing(AppendTurn(folder)) as turn, turn:
            pass
    assert not (tmp_path / "elsewhere").exists()
