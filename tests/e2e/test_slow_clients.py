"""Clients that begin and never end, at a server of its own: others are served on meanwhile.

What is promised is an order, not a speed: who asks properly is answered while the slow ones still
hold what they have taken.
"""

from __future__ import annotations

import re
import select
import socket
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path
from threading import Event
from typing import Final

import httpx
import pytest

from api.client.connection import trusted
from api.http.worker import READER_S
from tests.fixtures.app import Service
from tests.processes import serving
from tests.waiting import until

pytestmark = [pytest.mark.postgres, pytest.mark.slow]
OFFICERS = ("hotline", "cv", "cv2", "tp", "gd", "pgd")
THREADS = 12
HELD = THREADS // 2
"""Threads that slow clients may hold; one client, or one officer, half of these."""
ROUNDS = 400
HALF_A_BODY = (
    b"POST /v1/auth/challenge HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    b"Content-Length: 90\r\n\r\n{"
)

LONG_ANSWER = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
_LENGTH: Final = re.compile(rb"^content-length: (\d+)\r$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Slow:
    """The server.

    Attributes:
        port: Of loopback.
        tokens: Of six officers.
    """

    port: int
    tokens: Sequence[bytes]

    @property
    def url(self) -> str:
        """Base address."""
        return f"http://127.0.0.1:{self.port}"

    def asked(self, path: str = "/health/live", timeout_s: float = 60) -> int:
        """The status that somebody gets who asks properly.

        Raises:
            httpx.TimeoutException: Nothing came in all this time.
        """
        token = {"Authorization": f"Bearer {self.tokens[0].decode()}"}
        context = trusted(self.url)
        answer = httpx.get(self.url + path, headers=token, timeout=timeout_s, verify=context)
        return answer.status_code


@pytest.fixture(scope="module")
def slow(shared: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slow]:
    """One worker, whose threads can be counted, and officers who may ask for much."""
    shared.hire("pgd")
    settings = replace(shared.settings, threads=THREADS, workers=1, officer_share=100_000)
    with serving(settings, tmp_path_factory.mktemp("slow") / "log") as server:
        yield Slow(server.port, [shared.token(alias).encode() for alias in OFFICERS])


@contextmanager
def _begun(slow: Slow, *first: bytes, clients: int) -> Iterator[list[socket.socket]]:
    """Many clients that begin, each with the next of these, and never end."""
    with ExitStack() as stack:
        lines = []
        for _, sent in zip(range(clients), cycle(first), strict=False):
            line = stack.enter_context(socket.create_connection(("127.0.0.1", slow.port), 60))
            line.sendall(sent)
            lines.append(line)
        yield lines


def _told(lines: Sequence[socket.socket]) -> int:
    """How many of them the server has said something to, or has left."""
    return len(select.select(lines, [], [], 0)[0])


def _rest(line: socket.socket) -> bytes:
    """An answer to its end."""
    answer = b""
    while part := line.recv(65_536):
        answer += part
    return answer


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(b"", id="nothing", marks=pytest.mark.drill),
        pytest.param(b"GET /health/live HTTP/1.1\r\nHost: x\r\nX-A: ", id="half a head"),
        pytest.param(HALF_A_BODY, id="half a body"),
    ],
)
def test_slow_clients_hold_up_nobody_else(slow: Slow, first: bytes) -> None:
    """Five times as many as there are threads; the one who asks properly waits for none of them."""
    with _begun(slow, first, clients=5 * THREADS) as lines:
        for _ in range(3):
            assert slow.asked() == 200
        assert _told(lines) == 0
        answers = [_rest(line) for line in lines]
    if not first:
        assert set(answers) == {b""}  # closed: who said nothing has asked nothing
        return
    assert {answer[:10] for answer in answers} == {b"HTTP/1.1 4"}
    assert all(b"application/problem+json" in answer for answer in answers)


def test_who_takes_the_port_for_one_of_tls_hears_it_at_once(slow: Slow) -> None:
    """A handshake has no line to wait for: 400, where half a line is waited for and ends in 408."""
    with _begun(slow, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", clients=1) as (line,):
        assert line.recv(12) == b"HTTP/1.1 400"


def test_large_bodies_that_drip_are_few_and_are_cut_off(slow: Slow) -> None:
    """One byte now and then is progress of no use: 503 for those too many, 408 for the others."""
    heads = [
        b"POST /v1/attachments HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + token + b"\r\n"
        b"Content-Type: application/octet-stream\r\nContent-Length: 500000\r\n\r\n" + b"x" * 40_000
        for token in slow.tokens
    ]
    answers: dict[socket.socket, bytes] = {}
    with _begun(slow, *heads, clients=20) as lines:
        assert slow.asked() == 200
        for _ in range(ROUNDS):
            waiting = [line for line in lines if line not in answers]
            if not waiting:
                break
            for line in select.select(waiting, [], [], 0.1)[0]:
                answers[line] = _rest(line)
            for line in waiting:
                if line not in answers:
                    line.sendall(b"y")
        assert len(answers) == len(lines)
    told = Counter(answer.partition(b"\r\n")[0] for answer in answers.values())
    late, many = b"HTTP/1.1 408 REQUEST TIMEOUT", b"HTTP/1.1 503 SERVICE UNAVAILABLE"
    assert told == {late: HELD, many: 20 - HELD}
    codes = {late: (b'"request_timeout"',), many: (b'"unavailable"', b"Retry-After")}
    for answer in answers.values():
        assert all(code in answer for code in codes[answer.partition(b"\r\n")[0]])
    until(lambda: slow.asked("/health/ready") == 200)


@pytest.mark.parametrize(
    ("officers", "news", "hired"),
    [(6, HELD, "pc"), pytest.param(1, HELD // 2, "ct", marks=pytest.mark.drill)],
)
def test_long_polls_leave_threads_for_others(
    slow: Slow, shared: Service, officers: int, news: int, hired: str
) -> None:
    """Half of the threads may wait for news, a few of one officer; too many are told at once.

    What the registry then records are news to everybody: nobody's time runs out here.
    """
    last = shared.size() - 1
    asks = [
        b"GET /v1/feed?after=%d HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %b\r\n"
        b"Prefer: wait=30\r\nConnection: close\r\n\r\n" % (last, token)
        for token in slow.tokens[:officers]
    ]
    with _begun(slow, *asks, clients=20) as lines:
        until(lambda: _told(lines) >= 20 - news)
        assert slow.asked("/v1/cases") == 200
        assert _told(lines) == 20 - news  # all who wait for news still do
        shared.hire(hired)
        codes = [_rest(line).split(b" ", 2)[1] for line in lines]
    refused = codes.count(b"429") + codes.count(b"503")
    assert (codes.count(b"200"), refused) == (news, 20 - news)


def _narrow(slow: Slow) -> socket.socket:
    """A client that takes a few bytes at a time, whatever it is sent."""
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_304)
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 100)
    line.settimeout(0.02)
    line.connect(("127.0.0.1", slow.port))
    return line


def _sip(line: socket.socket) -> bytes:
    """A few bytes, or nothing yet."""
    with suppress(TimeoutError):
        return line.recv(256)
    return b""


def _stated(answer: bytes) -> int:
    """How long the body is said to be, by the head of an answer."""
    found = _LENGTH.search(answer)
    assert found, answer[:200]
    return int(found[1])


def _body(answer: bytes) -> bytes:
    """What has come after the head."""
    return answer.partition(b"\r\n\r\n")[2]


@pytest.mark.drill
def test_readers_that_drip_hold_up_nobody_else(slow: Slow) -> None:
    """Three times as many as there are threads take a long answer a few bytes at a time.

    Who asks properly is answered before the first of them could have been cut off: were the
    threads theirs until then, nobody would be. A full machine may take longer than that: once more.
    """
    assert any(_answered_beside(slow, drips=3 * THREADS) for _ in range(3))


def _answered_beside(slow: Slow, drips: int) -> bool:
    """Whether who asked was answered before the first of so many could have been cut off."""
    soon_s = READER_S * 2 / 3
    with ExitStack() as stack:
        lines = [stack.enter_context(_narrow(slow)) for _ in range(drips)]
        for line in lines:
            line.sendall(LONG_ANSWER)
        taken = dict.fromkeys(lines, b"")
        try:
            for _ in range(ROUNDS):
                for line in lines:
                    taken[line] += _sip(line)
                assert slow.asked(timeout_s=soon_s) == 200
                if all(b"\r\n\r\n" in answer for answer in taken.values()):
                    break
            assert slow.asked("/openapi.json", timeout_s=soon_s) == 200
        except httpx.TimeoutException:
            return False
    for answer in taken.values():
        assert answer.startswith(b"HTTP/1.1 200")
        assert 100 * len(_body(answer)) < _stated(answer)
    return True


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
def test_a_reader_who_stops_is_cut_off(slow: Slow) -> None:
    """The rest of an answer does not wait for ever: what was under way is all that comes."""
    with _narrow(slow) as line:
        line.sendall(LONG_ANSWER)
        came = b""
        for _ in range(ROUNDS):
            came += _sip(line)
            if b"\r\n\r\n" in came:
                break
        assert _is_open(slow, line)
        for _ in range(3_000):
            if not _is_open(slow, line):
                break
            Event().wait(0.1)
        assert not _is_open(slow, line)
        line.settimeout(60)
        with suppress(ConnectionResetError):
            while part := line.recv(65_536):
                came += part
    assert 0 < len(_body(came)) < _stated(came)


def _is_open(slow: Slow, line: socket.socket) -> bool:
    """Whether the server still holds this connection: the kernel tells before its reader can."""
    ends = [f"0100007F:{port:04X}" for port in (slow.port, line.getsockname()[1])]
    for row in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]:
        _, here, there, state, *_ = row.split()
        if [here, there] == ends:
            return state == "01"  # ESTABLISHED
    return False
