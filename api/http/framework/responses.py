"""How an answer leaves: one encoding, strong ETag and 304, Ledger-Index, the rehearsal's mark.

`complete` ends every request: what hooks answer, or leave undone, leaves with the same headers.
"""

from __future__ import annotations

from collections.abc import Mapping
from time import perf_counter
from typing import Any, Final

import orjson
from flask import Response, request

from api.http.framework.request_context import context, context_or_new, host
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
    response = Response(data, status=status, content_type=content_type)
    if index is not None:
        response.headers.add("Ledger-Index", str(index))
    if headers:
        response.headers.extend(headers)
    if request.method in ("GET", "HEAD") and status == 200:  # noqa: PLR2004  only what is read
        if etag is None:
            tag(response, data)
        else:
            response.set_etag(etag)
        if not _CONDITIONS.isdisjoint(request.environ):
            settle(response)
    return response


def tag(response: Response, data: bytes) -> None:
    """A strong ETag: an HMAC over what is seen, its content type and the caller (access.md N7)."""
    who = context().caller
    kind = (response.content_type or "").encode()
    seen = b"\0".join(((who.officer if who else "").encode(), kind, data))
    response.set_etag(b64(host().token_box.mac("etag", seen)[:18]))


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


def complete(response: Response) -> Response:
    """Headers that every answer has, its log line and its counters."""
    known = context_or_new()
    if "Cache-Control" not in response.headers:
        response.headers.add("Cache-Control", _cache_control(signed_in=known.caller is not None))
    response.headers.extend((("X-Request-Id", known.trace_id), *_SAFE_HEADERS))
    facts = host().facts
    if facts.rehearsal and facts.level != ORDINARY:  # a file, a tile and a copy say so too
        response.headers["Demonstration"] = f"{facts.level}; not real data"
    telemetry.answered(
        call=request.url_rule.rule if request.url_rule else "none",
        method=request.method,
        status=response.status_code,
        seconds=perf_counter() - known.began,
        trace_id=known.trace_id,
        code=known.code,
    )
    return response


def _cache_control(*, signed_in: bool) -> str:
    """Above ordinary nothing is stored; an officer's answer is kept by that officer alone."""
    if host().facts.level != ORDINARY:
        return "no-store"
    return "private, no-cache" if signed_in else "no-cache"
