"""What a request brings: trace id, language, the ledger's time, who is calling (http.md §1).

`begin` is the first hook of every request, and refuses nothing: whoever hooks in behind it finds
the context there, also of what is refused later (docs/http-layer.md).
"""

from __future__ import annotations

import re
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from time import perf_counter
from typing import Any, Final, cast

from flask import current_app, request
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from api.auth import Caller
from api.http.framework.host import Host
from api.http.framework.read_budget import Budgets
from api.http.schemas.base import UUID
from api.problems.problem import Problem
from api.texts.lang import Lang
from ledger.errors import Fault
from ledger.message import Text

_UUID: Final = re.compile(UUID)
_TRACE_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
#: Names of preferences are the same in any case (RFC 7240 §2).
_WAIT: Final = re.compile(r"(?:^|,)\s*wait\s*=\s*\"?([0-9]{1,18})\"?\s*(?:,|;|$)", re.IGNORECASE)
_RESPOND_ASYNC: Final = re.compile(r"(?:^|,)\s*respond-async\s*(?:,|;|$)", re.IGNORECASE)
MAX_WAIT_S: Final = 30
Environ = dict[str, Any]
"""A request as WSGI gives it (PEP 3333)."""


@dataclass(slots=True)
class Context:
    """One request's own facts.

    Attributes:
        host: The enclave that is asked.
        sent: The request.
        method: Of it, in capitals.
        trace_id: From `X-Request-Id`, else made here; in every log line and problem.
        lang: Best of `Accept-Language`.
        at: The ledger's time of this request in a rehearsal that states one, else None.
        caller: The signed-in officer; None where the call is open.
        began: For the duration in the log line.
        code: Problem code, where one was answered.
    """

    host: Host
    sent: Environ
    method: str
    trace_id: str
    lang: Lang
    began: float
    at: datetime | None = None
    caller: Caller | None = None
    code: str = ""


#: Asked for a dozen times a request; what Flask keeps in `g` is found by way of a proxy, for ten
#: times as much.
_current: ContextVar[Context | None] = ContextVar("request", default=None)


def host() -> Host:
    """The enclave this application serves; never more than one."""
    return context().host


def budgets() -> Budgets:
    """What officers may still ask of this server."""
    return cast("Budgets", current_app.extensions["socai-budgets"])


def context() -> Context:
    """This request's context; only behind `begin`."""
    found = _current.get()
    if found is None:
        raise LookupError("no request has begun")
    return found


def caller() -> Caller:
    """The officer who calls; only behind a call that asks for one."""
    found = context().caller
    if found is None:
        raise Problem("not_signed_in", headers={"WWW-Authenticate": "Bearer"})
    return found


def now() -> datetime:
    """The ledger's time for this request (http.md §1, X-Rehearsal-Time)."""
    known = context()
    return known.at or known.host.ledger_time()


def context_or_new() -> Context:
    """This request's context, also where a hook before `begin` ended it."""
    return _current.get() or begin()


def forget() -> None:
    """The request is over: its thread keeps nothing of it."""
    _current.set(None)


def begin() -> Context:
    """Sets up the context: before any other hook, whatever is wrong with the request."""
    served = cast("Host", current_app.extensions["socai"])
    sent = request.environ
    claimed = sent.get("HTTP_X_REQUEST_ID")
    trace_id = claimed if claimed and sound(claimed) else served.entropy.take(16).hex()
    lang = _spoken(sent.get("HTTP_ACCEPT_LANGUAGE", "")) or served.settings.lang
    method = sent["REQUEST_METHOD"].upper()
    known = Context(served, sent, method, trace_id, lang, perf_counter())
    _current.set(known)
    return known


def sound(trace_id: str) -> bool:
    """Whether it can stand in a log line as it is."""
    return _TRACE_ID.fullmatch(trace_id) is not None


@lru_cache(maxsize=64)
def _spoken(accept_language: str) -> Lang | None:
    """The best of `Accept-Language` that we speak: `en-GB` is English."""
    for tag, quality in parse_accept_header(accept_language, LanguageAccept):
        spoken = tag.partition("-")[0].lower()
        if quality > 0 and spoken in ("vi", "en"):
            return cast("Lang", spoken)
    return None


def wait_s() -> int | None:
    """Seconds of `Prefer: wait=…` (RFC 7240), at most half a minute; None where not asked for."""
    found = _WAIT.search(request.headers.get("Prefer", ""))
    return min(int(found[1]), MAX_WAIT_S) if found else None


def prefers_async() -> bool:
    """Whether the caller asks not to wait for the proof (`Prefer: respond-async`)."""
    return _RESPOND_ASYNC.search(request.headers.get("Prefer", "")) is not None


def require_uuid(text: str) -> str:
    """An id of the path; what has not its form names nothing.

    Raises:
        Problem: `not_found`.
    """
    if not _UUID.fullmatch(text):
        raise Problem("not_found")
    return text


def malformed(name: str, text: Text) -> Problem:
    """A parameter or header that does not have its documented form."""
    return Problem("malformed_request", faults=(Fault(f"/{name}", text),))
