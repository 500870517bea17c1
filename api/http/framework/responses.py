"""How an answer leaves: one encoding, strong ETag and 304, Ledger-Index, the rehearsal's mark."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson
from flask import Response, request

from api.http.framework.request_context import context, enclave
from api.problems.problem import Problem
from keys.canonical import b64

JSON: Final = "application/json"
_CONDITIONS: Final = frozenset({"HTTP_IF_NONE_MATCH", "HTTP_IF_MATCH"})
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
    marked = {**body, "rehearsal": True} if enclave().facts.rehearsal else body
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
) -> Response:
    """Bytes as an answer; a GET has a strong ETag over what this caller sees, and gives 304."""
    response = Response(data, status=status, content_type=content_type)
    if index is not None:
        response.headers.add("Ledger-Index", str(index))
    if headers:
        response.headers.extend(headers)
    if request.method in ("GET", "HEAD") and status == 200:  # noqa: PLR2004  only what is read
        tag(response, data)
        if not _CONDITIONS.isdisjoint(request.environ):
            settle(response)
    return response


def tag(response: Response, data: bytes) -> None:
    """A strong ETag: an HMAC over what is seen, its content type and the caller (access.md N7)."""
    who = context().caller
    kind = (response.content_type or "").encode()
    seen = b"\0".join(((who.officer if who else "").encode(), kind, data))
    response.set_etag(b64(enclave().seal.mac("etag", seen)[:18]))


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


def cache_control(*, signed_in: bool) -> str:
    """Above ordinary nothing is stored; an officer's answer is kept by that officer alone."""
    if enclave().facts.level != "ordinary":
        return "no-store"
    return "private, no-cache" if signed_in else "no-cache"
