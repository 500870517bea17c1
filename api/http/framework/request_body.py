"""The bodies of requests: how much, how slowly, and how many at once.

A small body has arrived before its request gets a thread (`api.http.worker`). A large one holds a
thread while it comes, so only half of the threads may do that, and whoever sends too slowly is cut
off.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from time import perf_counter
from typing import IO, Any, Final

from flask import request
from werkzeug.exceptions import ClientDisconnected

from api.http.framework.request_context import malformed
from api.http.framework.thread_budget import held
from api.problems.problem import Problem
from api.settings import ARRIVED_BYTES
from ledger.message import Message

BODY_DEADLINE_S: Final = 15.0
_CHUNK_BYTES: Final = 65_536
_SLOWEST_BYTES_S: Final = 32_768
_LOOK_S: Final = 0.5


def body_bytes(limit: int) -> bytes:
    """The body as received, never more than `limit` bytes of it, nor for longer than a deadline.

    Raises:
        Problem: `too_large`; `request_timeout` where the client sends too slowly; `unavailable`
            where too many large bodies are coming already.
    """
    if (request.content_length or 0) > limit:
        raise _too_large(limit)
    data = b""
    for part in body_parts(limit):
        data += part
    return data


def body_parts(limit: int) -> Iterator[bytes]:
    """The body as it comes, in constant memory.

    Args:
        limit: The most that is read; one byte more is refused.

    Raises:
        Problem: `too_large`, at the call where the length is stated; `request_timeout` where the
            client sends too slowly; `malformed_request` where it stops half-way; `unavailable`
            where too many large bodies are coming already.
    """
    stated = request.content_length
    if (stated or 0) > limit:
        raise _too_large(limit)
    request.max_content_length = limit
    link = request.environ.get("gunicorn.socket")
    if link is None or _here(stated):
        return _parts(request.stream, stated, limit, None)
    return _one_of_few(_parts(request.stream, stated, limit, link))


def _too_large(limit: int) -> Problem:
    return Problem("too_large", Message("This address takes at most {n} bytes.", n=limit))


def _here(stated: int | None) -> bool:
    """Whether the body had come before this request got its thread."""
    return stated is not None and stated <= ARRIVED_BYTES and "Expect" not in request.headers


def _one_of_few(parts: Iterator[bytes]) -> Iterator[bytes]:
    with held():
        yield from parts


def _parts(
    stream: IO[bytes],
    stated: int | None,
    limit: int,
    link: Any,  # noqa: ANN401  gunicorn's socket
) -> Iterator[bytes]:
    came = 0
    with _watched(link) as watch:
        try:
            while part := stream.read(min(limit + 1 - came, _CHUNK_BYTES)):
                came += len(part)
                if came > limit:
                    raise _too_large(limit)
                yield part
                watch.came = came
        except TimeoutError as error:
            raise Problem("request_timeout") from error
        except (OSError, ClientDisconnected) as error:
            raise _cut(watch) from error
        if watch.late or (stated is not None and came != stated):
            raise _cut(watch)


def _cut(watch: _Watch) -> Problem:
    if watch.late:
        return Problem("request_timeout")
    return malformed("body", Message("the body ends half-way"))


class _Watch:
    """Cuts off a sender who is slower than the slowest we wait for.

    A read returns only when it has all it asked for: one byte now and then would hold it for ever.
    """

    def __init__(self) -> None:
        self.came = 0
        self.late = False
        self.over = Event()

    def run(self, link: socket.socket) -> None:
        """Looks twice a second until the body is over."""
        began = perf_counter()
        while not self.over.wait(_LOOK_S):
            if perf_counter() - began > BODY_DEADLINE_S + self.came / _SLOWEST_BYTES_S:
                self.late = True
                with suppress(OSError):
                    link.shutdown(socket.SHUT_RD)  # the read that waits ends at once
                return


@contextmanager
def _watched(link: Any) -> Iterator[_Watch]:  # noqa: ANN401  gunicorn's socket
    watch = _Watch()
    if link is None:
        yield watch
        return
    thread = Thread(target=watch.run, args=(link,), daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        watch.over.set()
        thread.join()
