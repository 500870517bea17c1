"""The proxy of docker-compose.yml against whoever reaches it and has not signed in."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

import httpx
import pytest

from tests.fixtures.installed import ROOT
from tests.processes import free_port

pytestmark = [pytest.mark.drill, pytest.mark.slow, pytest.mark.xdist_group("image")]

_PROJECT: Final = "socai-proxy-tested"
_IMAGES: Final = ("nginx:1", "python:3.13-slim")
_MEMORY_MIB: Final = 96
_LONG: Final = 3 * _MEMORY_MIB << 20
_PATH: Final = {"PATH": "/usr/bin:/bin:/usr/local/bin"}
#: Answers as long as asked for, counts what it is sent; and is another address than the machine's.
_REPLICA: Final = f"""
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
