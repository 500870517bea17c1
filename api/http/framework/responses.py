"""How an answer leaves: one encoding, strong ETag and 304, Ledger-Index, the rehearsal's mark.

`complete` ends every request: what hooks answer, or leave undone, leaves with the same headers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from time import perf_counter
from typing import Any, Final

import orjson
from flask import Response, request
from werkzeug.datastructures import Headers

from api.http.framework.request_context import Context, Environ, context, context_or_new, host
from api.ops import telemetry
from api.problems.problem import Problem
from api.settings import ORDINARY
from keys.canonical import b64

JSON: Final = "application/json"
_CONDITIONS: Final = frozenset({"HTTP_IF_NONE_MATCH", "HTTP_IF_MATCH"})
_SAFE_HEADERS: Final = (
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Frame-Options", "DENY"),
)
_ENCODING: Final = orjson.OPT_UTC_Z | orjson.OPT_PASSTHROUGH_DATETIME
_READING: Final = ("GET", "HEAD")
_OK: Final = 200


class Finished(Response):
    """An answer made whole: of what was found neither headers nor bytes are gone through again."""

    _awaited = False

    def call_on_close(self, func: Callable[[], Any]) -> Callable[[], Any]:
        """As Werkzeug does."""
        self._awaited = True
        return super().call_on_close(func)

    def get_wsgi_headers(self, environ: Environ) -> Headers:
        """Its own: what Werkzeug would put right in a copy is none of those that we give."""
        if self.status_code == _OK:
            return self.headers
        return super().get_wsgi_headers(environ)

    def get_app_iter(self, environ: Environ) -> Iterable[bytes]:
        """Its bytes, as they were given, where nobody waits until they are out."""
        given = self.response
        if (
            self.status_code == _OK
            and environ["REQUEST_METHOD"] == "GET"
            and not self._awaited
            and isinstance(given, list)
            and len(given) == 1
            and isinstance(given[0], bytes)
        ):
            return given
        return super().get_app_iter(environ)


def answer(
    body: Mapping[str, Any],
    *,
    status: int = 200,
    index: int | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A JSON answer.

    Args:
        body: What the caller sees; in a rehearsal it is marked as one.
        status: HTTP status.
        index: Index the view has folded so far, for `Ledger-Index` (http.md §6).
        headers: Further headers.
    """
    marked = {**body, "rehearsal": True} if host().facts.rehearsal else body
    return finish(encode(marked), JSON, status=status, index=index, headers=headers)


def encode(body: object) -> bytes:
    """JSON bytes of an answer."""
    return orjson.dumps(body, option=_ENCODING)


def finish(
    data: bytes,
    content_type: str,
    *,
    status: int = 200,
    index: int | None = None,
    headers: Mapping[str, str] | None = None,
    etag: str | None = None,
) -> Response:
    """Bytes as an answer; a GET has a strong ETag over what this caller sees, and gives 304.

    Args:
        data: The body.
        content_type: Its type.
        status: HTTP status.
        index: For `Ledger-Index`, as in `answer`.
        headers: Further headers.
        etag: Of what is the same for everybody and known by it already.
    """
    response = Finished(data, status=status, content_type=content_type)
    if index is not None:
        response.headers.add("Ledger-Index", str(index))
    if headers:
        response.headers.extend(headers)
    known = context()
    if status == _OK and known.method in _READING:
        response.set_etag(_etag(known, content_type, data) if etag is None else etag)
        if not _CONDITIONS.isdisjoint(known.sent):
            settle(response)
    return response


def tag(response: Response, data: bytes) -> None:
    """Gives what is seen its ETag."""
    response.set_etag(_etag(context(), response.content_type or "", data))


def _etag(known: Context, content_type: str, data: bytes) -> str:
    """A strong ETag: an HMAC over what is seen, its content type and the caller (access.md N7)."""
    who = known.caller
    seen = b"\0".join(((who.officer if who else "").encode(), content_type.encode(), data))
    return b64(known.host.token_box.mac("etag", seen)[:18])


def settle(response: Response) -> None:
    """Conditions on what is read, by its ETag (RFC 9110 §13.2.2): 304 where the caller has it.

    Raises:
        Problem: `precondition_failed`: it is none of those that `If-Match` names.
    """
    wanted, tag = request.if_match, response.get_etag()[0]
    if wanted and not (tag is None or wanted.star_tag or wanted.is_strong(tag)):
        raise Problem("precondition_failed")
    stated = request.environ
    names = ("REQUEST_METHOD", "HTTP_IF_NONE_MATCH")
    response.make_conditional({name: stated[name] for name in names if name in stated})
    response.headers.pop("Date", None)  # the server's to state


IN_DOUBT: Final = "Log-In-Doubt"
"""Header of each answer while the database has another log than was seen (RFC 9651: `?1`)."""


def complete(response: Response) -> Response:
    """Headers that every answer has, its log line and its counters."""
    known = context_or_new()
    facts = known.host.facts
    if not response.headers.getlist("Cache-Control"):
        response.headers.add("Cache-Control", _cache_control(known))
    for name, value in (("X-Request-Id", known.trace_id), *_SAFE_HEADERS):
        response.headers.add(name, value)
    if known.host.in_doubt:  # reads go on; whoever reads is told of what
        response.headers[IN_DOUBT] = "?1"
    if facts.rehearsal and facts.level != ORDINARY:  # a file, a tile and a copy say so too
        response.headers["Demonstration"] = f"{facts.level}; not real data"
    telemetry.answered(
        call=rule.rule if (rule := request.url_rule) else "none",
        method=known.method,
        status=response.status_code,
        seconds=perf_counter() - known.began,
        trace_id=known.trace_id,
        code=known.code,
    )
    return response


def _cache_control(known: Context) -> str:
    """Above ordinary nothing is stored; an officer's answer is kept by that officer alone."""
    if known.host.facts.level != ORDINARY:
        return "no-store"
    return "no-cache" if known.caller is None else "private, no-cache"
