"""A server that answers what it likes: no client is filled up, kept waiting or brought down."""

from __future__ import annotations

import gzip
import itertools
import resource
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import httpx
import orjson
import pytest
from click.testing import CliRunner

from api.cli.main import main
from api.cli.terminal import addresses
from api.cli.terminal.shell import Refusal
from api.client import connection
from api.client.client import Client
from api.client.connection import Refused, Strange, Unreachable
from keys import canonical
from tests.attacks import attack
from tests.e2e.test_api_client import _port as port

_MIB = 1 << 20
_URL = "http://socai.test"


class _Parts(httpx.SyncByteStream):
    """A body that comes in parts, as over a line."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts = parts
        self.closed = False

    def __iter__(self) -> Iterator[bytes]:
        return self._parts

    def close(self) -> None:
        self.closed = True


def _asking(answer: httpx.Response, asked: list[httpx.Request] | None = None) -> Client:
    """A client to whom whatever it asks this is answered."""

    def answered(request: httpx.Request) -> httpx.Response:
        if asked is not None:
            asked.append(request)
        return answer

    http = httpx.Client(transport=httpx.MockTransport(answered), base_url=_URL)
    return Client(_URL, http=http, attempts=1)


@attack(
    "a server answers without end, or a byte a minute for ever",
    stopped_by="a bound on an answer that is read whole, in bytes and in time",
    noticed_by="the client",
)
@pytest.mark.parametrize("status", [200, 400, 503])
def test_an_answer_without_end_is_none(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal neither; and the line is given back."""
    monkeypatch.setattr(connection, "_MOST_BYTES", 4 * _MIB)
    endless = _Parts(itertools.repeat(b" " * _MIB))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with closing(_asking(httpx.Response(status, stream=endless))) as client, pytest.raises(Strange):
        client.log()
    assert endless.closed
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024  # KiB
    times = itertools.count(0, 60)
    monkeypatch.setattr(connection, "monotonic", lambda: next(times))
    drip = _Parts(itertools.repeat(b" "))
    with (
        closing(_asking(httpx.Response(status, stream=drip))) as client,
        pytest.raises(Unreachable),
    ):
        client.log()
    assert drip.closed


_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@attack(
    "a server says `100 Continue` for ever, or a head, or the frame of a part by a letter a minute,"
    " so that a command waits without end",
    stopped_by="the line is cut once an answer has not come to its end in ten minutes",
    noticed_by="the client",
)
@pytest.mark.parametrize(
    ("begun", "on"),
    [
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\n", b"x"),
        (_CHUNKED + b"1;", b"x"),
        (_CHUNKED, b"1\r\nx\r\n"),  # of a file: there is no end by its bytes
    ],
)
def test_no_answer_is_waited_for_without_end(
    begun: bytes, on: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each read is in time, and all of them are not."""
    monkeypatch.setattr(connection, "_LONGEST_S", 0.3)
    to_the_end = list[bytes]()

    class Dripping(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(65_536)
            with suppress(OSError):
                self.request.sendall(begun)
                for _ in range(1000):
                    self.request.sendall(on)
                    time.sleep(0.01)
                to_the_end.append(on)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Dripping) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        client = Client(f"http://127.0.0.1:{server.server_address[1]}", attempts=1)
        with closing(client), pytest.raises(Unreachable) as waited:
            client.attachment("a", "sha-256:x", tmp_path / "file")
        server.shutdown()
    assert waited.value.unended
    assert not to_the_end, "the server ended it"
    assert not [*tmp_path.iterdir()]


@attack(
    "a server answers a few kilobytes that are pressed out of gigabytes",
    stopped_by="an answer that is pressed together is not asked for and not taken",
    noticed_by="the client",
)
def test_what_is_pressed_together_is_not_unpacked(tmp_path: Path) -> None:
    """Neither what is read whole nor a file."""
    small, asked = gzip.compress(b" " * (64 * _MIB)), list[httpx.Request]()
    for encoding in ("gzip", "deflate", "GZIP", "gzip, gzip", "br"):
        head = {"Content-Encoding": encoding, "Content-Type": "application/json"}
        for status in (200, 404):
            pressed = _Parts(iter([small]))
            answer = httpx.Response(status, headers=head, stream=pressed)
            with closing(_asking(answer, asked)) as client, pytest.raises(Strange):
                client.log()
            assert pressed.closed
        answer = httpx.Response(200, headers=head, stream=_Parts(iter([small])))
        with closing(_asking(answer, asked)) as client, pytest.raises(Strange):
            client.attachment("a", "sha-256:x", tmp_path / "file")
    assert {one.headers["Accept-Encoding"] for one in asked} == {"identity"}
    assert not [*tmp_path.iterdir()]


def test_who_asks_is_told_once_that_the_server_doubts_its_log(tmp_path: Path) -> None:
    """By the client, and by a command on standard error, whatever it was answered."""
    told = list[str]()
    for header in ({"Log-In-Doubt": "?1"}, {}):
        with closing(_asking(httpx.Response(200, headers=header, json={}))) as client:
            client.doubted = lambda header=header: told.append(str(header))
            for _ in range(2):
                client.public("/v1/public/acts")
    assert told == ["{'Log-In-Doubt': '?1'}"]
    for line, times in ((b"Log-In-Doubt: ?1\r\n", 1), (b"", 0)):
        with port(b"HTTP/1.1 404 Not Found\r\n%bContent-Length: 0\r\n\r\n" % line) as number:
            words = ["--lang", "en", "--json", "public", "--server", f"http://127.0.0.1:{number}"]
            said = CliRunner().invoke(main, words, env={"SOCAI_HOME": str(tmp_path)})
        assert said.stderr.count("IN DOUBT") == times
        assert orjson.loads(said.stdout)["ok"] is False


_ANSWERS = {
    "nested deeper than a reader goes": b"[" * 100_000,
    "objects nested deeper than a reader goes": b'{"a":' * 100_000,
    "a number that is none": b'{"now":NaN}',
    "half a character": b'{"now":"\\ud800"}',
    "other bytes than UTF-8": '{"now":"x"}'.encode("utf-16"),
    "a member twice": b'{"origin":"a.example/ordinary","origin":"b.example/ordinary"}',
    "more digits than are read": b"9" * 10_000,
    "a number that no JSON of ours has": b'{"acts":[],"index":1%030d}' % 0,
    "nothing": b"",
}


@attack(
    "a server answers JSON that two readers read differently, or that a reader dies of",
    stopped_by="one strict reader for all that a client is answered",
    noticed_by="the client",
)
@pytest.mark.parametrize("body", _ANSWERS.values(), ids=_ANSWERS)
def test_what_is_no_plain_json_is_strange(body: bytes) -> None:
    """As an answer and as a refusal; a command says so in a sentence, as JSON too."""
    for status in (200, 400):
        answer = httpx.Response(status, content=body)
        with closing(_asking(answer)) as client, pytest.raises(Strange):
            client.log()
    away = httpx.Response(503, content=body)
    with closing(_asking(away)) as client, pytest.raises(Refused) as refused:
        client.log()
    assert refused.value.code == ""
    for reason, said in (("200 OK", "no_socai_server"), ("503 Away", "proxy_failed")):
        head = (
            f"HTTP/1.1 {reason}\r\nConnection: close\r\nRetry-After: 0\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        with port(head.encode() + body) as number:
            words = ["--json", "public", "--server", f"http://127.0.0.1:{number}"]
            told = CliRunner().invoke(main, words)
        assert orjson.loads(told.stdout)["error"]["code"] == said


def test_a_prepared_header_is_read_as_strictly() -> None:
    """By whoever does not see a case, and is told their place in it by the bytes to sign."""
    assert _place(b'{"seq":3,"prev":"x"}') == (3, "x")
    for header in (b'{"seq":3,"seq":4,"prev":"x"}', b'{"seq":3,"prev":"x"', b"[" * 100_000):
        with pytest.raises(Strange):
            _place(header)


def _place(header: bytes) -> tuple[int, str | None]:
    """Where whoever does not see a case is told to write, by bytes to sign."""

    def answered(request: httpx.Request) -> httpx.Response:
        said = {"seq": 0} if request.method == "GET" else {"protected": canonical.b64(header)}
        return httpx.Response(200, json=said)

    http = httpx.Client(transport=httpx.MockTransport(answered), base_url=_URL)
    with closing(Client(_URL, http=http, attempts=1)) as client:
        return client.head("case/1", act={"act": "ComplaintReceived"})


@attack(
    "a case or an act that was typed by how its id begins is looked up as another and signed about",
    stopped_by="what begins otherwise is none that was meant",
    noticed_by="whoever typed it",
)
def test_what_begins_otherwise_is_not_what_was_typed() -> None:
    """What does is taken, also where others are listed beside it."""
    meant, other = (f"{first}-0000-4000-8000-000000000000" for first in ("7c1f0e2a", "8c1f0e2a"))

    def answered(request: httpx.Request) -> httpx.Response:
        if "by-number" in request.url.path:
            return httpx.Response(404, json={"code": "not_found"})
        listed = [other] if request.url.params["id"] == "7c1f0e" else [other, meant]
        lines = [{"id": one, "act_id": one} for one in listed]
        return httpx.Response(200, json={"cases": lines, "acts": lines})

    http = httpx.Client(transport=httpx.MockTransport(answered), base_url=_URL)
    with closing(Client(_URL, http=http, attempts=1)) as client:
        assert addresses.case_id(client, "7c1f0e2a") == meant
        assert addresses.act_id(client, "7c1f0e2a") == meant
        assert addresses._beginning(client, "7c1f0e") == []
        with pytest.raises(Refusal):
            addresses.act_id(client, "7c1f0e")
