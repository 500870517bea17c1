"""The proxy of docker-compose.yml against whoever reaches it and has not signed in."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Thread
from typing import Final
from urllib.parse import unquote

import httpx
import orjson
import pytest

from api.problems.problem import CONTENT_TYPE, Problem
from tests.fixtures.installed import ROOT
from tests.processes import free_port
from tests.rows import each, of
from tests.waiting import until

pytestmark = [pytest.mark.drill, pytest.mark.slow, pytest.mark.xdist_group("image")]

_PROJECT: Final = "socai-proxy-tested"
_IMAGES: Final = ("nginx:1", "python:3.13-slim")
_MEMORY_MIB: Final = 96
_LONG: Final = 3 * _MEMORY_MIB << 20
_PATH: Final = {"PATH": "/usr/bin:/bin:/usr/local/bin"}
#: Answers as long as asked for, counts what it is sent; and is another address than the machine's.
_REPLICA: Final = f"""
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def say(self, length):
        self.send_response(200)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        while length:
            part = bytes(min(length, 65536))
            self.wfile.write(part)
            length -= len(part)
    def do_GET(self):
        time.sleep(3 * (self.path == "/slow"))
        self.say({_LONG} if self.path == "/long" else 0)
    def do_POST(self):
        left = int(self.headers["Content-Length"])
        while left:
            left -= len(self.rfile.read(min(left, 65536)))
        self.say(1)
ThreadingHTTPServer(("", 8000), Handler).serve_forever()
"""
#: Says whether it is answered over TLS, at the address behind.
_ASKS: Final = """
import http.client, ssl, sys
line = http.client.HTTPSConnection(sys.argv[1], 8443, timeout=10,
    context=ssl._create_unverified_context())
line.request("GET", "/health/live")
print(line.getresponse().status)
"""


class _Proxy:
    """It alone of the project, with something behind it that answers."""

    def __init__(self, docker: str, folder: Path) -> None:
        self._docker, self._folder = docker, folder
        (folder / "docs" / "operate").mkdir(parents=True)
        for name in (
            "docker-compose.yml", "Makefile", "docs/operate/proxy.conf", "docs/operate/pg_hba.conf",
        ):  # fmt: skip
            shutil.copy(ROOT / name, folder / name)
        subprocess.run([shutil.which("make") or "make", "secrets"], cwd=folder, check=True)
        self.port = free_port()
        with (folder / ".env").open("a", encoding="utf-8") as file:
            file.write(f"SOCAI_DEPLOYMENT=bacninh.example\nSOCAI_MEMORY={_MEMORY_MIB}m\n")
            file.write(f"SOCAI_PORT={self.port}\nCOMPOSE_PROJECT_NAME={_PROJECT}\n")
        self.trusted = ssl.create_default_context(cafile=str(folder / "secrets" / "proxy.crt"))

    def run(self, *words: str, check: bool = True) -> str:
        """Of the engine."""
        done = subprocess.run(
            [self._docker, *words], cwd=self._folder, env=_PATH, check=False,
            capture_output=True, text=True,
        )  # fmt: skip
        assert not check or done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout

    def up(self) -> None:
        """It, and the one behind it."""
        self.run("compose", "up", "--detach", "--wait", "--no-build", "--no-deps", "proxy")
        self.run(
            "run", "--detach", "--rm", "--name", f"{_PROJECT}-replica", "--network",
            f"{_PROJECT}_inside", "--network-alias", "replicas", _IMAGES[1],
            "python3", "-c", _REPLICA,
        )  # fmt: skip

    def down(self) -> None:
        """All of it."""
        self.run("rm", "--force", f"{_PROJECT}-replica", check=False)
        self.run("compose", "--profile", "*", "down", "--volumes", check=False)

    def connected(self) -> ssl.SSLSocket:
        """A connection over TLS, from the machine's address."""
        line = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        return self.trusted.wrap_socket(line, server_hostname="localhost")

    def answers_elsewhere(self) -> bool:
        """Whether another address is served."""
        ask = ("exec", f"{_PROJECT}-replica", "python3", "-c", _ASKS, "proxy")
        return self.run(*ask, check=False).strip() == "200"

    def was_never_killed(self) -> bool:
        """By the kernel, for its memory."""
        asked = "{{.State.OOMKilled}} {{.RestartCount}} {{.State.Running}}"
        said = self.run("inspect", "--format", asked, f"{_PROJECT}-proxy-1")
        return said.split() == ["false", "0", "true"]


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Proxy]:
    """One, gone at the end."""
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "info"], capture_output=True).returncode:  # noqa: PLW1510
        pytest.skip("no Docker engine is here: the image is not built, and not looked into")
    for image in _IMAGES:
        found = subprocess.run([docker, "image", "inspect", image], capture_output=True)  # noqa: PLW1510
        if found.returncode and subprocess.run([docker, "pull", image]).returncode:  # noqa: PLW1510
            pytest.skip(f"no image registry is reached: {image}")
    made = _Proxy(docker, tmp_path_factory.mktemp("proxy"))
    made.down()  # what a run that was killed has left
    try:
        made.up()
        yield made
    finally:
        made.down()


def test_a_long_body_is_refused_at_once_and_fills_no_memory(proxy: _Proxy) -> None:
    """Three times its memory, from whoever has not signed in."""
    with proxy.connected() as line:
        line.sendall(
            b"POST /v1/acts HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % _LONG
        )
        with suppress(OSError):  # it may have closed already
            for _ in range(_LONG >> 20):
                line.sendall(bytes(1 << 20))
        with suppress(OSError):
            assert line.recv(64).startswith(b"HTTP/1.1 413 ")
    assert proxy.was_never_killed()
    assert proxy.answers_elsewhere()


def test_a_file_of_an_act_goes_through_and_waits_nowhere(proxy: _Proxy) -> None:
    """Of any length that the API takes: it is three times what the proxy has."""
    with httpx.Client(verify=proxy.trusted, timeout=120) as http:
        at = f"https://localhost:{proxy.port}/v1/attachments"
        parts = (bytes(1 << 20) for _ in range(_LONG >> 20))
        sent = http.post(at, content=parts, headers={"Content-Length": str(_LONG)})
    assert sent.status_code == httpx.codes.OK
    assert proxy.was_never_killed()


def test_who_reads_slowly_leaves_the_answer_where_it_was(proxy: _Proxy) -> None:
    """And takes no memory of the proxy's for it."""
    with proxy.connected() as line:
        line.sendall(b"GET /long HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert line.recv(64).startswith(b"HTTP/1.1 200 ")
        for _ in range(10):  # longer than it would take to come whole
            assert proxy.answers_elsewhere()
        assert proxy.was_never_killed()


def test_half_requests_of_one_address_shut_out_nobody_else(proxy: _Proxy) -> None:
    """Each is a connection that is never a request; the next address has its own."""
    with ExitStack() as stack:
        held = 0
        for _ in range(600):
            with suppress(OSError):
                line = stack.enter_context(proxy.connected())
                line.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
                held += 1
        assert proxy.answers_elsewhere()
        assert 200 < held <= 600
    assert proxy.was_never_killed()


def test_what_is_under_way_when_it_is_stopped_is_answered(proxy: _Proxy) -> None:
    """`docker compose down` stops it beside the API, which answers first what it was asked."""
    until(proxy.answers_elsewhere, "nobody is behind it")
    with proxy.connected() as line:
        line.sendall(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
        proxy.run("compose", "stop", "proxy")
        assert line.recv(64).startswith(b"HTTP/1.1 200 ")
    proxy.run("compose", "up", "--detach", "--wait", "--no-build", "--no-deps", "proxy")


_CLIENT: Final = "127.0.0.9"
_SAID: Final = "of-one-case"
"""Stands in every request that is refused: in its path, its query, or its cookie."""
_HEAD: Final = f"Host: localhost\r\nCookie: session={_SAID}\r\n"
_CHUNKED: Final = "Transfer-Encoding: chunked\r\n"
_OTHER: Final = f"GET /{_SAID} HTTP/1.1\r\nHost: x\r\n\r\n"
#: What is no request of ours, or is two to whoever reads it otherwise.
_REFUSED: Final = {
    f"POST /v1/acts?{_SAID} HTTP/1.1\r\n{_HEAD}Content-Length: 2000000\r\n\r\n": "too_large",
    f"POST /v1/acts?{_SAID} HTTP/1.1\r\n{_HEAD}{_CHUNKED}\r\n200000\r\nx": "too_large",
    f"GET /{_SAID}{'a' * 9_000} HTTP/1.1\r\n{_HEAD}\r\n": "uri_too_long",
    f"GET /{_SAID} HTTP/1.1\r\n{_HEAD}X: {'a' * 9_000}\r\n\r\n": "headers_too_large",
    **dict.fromkeys(
        (
            f"POST / HTTP/1.1\r\n{_HEAD}Content-Length: 4\r\n{_CHUNKED}\r\n0\r\n\r\n{_OTHER}",
            f"POST / HTTP/1.1\r\n{_HEAD}{_CHUNKED}Transfer-Encoding: x\r\n\r\n0\r\n\r\n{_OTHER}",
            f"POST / HTTP/1.1\r\n{_HEAD}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{_OTHER}",
            f"POST / HTTP/1.1\r\n{_HEAD}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n{_OTHER}",
            f"POST / HTTP/1.0\r\n{_HEAD}{_CHUNKED}\r\n0\r\n\r\n{_OTHER}",
            f"POST / HTTP/1.1\r\n{_HEAD}Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
            f"POST / HTTP/1.1\r\n{_HEAD}{_CHUNKED}\r\n{_SAID}\r\n",
            f"GET /{_SAID} HTTP/1.1\r\n{_HEAD}X: a\r\n b\r\n\r\n",
            f"GET /{_SAID} HTTP/1.1\r\n{_HEAD}Host: b\r\n\r\n",
            f"GET /{_SAID} HTTP/1.1\r\n\r\n",
            f"GET /../{_SAID} HTTP/1.1\r\n{_HEAD}\r\n",
            f"GET /{_SAID}%00 HTTP/1.1\r\n{_HEAD}\r\n",
            f"GET /{_SAID} HTTP/2.0\r\n{_HEAD}\r\n",
            f"TRACE /{_SAID} HTTP/1.1\r\n{_HEAD}\r\n",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        ),
        "malformed_request",
    ),
}
#: What takes a number of a permit, written in every way that is read by the one or by the other.
_NUMBERED: Final = tuple(
    form.format(path=path, quoted=path.replace("-", "%2d").replace("a", "%61"), end=path[1:])
    for path in (
        "/v1/acts/A-1/attachments/B/copies", "/v1/cases/A-1/print.pdf", "/ho-so/A-1/ban-in",
    )
    for form in (
        "{path}", "{path}?x=/../", "{path}#x", "{quoted}", "http://other.example{path}", "/{path}",
        "/x/..{path}", "/%2e{path}", "{path}/", "{path}%2f", "{path}%0a", "{path};x", "/%2F{end}",
    )
)  # fmt: skip
_TAKES: Final = re.compile(
    r"/v1/acts/[^/]+/attachments/[^/]+/copies|/v1/cases/[^/]+/print\.pdf|/ho-so/[^/]+/ban-in"
)


class _Here:
    """The program, with the shipped file, before two that take what comes and go without a word.

    Attributes:
        heads: Of every request that came to one of them.
    """

    def __init__(self, nginx: str, folder: Path) -> None:
        self.heads: list[str] = []
        self.port, behind = free_port(), free_port()
        self._replicas = [socket.create_server((f"127.0.0.{n}", behind)) for n in (1, 2)]
        for replica in self._replicas:
            Thread(target=self._take, args=(replica,), daemon=True).start()
        shutil.copy(ROOT / "Makefile", folder)
        subprocess.run([shutil.which("make") or "make", "secrets"], cwd=folder, check=True)
        self.trusted = ssl.create_default_context(cafile=str(folder / "secrets" / "proxy.crt"))
        text = (ROOT / "docs" / "operate" / "proxy.conf").read_text("utf-8")
        servers = "".join(f"server 127.0.0.{n}:{behind} max_fails=0;" for n in (1, 2))
        for shipped, own in (
            ("/tmp/", f"{folder}/"), ("/run/secrets/", f"{folder}/secrets/"),  # noqa: S108
            ("listen 8443", f"listen 127.0.0.1:{self.port}"), ("http://$replicas:8000", "http://all"),
            ("\nhttp {", f"\nhttp {{ upstream all {{ {servers} }}"),
        ):  # fmt: skip
            assert shipped in text
            text = text.replace(shipped, own)
        (folder / "proxy.conf").write_text(text, "utf-8")
        self._log = folder / "log"
        user = "user root; " if os.geteuid() == 0 else ""
        words = [nginx, "-c", str(folder / "proxy.conf"), "-g", f"{user}daemon off;"]
        with self._log.open("ab") as log:
            self._nginx = subprocess.Popen(words, stdout=log, stderr=log)
        while not (folder / "proxy.pid").exists():
            assert self._nginx.poll() is None, self.log
            with suppress(subprocess.TimeoutExpired):
                self._nginx.wait(0.05)

    @property
    def log(self) -> str:
        """What it has written."""
        return self._log.read_text("utf-8")

    def _take(self, replica: socket.socket) -> None:
        with suppress(OSError):
            while True:
                line, _ = replica.accept()
                with line:
                    head = b""
                    while not head.endswith(b"\r\n\r\n") and (part := line.recv(1)):
                        head += part
                    self.heads.append(head.decode("latin-1"))

    def asked(self, request: str) -> http.client.HTTPResponse:
        """What is answered to these bytes, over TLS."""
        line = socket.create_connection(("127.0.0.1", self.port), 30, (_CLIENT, 0))
        with self.trusted.wrap_socket(line, server_hostname="localhost") as inside:
            inside.sendall(request.encode("latin-1"))
            answer = http.client.HTTPResponse(inside)
            answer.begin()
            answer.body = answer.read()  # type: ignore[attr-defined]
        return answer

    def down(self) -> None:
        """It, and what is behind it."""
        self._nginx.terminate()
        self._nginx.wait(30)
        for replica in self._replicas:
            replica.shutdown(socket.SHUT_RDWR)
            replica.close()


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Here]:
    """One, gone at the end."""
    nginx = shutil.which("nginx", path=f"{_PATH['PATH']}:/usr/sbin")
    if nginx is None:
        pytest.skip("nginx is not on this machine")
    made = _Here(nginx, tmp_path_factory.mktemp("here"))
    try:
        yield made
    finally:
        made.down()


def _problem(answer: http.client.HTTPResponse) -> str:
    """The code of what was answered, which is as the API would say it."""
    assert answer.headers["Content-Type"] == CONTENT_TYPE
    assert answer.headers["Content-Language"] == "vi"
    assert answer.headers["Cache-Control"] == "no-store"
    said = orjson.loads(answer.body)  # type: ignore[attr-defined]
    assert said == Problem(said["code"]).body("vi", "none")
    assert answer.status == said["status"]
    return str(said["code"])


def test_what_is_no_request_or_two_reaches_no_replica_and_is_told_so(here: _Here) -> None:
    """In a problem document, as the API's own refusals are."""
    before = len(here.heads)
    for request, code in each(_REFUSED.items()):
        with of(request[:200]):
            assert _problem(here.asked(request)) == code
    line = socket.create_connection(("127.0.0.1", here.port), 30, (_CLIENT, 0))
    with line:
        line.sendall(_OTHER.encode())
        answer = http.client.HTTPResponse(line)
        answer.begin()
        answer.body = answer.read()  # type: ignore[attr-defined]
    assert _problem(answer) == "malformed_request", "it is for TLS"
    assert len(here.heads) == before


def test_where_no_replica_answers_nobody_is_told_that_nothing_was_recorded(here: _Here) -> None:
    """Each has taken the request; whoever asked hears that, and when to ask again."""
    before = len(here.heads)
    answer = here.asked(f"POST /v1/acts?{_SAID} HTTP/1.1\r\n{_HEAD}Content-Length: 0\r\n\r\n")
    assert _problem(answer) == "no_answer"
    assert orjson.loads(answer.body)["recorded"] == "unknown"  # type: ignore[attr-defined]
    assert answer.headers["Retry-After"] == "2"
    assert len(here.heads) == before + 2
    assert re.search(r" 503: [0-9.:, ]+ answered 502, 502 after ", here.log)
    for path in ("//refused", "/%2Frefused", "http://x//refused", "/x/..//refused"):
        with of(path):
            assert _problem(here.asked(f"GET {path} HTTP/1.1\r\n{_HEAD}\r\n")) == "no_answer"


def test_a_number_of_a_permit_is_asked_for_once_however_it_is_written(here: _Here) -> None:
    """The proxy reads an address in its own way, and sends it on as it came."""
    taken = 0
    for form in each(_NUMBERED):
        before = len(here.heads)
        with of(form):
            sent = f"POST {form} HTTP/1.1\r\n{_HEAD}Content-Length: 0\r\n\r\n"
            assert _problem(here.asked(sent)) == "no_answer"
            came = [head.split(" ")[1] for head in here.heads[before:]]
            if any(_TAKES.fullmatch(unquote(re.split(r"[?#]", one)[0])) for one in came):
                assert len(came) == 1
                taken += 1
    assert taken >= 5 * 3


def test_who_asks_does_not_say_who_they_are(here: _Here) -> None:
    """Of all that names a client, a replica is told what the proxy saw."""
    claims = "X-Forwarded-For: 6.6.6.6\r\nX_Forwarded_For: 6.6.6.6\r\nX-Forwarded-Proto: http\r\n"
    here.asked(f"GET / HTTP/1.1\r\n{_HEAD}{claims}SCRIPT_NAME: /x\r\n\r\n")
    said = re.findall(r"^(?:x.forwarded|script).*$", here.heads[-1], re.IGNORECASE | re.MULTILINE)
    assert [line.strip() for line in said] == [
        f"X-Forwarded-For: {_CLIENT}",
        "X-Forwarded-Proto: https",
    ]


def test_the_proxys_log_names_nobody_and_nothing_that_was_asked(here: _Here) -> None:
    """Whatever was refused, or not answered; half a handshake and half a request too."""
    for sent in (b"\x16\x03\x01\x02\x00\x01", b"PROXY TCP4 6.6.6.6 127.0.0.1 1 2\r\n"):
        with socket.create_connection(("127.0.0.1", here.port), 30, (_CLIENT, 0)) as line:
            line.sendall(sent)
            line.shutdown(socket.SHUT_WR)
            with suppress(OSError):
                line.recv(4096)
    for request in (next(iter(_REFUSED)), f"GET /{_SAID} HTTP/1.1\r\n{_HEAD}\r\n"):
        here.asked(request)
    assert " 503: " in here.log
    assert _CLIENT not in here.log
    assert _SAID not in here.log
