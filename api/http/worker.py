"""gunicorn's threaded worker, with threads for whole requests only.

A connection waits outside the threads until its headers, and a small body, have arrived: however
many clients send nothing, half a line or one byte a minute, everybody else is served. However many
connections one client opens, there is a place for the others: see `api.http.client_shares`. Whoever
takes an answer slowly holds a thread, and only half of the threads may be held by clients. What
never becomes a request is answered by a problem document too.
"""

from __future__ import annotations

import array
import errno
import fcntl
import re
import select
import selectors
import signal
import socket
import termios
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import Any, Final

from gunicorn.http.errors import (  # type: ignore[import-untyped]
    InvalidResponseHeader,
    LimitRequestHeaders,
    LimitRequestLine,
    ParseException,
)
from gunicorn.workers.gthread import TConn, ThreadWorker  # type: ignore[import-untyped]

from api.http.client_shares import Crowd, Room
from api.peer import FORWARDED, Proxies
from api.problems.problem import plain_answer
from api.settings import ARRIVED_BYTES
from ledger.errors import Fault
from ledger.message import Message

ARRIVAL_DEADLINE_S: Final = 10.0
"""How long the headers, and a small body, may take to arrive."""
_PRESSED_S: Final = 2.0
"""The same while more than half of the places are taken."""
_STOPPING_S: Final = 0.2
"""The same once the server is told to stop, and how long an answered client may send one more."""
_SHARE_OF_ONE: Final = 4
_AT_ONCE: Final = 32
_MOST_LEAVING: Final = 64
_LOOK_S: Final = 0.05
_LEAVE_S: Final = 2.0
_PEEKED_BYTES: Final = 131_072
_MOST_HEAD_BYTES: Final = 65_536
READER_S: Final = 15.0
"""How long an answer may wait for its reader in all, beside a second for each bytes below."""
_SLOWEST_BYTES_S: Final = 32_768
#: Comes only once we say so; or has its length inside.
_NOT_WAITED: Final = re.compile(rb"\r\n(?:expect|transfer-encoding)[ \t]*:", re.IGNORECASE)
_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,18})[ \t]*(?=\r\n)", re.IGNORECASE)
_FORWARDED: Final = re.compile(
    rb"\r\n%s:[ \t]*([^\r\n]*)" % FORWARDED.encode("ascii"), re.IGNORECASE
)
_TLS: Final = b"\x16\x03"
"""How a handshake begins, of a client that takes a plain port for one of TLS."""
#: A name or an address, and perhaps a port (RFC 9110 §7.2).
_HOST: Final = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?")


def wanted(peeked: bytes) -> int:
    """How many bytes must have come before a look at them is worth its time; 0: a thread takes it.

    It is whole then, or too much to be a request of ours. A head is read once: what follows it is
    counted, however slowly it comes.

    Args:
        peeked: What has come in and is not yet read.
    """
    head, end, body = peeked.partition(b"\r\n\r\n")
    if not end:
        too_much = len(peeked) > _MOST_HEAD_BYTES or peeked.startswith(_TLS)
        return 0 if too_much else len(peeked) + 1
    if len(head) > _MOST_HEAD_BYTES or _NOT_WAITED.search(head):
        return 0
    stated = _LENGTH.findall(head + b"\r\n")
    if len(stated) != 1:
        return 0  # no body, or what the parser refuses
    length = int(stated[0])
    here = length > ARRIVED_BYTES or len(body) >= length
    return 0 if here else len(head) + len(end) + length


def host_fault(version: tuple[int, int], headers: Iterable[tuple[str, str]]) -> Fault | None:
    """What is wrong with the host that a request names (RFC 9112 §3.2); None where nothing is.

    Args:
        version: Of HTTP; from 1.1 on a host must be named.
        headers: Name in capitals and value of every line; gunicorn refuses a second `Host`.
    """
    host = next((value for name, value in headers if name == "HOST"), None)
    if host is None:
        missing = Fault("/Host", Message("the header is missing"))
        return missing if version >= (1, 1) else None
    if not _HOST.fullmatch(host):
        return Fault("/Host", Message("is no name or address of a host"))
    return None


class BrokenBody(OSError):
    """The sender's framing of a body ends or makes no sense: nothing more can be read.

    Of `EPIPE`, which the worker takes for a client that is gone.
    """


class Incoming:
    """A body's reader, whose every fault is the sender's and an `OSError`."""

    def __init__(self, reader: Any) -> None:  # noqa: ANN401  gunicorn's reader
        self._reader = reader

    def read(self, size: int) -> bytes:
        """As gunicorn's reader. Raises: BrokenBody."""
        try:
            found: bytes = self._reader.read(size)
        except ParseException as error:
            raise BrokenBody(errno.EPIPE, str(error)) from error
        return found


class Outgoing(socket.socket):
    """A client's socket, whose answers wait for a reader only within bounds.

    What the kernel takes at once is gone at once. The rest waits in this thread: for as long as
    the slowest reader may take, and only while `api.http.client_shares.Room` has a place for this
    client.

    Attributes:
        room: One place for every thread that clients may hold.
        client: Whom the request that is being answered counts for: its officer once that one is
            known, else its address; "" where there is neither.
    """

    room: Room
    client = ""
    _waited = 0.0
    _given = 0

    def sendall(self, data: Any, flags: int = 0, /) -> None:  # noqa: ANN401  any buffer
        """All of it, or the connection is broken.

        Raises:
            BrokenPipeError: The reader is too slow, or too many slow ones are here already.
        """
        rest = self._at_once(memoryview(data).cast("B"), flags)
        if not rest:
            return
        client = self.client
        if not self.room.take(client):
            raise BrokenPipeError(errno.EPIPE, "too many slow readers")
        try:
            while rest:
                self._wait()
                rest = self._at_once(rest, flags)
        finally:
            self.room.leave(client)

    def _at_once(self, data: memoryview, flags: int) -> memoryview:
        """What the kernel does not take now."""
        try:
            sent = self.send(data, flags | socket.MSG_DONTWAIT)
        except BlockingIOError:
            sent = 0
        self._given += sent
        return data[sent:]

    def _wait(self) -> None:
        """Until there is room in the kernel; all waits of a connection count."""
        left = READER_S + self._given / _SLOWEST_BYTES_S - self._waited
        began = time.monotonic()
        ready = select.poll()
        ready.register(self, select.POLLOUT)
        if left <= 0 or not ready.poll(left * 1000):
            raise BrokenPipeError(errno.EPIPE, "the reader is too slow")
        self._waited += time.monotonic() - began


class Link(TConn):  # type: ignore[misc]  # gunicorn ships no types
    """A connection that is closed without keeping the event loop waiting for its client.

    Attributes:
        leave: Called where the client is to read what came before it is closed.
        over: Called when its place is free.
        address: Whom it counts for, "" for nobody.
        since: When it was opened, or began to send a request.
        wanted: Bytes of a request that must have come before it is looked at again.
    """

    leave: Callable[[Link], None]
    over: Callable[[Link], None]
    address: str
    since: float
    wanted = 0

    def close(self, graceful: bool = False) -> None:  # noqa: FBT001, FBT002  gunicorn's signature
        """At once, or once the client has read the answer."""
        self.over(self)
        if graceful:
            self.leave(self)
        else:
            super().close()


class ProblemWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn ships no types
    """One worker: an event loop that waits for requests, threads that answer them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  gunicorn's signature
        super().__init__(*args, **kwargs)
        self._arriving: list[Link] = []
        self._leaving: list[Link] = []
        self._room = Room(max(1, self.cfg.threads // 2))
        self._proxies: Proxies = self.app.proxies
        places = self.cfg.worker_connections - 1  # the last one is for who makes room
        self._crowd: Crowd[Link] = Crowd(places, max(1, places // _SHARE_OF_ONE))

    def init_signals(self) -> None:
        """Told to stop before it serves, it owes nobody anything, and is waited for by nobody."""
        super().init_signals()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def run(self) -> None:
        """From here on it answers what it was asked before it ends."""
        signal.signal(signal.SIGTERM, self.handle_exit)
        signal.siginterrupt(signal.SIGTERM, False)  # noqa: FBT003  as gunicorn sets it
        super().run()

    def accept(self, listener: Any) -> None:  # noqa: ANN401  gunicorn's socket
        """Takes connections; the first bytes of each are waited for in the event loop."""
        for _ in range(_AT_ONCE):
            if self.nr_conns >= self.worker_connections:
                return
            try:
                came, address = listener.accept()
            except OSError:
                return
            self._take(Outgoing(fileno=came.detach()), address, listener.getsockname())

    def _take(self, link: Outgoing, peer: Any, here: Any) -> None:  # noqa: ANN401  as sockets say
        address = self._proxies.client(peer[0], ()) if isinstance(peer, tuple) else ""
        if address and peer[0] in self._proxies:
            address = ""  # it is the proxy's; each request counts for who is behind it
        if (first := self._crowd.first_to_go(address)) is not None:
            self._drop(first)
        if self._crowd.full_of(address):
            with suppress(OSError):
                link.send(plain_answer("too_many_requests"), socket.MSG_DONTWAIT)
            link.close()
            return
        link.room = self._room
        self.nr_conns += 1
        conn = Link(self.cfg, link, peer, here)
        conn.leave, conn.over = self._leave, self._crowd.leave
        conn.address, conn.since = address, time.monotonic()
        conn.data_ready = True  # a thread that gets it need not wait
        self._crowd.enter(conn, address)
        self.pending_conns.append(conn)
        self.poller.register(
            link, selectors.EVENT_READ, partial(self.on_pending_socket_readable, conn)
        )

    def _drop(self, conn: Link) -> None:
        """Closes a silent connection at once, wherever it waits."""
        for place in (self.pending_conns, self.keepalived_conns, self._arriving):
            if conn in place:
                place.remove(conn)
        with suppress(OSError, KeyError, ValueError):
            self.poller.unregister(conn.sock)
        self.nr_conns -= 1
        conn.close()

    def on_pending_socket_readable(self, conn: Any, client: Any) -> None:  # noqa: ANN401  gunicorn's
        """Bytes of a newcomer, unless it has made room in this very round."""
        if client.fileno() >= 0:
            super().on_pending_socket_readable(conn, client)

    def on_client_socket_readable(self, conn: Any, client: Any) -> None:  # noqa: ANN401  gunicorn's
        """Bytes of one who was answered before, unless it has made room in this very round."""
        if client.fileno() >= 0:
            super().on_client_socket_readable(conn, client)

    def murder_pending(self) -> None:
        """Closes what has said nothing for too long, the oldest first; called in every round."""
        from api.ops.telemetry import CONNECTIONS  # noqa: PLC0415  a client has no metrics

        CONNECTIONS.set(len(self._crowd))
        late = time.monotonic() - self._patience_s
        while self.pending_conns and self.pending_conns[0].since <= late:
            self._drop(self.pending_conns[0])

    @property
    def _patience_s(self) -> float:
        if not self.alive:
            return _STOPPING_S
        return _PRESSED_S if self._crowd.pressed else ARRIVAL_DEADLINE_S

    def enqueue_req(self, conn: Any) -> None:  # noqa: ANN401  gunicorn's connection
        """Called when bytes are there: to a thread if they are a request, else it waits on."""
        conn.since = time.monotonic()
        self._look_at(conn)

    def _look_at(self, conn: Link) -> bool:
        """Gives it a thread, or has it wait on; False where it waits.

        Each that waits is asked about twenty times a second, by whoever sends nothing more too: so
        its bytes are read where more of them have come, and counted where they have not.
        """
        if 0 < _unread(conn) < conn.wanted:
            self._arriving.append(conn)
            return False
        peeked = _peeked(conn)
        conn.wanted = wanted(peeked) if peeked else 0
        if peeked is None or conn.wanted:
            self._arriving.append(conn)
            return False
        self._crowd.speaks(conn)
        conn.sock.client = conn.address  # whoever signed in for the request before has left
        if (peeked or b"").startswith(_TLS):  # it would wait for an answer as long as we for a line
            self._refuse(conn, "malformed_request")
        elif not conn.address and not self._fits(conn, peeked):
            self._refuse(conn, "too_many_requests")
        else:
            super().enqueue_req(conn)
        return True

    def _fits(self, conn: Link, peeked: bytes) -> bool:
        """Whether whoever is behind a proxy may have one more request answered."""
        if not isinstance(conn.client, tuple) or conn.client[0] not in self._proxies:
            return True
        head = peeked.partition(b"\r\n\r\n")[0]
        forwarded = [value.decode("latin-1") for value in _FORWARDED.findall(head)]
        client = self._proxies.client(conn.client[0], forwarded)
        if self._crowd.full_of(client):
            return False
        self._crowd.counts_for(conn, client)
        conn.sock.client = client
        return True

    def finish_request(self, conn: Any, fs: Any) -> None:  # noqa: ANN401  gunicorn's
        """Keeps the connection for a next request, or closes it."""
        super().finish_request(conn, fs)
        if self.keepalived_conns and self.keepalived_conns[-1] is conn:
            if not self.alive:
                conn.timeout = min(conn.timeout, time.monotonic() + _STOPPING_S)
            self._crowd.counts_for(conn, conn.address)
            self._crowd.falls_silent(conn)

    def _cap_keepalive(self, deadline: float) -> None:
        """Called as the worker begins to stop: silent clients are let go sooner than gunicorn does.

        Otherwise one idle client would hold up every stop for two seconds. And whoever waits for a
        proof is answered in time: the act is recorded, and only the answer would be lost.
        """
        self.app.end_waits()
        super()._cap_keepalive(min(deadline, time.monotonic() + _STOPPING_S))

    def _refuse(self, conn: Link, code: str) -> None:
        with suppress(OSError):
            conn.sock.send(plain_answer(code))
        self.nr_conns -= 1
        conn.close(graceful=True)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Gunicorn's events, then a look at what is still arriving or leaving."""
        busy = self._arriving or self._leaving
        super().wait_for_and_dispatch_events(min(timeout, _LOOK_S) if busy else timeout)
        now = time.monotonic()
        if self._arriving:
            self._look_at_arriving(now)
        if self._leaving:
            self._leaving = [conn for conn in self._leaving if not _gone(conn, now)]

    def _look_at_arriving(self, now: float) -> None:
        late = now - self._patience_s
        waiting, self._arriving = self._arriving, []
        for conn in waiting:
            if not self._look_at(conn) and conn.since <= late:
                self._arriving.pop()
                self._refuse(conn, "request_timeout")

    def _leave(self, conn: Link) -> None:
        """Says that nothing more comes; the client has a moment to read what came."""
        conn.timeout = time.monotonic() + _LEAVE_S
        try:
            conn.sock.settimeout(0)
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            conn.timeout = 0.0
        self._leaving.append(conn)
        if len(self._leaving) > _MOST_LEAVING:
            self._leaving.pop(0).close()

    def handle_request(self, req: Any, conn: Any) -> Any:  # noqa: ANN401  gunicorn's signature
        """Answers a request that names its host; the others are refused and closed."""
        fault = host_fault(req.version, req.headers)
        if fault is None:
            req.body.reader = Incoming(req.body.reader)
            return super().handle_request(req, conn)
        conn.sock.sendall(plain_answer("malformed_request", fault))
        return False

    def _keepalive_after(self, conn: Any, keepalive: Any) -> bool:  # noqa: ANN401  gunicorn's
        """Ends a connection with a body nobody read, or with the next request sent already.

        What of a body has not come is not waited for, and so no clock can end a connection whose
        body is over: its client was told that it may ask again.
        """
        if not keepalive:
            return False
        conn.sock.settimeout(0)
        with suppress(BlockingIOError):
            whole = conn.parser.finish_body(max_bytes=ARRIVED_BYTES)
            return whole and not conn.parser.unreader.buf.getvalue()
        return False

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:  # noqa: ANN401  gunicorn's signature
        """Answers and closes; nothing of the request is repeated, nor the address in the log.

        What is no fault of the sender's is one that the application did not answer: of a layer
        around it, or a hook behind the answer.
        """
        del req, addr
        from api.ops import telemetry  # noqa: PLC0415  a client has no metrics

        code = "malformed_request"
        if not isinstance(exc, ParseException) or isinstance(exc, InvalidResponseHeader):
            telemetry.failed(exc, "none")
            code = "internal"
        elif isinstance(exc, LimitRequestLine):
            code = "uri_too_long"
        elif isinstance(exc, LimitRequestHeaders):
            code = "headers_too_large"
        with suppress(OSError):
            client.sendall(plain_answer(code))


def _unread(conn: Link) -> int:
    """How many bytes have come in and are not yet read; 0 where nobody can tell."""
    count = array.array("i", [0])
    with suppress(OSError):
        fcntl.ioctl(conn.sock, termios.FIONREAD, count)
    return count[0]


def _peeked(conn: Link) -> bytes | None:
    """What has come in and is not yet read; empty where the client is gone, None where nothing."""
    try:
        found: bytes = conn.sock.recv(_PEEKED_BYTES, socket.MSG_PEEK)
    except (BlockingIOError, InterruptedError):
        return None
    except OSError:
        return b""
    return found


def _gone(conn: Link, now: float) -> bool:
    """Whether a leaving connection is closed now: its client closed it, or took too long."""
    try:
        more = bool(conn.sock.recv(_MOST_HEAD_BYTES))
    except (BlockingIOError, InterruptedError):
        more = True
    except OSError:
        more = False
    if more and now <= conn.timeout:
        return False
    conn.close()
    return True
