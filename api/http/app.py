"""The application factory: resources, the door they share, and the OpenAPI document they make."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import orjson
from flask import Flask
from flask_smorest import Api
from werkzeug.exceptions import NotFound

from api.http import openapi_document
from api.http.framework import lifecycle, openapi_examples
from api.http.framework.endpoint import Resource
from api.http.framework.read_budget import Budgets
from api.http.pages.all_pages import PAGES
from api.http.pages.frame import lost
from api.http.resources.access_log import access_log
from api.http.resources.act_record import act_record
from api.http.resources.acts import acts
from api.http.resources.addresses import addresses
from api.http.resources.attachments import attachments
from api.http.resources.cases import cases
from api.http.resources.docs import docs
from api.http.resources.feed import feed
from api.http.resources.health import health
from api.http.resources.log import log
from api.http.resources.participants import participants
from api.http.resources.prints import prints
from api.http.resources.public import public
from api.http.resources.registry import registry
from api.http.resources.reporters import reporters
from api.http.resources.session import session
from api.http.resources.statistics import statistics
from api.http.resources.streams import streams
from api.http.resources.worklist import worklist
from api.http.schemas.act import StatementShape
from api.http.schemas.base import OFFSET_TIME
from api.http.schemas.problem import ProblemSchema
from api.ops.wiring.enclave import Enclave
from api.problems.problem import Problem
from api.problems.types import TYPES
from api.version import VERSION

RESOURCES: Final[tuple[Resource, ...]] = (
    session,
    acts,
    streams,
    cases,
    addresses,
    participants,
    prints,
    access_log,
    act_record,
    attachments,
    reporters,
    worklist,
    statistics,
    registry,
    feed,
    public,
    log,
    health,
    docs,
)
_SPEC_TRACE: Final = "0c8e1d7a5b9f4e32a6d1c0b7e8f90213"


def create_app(enclave: Enclave, budgets: Budgets | None = None) -> Flask:
    """An application that serves one enclave.

    Args:
        enclave: Opened by `wiring`; its ports are wired already.
        budgets: What its officers may ask, shared by the workers of a server; else its own.
    """
    app = _blank()
    for resource in RESOURCES:
        app.register_blueprint(resource)
    for blueprint in PAGES:
        app.register_blueprint(blueprint)
    app.extensions["socai-openapi-bytes"] = openapi_bytes
    share = enclave.settings.officer_share / 100
    lifecycle.install(app, enclave, budgets or Budgets(share))
    app.register_error_handler(NotFound, lost)
    return app


@cache
def openapi() -> dict[str, Any]:
    """The OpenAPI 3.1 document, the same for every enclave: no database is asked.

    Made when it is first asked for: it takes longer than all else that an application starts with.
    """
    api = Api()
    api.DEFAULT_ERROR_RESPONSE_NAME = None
    api.init_app(_blank(), spec_kwargs=dict(openapi_document.HEAD))
    _components(api)
    for resource in RESOURCES:
        api.register_blueprint(resource)
    spec = openapi_document.finished(api.spec.to_dict())
    openapi_examples.add_to(spec)
    return spec


@cache
def openapi_bytes() -> bytes:
    """`openapi()` as served at `/openapi.json`, committed as `docs/reference/openapi.json`."""
    return orjson.dumps(openapi(), option=orjson.OPT_INDENT_2)


def _blank() -> Flask:
    return lifecycle.blank(API_TITLE="socai", API_VERSION=VERSION, OPENAPI_VERSION="3.1.0")


def _components(api: Api) -> None:
    components = api.spec.components
    components.security_scheme(
        "bearer",
        {
            "type": "http",
            "scheme": "bearer",
            "description": "From POST /v1/auth/token: the officer's key is the identity.",
        },
    )
    components.schema("Problem", schema=ProblemSchema)
    components.schema("StatementShape", schema=StatementShape)
    for code in TYPES:
        body = Problem(code).body("vi", _SPEC_TRACE)
        components.example(code, {"value": body, "summary": str(TYPES[code].title)})
    for name, header in _HEADERS.items():
        components.header(name, header)
    for name, parameter in _PARAMETERS.items():
        components.parameter(name, "header", parameter)
    components.response(
        "NotModified",
        {
            "description": "What `If-None-Match` names is still what this caller sees.",
            "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in _OF_304},
        },
    )


_OF_304: Final = (
    "ETag", "X-Request-Id", "Cache-Control", "Ledger-Index", "Link", "Read-Under", "Log-In-Doubt",
    "Content-Language", "Vary",
    "Content-Security-Policy", "Content-Disposition", "Repr-Digest",
)  # fmt: skip
_STRING: Final = {"type": "string"}
_HEADERS: Final[dict[str, dict[str, Any]]] = {
    "X-Request-Id": {"description": "As sent, else made here.", "schema": _STRING},
    "Cache-Control": {"description": "Above ordinary `no-store`.", "schema": _STRING},
    "ETag": {"description": "Strong, from what this caller sees.", "schema": _STRING},
    "Ledger-Index": {
        "description": "Index folded so far (-1: none).",
        "schema": {"type": "integer", "minimum": -1},
    },
    "Content-Language": {"description": "`vi` or `en`.", "schema": _STRING},
    "Vary": {"description": "`Accept-Language`.", "schema": _STRING},
    "Content-Security-Policy": {"description": "Nothing from elsewhere.", "schema": _STRING},
    "Read-Under": {
        "description": "The inspection order (A9) or emergency opening (A19) by which you see what"
        " you take no part in, with its act and its end; left out elsewhere.",
        "schema": _STRING,
    },
    "Log-In-Doubt": {
        "description": "`?1` while the database has another log than was seen of it before: nothing"
        " is recorded, and what is read may be of another history. Left out where all is well.",
        "schema": _STRING,
    },
    "Link": {"description": 'The next page, `rel="next"`.', "schema": _STRING},
    "Location": {"description": "The act.", "schema": _STRING},
    "Content-Disposition": {"description": "`attachment`, with a name.", "schema": _STRING},
    "Copy-Mark": {
        "description": "Of which log and case a copy is, its number, permit, whose post and when,"
        " each percent-encoded.",
        "schema": _STRING,
    },
    "Repr-Digest": {"description": "`sha-256=:…:` of the file (RFC 9530).", "schema": _STRING},
    "Preference-Applied": {"description": "`respond-async`.", "schema": _STRING},
    "Retry-After": {"description": "Seconds.", "schema": {"type": "integer", "minimum": 1}},
    "WWW-Authenticate": {"description": "`Bearer`.", "schema": _STRING},
    "Accept-Post": {"description": "Content types this address takes.", "schema": _STRING},
}
_PARAMETERS: Final[dict[str, dict[str, Any]]] = {
    "RequestId": {
        "name": "X-Request-Id",
        "description": "Comes back in the answer, in problems and in log lines.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"},
    },
    "AcceptLanguage": {
        "name": "Accept-Language",
        "description": "`vi` or `en` for titles and sentences.",
        "schema": _STRING,
        "example": "vi",
    },
    "RehearsalTime": {
        "name": "X-Rehearsal-Time",
        "description": "Only in a rehearsal: the ledger's time for this request.",
        "schema": {"type": "string", "pattern": f"^{OFFSET_TIME}$"},
        "example": "2024-06-04T08:12:00+07:00",
    },
    "IfNoneMatch": {
        "name": "If-None-Match",
        "description": "ETags already held; 304 where one still fits.",
        "schema": _STRING,
    },
    "Prefer": {
        "name": "Prefer",
        "description": "`wait=<s>` (at most 30) or `respond-async` (RFC 7240).",
        "schema": _STRING,
        "example": "wait=5",
    },
}
