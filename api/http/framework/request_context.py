"""What a request brings: trace id, language, the ledger's time, who is calling (http.md §1).

`begin` is the first hook of every request, and refuses nothing: whoever hooks in behind it finds
the context there, also of what is refused later (docs/http-layer.md).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from time import perf_counter
from typing import Final, cast

from flask import current_app, g, request
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
_WAIT: Final = re.compile(r"(?:^|,)\s*wait\s*=\s*\"?([0-9]{1,4})\"?\s*(?:,|;|$)")
_RESPOND_ASYNC: Final = re.compile(r"(?:^|,)\s*respond-async\s*(?:,|;|$)")
MAX_WAIT_S: Final = 30


@dataclass(slots=True)
class Context:
    """One request's own facts.

    Attributes:
        trace_id: From `X-Request-Id`, else made here; in every log line and problem.
        lang: Best of `Accept-Language`.
        at: The ledger's time of this request in a rehearsal that states one, else None.
        caller: The signed-in officer; None where the call is open.
        began: For the duration in the log line.
        code: Problem code, where one was answered.
    """

    trace_id: str
    lang: Lang
    at: datetime | None
    caller: Caller | None
    began: float
    code: str = ""


def host() -> Host:
    """The enclave this application serves; never more than one."""
    return cast("Host", current_app.extensions["socai"])


def budgets() -> Budgets:
    """What officers may still ask of this server."""
    return cast("Budgets", current_app.extensions["socai-budgets"])


def context() -> Context:
    """This request's context."""
    return cast("Context", g.socai)


def caller() -> Caller:
    """The officer who calls; only behind a call that asks for one."""
    found = context().caller
    if found is None:
        raise Problem("not_signed_in", headers={"WWW-Authenticate": "Bearer"})
    return found


def now() -> datetime:
    """The ledger's time for this request (http.md §1, X-Rehearsal-Time)."""
    return context().at or host().ledger_time()


def context_or_new() -> Context:
    """This request's context, also where a hook before `begin` ended it."""
    if "socai" not in g:
        begin()
    return context()


def begin() -> None:
    """Sets up the context: before any other hook, whatever is wrong with the request."""
    sent = request.environ
    claimed = sent.get("HTTP_X_REQUEST_ID")
    trace_id = claimed if claimed and sound(claimed) else host().entropy.uuid().hex
    lang = _spoken(sent.get("HTTP_ACCEPT_LANGUAGE", "")) or host().settings.lang
    g.socai = Context(trace_id, lang, None, None, perf_counter())


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
