"""A lean HTTP client: requests are bytes made beforehand, one kept connection a hand."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from tests.bench import workload
from tests.bench.crew import Hand
from tests.bench.workload import Officer

_READ: Final = 65_536
_JOSE: Final = "application/jose+json"


class Unwelcome(Exception):
    """An answer that is no success."""


@dataclass(slots=True)
class Wire:
    """One kept connection; opened again where the server has closed it."""

    port: int
    _socket: socket.socket | None = None

    def send(self, request: bytes) -> bytes:
        """The answer's body.

        Raises:
            Unwelcome: The status is not 2xx.
        """
        try:
            return self._once(request)
        except (ConnectionError, EOFError):
            self._socket = None
            return self._once(request)

    def _once(self, request: bytes) -> bytes:
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self.port), timeout=60)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(request)
        data = b""
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self._more()
        head = data[:end].lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0])
        while len(data) < end + 4 + length:
            data += self._more()
        if not data.startswith((b"HTTP/1.1 20", b"HTTP/1.0 20")):
            raise Unwelcome(data[:600].decode("utf-8", "replace"))
        return data[end + 4 :]

    def _more(self) -> bytes:
        if self._socket is None:
            raise EOFError
        more = self._socket.recv(_READ)
        if not more:
            raise EOFError
        return more

    def close(self) -> None:
        """Ends the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def post(path: str, body: bytes, *, token: str = "", prefer: str = "", kind: str = _JOSE) -> bytes:
    """A POST request."""
    lines = [f"POST {path} HTTP/1.1", "Host: bench", f"Content-Type: {kind}"]
    lines += [f"Authorization: Bearer {token}"] if token else []
    lines += [f"Prefer: {prefer}"] if prefer else []
    lines += [f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


def get(path: str, *, token: str = "", headers: Mapping[str, str] | None = None) -> bytes:
    """A GET request."""
    lines = [f"GET {path} HTTP/1.1", "Host: bench"]
    lines += [f"Authorization: Bearer {token}"] if token else []
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode()


@dataclass(frozen=True, slots=True)
class PostOpening:
    """Opens a process of clients that sign beforehand and post to one address.

    Attributes:
        port: Of the server.
        path: Where to.
        officers: One a hand.
        tokens: Their bearer tokens; empty where none is asked for.
        origin: Of the log the statements are for.
        prefer: `Prefer` header.
    """

    port: int
    path: str
    officers: tuple[Officer, ...]
    tokens: tuple[str, ...]
    origin: str
    prefer: str = ""

    def __call__(self) -> PostShop:
        """Connections come with the rounds."""
        return PostShop(self)


@dataclass(slots=True)
class PostShop:
    """Clients that post statements, each over its own connection."""

    given: PostOpening
    _wires: list[Wire] = field(default_factory=list)

    def hands(self, first: int, count: int, items: int) -> list[Hand]:
        """Each hand as its own officer, with its own cases and a new connection."""
        for wire in self._wires:
            wire.close()
        self._wires = [Wire(self.given.port) for _ in range(count)]
        return [
            Hand(_sender(self._wires[n]), self._requests(first + n, items)) for n in range(count)
        ]

    def _requests(self, number: int, items: int) -> list[bytes]:
        given = self.given
        officer = given.officers[number % len(given.officers)]
        token = given.tokens[number % len(given.tokens)] if given.tokens else ""
        if not token:
            same = workload.same_again(officer, given.origin, items)
            return [post(given.path, act.body) for act in same]
        made = workload.acts(officer, given.origin, items)
        return [post(given.path, act.body, token=token, prefer=given.prefer) for act in made]


@dataclass(frozen=True, slots=True)
class GetOpening:
    """Opens a process of clients that read the same addresses again and again."""

    port: int
    requests: tuple[bytes, ...]

    def __call__(self) -> GetShop:
        """Connections come with the rounds."""
        return GetShop(self)


@dataclass(slots=True)
class GetShop:
    """Clients that read."""

    given: GetOpening
    _wires: list[Wire] = field(default_factory=list)

    def hands(self, _first: int, count: int, items: int) -> list[Hand]:
        """Each hand over a new connection."""
        for wire in self._wires:
            wire.close()
        self._wires = [Wire(self.given.port) for _ in range(count)]
        asked = self.given.requests
        return [
            Hand(_sender(wire), [asked[n % len(asked)] for n in range(items)])
            for wire in self._wires
        ]


def _sender(wire: Wire) -> Callable[[bytes], None]:
    def send(request: bytes) -> None:
        wire.send(request)

    return send
