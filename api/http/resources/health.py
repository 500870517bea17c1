"""Whether this process lives and can serve (http.md §7)."""

from __future__ import annotations

from flask import Response

from api.http.framework.endpoint import IN_WORDS, Resource
from api.http.framework.request_context import context
from api.http.framework.responses import answer
from api.http.resources.common.served import enclave
from api.http.schemas.health import LiveSchema, ReadySchema
from api.texts.catalogue import translate

health = Resource("health", __name__, url_prefix="/health", description="Vận hành · Operation")


@health.call("/live", answers=LiveSchema, access="open")
def get_liveness() -> Response:
    """Tiến trình còn sống · This process answers.

    Asks neither database nor disk: whoever restarts processes goes by it.
    """
    return answer({"status": "live"}, headers={"Cache-Control": "no-store"})


@health.call(
    "/ready",
    answers=ReadySchema,
    access="open",
    also={503: "Not ready; `checks` says which part."},
    headers=IN_WORDS,
)
def get_readiness() -> Response:
    """Sẵn sàng phục vụ · Database, checkpoints, projections, disk and clock, each with its verdict.

    503 says that something is not well, and `checks` says what. Records set aside are told and are
    no failure.
    """
    checks, lang = enclave().readiness.checks(), context().lang
    good = all(check.ok for check in checks)
    body = [{"name": c.name, "ok": c.ok, "detail": translate(c.detail, lang)} for c in checks]
    headers = {"Cache-Control": "no-store", "Content-Language": lang, "Vary": "Accept-Language"}
    return answer(
        {"status": "ready" if good else "not_ready", "checks": body},
        status=200 if good else 503,
        headers=headers | ({} if good else {"Retry-After": "2"}),
    )
