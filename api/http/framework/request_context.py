"""What every request brings before its noun is asked: trace id, language, clock, caller.

The rules of http.md §1 that hold for all calls stand here once, in the order in which they are
checked: form of the headers, then who is calling, then (in the noun) what is asked for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from time import perf_counter
from typing import Any, Final, cast

from flask import current_app, g, request
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from api.auth import Caller
from api.http.framework.read_budget import Budgets, Charge
from api.http.schemas.base import OFFSET_TIME, UUID
from api.ops.wiring import Enclave
from api.problems.problem import Problem
from api.texts.text import Lang
from ledger.errors import Fault
from ledger.regulation.acts.json_shape import parse_time

MAX_BODY_BYTES: Final = 1 << 20
REHEARSAL_TIME: Final = "X-Rehearsal-Time"
_TIME_HEADER: Final = "HTTP_X_REHEARSAL_TIME"  # as WSGI calls it (PEP 3333)
_TIME: Final = re.compile(OFFSET_TIME)
_UUID: Final = re.compile(UUID)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_TRACE_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_WAIT: Final = re.compile(r"(?:^|,)\s*wait\s*=\s*\"?([0-9]{1,4})\"?\s*(?:,|;|$)")
_RESPOND_ASYNC: Final = re.compile(r"(?:^|,)\s*respond-async\s*(?:,|;|$)")
MAX_WAIT_S: Final = 30
#: Headers whose one value has no comma.
_SINGLE: Final = (("HTTP_AUTHORIZATION", "Authorization"), (_TIME_HEADER, REHEARSAL_TIME))


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
        charged: A heavy read's charge, and the work of this thread before it.
    """

    trace_id: str
    lang: Lang
    at: datetime | None
    caller: Caller | None
    began: float
    code: str = ""
    charged: tuple[Charge, float] | None = None


def enclave() -> Enclave:
    """The enclave this application serves; never more than one."""
    return cast("Enclave", current_app.extensions["socai"])


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
    return context().at or enclave().ledger_time()


def current_view() -> Any | None:  # noqa: ANN401  a view function
    """The view that this request found; None where no address or method matched."""
    if request.endpoint is None:
        return None
    return current_app.view_functions.get(request.endpoint)


def context_or_new() -> Context:
    """This request's context, also where it failed before it had one."""
    if "socai" not in g:
        g.socai = Context(enclave().entropy.uuid().hex, "vi", None, None, perf_counter())
    return context()


def begin() -> Context:
    """Sets up the context; the cheap refusals that never depend on an object (access.md N4)."""
    sent = request.environ
    claimed = sent.get("HTTP_X_REQUEST_ID")
    sound = claimed is None or _TRACE_ID.fullmatch(claimed) is not None
    trace_id = claimed if claimed and sound else enclave().entropy.uuid().hex
    lang = _spoken(sent.get("HTTP_ACCEPT_LANGUAGE", "")) or enclave().settings.lang
    begun = g.socai = Context(trace_id, lang, None, None, perf_counter())
    if not sound:
        raise malformed("X-Request-Id", "chỉ nhận 1-64 ký tự A-Za-z0-9._-", "1-64 of A-Za-z0-9._-")
    _refuse_doubles()
    if "CONTENT_LENGTH" in sent and (request.content_length or 0) > MAX_BODY_BYTES:
        view = current_view()
        if view is None or not view.__dict__["gate"].streams:
            raise Problem("too_large")
    if _TIME_HEADER in sent and not enclave().facts.rehearsal:
        raise Problem("not_a_rehearsal")
    return begun


def set_time(*, reads_log: bool) -> None:
    """The ledger's time of this request, once it is known who is calling.

    Args:
        reads_log: Whether the answer shows the log at that time: then it may not be before the
            last record. What writes is held to it by the ledger itself.

    Raises:
        Problem: `clock_back`, or the header has another form.
    """
    stated = request.environ.get(_TIME_HEADER)
    if stated is None:
        return
    at = context().at = _rehearsal_time(stated)
    if reads_log:
        last = enclave().records.head().recorded_at
        if last is not None and at < last:
            raise Problem("clock_back")


@lru_cache(maxsize=64)
def _spoken(accept_language: str) -> Lang | None:
    """The best of `Accept-Language` that we speak: `en-GB` is English."""
    for tag, quality in parse_accept_header(accept_language, LanguageAccept):
        spoken = tag.partition("-")[0].lower()
        if quality > 0 and spoken in ("vi", "en"):
            return cast("Lang", spoken)
    return None


def _refuse_doubles() -> None:
    """Two values under one name mean two things to two readers."""
    sent = request.environ
    if sent.get("QUERY_STRING"):
        for name, values in request.args.lists():
            if len(values) > 1:
                raise malformed(name, "tham số lặp lại", "the parameter is repeated")
            if _CONTROL.search(values[0]):
                raise malformed(name, "có ký tự điều khiển", "it has control characters")
    for name, header in _SINGLE:
        if "," in sent.get(name, ""):  # how WSGI joins a header that came twice
            raise malformed(header, "tiêu đề lặp lại", "the header is repeated")


def _rehearsal_time(stated: str) -> datetime:
    if not _TIME.fullmatch(stated):
        raise malformed(
            REHEARSAL_TIME,
            "viết như 2024-06-04T08:12:00+07:00",
            "write it like 2024-06-04T08:12:00+07:00",
        )
    return parse_time(stated).astimezone(UTC)


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


def malformed(name: str, vi: str, en: str) -> Problem:
    """A parameter or header that does not have its documented form."""
    return Problem("malformed_request", faults=(Fault(f"/{name}", vi=vi, en=en),))
