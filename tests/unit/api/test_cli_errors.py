"""What fails below is told at the terminal in the reader's language, with what to do."""

from __future__ import annotations

import ast
import base64
import codecs
import errno
import hashlib
import os
import re
import resource
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
import psycopg
import pytest

from api.cli.terminal.error_messages import guarded
from api.cli.terminal.shell import FAILED, MISUSED, Refusal
from api.cli.terminal.typed_values import saved_text
from api.client.client import Client
from api.client.connection import Refused
from api.home import write_private
from api.http.pages.frame import told_once
from api.ops.backup.metrics import tell_backups
from api.ops.embedded_postgres import DiskFull, EmbeddedError
from api.ops.mirror.metrics import tell_mirror
from api.ops.mirror.slots import written
from api.problems.problem import Problem
from api.problems.types import TYPES
from api.texts.catalogue import both, translate
from api.texts.lang import LANGS, Lang
from keys import canonical
from keys.custody.file import read_key, write_durably, write_key
from keys.errors import KeysError, Malformed, Unsealable
from keys.jwk import SoftwareSigner
from ledger import message
from ledger.errors import Fatal, VerificationError
from ledger.message import Message, system_fault
from ledger.postgres.connect import translated
from tests.rows import each, of
from tests.source_files import modules

_OF_NAMES: Final = {
    socket.EAI_NONAME: "Name or service not known",
    socket.EAI_AGAIN: "Temporary failure in name resolution",
}
"""Numbers of what is said of names of machines: they are no `errno`."""


@pytest.mark.parametrize(
    ("error", "vi"),
    [
        (Unsealable("the key does not unwrap"), "sai mật khẩu"),
        (Malformed("my.socaikey is not a key file"), "tệp khóa không dùng được"),
        (VerificationError("entry_mismatch", "another hash", 7), "socai log audit"),
        (Fatal("the database is older than this program; run: socai migrate"), "không khớp nhau"),
        (EmbeddedError("initdb failed"), "PostgreSQL kèm theo"),
        (DiskFull("/home/pg: No space left on device"), "hết chỗ"),
    ],
)
def test_a_failure_below_is_one_sentence_in_both_languages(error: Exception, vi: str) -> None:
    """The detail stays for who repairs it; the sentence says what was not done."""

    @guarded
    def command() -> None:
        raise error

    with pytest.raises(Refusal) as refused:
        command()
    said = both(refused.value.text)
    assert vi in said["vi"]
    assert said["vi"] != said["en"]
    assert str(error) in said["vi"]
    assert str(error) in said["en"]
    assert refused.value.exit_code == (MISUSED if isinstance(error, Malformed) else FAILED)


@pytest.mark.parametrize("number", [*errno.errorcode, *_OF_NAMES], ids=str)
def test_what_the_system_says_is_in_the_readers_language(number: int) -> None:
    """As it says it itself in English, where people look for it; what is not ours to know stays."""
    own = _OF_NAMES.get(number) or os.strerror(number)
    said = both(system_fault(OSError(number, own)))
    assert said["en"] == own
    assert (said["vi"] != own) == (number in message._SYSTEM)


def test_a_file_that_is_not_there_is_no_english_word_in_a_vietnamese_sentence() -> None:
    """It is named, and no number of an error stands there."""
    said = both(Message("A file cannot be used ({why}).", why=_missing()))
    assert said["en"] == "A file cannot be used (No such file or directory: /no/where)."
    assert "không có tệp hay thư mục này: /no/where" in said["vi"]

    @guarded
    def command() -> None:
        raise _missing()

    with pytest.raises(Refusal) as refused:
        command()
    told = both(refused.value.text)
    assert not re.search("Errno|No such", told["vi"])
    assert "/no/where" in told["vi"]


def _missing() -> OSError:
    return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "/no/where")


_NO_MORE_PROCESSES: Final = """
import os, resource, subprocess, threading
from api.cli.terminal.error_messages import guarded, unwritten
from api.cli.terminal.shell import Refusal
if os.geteuid() == 0:
    os.setuid(65534)  # root may start as many as it likes
resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
for start in (threading.Thread().start, lambda: subprocess.run(["true"])):
    try:
        guarded(lambda: start())()
    except Refusal as refused:
        print(refused.code, refused.exit_code, "ulimit -u" in str(refused.text))
"""


def test_who_may_start_no_more_processes_or_threads_is_told_so() -> None:
    """It was the trace of a thread, or output that could not be written."""
    words = [sys.executable, "-c", _NO_MORE_PROCESSES]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == ["too_many_processes 1 True"] * 2, done.stderr


def test_who_has_no_more_memory_is_told_so() -> None:
    """It was a trace; the loops of the service end so, too, and are started again."""

    @guarded
    def command() -> bytes:
        return bytes(1 << 62)

    with pytest.raises(Refusal) as refused:
        command()
    assert (refused.value.code, refused.value.exit_code) == ("no_memory", FAILED)
    assert "MemoryMax" in str(refused.value.text)


def test_a_wrong_passphrase_is_a_call_that_was_wrong(tmp_path: Path) -> None:
    """As a wrong PIN is: status 2, and the file is named; bytes that do not open are no call."""
    path = tmp_path / "own.socaikey"
    write_key(path, SoftwareSigner.generate(), b"right", t=1, p=1, m_kib=64)

    @guarded
    def command() -> None:
        read_key(path, b"wrong")

    with pytest.raises(Refusal) as refused:
        command()
    assert (refused.value.exit_code, refused.value.code) == (MISUSED, "wrong_passphrase")
    said = both(refused.value.text)
    assert said["en"].startswith("Nothing was done: own.socaikey does not open (wrong passphrase")
    assert "own.socaikey không mở được (sai mật khẩu" in said["vi"]


def test_whoever_operates_a_database_hears_what_it_says() -> None:
    """That it is away is not all: its connections may all be taken."""
    why = "connection failed: FATAL:  sorry, too many clients already"

    @guarded
    def command() -> None:
        raise translated(psycopg.OperationalError(f"{why}\nIs it running?"))

    with pytest.raises(Refusal) as refused:
        command()
    said = both(refused.value.text)
    assert said["en"].endswith(f"in a few seconds. The database says: {why}")
    assert said["vi"].endswith(f"Cơ sở dữ liệu báo: {why}")


def test_every_error_of_the_keys_has_a_sentence() -> None:
    """A new kind of error falls back on that of its package, never on a trace."""

    @guarded
    def command() -> None:
        raise KeysError("something new")

    with pytest.raises(Refusal):
        command()


class _CutOff(httpx.SyncByteStream):
    """A body of which the line brings the beginning alone."""

    def __iter__(self) -> Iterator[bytes]:
        yield b"%PDF"
        raise httpx.ReadError("gone")


def _line(answered: httpx.Response | None) -> httpx.Client:
    def asked(request: httpx.Request) -> httpx.Response:
        if answered is None:
            raise httpx.ConnectError("refused", request=request)
        return answered

    return httpx.Client(transport=httpx.MockTransport(asked), base_url="http://socai.test:81")


@pytest.mark.parametrize("cut_off", [True, False])
def test_a_copy_without_an_answer_is_not_said_to_be_safe_to_ask_for_again(
    tmp_path: Path, *, cut_off: bool
) -> None:
    """Its number may be taken; nor is a line that broke called damage of the log."""
    digest = {"Repr-Digest": f"sha-256=:{base64.b64encode(bytes(32)).decode()}:"}
    begun = httpx.Response(200, headers=digest, stream=_CutOff()) if cut_off else None
    client = Client("http://socai.test:81", http=_line(begun), attempts=1)

    @guarded
    def command() -> None:
        client.print_case("c", "p", tmp_path / "case.pdf")

    with pytest.raises(Refusal) as refused:
        command()
    told = both(refused.value.text)["en"]
    assert refused.value.code == "unreachable"
    assert told.startswith("There was no answer from http://socai.test:81, and nothing was written")
    assert "safe" not in told
    assert not list(tmp_path.iterdir())


def test_whoever_has_no_answer_is_told_who_was_asked() -> None:
    """The address may be the mistake."""

    @guarded
    def command() -> None:
        Client("http://socai.test:81", http=_line(None), attempts=1).log()

    with pytest.raises(Refusal) as refused:
        command()
    assert "http://socai.test:81" in both(refused.value.text)["en"]
    assert "again is safe" in both(refused.value.text)["en"]


def test_a_place_that_takes_no_more_of_a_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk is none of standard output's."""
    data = b"file"
    digest = f"sha-256:{canonical.b64(hashlib.sha256(data).digest())}"

    def full(*_: object) -> Path:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "replace", full)
    into = tmp_path / "letter.pdf"

    @guarded
    def command() -> None:
        Client("http://x", http=_line(httpx.Response(200, content=data))).attachment(
            "a", digest, into
        )

    with pytest.raises(Refusal) as refused:
        command()
    assert f"No space left on device: {into}" in both(refused.value.text)["en"]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("lang", LANGS)
def test_what_is_done_next_at_a_terminal_names_no_part_of_the_api(lang: Lang) -> None:
    """Whoever types commands has no `since` and no `head`, and sends no POST."""
    for code, kind in each(TYPES.items()):
        problem = Problem(code).body(lang, "0af7651916cd43dd8448eb211c80319c")

        @guarded
        def command(status: int = kind.status, told: dict[str, Any] = problem) -> None:
            raise Refused(status, told)

        with of(code):
            with pytest.raises(Refusal) as refused:
                command()
            said = translate(refused.value.text, lang).removeprefix(f"{code}: {problem['title']}")
            named = re.findall(r"`([^`]*)`|\b(?:GET|POST) /", said)
            assert all(one.startswith("socai ") for one in named), said


@pytest.mark.parametrize("lang", LANGS)
def test_a_refusal_says_nothing_twice_at_a_terminal_or_on_a_page(lang: Lang) -> None:
    """Of every sentence that is raised with a code of a problem: with what is said beside it."""
    written = {one for one in _sentences_raised() if one[0] in TYPES}
    assert {"clock_jumped", "clocks_apart", "disk_full", "stale"} <= {code for code, _ in written}
    for code, text in each(sorted(written)):
        problem = Problem(code, Message(text)).body(lang, "0af7651916cd43dd8448eb211c80319c")

        @guarded
        def command(told: dict[str, Any] = problem) -> None:
            raise Refused(int(told["status"]), told)

        with of(f"{code}: {text}"):
            with pytest.raises(Refusal) as refused:
                command()
            _says_nothing_twice(translate(refused.value.text, lang).removeprefix(f"{code}: "))
            lead, step = told_once(problem["title"], problem["detail"], problem["next"])
            _says_nothing_twice(f"{problem['title']}. {lead} {step}")
            assert lead or step


def _says_nothing_twice(said: str) -> None:
    parts = [part.strip().casefold() for part in re.split(r"[.;:](?:\s|$)", said)]
    again = [part for part in parts if part and parts.count(part) > 1]
    nothing = [part for part in parts if re.search(r"nothing was recorded|chưa ghi gì", part)]
    assert (again, nothing[1:]) == ([], []), said


def _sentences_raised() -> Iterator[tuple[str, str]]:
    """Code and English of each error that is made with both."""
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            match node:
                case ast.Call(
                    func=ast.Name(id="Rejected" | "Conflict" | "Unavailable" | "Problem"),
                    args=[
                        ast.Constant(value=str(code)),
                        ast.Call(
                            func=ast.Name(id="Message"), args=[ast.Constant(value=str(text)), *_]
                        ),
                        *_,
                    ],
                ):
                    yield code, text
                case _:
                    pass


def test_a_statement_that_comes_late_is_told_what_was_signed_before_it() -> None:
    """The problem says it to a program; at a terminal it was thrown away."""
    since = [{"seq": 7, "act": "CaseLinked"}, {"seq": 8, "act": "OfTheYear2053"}, 9]
    problem = {**Problem("stale").body("vi", "0"), "since": since}

    @guarded
    def command() -> None:
        raise Refused(409, problem)

    with pytest.raises(Refusal) as refused:
        command()
    assert "Ghi hồ sơ liên quan; OfTheYear2053; ?" in both(refused.value.text)["vi"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_what_windows_saves_is_the_text_that_was_written(encoding: str) -> None:
    """Notepad puts a mark before it, and PowerShell's `>` writes UTF-16."""
    text = '{"summary": "Một trang mạng"}\r\n'
    mark = codecs.BOM_UTF16_LE if encoding == "utf-16-le" else b""
    assert saved_text(mark + text.encode(encoding)).decode() == text
    for cut in (text.encode("utf-16")[:-1], b"\xff\xfe\x00\xd8"):
        assert saved_text(cut) == cut, "what was cut off is not mended behind whoever signs it"


@pytest.mark.parametrize("write", [write_durably, write_private, written])
def test_of_a_file_that_the_disk_has_no_room_for_nothing_stays_and_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Path, bytes], None]
) -> None:
    """Half a key was in the way of the next try; half a passphrase was taken for the passphrase."""
    path = tmp_path / "secret"

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="secret"):
            write(path, b"whole")
    assert list(tmp_path.iterdir()) == []
    write(path, b"whole")
    assert path.read_bytes() == b"whole"


def test_metrics_that_a_full_disk_does_not_take_name_their_file(tmp_path: Path) -> None:
    """It was told as output that could not be written to the end."""
    now, limits = datetime(2026, 11, 30, tzinfo=UTC), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        for tell in (tell_mirror, tell_backups):
            with pytest.raises(OSError, match=r"socai\.prom"):
                tell(tmp_path / "socai.prom", [], [], now)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
