"""What goes over the keeper's socket: JSON behind its length, bytes as base64url."""

from __future__ import annotations

import socket
from typing import Any, Final

import orjson

from keys.canonical import b64, unb64

MOST_BYTES: Final = 4 << 20
"""Of one message; a thousand rows of a hundred records are less."""
_LENGTH_BYTES: Final = 4
Json = dict[str, Any]


class Broken(Exception):
    """The other end is gone, or says what nobody says."""


def send(to: socket.socket, message: Json) -> None:
    """Sends one message. Raises: OSError."""
    body = orjson.dumps(message)
    to.sendall(len(body).to_bytes(_LENGTH_BYTES) + body)


def receive(source: socket.socket) -> Json | None:
    """The next message; None where the other end has closed. Raises: Broken, OSError."""
    head = _take(source, _LENGTH_BYTES)
    if head is None:
        return None
    length = int.from_bytes(head)
    if length > MOST_BYTES:
        raise Broken("a message is too long")
    body = _take(source, length)
    try:
        message = orjson.loads(body or b"")
    except orjson.JSONDecodeError as error:
        raise Broken("a message is no JSON") from error
    if not isinstance(message, dict):
        raise Broken("a message is no object")
    return message


def answered(source: socket.socket) -> Json:
    """The answer to what was sent. Raises: Broken, OSError."""
    message = receive(source)
    if message is None:
        raise Broken("the other end closed the connection")
    return message


def _take(source: socket.socket, count: int) -> bytes | None:
    found = bytearray()
    while len(found) < count:
        part = source.recv(count - len(found))
        if not part:
            if found:
                raise Broken("a message ends in the middle")
            return None
        found += part
    return bytes(found)


def text(data: bytes | None) -> str | None:
    """Bytes as they are sent."""
    return None if data is None else b64(data)


def data(said: str | None) -> bytes | None:
    """Inverse of `text`. Raises: Malformed."""
    return None if said is None else unb64(said)
