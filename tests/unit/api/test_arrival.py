"""When a connection gets a thread: never before it has sent a whole request (http.md §7)."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.config import Config  # type: ignore[import-untyped]
from gunicorn.http import parser as http  # type: ignore[import-untyped]

from api.http.worker import Incoming, Link, Outgoing, ProblemWorker, wanted
from api.ops.log_lines import JsonLines
from api.settings import ARRIVED_BYTES
from tests.attacks import attack

HEAD = b"POST /v1/acts HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize(
    "peeked",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        HEAD + b"Content-Length: 2\r\n\r\n{}",
        HEAD + b"content-length:2\r\n\r\n{}more",
        HEAD + b"Content-Length: 0\r\n\r\n",
        HEAD + b"Content-Length: %d\r\n\r\n" % (ARRIVED_BYTES + 1),
        HEAD + b"Content-Length: 9\r\nExpect: 100-continue\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n",
        HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
        HEAD + b"Content-Length: x\r\n\r\n",
        b"G" * 70_000,
        pytest.param(HEAD + b"a:\r\n" * 18_000 + b"Content-Length: 9\r\n\r\n", id="long head"),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
    ],
)
def test_what_is_whole_or_will_be_refused_gets_a_thread(peeked: bytes) -> None:
    """Also what the client sends only when told to, and what its own limit watches."""
    assert not wanted(peeked)


@pytest.mark.parametrize(
    "peeked",
    [
        b"G",
        b"GET / HTTP/1.1\r\nHost: x\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 30_000,
        HEAD + b"Content-Length: 3\r\n\r\n{}",
        HEAD + b"CONTENT-LENGTH: %d\r\n\r\n" % ARRIVED_BYTES,
    ],
)
def test_what_is_still_coming_waits_outside(peeked: bytes) -> None:
    """Half a head and half a small body hold no thread."""
    assert wanted(peeked) > len(peeked)


class _Counting(Outgoing):
    """A socket that counts what was read of it."""

    read = 0

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        """As sockets do."""
        found = super().recv(size, flags)
        self.read += len(found)
        return found


@attack(
    "a few hundred requests that are never sent to their end, each of a head as long as any and a"
    " body that lacks a byte, by a stranger: the loop that everybody waits for reads them all again"
    " twenty times a second, and answers nobody for seconds",
    stopped_by="bytes that wait are counted, and read again when what was missing has come",
    noticed_by="metrics",
)
@pytest.mark.parametrize(
    ("begun", "rest"),
    [
        (HEAD + b"a:\r\n" * 9_000 + b"\r", b"\n"),
        (HEAD + b"Content-Length: 20000" + b"\r\n\rb" * 5_000 + b"\r\n\r\n" + b"x" * 19_999, b"x"),
    ],
    ids=["head", "body"],
)
def test_what_is_still_coming_is_read_once(begun: bytes, rest: bytes) -> None:
    """Looked at as often as the loop comes round; and taken at once when it is whole."""
    worker: Any = object.__new__(ProblemWorker)
    worker._arriving, taken = [], list[Any]()
    worker._crowd = SimpleNamespace(speaks=taken.append)
    worker.tpool = SimpleNamespace(submit=lambda *_: Future[None]())
    client, server = socket.socketpair()
    with client, _Counting(fileno=server.detach()) as here:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        conn: Any = Link(Config(), here, ("127.0.0.1", 1), ("127.0.0.1", 2))
        conn.address = "127.0.0.1"
        client.sendall(begun)
        for _ in range(20):
            assert not worker._look_at(conn)
        assert here.read <= len(begun)
        client.sendall(rest)
        assert worker._look_at(conn)
        assert taken == [conn]


@pytest.fixture
def line() -> Iterator[tuple[socket.socket, Any]]:
    """A client's end of a connection, and the connection as the worker has it."""
    client, server = socket.socketpair()
    parser = http.RequestParser(Config(), server, ("127.0.0.1", 1))
    with client, server:
        yield client, SimpleNamespace(parser=parser, sock=server)


def _kept(line: tuple[socket.socket, Any], request: bytes) -> bool:
    """Whether a connection goes on once this request is answered, of whose body nobody read."""
    client, conn = line
    client.sendall(request)
    asked = next(conn.parser)
    asked.body.reader = Incoming(asked.body.reader)
    kept: bool = ProblemWorker._keepalive_after(SimpleNamespace(), conn, keepalive=True)  # type: ignore[arg-type]
    return kept


@pytest.mark.parametrize(
    "request_",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        HEAD + b"Content-Length: 2\r\n\r\n{}",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    ],
)
def test_a_thread_that_is_kept_waiting_ends_no_connection(
    line: tuple[socket.socket, Any], monkeypatch: pytest.MonkeyPatch, request_: bytes
) -> None:
    """However long the machine is busy elsewhere: the client was told it may ask again."""
    monkeypatch.setattr(http, "time", SimpleNamespace(monotonic=lambda: float("inf")))
    assert _kept(line, request_)


@pytest.mark.parametrize(
    "request_",
    [
        HEAD + b"Content-Length: %d\r\n\r\n{" % (ARRIVED_BYTES + 1),
        HEAD + b"Content-Length: %d\r\n\r\n" % ARRIVED_BYTES + b"a" * ARRIVED_BYTES,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
        HEAD + b"Content-Length: 2\r\n\r\n{}GET / HTTP/1.1\r\n",
    ],
)
def test_a_body_that_nobody_read_and_that_is_still_coming_ends_the_connection(
    line: tuple[socket.socket, Any], request_: bytes
) -> None:
    """No thread waits for it, nor reads for ever, nor takes it for the next request."""
    assert not _kept(line, request_)


def test_an_error_that_nobody_answered_is_a_problem_and_a_line_without_the_address(
    line: tuple[socket.socket, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """A layer around the application fails: gunicorn would log the address, with what is asked."""
    client, conn = line
    worker: Any = object.__new__(ProblemWorker)
    log = logging.getLogger("gunicorn.error")
    worker.log = SimpleNamespace(exception=log.error, access=log.debug, debug=log.debug)
    worker.cfg = Config()
    client.sendall(b"GET /v1/cases?q=a+citizen HTTP/1.1\r\nHost: x\r\n\r\n")
    asked = next(conn.parser)
    worker.handle_error(asked, conn.sock, ("127.0.0.1", 1), RuntimeError("of a citizen"))
    assert b'"code":"internal"' in client.recv(65_536)
    (told,) = [JsonLines().format(record) for record in caplog.records]
    assert '"error":"RuntimeError"' in told
    assert "citizen" not in told
