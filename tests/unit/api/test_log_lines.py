"""Log lines: one JSON object each, and nothing of an act in them (http.md §7)."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import pty
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import orjson
import psycopg
import pytest

from api.cli.commands.operator import _fell, _without_waiting
from api.cli.terminal.shell import Shell
from api.ops.log_lines import JsonLines, LogLines, _ended
from api.ops.output import Output
from ledger.errors import Unavailable
from ledger.message import Wording

CONTENT = "người tố giác"


def _line(message: str, **more: Any) -> Any:  # noqa: ANN401 - JSON
    fields = more.pop("fields", None)
    record = logging.LogRecord("socai.http", logging.ERROR, "", 0, message, (), **more)
    if fields is not None:
        record.fields = fields
    return orjson.loads(JsonLines().format(record))


def _fail(content: str) -> None:
    """Fails with content in a local variable, as a fold or a view would."""
    try:
        int(content)
    except ValueError as cause:
        raise LookupError("no such thing") from cause


def test_a_line_is_one_object_with_its_fields() -> None:
    """What a machine reads needs no pattern: also where a message has line ends or no text."""
    told = _line("first\nsecond \udcff", exc_info=None, fields={"call": "/v1/log", "ms": 1.5})
    assert told["event"] == "first\nsecond \\udcff"
    assert (told["call"], told["ms"], told["level"]) == ("/v1/log", 1.5, "error")
    assert told["timestamp"].endswith("Z")


def test_an_exception_tells_its_places_and_no_local_variable() -> None:
    """Local variables hold content of acts and keys."""
    try:
        _fail(CONTENT)
    except LookupError:
        told = _line("stopped", exc_info=sys.exc_info())
    found = told["exception"]
    assert (found["error"], found["cause"]) == ("LookupError", "ValueError")
    assert found["where"][-1].endswith(" _fail")
    assert CONTENT not in str(told)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (Unavailable("disk_full", Wording("", "no room")), "disk_full: no room"),
        (OSError(28, "No space left on device"), "[Errno 28] No space left on device"),
        (KeyError(CONTENT), None),
        (ValueError(f"invalid literal for int(): {CONTENT!r}"), None),
        (psycopg.DataError(f"CONTEXT:  COPY acts, line 1, column title: {CONTENT}"), None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_not_raised_on_purpose_is_told_without_its_text(
    error: Exception, text: str | None
) -> None:
    """A fold that fails over a record is logged: Python and the database quote what they met."""
    told = _line("stopped", exc_info=(type(error), error, None))
    assert told["exception"].get("text") == text
    assert CONTENT not in str(told)


_ENDS = """
from api.ops import log_lines
log_lines.configure("info")
int("người tố giác")
"""


def test_a_process_that_ends_over_a_mistake_says_so_in_a_line_without_content() -> None:
    """Python's own trace has the error's text, which quotes what it met, and is no line of JSON."""
    ended = subprocess.run([sys.executable, "-c", _ENDS], capture_output=True, check=False)
    told = orjson.loads(ended.stderr)
    assert (ended.returncode, told["level"]) == (1, "critical")
    assert (told["exception"]["error"], "text" in told["exception"]) == ("ValueError", False)
    assert CONTENT not in str(told)


def test_whoever_stops_a_process_at_a_terminal_has_made_no_mistake(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Ctrl-C ends it as Python does: no critical line, by which an operator would be called."""
    _ended(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert not caplog.records
    _ended(LookupError, LookupError(), None)
    assert [record.levelname for record in caplog.records] == ["CRITICAL"]


class _Stopped:
    """Where lines go, and whoever could read them and does not.

    Args:
        end: Descriptor of the reader's end.
        lines: Writes to the other one.
    """

    def __init__(self, end: int, lines: LogLines) -> None:
        self._end, self._lines = end, lines

    def log(self, many: int, text: str = "answered") -> None:
        """So many lines; whoever writes them would wait for good."""
        record = logging.makeLogRecord({"msg": text, "levelname": "INFO"})

        def emit() -> None:
            for _ in range(many):
                self._lines.emit(record)

        thread = Thread(target=emit, daemon=True)
        thread.start()
        thread.join(60)
        assert not thread.is_alive(), "it waits"

    def read(self) -> bytes:
        """What has come."""
        found = b""
        while True:
            try:
                found += os.read(self._end, 1 << 16)
            except BlockingIOError:
                return found

    def events(self) -> list[str]:
        """Of what has come, which is whole lines."""
        return [orjson.loads(line)["event"] for line in self.read().splitlines()]


@pytest.fixture
def piped(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Stopped]:
    """A pipe of one page, that its writer shares with others: nothing is set of what they share."""
    monkeypatch.setattr("api.ops.output.PATIENCE_S", 0.0)
    end, handle = os.pipe()
    fcntl.fcntl(handle, fcntl.F_SETPIPE_SZ, 4096)
    os.set_blocking(end, False)
    with os.fdopen(handle, "w") as shared:
        yield _Stopped(end, LogLines(Output(shared)))
        assert os.get_blocking(handle)
    os.close(end)


def test_a_pipe_that_nobody_reads_keeps_nobody_waiting(piped: _Stopped) -> None:
    """Once it is read again the next line comes behind one that says how many are lost."""
    piped.log(200)
    kept = piped.events()
    assert 0 < len(kept) < 200
    assert set(kept) == {"answered"}
    piped.log(2, "again")
    lost, *rest = piped.events()
    assert lost.startswith(f"{200 - len(kept)} lines before this one are lost")
    assert rest == ["again", "again"]


def test_a_pipe_of_another_account_keeps_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """As before `sudo -u`: it cannot be opened anew, nor can any where there is no /proc."""
    real = os.open

    def opened(path: str, flags: int) -> int:
        if path.startswith("/proc/self/fd/"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return real(path, flags)

    monkeypatch.setattr("api.ops.output.PATIENCE_S", 0.0)
    end, handle = os.pipe()
    os.set_blocking(end, False)
    with os.fdopen(handle, "w") as shared:
        with monkeypatch.context() as patched:
            patched.setattr(os, "open", opened)
            piped = _Stopped(end, LogLines(Output(shared)))
        piped.log(3_000)
        assert 0 < len(piped.events()) < 3_000
        piped.log(1, "again")
        lost, last = piped.events()
        assert "are lost" in lost
        assert last == "again"
    os.close(end)


def test_a_line_that_is_longer_than_a_pipe_has_room_ends_before_the_next(piped: _Stopped) -> None:
    """Half a line would spoil the one behind it."""
    piped.log(1, "x" * 6_000)
    begun = piped.read()
    piped.log(1)
    first, second = (begun + piped.read()).splitlines()
    assert [orjson.loads(one)["event"] for one in (first, second)] == ["x" * 6_000, "answered"]


def test_a_terminal_that_was_stopped_keeps_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-S at the terminal that `serve` runs on, or text that is selected in a window."""
    monkeypatch.setattr("api.ops.output.PATIENCE_S", 0.0)
    leader, follower = pty.openpty()
    os.set_blocking(leader, False)
    with os.fdopen(follower, "w") as terminal:
        window = _Stopped(leader, LogLines(Output(terminal)))
        window.log(1)
        assert window.events() == ["answered"]
        termios.tcflow(follower, termios.TCOOFF)
        window.log(50)
        termios.tcflow(follower, termios.TCOON)
        window.log(1)
        *_, lost, last = window.events()
    assert "lines before this one are lost" in lost
    assert last == "answered"
    os.close(leader)


def test_a_line_that_nobody_takes_ends_nobody() -> None:
    """On a full disk, into a pipe whose reader has gone, or with standard error closed."""
    end, handle = os.pipe()
    with Path("/dev/full").open("w") as full, os.fdopen(handle, "w") as pipe:
        outputs = [Output(full), Output(pipe)]
        os.close(end)
        for output in outputs:
            output.write("one\n")
            output.write("two\n")
            assert output.lost == 2
    Output(None).write("one\n")


def test_what_starts_fallen_processes_again_waits_for_no_reader(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It says which has fallen before it starts it anew."""
    monkeypatch.setattr("api.ops.output.PATIENCE_S", 0.0)
    end, handle = os.pipe()
    fcntl.fcntl(handle, fcntl.F_SETPIPE_SZ, 4096)
    with os.fdopen(handle, "w") as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)
        said = _without_waiting(Shell(json=False, lang="vi"))

        def fall() -> None:
            for _ in range(100):
                said(_fell("projector", -9, again=True))

        thread = Thread(target=fall, daemon=True)
        thread.start()
        thread.join(60)
        assert not thread.is_alive(), "it waits"
    told = os.read(end, 1 << 16).decode()
    assert told.startswith("projector dừng (-9); khởi động lại.\n")
    os.close(end)
