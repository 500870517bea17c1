"""Taking statements, and what the ledger says beforehand (http.md §3)."""

from __future__ import annotations

from contextlib import suppress
from time import monotonic
from typing import Any

import orjson
from flask import Response

from api.http.framework.admission import Heavy
from api.http.framework.endpoint import JOSE, Resource
from api.http.framework.request_body import body_bytes
from api.http.framework.request_context import caller, context, prefers_async, wait_s
from api.http.framework.responses import answer
from api.http.framework.thread_budget import held
from api.http.resources.common.served import enclave
from api.http.schemas.act import (
    CheckedSchema,
    CheckRequestSchema,
    PreparedSchema,
    PrepareRequestSchema,
    ReceiptSchema,
)
from api.ops import telemetry
from api.problems.problem import Problem
from api.texts.catalogue import both, translate
from keys.errors import KeyAway
from ledger.errors import Fatal, NotFound, Rejected, Unavailable, VerificationError
from ledger.message import Message, Text
from ledger.reads.shown import shows_nothing

acts = Resource("acts", __name__, url_prefix="/v1/acts", description="Ghi diễn biến · Writing")
_HEAVY = Heavy("writing")
_SOON_S = 1.0
_MAX_PART = 87_382  # 65,536 bytes in base64url
# Payload and header at their largest, a signature, and the three names around them.
MAX_STATEMENT_BYTES = 2 * _MAX_PART + 4_412 + 100


@acts.call(
    "",
    method="POST",
    consumes=(JOSE,),
    answers=ReceiptSchema,
    status=201,
    also={
        200: "The same receipt for the same statement sent again.",
        202: "Recorded, proof to come (`Prefer: respond-async`).",
    },
    headers=("Location", "Preference-Applied"),
    problems=(
        "not_canonical", "malformed_statement", "malformed_act", "unknown_act", "wrong_log",
        "invisible_characters",
        "clock_off", "not_a_rehearsal", "wrong_session", "unknown_key", "invalid_signature",
        "not_found", "wrong_stream", "stale", "stream_set_aside", "taken", "clock_back", "guard",
        "rejected", "stream_erased", "act_erased", "act_in_part",
        "database_unavailable", "disk_full", "clock_jumped", "clocks_apart", "proof_late",
        "answer_late", "stopped", "attachment_missing", "identity_missing", "lower_log_unknown",
        "log_in_doubt",
    ),
    body_doc={
        "required": True,
        "content": {JOSE: {"schema": {"$ref": "#/components/schemas/StatementShape"}}},
    },
    heavy=_HEAVY,
)  # fmt: skip
def record_statement() -> Response:
    """Ghi một bản ký · Take a signed statement.

    A new act, a countersignature or a return, sent by its signer's own session. By default the
    receipt waits until a signed checkpoint covers the record. Sending the same bytes again is safe.
    """
    shows_nothing()  # of the case that it stands in, the see-check says so (N2)
    who = caller()
    body = body_bytes(MAX_STATEMENT_BYTES)
    _require_size(body)
    enclave().watch.require()
    began = monotonic()
    try:
        recorded = enclave().ledger.record(body, at=context().at, signer_officer=who.officer)
    except Rejected as refused:
        telemetry.statement("durable", "refused", monotonic() - began, refused.guard or "")
        raise
    except Unavailable as late:
        outcome = "recorded" if late.code == "answer_late" else "unavailable"
        telemetry.statement("durable", outcome, monotonic() - began)
        if late.code == "audience_late":  # an old backup knows of nobody either: say which it is
            enclave().watch.look()
            enclave().watch.require()
        raise
    outcome = "recorded" if recorded.created else "repeated"
    telemetry.STATEMENTS.labels(outcome).inc()
    telemetry.statement("durable", outcome, monotonic() - began)
    receipt = dict(recorded.receipt)
    where = {"Location": f"/v1/acts/{receipt['act_id']}"}
    if prefers_async():
        where["Preference-Applied"] = "respond-async"
        return answer(receipt, status=202, headers=where)
    since = began if recorded.created else 0.0
    receipt["proof"] = _proof(recorded.index, wait_s(), began, since)
    return answer(receipt, status=201 if recorded.created else 200, headers=where)


def _require_size(body: bytes) -> None:
    """64 KiB an act (http.md §7); only what may be longer is looked into here."""
    if len(body) <= _MAX_PART:
        return
    try:
        members = orjson.loads(body)
    except orjson.JSONDecodeError:
        return  # the ledger says what is wrong with it
    parts = members.values() if isinstance(members, dict) else ()
    if any(isinstance(part, str) and len(part) > _MAX_PART for part in parts):
        raise Problem("too_large")


def _proof(index: int, asked_s: int | None, began: float, since: float) -> dict[str, Any]:
    """The inclusion proof once it is there. The act is durable before this is called."""
    limit = enclave().settings.proof_wait_s
    proof = _proven(index, float(min(asked_s, limit) if asked_s else limit), since)
    telemetry.statement("proven", "late" if proof is None else "proven", monotonic() - began)
    if proof is None:
        raise Problem(
            "proof_late",
            Message("Recorded at index {index}; the proof is not there yet.", index=index),
            members={"index": index},
            headers={"Retry-After": "2"},
        )
    return dict(proof)


def _proven(index: int, wait_s: float, since: float) -> dict[str, Any] | None:
    """A checkpointer that is late or stopped holds no more threads than slow clients do.

    The act is recorded, whatever keeps its proof away: a stored tree that is not sound, a database
    or a key that is away, an answer that no honest database gives. The proof alone is late then.
    """
    soon_s = min(_SOON_S, wait_s)
    try:
        with suppress(Unavailable, Problem, NotFound, VerificationError):
            proof = enclave().proofs.wait(index, soon_s, since=since)
            if proof is not None or soon_s == wait_s:
                return proof
            with held():
                return enclave().proofs.wait(index, wait_s - soon_s)
    except (KeyAway, Fatal) as error:  # no answer says it: whoever operates this reads of it
        telemetry.failed(error, context().trace_id)
    return None


@acts.call(
    "/prepare",
    method="POST",
    body=PrepareRequestSchema,
    answers=PreparedSchema,
    problems=(
        "malformed_act",
        "unknown_act",
        "unknown_key",
        "not_found",
        "not_a_rehearsal",
        "not_canonical",
        "clock_back",
        "database_unavailable",
        "clock_jumped",
        "stream_erased",
        "act_erased",
    ),
    heavy=_HEAVY,
)
def prepare_act(params: dict[str, Any]) -> Response:
    """Soạn các byte cần ký · Build the bytes to sign.

    For a client that cannot make canonical JSON itself. Nothing is stored. The client must show
    the act from these bytes to its officer, and sign them. To a registrar who voids records
    (RecordVoided) the stream is told by their index and entry.
    """
    shows_nothing()  # of the case that it stands in, the see-check says so (N2)
    who = caller()
    prepared = enclave().ledger.drafts.prepare(
        params["act"],
        kid=params.get("kid", who.kid),
        role=params.get("role", "AUTHOR"),
        at=context().at,
        signer_officer=who.officer,
    )
    left_out = [{"pointer": one.pointer, **both(one.text)} for one in prepared["left_out"]]
    return answer({**prepared, "left_out": left_out})


@acts.call(
    "/check",
    method="POST",
    body=CheckRequestSchema,
    answers=CheckedSchema,
    problems=(
        "not_found",
        "not_a_rehearsal",
        "stale",
        "taken",
        "clock_back",
        "database_unavailable",
        "clock_jumped",
        "stream_erased",
        "act_erased",
        "act_in_part",
    ),
    heavy=_HEAVY,
)
def check_act(params: dict[str, Any]) -> Response:
    """Thử mọi điều kiện mà không ghi · Run every check without recording.

    With a statement its signature is checked too; with the fields of an act alone everything but
    that. `ok` is false where recording would be refused, with the guard, the sentence, and every
    fault with its place: so a form is checked while it is filled in.
    """
    shows_nothing()  # of the case that it stands in, the see-check says so (N2)
    who = caller()
    warnings = _warnings(params)
    try:
        checked = enclave().ledger.drafts.check(params, at=context().at, signer_officer=who.officer)
    except Rejected as refused:
        detail = translate(refused.text, context().lang)
        faults = [{"pointer": one.pointer, **_said(one.text)} for one in refused.faults]
        body = {"ok": False, "flags": [], "code": refused.code, "detail": detail, **warnings}
        body["errors"] = faults
        return answer(body | ({"guard": refused.guard} if refused.guard else {}))
    return answer(checked | warnings)


def _said(text: Text) -> dict[str, str]:
    return {"detail": translate(text, context().lang)}


def _warnings(params: dict[str, Any]) -> dict[str, Any]:
    """What seems to name a person, also in an act that is not whole yet; none above ordinary.

    And what comes of the act, where its facts do not say it.
    """
    drafts = enclave().ledger.drafts
    try:
        found, ahead = drafts.warnings(params), drafts.ahead(params)
    except Rejected:
        return {"warnings": []}
    return {"warnings": found} | ({} if ahead is None else {"ahead": both(ahead)})
