"""When a connection gets a thread: never before it has sent a whole request (api.md §7)."""

from __future__ import annotations

import pytest

from api.settings import ARRIVED_BYTES
from api.worker import arrived

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
    ],
)
def test_what_is_whole_or_will_be_refused_gets_a_thread(peeked: bytes) -> None:
    """Also what the client sends only when told to, and what its own limit watches."""
    assert arrived(peeked)


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
    assert not arrived(peeked)
