"""The problem document (RFC 9457), and which error becomes which problem (http.md §1).

A problem says what was not recorded and what to do next, in the caller's language. What the caller
may not know of and what does not exist give the same `not_found`, and nothing from below (SQLSTATE,
paths, traces) ever leaves. Why an error was raised is not known here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import orjson

from api.problems.types import TYPES
from api.texts.catalogue import in_each, translate
from api.texts.lang import Lang
from keys.errors import (
    Carried,
    InvalidSignature,
    KeyAway,
    KeysError,
    Malformed,
    NotCanonical,
    UnknownKey,
    Unsealable,
    WrongCustody,
)
from ledger.errors import (
    Conflict,
    Doubt,
    Fatal,
    Fault,
    LedgerError,
    NotFound,
    Rejected,
    Unavailable,
    VerificationError,
)
from ledger.message import Message, Text

if TYPE_CHECKING:
    from flask import Response
    from werkzeug.exceptions import HTTPException

CONTENT_TYPE: Final = "application/problem+json"


class Problem(Carried):
    """A refusal on its way to the caller.

    Args:
        code: A code of `types.TYPES`.
        detail: What exactly; where left out the first fault, if there is one.
        faults: Each fault with its JSON Pointer.
        members: Extension members (`guard`, `head`, `since` …).
        headers: Further response headers (`Retry-After`, `Allow` …).
    """

    def __init__(
        self,
        code: str,
        detail: Text | None = None,
        *,
        faults: Sequence[Fault] = (),
        members: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.type = TYPES[code]
        self.detail = detail or next((_said(fault) for fault in faults), None)
        self.faults = tuple(faults)
        self.members = dict(members or {})
        self.headers = dict(headers or {})

    def body(self, lang: Lang, trace_id: str) -> dict[str, Any]:
        """The members of the problem document in one language."""
        body: dict[str, Any] = {
            "type": f"/problems/{self.code}",
            "title": translate(self.type.title, lang),
            "status": self.type.status,
            "code": self.code,
            "next": translate(self.type.step, lang),
            "recorded": self.type.recorded,
            "trace_id": trace_id,
        }
        if self.detail is not None:
            body["detail"] = translate(self.detail, lang)
        if self.faults:
            body["errors"] = [
                {"pointer": f.pointer, "detail": translate(f.text, lang)} for f in self.faults
            ]
        return body | self.members

    def response(self, lang: Lang, trace_id: str) -> Response:
        """The answer itself: never cached, and its language stated."""
        from flask import Response  # noqa: PLC0415  who serves no HTTP starts without it

        response = Response(
            orjson.dumps(self.body(lang, trace_id)),
            status=self.type.status,
            content_type=CONTENT_TYPE,
        )
        response.headers["Content-Language"] = lang
        response.headers["Cache-Control"] = "no-store"
        response.headers["Vary"] = "Accept-Language"
        for name, value in self.headers.items():
            response.headers[name] = value
        return response


def _said(fault: Fault) -> Text:
    place = fault.pointer.removeprefix("/")
    return Message("{place}: {fault}", place=place, fault=fault.text) if place else fault.text


_LATER: Final = (429, 503)


def plain_answer(code: str, *faults: Fault) -> bytes:
    """A whole HTTP/1.1 answer, for what the server refuses before it is a request."""
    problem = Problem(code, faults=faults)
    body = orjson.dumps(problem.body("vi", "none"))
    reason = str(problem.type.title).encode("ascii", "replace")
    again = b"Retry-After: 2\r\n" if problem.type.status in _LATER else b""
    head = (
        b"HTTP/1.1 %d %s\r\nConnection: close\r\nContent-Type: %s\r\nContent-Length: %d\r\n"
        b"Content-Language: vi\r\nCache-Control: no-store\r\n%s\r\n"
    )
    return head % (problem.type.status, reason, CONTENT_TYPE.encode(), len(body), again) + body


def of(error: BaseException) -> Problem:
    """The problem that an exception becomes; the one place where errors meet HTTP."""
    if isinstance(error, Problem):
        return error
    for kind, problem_of in _TRANSLATIONS:
        if isinstance(error, kind):
            return problem_of(error)
    from werkzeug.exceptions import HTTPException  # noqa: PLC0415  as above

    return _http(error) if isinstance(error, HTTPException) else Problem("internal")


def _rejected(error: Rejected) -> Problem:
    members: dict[str, Any] = {}
    if error.guard:
        members["guard"] = error.guard
    if error.params:
        members["params"] = error.params
    code = error.code if error.code in TYPES else "rejected"
    return Problem(code, error.text, faults=error.faults, members=members)


def _conflict(error: Conflict) -> Problem:
    members: dict[str, Any] = {}
    if error.head is not None:
        head = {"seq": error.head.seq, "prev": error.head.prev, "state": error.head.state}
        members["head"] = {name: value for name, value in head.items() if value is not None}
    if error.code == "stale":
        members["since"] = [dict(act) for act in error.since]
    code = error.code if error.code in TYPES else "unavailable"
    return Problem(code, error.text, members=members)


def _door(code: str, text: Message) -> Callable[[KeysError], Problem]:
    """A refusal of `keys` over the sender's own bytes: its reason may be told."""

    def problem(error: KeysError) -> Problem:
        return Problem(code, text.filled(error=error))

    return problem


def _unavailable(error: Unavailable) -> Problem:
    code = error.code if error.code in TYPES else "unavailable"
    return Problem(code, error.text, headers={"Retry-After": str(max(1, error.retry_after_s))})


def _doubted(error: Doubt) -> Text:
    return in_each(lambda lang: _sentence(translate(error.text, lang)))


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _http(error: HTTPException) -> Problem:
    """An answer of Flask or of an extension, with the headers that it has beside its page.

    A status that no problem has stays on its side: the sender's to correct, or ours.
    """
    status = error.code or 500
    code = _BY_STATUS.get(status, "internal" if status >= 500 else "malformed_request")  # noqa: PLR2004  RFC 9110 §15.6
    told = {name: value for name, value in error.get_headers() if name in _OF_HTTP}
    if TYPES[code].status in _LATER:
        told.setdefault("Retry-After", "2")
    return Problem(code, headers=told)


_OF_HTTP: Final = frozenset({"Allow", "Retry-After", "WWW-Authenticate"})


_BY_STATUS: Final = {
    400: "malformed_request",
    401: "not_signed_in",
    403: "not_found",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    408: "request_timeout",
    410: "not_found",
    412: "precondition_failed",
    413: "too_large",
    414: "uri_too_long",
    415: "unsupported_media_type",
    422: "malformed_request",
    429: "too_many_requests",
    431: "headers_too_large",
    500: "internal",
    502: "unavailable",
    503: "unavailable",
    504: "unavailable",
}

_Translations = tuple[tuple[type[Exception], Callable[[Any], Problem]], ...]
_REFUSED: Final[_Translations] = (
    (Rejected, _rejected),
    (Conflict, _conflict),
    (NotFound, lambda error: Problem(error.code)),
    (Unavailable, _unavailable),
    (Doubt, lambda error: Problem("log_in_doubt", _doubted(error), headers={"Retry-After": "60"})),
    (NotCanonical, _door("not_canonical", Message("Not in canonical form: {error}"))),
    (Malformed, _door("malformed_statement", Message("Malformed: {error}"))),
    (UnknownKey, lambda _: Problem("unknown_key")),
    (WrongCustody, lambda _: Problem("unknown_key")),
    (InvalidSignature, lambda _: Problem("invalid_signature")),
)
_FAILED: Final[_Translations] = (
    (VerificationError, lambda _: Problem("evidence_fails")),
    (Unsealable, lambda _: Problem("evidence_fails")),
    (KeyAway, lambda _: Problem("unavailable", headers={"Retry-After": "30"})),
    (Fatal, lambda _: Problem("stopped", headers={"Retry-After": "30"})),
    (LedgerError, lambda _: Problem("internal")),
    (KeysError, lambda _: Problem("internal")),
)
_TRANSLATIONS: Final[_Translations] = (*_REFUSED, *_FAILED)
REFUSALS: Final[tuple[type[Exception], ...]] = (Problem, *(kind for kind, _ in _REFUSED))
"""What is answered and no more, beside the errors of HTTP itself (`HTTPException`).

Every other error is one of ours, for the log and the operator.
"""
