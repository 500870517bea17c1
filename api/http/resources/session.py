"""Signing in: the officer's key is the identity (http.md §2)."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from flask import Response, request

from api.auth import Caller
from api.http.framework.endpoint import FORM, JOSE, Resource
from api.http.framework.request_body import body_bytes
from api.http.framework.request_context import malformed
from api.http.framework.responses import answer
from api.http.resources.common.served import enclave
from api.http.schemas.session import ChallengeRequestSchema, ChallengeSchema, TokenSchema
from api.peer import FORWARDED, Proxies
from api.problems.problem import Problem
from ledger.log.moment import stamp
from ledger.message import Message

session = Resource("session", __name__, url_prefix="/v1/auth", description="Đăng nhập · Signing in")
_MAX_SIGN_IN_BYTES = 16_384
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_FORM_MEMBERS = {"grant_type", "client_assertion_type", "client_assertion"}


@session.call(
    "/challenge",
    method="POST",
    body=ChallengeRequestSchema,
    answers=ChallengeSchema,
    access="open",
    problems=("too_many_attempts", "database_unavailable"),
)
def create_challenge(params: dict[str, Any]) -> Response:
    """Mã thử để ký · A challenge to sign.

    The answer is the same whether or not the key is enrolled. It is good for two minutes, once.
    """
    challenge, expires_at = enclave().sign_in.challenge(params["kid"], address_of_caller())
    body = {"challenge": challenge, "expires_at": stamp(expires_at)}
    return answer(body, headers={"Cache-Control": "no-store"})


@session.call(
    "/token",
    method="POST",
    consumes=(JOSE, FORM),
    answers=TokenSchema,
    access="open",
    problems=("sign_in_failed", "too_many_attempts", "database_unavailable"),
    body_doc={
        "required": True,
        "content": {
            JOSE: {"schema": {"$ref": "#/components/schemas/StatementShape"}},
            FORM: {
                "schema": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": sorted(_FORM_MEMBERS),
                    "properties": {
                        "grant_type": {"type": "string", "enum": ["client_credentials"]},
                        "client_assertion_type": {"type": "string", "enum": [_ASSERTION_TYPE]},
                        "client_assertion": {"type": "string"},
                    },
                }
            },
        },
    },
)
def create_token() -> Response:
    """Thẻ truy cập ngắn hạn · A short-lived bearer token.

    Either a sign-in JWS over a challenge (formats.md §9, `application/jose+json`) or, for systems,
    `private_key_jwt` (RFC 7523): `iss` and `sub` are the kid, `aud` the log's origin, `exp` at most
    five minutes ahead, `jti` used once. Unknown key and wrong signature look alike.
    """
    body = body_bytes(_MAX_SIGN_IN_BYTES)
    if request.mimetype == FORM:
        token, caller = enclave().sign_in.by_assertion(_assertion(body), address_of_caller())
    else:
        token, caller = enclave().sign_in.by_challenge(body, address_of_caller())
    return answer(_told(token, caller), headers={"Cache-Control": "no-store"})


def _told(token: str, caller: Caller) -> dict[str, Any]:
    return {
        "access_token": token,
        "token_type": "Bearer",
        "expires_in": enclave().settings.token_ttl_s,
        "officer": caller.officer,
        "kid": caller.kid,
    }


def _assertion(body: bytes) -> str:
    try:
        form = parse_qs(body.decode("ascii"), strict_parsing=True)
    except ValueError as error:
        raise Problem("malformed_request") from error
    if form.keys() != _FORM_MEMBERS or any(len(values) != 1 for values in form.values()):
        raise malformed("body", Message("exactly three members"))
    if form["grant_type"] != ["client_credentials"]:
        raise malformed("grant_type", Message("client_credentials only"))
    if form["client_assertion_type"] != [_ASSERTION_TYPE]:
        raise malformed("client_assertion_type", Message("not jwt-bearer"))
    return form["client_assertion"][0]


def address_of_caller() -> str:
    """Whom an attempt counts for."""
    proxies = Proxies(enclave().settings.trusted_proxies)
    return proxies.client(request.remote_addr or "", request.headers.getlist(FORWARDED))
