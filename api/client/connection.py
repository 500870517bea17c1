"""A line to one enclave: requests that are safe to repeat, signed in where they have to be.

Where an answer is lost the same bytes go again, so that nothing is recorded twice. What is asked,
and what the answers mean, is `client.py`'s.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from threading import Event, Thread
from time import monotonic, sleep
from typing import Any, Final, NoReturn, Self

import httpx
import orjson

from api.client.answer_shapes import PROBLEM, require_shape, shape_of
from keys import unambiguous_json
from keys.errors import Carried, KeysError
from keys.signer import Signer
from ledger.log import statement
from ledger.log.moment import unstamp
from ledger.regulation.acts.json_shape import fmt_time

JOSE: Final = "application/jose+json"
_ATTEMPTS: Final = 6
_TIMEOUT_S: Final = 75.0
_LONGEST_S: Final = 600.0
"""Of an answer that is read whole, from its head to its end: a byte a minute is none."""
_MOST_BYTES: Final = 1 << 28
"""The same: fifty thousand statements of one case, each with its proof, have room in it."""
_LEAST_BYTES: Final = 1 << 20
"""In `_LONGEST_S` of an answer that is taken as it comes: what is slower does not come."""
_PLAIN: Final = "identity"
_MAX_PAUSE_S: Final = 8.0
_TOLD: Final = 120
_TRY_AGAIN: Final = frozenset({429, 502, 503, 504})
_NOTHING, _UNKNOWN, _YES = range(3)
_LOOKED_FOR: Final = frozenset({"not_signed_in", "stale", "taken", "guard"})
"""Refusals of whoever looked first whether the same is there already; and what is sent again."""


class Refused(Carried):
    """The server answered with a problem (RFC 9457).

    Attributes:
        status: HTTP status.
        code: Problem code; "" where something before the server failed.
        guard: The guard that refused an act, where one did.
        detail: What exactly is wrong, else what happened.
        problem: The whole document.
        recorded: `nothing`, `yes` or `unknown`; this too where nobody says it.
        after_s: In how many seconds to ask again, where the server says so.
    """

    def __init__(
        self, status: int, problem: Mapping[str, Any], after_s: float | None = None
    ) -> None:
        self.status = status
        self.after_s = after_s
        self.code = str(problem.get("code", ""))
        self.guard: str | None = problem.get("guard")
        self.detail = str(problem.get("detail") or problem.get("title", ""))
        self.problem = dict(problem)
        self.recorded = str(problem.get("recorded", "unknown"))
        super().__init__(f"{status} {self.guard or self.code}: {self.detail}")


class OtherLog(Carried):
    """The server is of another log than the one that is meant; nothing was signed for it.

    Attributes:
        said: Origin, as the server says.
        meant: Origin, as the caller means.
    """

    def __init__(self, said: str, meant: str) -> None:
        self.said = said
        self.meant = meant
        super().__init__(f"the server is of {said}, not of {meant}")


class Strange(Carried):
    """What answers is no ledger of ours: another program, another version, or one that lies."""


class Untrusted(Strange):
    """Its certificate does not hold, so nothing is sent there: nobody knows who answers.

    Attributes:
        host: Who was asked for.
        code: What is wrong, as OpenSSL numbers it.
        why: The same in its words.
    """

    def __init__(self, host: str, error: ssl.SSLCertVerificationError) -> None:
        super().__init__(f"TLS: {error.reason}: {error.verify_message}")
        self.host = host
        self.code = error.verify_code
        self.why = error.verify_message


class AnsweredObject(dict[str, Any]):
    """A JSON object as a server sent it: a member that it lacks is `Strange`, wherever it is read.

    A server of another version may have fewer; whoever shows its answers cannot ask of each.
    """

    def __missing__(self, name: str) -> NoReturn:
        raise Strange(f"there is no {name}"[:_TOLD])


@contextmanager
def understood() -> Iterator[None]:
    """Reads what a server has sent: whatever has not the form it must have is `Strange`."""
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError, KeysError) as error:
        raise Strange(f"{type(error).__name__}: {error}"[:_TOLD]) from error


def read_json(response: httpx.Response) -> Any:  # noqa: ANN401  any JSON
    """What was answered, its objects as `AnsweredObject`, each member of the type it is to have.

    Raises:
        ValueError, TypeError: It is no JSON, or not what this call answers.
    """
    found = unambiguous_json.read_into(AnsweredObject, response.content)
    asked = response.request
    path = asked.url.raw_path.partition(b"?")[0].decode("ascii")
    require_shape(found, shape_of(asked.method, path))
    return found


def read_object(response: httpx.Response) -> AnsweredObject:
    """An object that was answered. Raises: ValueError, TypeError: It is none."""
    found = read_json(response)
    if not isinstance(found, AnsweredObject):
        raise TypeError("it is no object")
    return found


_OPEN_LEVEL: Final = "/ordinary"


def trusted(url: str) -> ssl.SSLContext:
    """Whose certificates hold at an address: over plain HTTP nobody's, and no list of them is read.

    Reading it takes 13 ms of a processor, for each command and each look at readiness.

    Raises:
        OSError: What `SSL_CERT_FILE` names cannot be read; OpenSSL itself names no file.
    """
    if url.startswith("http://"):
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        return httpx.create_ssl_context()
    except OSError as error:
        why = error.strerror or str(error)
        raise OSError(error.errno, why, "SSL_CERT_FILE") from error


class _Patience:
    """How long an answer is waited for, from when all of the request is sent.

    A time-out is of one read. A head, a `100 Continue` for ever and the frames of parts are read
    where nobody else can count: the line is cut there.

    Args:
        lines: Sockets of the connections that are open; `trace` adds to them.

    Attributes:
        came: Bytes of the body, of late.
        over: Whether the line was cut.
    """

    def __init__(self, lines: list[socket.socket]) -> None:
        self._lines = lines
        self._ended = Event()
        self._watched = False
        self.came = 0
        self.over = False

    def trace(self, name: str, info: Mapping[str, Any]) -> None:
        """What httpx says that it does (its extension `trace`)."""
        asked = getattr(info.get("return_value"), "get_extra_info", None)
        if asked is not None:  # a connection is made, or speaks TLS now
            self._lines[:] = [line for line in self._lines if line.fileno() >= 0]
            self._lines.append(asked("socket"))
        if name.endswith(".receive_response_headers.started") and not self._watched:
            self._watched = True
            Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while not self._ended.wait(_LONGEST_S):
            if self.came < _LEAST_BYTES:
                self.over = True
                for line in self._lines:
                    with suppress(OSError):  # closed; and TLS is not asked, which another reads
                        socket.socket.shutdown(line, socket.SHUT_RDWR)
                return
            self.came = 0

    def end(self) -> None:
        """It has come, or nobody waits for it any more."""
        self._ended.set()


class _Bounded(httpx.SyncByteStream):
    """The body of an answer.

    Args:
        body: It, as it comes.
        host: Who sends it.
        patience: With it, which ends with it.
        whole: Whether it is read whole into memory.
    """

    def __init__(
        self, body: httpx.SyncByteStream, host: str, patience: _Patience, *, whole: bool
    ) -> None:
        self._body, self._host, self._patience, self._whole = body, host, patience, whole

    def __iter__(self) -> Iterator[bytes]:
        """Raises: Strange: it has no end. Unreachable: it does not come to it."""
        left, until = _MOST_BYTES, monotonic() + _LONGEST_S
        for part in self._body:
            self._patience.came += len(part)
            if not self._whole:
                yield part
                continue
            left -= len(part)
            if left < 0:
                raise Strange(f"an answer of more than {_MOST_BYTES} bytes")
            if monotonic() > until:
                raise Unreachable(self._host, unended=True)
            yield part

    def close(self) -> None:
        """Gives the line back."""
        self._patience.end()
        self._body.close()


class Unreachable(Carried):
    """No answer came after every attempt; for a statement, sending the same bytes later is safe.

    Args:
        where: Who was asked: scheme, host and port.
        unended: Whether an answer began, and did not come to its end.
        once: Whether asking again does it once more, as what takes a number.
    """

    def __init__(self, where: str, *, unended: bool = False, once: bool = False) -> None:
        super().__init__(f"no answer from {where}" + " comes to its end" * unended)
        self.where, self.unended, self.once = where, unended, once


def where(url: httpx.URL) -> str:
    """Scheme, host and port of an address."""
    return f"{url.scheme}://{url.netloc.decode('ascii')}"


class Connection:
    """The line of one officer (or, without a signer, of any reader) to one enclave.

    Args:
        url: Base of the API, e.g. `http://127.0.0.1:8000`.
        signer: The officer's key; None reads only what is open.
        log: Origin of the log that is meant. What is signed holds for the log it names, so the
            server's word, which is taken where this is left out, is a stranger's.
        now: Clock for `iat` where a call states no time.
        lang: Language of problems.
        http: A prepared httpx client, e.g. over WSGI in tests.
        attempts: Times a request is sent before there is no answer.

    Attributes:
        doubted: Called once where the server says that its database has another log than was seen
            of it before (`Log-In-Doubt`).
    """

    doubted: Callable[[], None] | None = None

    def __init__(  # noqa: PLR0913  a line and who is on it
        self,
        url: str,
        signer: Signer | None = None,
        *,
        log: str | None = None,
        now: Callable[[], datetime] | None = None,
        lang: str = "vi",
        http: httpx.Client | None = None,
        attempts: int = _ATTEMPTS,
    ) -> None:
        self.signer = signer
        self.officer: str | None = None  # whom the log knows the key as; known once signed in
        self._now = now
        self._http = http or httpx.Client(
            base_url=url.rstrip("/"), timeout=_TIMEOUT_S, verify=trusted(url)
        )
        self._lines: list[socket.socket] = []
        self._lang = lang
        self._attempts = attempts
        self._token: str | None = None
        self._meant = log
        self._origin: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Gives the connections back."""
        self._http.close()

    def login(self) -> str:
        """Signs in with the officer's key and gives the bearer token."""
        told = self._answered_challenge()
        with understood():
            answered = read_object(told)
            token = str(answered["access_token"])
            if not (token.isascii() and token.isprintable()):
                raise ValueError("the token fits in no header")
            self.officer, self._token = str(answered["officer"]), token
        return self._token

    def _answered_challenge(self) -> httpx.Response:
        """A challenge is good once, and may be used up where no answer came: then for another."""
        attempt = 0
        while True:
            answer = orjson.dumps(self.sign_in_answer())
            try:
                return self.answer(
                    "POST", "/v1/auth/token", content=answer, media=JOSE, signed_in=False, once=True
                )
            except Refused as refused:
                if refused.status not in _TRY_AGAIN or attempt + 1 >= self._attempts:
                    raise
                pause_s = _pause_s(attempt, refused.after_s)
            except Unreachable as away:
                if away.unended or attempt + 1 >= self._attempts:
                    raise Unreachable(away.where) from away  # a sign-in takes no number
                pause_s = _pause_s(attempt)
            sleep(pause_s)
            attempt += 1

    def sign_in_answer(self) -> dict[str, str]:
        """A challenge of the server, signed: good once, for two minutes (formats.md §9)."""
        signer = self.require_signer()
        origin = self.origin
        asked = self.json("POST", "/v1/auth/challenge", body={"kid": signer.kid}, signed_in=False)
        with understood():
            challenge, expires_at = str(asked["challenge"]), unstamp(asked["expires_at"])
        return statement.make_login(signer, challenge=challenge, log=origin, expires_at=expires_at)

    @property
    def closed(self) -> bool:
        """Whether the log that is meant tells what it is to nobody who is not signed in.

        So it is above ordinary (access.md §1): who signs in must know which log they mean, and the
        signature holds for that one alone.
        """
        return self._meant is not None and not self._meant.endswith(_OPEN_LEVEL)

    @property
    def origin(self) -> str:
        """Origin of the log, asked for once. Raises: OtherLog."""
        if self.closed:
            return str(self._meant)
        if self._origin is None:
            answered = self.json("GET", "/v1/log", signed_in=False)
            with understood():
                said = answered["origin"]
                if not isinstance(said, str):
                    raise TypeError("the origin is no text")
            if self._meant not in (None, said):
                raise OtherLog(said, str(self._meant))
            self._origin = said
        return self._origin

    def require_signer(self) -> Signer:
        """The officer's key. Raises: ValueError: There is none."""
        if self.signer is None:
            raise ValueError("this client has no key: it can only read what is open")
        return self.signer

    def json(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        at: datetime | None = None,
        signed_in: bool = True,
    ) -> dict[str, Any]:
        """One request that a JSON object answers. Raises: Strange; as `answer`."""
        content = None if body is None else orjson.dumps(body)
        response = self.answer(
            method, path, query=query, content=content, at=at, signed_in=signed_in
        )
        with understood():
            return read_object(response)

    def answer(  # noqa: PLR0913  one request, its parts named
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        content: bytes | Iterable[bytes] | None = None,
        media: str = "application/json",
        at: datetime | None = None,
        signed_in: bool = True,
        headers: Mapping[str, str] | None = None,
        accept: str = "application/json, application/problem+json",
        stream: bool = False,
        once: bool = False,
    ) -> httpx.Response:
        """One request, sent until there is an answer; signs in anew once where the token is over.

        Args:
            method: HTTP method.
            path: From the root of the API.
            query: Query parameters.
            content: The body; an iterable is read anew at each attempt.
            media: Its type.
            at: The ledger's time of this request; rehearsals only.
            signed_in: Whether to send the officer's token.
            headers: Further headers.
            accept: Types of answer.
            stream: Whether the answer's body is left to be read.
            once: Whether it is not sent again where no answer came: twice would be two.

        Raises:
            Refused: The server says no.
            Unreachable: No answer.
        """
        # what is pressed together is as long as whoever sends it likes
        sent = {"Accept": accept, "Accept-Encoding": _PLAIN, "Accept-Language": self._lang}
        sent |= headers or {}
        if content is not None:
            sent["Content-Type"] = media
        if at is not None:
            sent["X-Rehearsal-Time"] = fmt_time(at)
        renewed = False
        while True:
            if signed_in and self.signer is not None:
                sent["Authorization"] = f"Bearer {self._token or self.login()}"
            request = self._http.build_request(
                method, path, params=query, content=content, headers=sent
            )
            response = self._send(request, stream=stream, once=once)
            if response.is_success:  # never where it points elsewhere
                return response
            refused = _refused(response)
            if refused.code != "not_signed_in" or renewed or not signed_in or not self.signer:
                raise refused
            self._token, renewed = None, True

    def _send(
        self, request: httpx.Request, *, stream: bool = False, once: bool = False
    ) -> httpx.Response:
        """Sends until there is an answer that is not `try again`; the same bytes each time.

        Of many answers the newest that knows most is told: one that nothing was recorded is of its
        own attempt, and denies no attempt before it.
        """
        best: httpx.Response | httpx.RequestError | None = None
        attempts, known = 1 if once else self._attempts, _NOTHING
        for attempt in range(attempts):
            answered = self._tried(request, stream=stream)
            response = answered if isinstance(answered, httpx.Response) else None
            final = response is not None and response.status_code not in _TRY_AGAIN
            if response is not None and final and (known == _NOTHING or _is_sure(response)):
                return response
            knows = _recorded(request, response)
            if knows >= known:
                best, known = answered, knows
            if final:
                break
            if attempt < attempts - 1:
                if response is not None:
                    response.close()
                sleep(_pause_s(attempt, _stated_s(response)))
        if isinstance(best, httpx.Response):
            return best
        raise Unreachable(where(request.url), once=once) from best

    def _tried(
        self, request: httpx.Request, *, stream: bool
    ) -> httpx.Response | httpx.RequestError:
        """One answer, or why there is none."""
        try:
            return self._answered(request, stream=stream)
        except (httpx.TransportError, httpx.DecodingError) as error:
            _require_http(error)
            return error

    def _answered(self, request: httpx.Request, *, stream: bool) -> httpx.Response:
        """One answer, read whole where it is no success that is left to be read.

        Raises:
            Strange: It has no end, or is pressed together, which was not asked for.
            Unreachable: It does not come to its end.
            httpx.TransportError: There is none, or it was cut off.
        """
        patience = _Patience(self._lines)
        request.extensions["trace"] = patience.trace
        try:
            response = self._http.send(request, stream=True)
            try:
                self._take(response, patience, whole=not (stream and response.is_success))
            except BaseException:
                response.close()
                raise
        except BaseException as error:
            patience.end()
            if patience.over and isinstance(error, httpx.TransportError):
                raise Unreachable(where(request.url), unended=True) from error
            raise
        return response

    def _take(self, response: httpx.Response, patience: _Patience, *, whole: bool) -> None:
        """What has begun to come; as `_answered`."""
        if self.doubted is not None and "Log-In-Doubt" in response.headers:
            told, self.doubted = self.doubted, None
            told()
        _require_plain(response)
        if isinstance(response.stream, httpx.SyncByteStream):
            sender = where(response.request.url)
            response.stream = _Bounded(response.stream, sender, patience, whole=whole)
        if whole:
            response.read()


def _require_plain(response: httpx.Response) -> None:
    """Raises: Strange: it is pressed together."""
    if response.headers.get("Content-Encoding", _PLAIN).lower() != _PLAIN:
        raise Strange("a Content-Encoding that was not asked for")


def _require_http(error: httpx.RequestError) -> None:
    """Nobody answered, or not to the end.

    Raises:
        Strange: What did is no HTTP, or no TLS.
        Untrusted: Its certificate does not hold.
    """
    if isinstance(error, httpx.DecodingError) or "illegal" in str(error):
        raise Strange(f"no HTTP: {error}") from error
    why: BaseException | None = error
    while why is not None and not isinstance(why, ssl.SSLError):
        why = why.__cause__ or why.__context__
    if isinstance(why, ssl.SSLCertVerificationError):
        raise Untrusted(error.request.url.host, why) from error
    cut = isinstance(why, ssl.SSLEOFError | ssl.SSLZeroReturnError)
    if why is not None and not cut:
        raise Strange(f"TLS: {why.reason or why}") from error


def _recorded(request: httpx.Request, response: httpx.Response | None) -> int:
    """Whether what was sent is there already: `_NOTHING`, `_UNKNOWN` or `_YES`, its proof is late.

    Args:
        request: What was sent.
        response: `try again`; None where no answer came.
    """
    told = None if response is None else _refused(response)
    if told is not None and told.code == "proof_late":
        return _YES
    if request.method == "GET" or (told is not None and told.recorded == "nothing"):
        return _NOTHING
    return _UNKNOWN


def _is_sure(response: httpx.Response) -> bool:
    """Whether it holds of the same sent before too: who shut themselves out by it sees no case."""
    records = response.request.url.path == "/v1/acts"
    return not records or response.is_success or _refused(response).code in _LOOKED_FOR


def _stated_s(response: httpx.Response | None) -> float | None:
    """What `Retry-After` says, where it says seconds."""
    stated = response.headers.get("Retry-After", "") if response is not None else ""
    return float(stated) if stated.isascii() and stated.isdigit() else None


def _pause_s(attempt: int, stated_s: float | None = None) -> float:
    return min(0.2 * 2**attempt if stated_s is None else stated_s, _MAX_PAUSE_S)


def _refused(response: httpx.Response) -> Refused:
    """The problem; what lies between may fail in its own words. Raises: Strange."""
    try:
        told = unambiguous_json.read(response.content)
        require_shape(told, PROBLEM)
    except (ValueError, TypeError):
        told = {}
    if "code" not in told and response.status_code not in _TRY_AGAIN:
        raise Strange(f"HTTP {response.status_code}")
    said = {"title": f"HTTP {response.status_code}", **told}
    return Refused(response.status_code, said, _stated_s(response))
