"""A server that lets a login not in is told from one that is away by codes: words are its own."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ledger.errors import Unavailable
from ledger.postgres.connect import takes_logins
from ledger.postgres.copying.replication import Replication
from ledger.postgres.migrate import NotLetIn, administrator

_SEVERITY = "NGHIÊM TRỌNG"
"""As a server says it whose `lc_messages` is Vietnamese."""


_STARTING = ("57P03", "máy chủ đang khởi động")

_ANSWERS = """
import socket, sys
listening, answers = socket.socket(fileno=int(sys.argv[1])), sys.argv[2:]
while True:
    line, _ = listening.accept()
    answer = bytes.fromhex(answers.pop(0) if answers[1:] else answers[0])
    with line:
        line.recv(int.from_bytes(line.recv(4, socket.MSG_WAITALL)) - 4, socket.MSG_WAITALL)
        line.sendall(answer)
"""


def _error(code: str, said: str) -> bytes:
    """PostgreSQL's ErrorResponse: severity in the server's language and in none, code, words."""
    fields = {"S": _SEVERITY, "V": "FATAL", "C": code, "M": said}
    body = b"".join(f"{name}{value}\0".encode() for name, value in fields.items()) + b"\0"
    return b"E" + (len(body) + 4).to_bytes(4) + body


@contextmanager
def _server(*answers: tuple[str, str]) -> Iterator[str]:
    """Answers logins so, one after the other and the last for ever, by code and words.

    In a process of its own: the driver waits holding the interpreter.
    """
    with socket.create_server(("127.0.0.1", 0)) as listening:
        told = [_error(*one).hex() for one in answers]
        words = [sys.executable, "-c", _ANSWERS, str(listening.fileno()), *told]
        with subprocess.Popen(words, pass_fds=[listening.fileno()]) as answering:
            try:
                yield (
                    f"host=127.0.0.1 port={listening.getsockname()[1]} user=socai_archiver"
                    " dbname=x sslmode=disable gssencmode=disable"
                )
            finally:
                answering.kill()


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("28000", "pg_hba.conf không có dòng nào cho kết nối này"),
        ("28P01", "sai mật khẩu của socai_archiver"),
        ("42501", "phải có quyền nhân bản"),
    ],
)
def test_whoever_is_not_let_in_is_told_whose_move_it_is(code: str, said: str) -> None:
    """Also where no word of the answer is English."""
    with _server((code, said)) as dsn:
        assert takes_logins(dsn)
        with pytest.raises(Unavailable) as refused:
            Replication(dsn)
        with pytest.raises(NotLetIn, match=said):
            administrator(dsn)
    assert said in str(refused.value)
    assert "ALTER ROLE socai_archiver REPLICATION" in str(refused.value)


def test_a_server_that_starts_or_is_away_is_waited_for() -> None:
    """The owner has nothing to allow there."""
    with _server(_STARTING) as dsn:
        for at in (dsn, "host=127.0.0.1 port=1 user=socai_archiver"):
            assert not takes_logins(at)
            with pytest.raises(Unavailable) as away:
                Replication(at)
            assert "ALTER ROLE" not in str(away.value)
            with pytest.raises(Unavailable, match="cannot be reached"):
                administrator(at)


def test_a_server_that_comes_up_between_two_looks_has_refused_nobody() -> None:
    """What a start makes that nobody types (`init --if-missing`) ended there, and did not wait."""
    with (
        _server(_STARTING, ("28P01", "sai mật khẩu")) as dsn,
        pytest.raises(Unavailable, match="cannot be reached"),
    ):
        administrator(dsn)
