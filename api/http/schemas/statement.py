"""Statements and acts as they were signed: verdicts, the timeline, bytes (http.md §4)."""

from __future__ import annotations

from marshmallow import fields

from api.http.schemas.base import (
    UUID,
    Answer,
    Listing,
    Strict,
    choice,
    maybe,
    number,
    part,
    pattern,
    text,
)
from api.http.schemas.log import InclusionProof

VERDICTS = (
    "VALID",
    "VALID_KEY_SINCE_REVOKED",
    "DISPUTED",
    "INVALID_SIGNATURE",
    "UNKNOWN_KEY",
    "WRONG_SIGNER",
    "ERASED",
    "AGAINST_THE_RULES",
)

OUTCOMES = ("VALID", "NOT_VALID", "NOT_CONCLUDED", "AGAINST_THE_RULES")


class Words(Strict):
    """One sentence in both languages."""

    vi = text("Vietnamese.", required=True)
    en = text("English.", required=True)


class KeyShown(Strict):
    """One key with its history, as the registry has it."""

    kid = text("Thumbprint.", required=True)
    jwk = fields.Dict(required=True, metadata={"description": "Public JWK."})
    officer = maybe("uuid; null: a service key.")
    custody = text("SOFTWARE, BROWSER, PKCS11 or SERVICE.")
    status = choice(
        ("ACTIVE", "NOT_YET_VALID", "EXPIRED", "REVOKED"), "At that moment.", required=True
    )
    valid_from = maybe("First instant; null: from record 0 on.")
    valid_to = maybe("First instant after; null: no end.")
    enrolled_index = fields.Integer(
        required=True, metadata={"description": "Record that enrolled it."}
    )
    revoked_index = fields.Integer(
        allow_none=True, metadata={"description": "Record that revoked it."}
    )
    revoked_recorded_at = maybe("When the ledger took that record.")
    invalid_from = maybe("From when it is not to be trusted.")
    reason = maybe("Why it was revoked.")


class SignerShown(Strict):
    """Who signed, by post: the registry knows no names."""

    officer = text("uuid.", required=True)
    post = maybe("Post in which the officer signed.")
    post_vi = maybe("The post in Vietnamese.")
    agency = maybe("Agency of that post.")
    agency_name = maybe("Its name on that day.")


class StatementShown(Strict):
    """One statement with its verdict."""

    index = number("Index of its record.")
    seq = number("Its position in the stream.")
    role = maybe("AUTHOR, CHECKER, APPROVER or RETURNER; null where erased.")
    officer = maybe("Who signed.")
    kid = maybe("With which key.")
    iat = fields.Integer(
        allow_none=True, metadata={"description": "When the signer says it signed."}
    )
    recorded_at = text("When the ledger took it.", required=True)
    status = text("Status of the act after it.", required=True)
    effect = fields.Boolean(metadata={"description": "Whether it made the act effective."})
    state_after = maybe("State of the case after it.")
    flags = fields.List(fields.String())
    digest = maybe("Statement digest.")
    entry = text("What the leaf commits to.", required=True)
    verdict = choice(VERDICTS, "formats.md §9.", required=True)
    outcome = choice(OUTCOMES, "The verdict in four.", required=True)
    reason = fields.Nested(Words, required=True)
    guard = maybe("The guard that refuses it, where the rules do.")
    voided_by = maybe("RecordVoided that puts it out of the way, where it is set aside.")
    key = part(KeyShown)
    signer = part(SignerShown)


class ActShown(Answer):
    """An act with all its statements."""

    act_id = text("uuid.", required=True)
    stream = text("Its stream.", required=True)
    act = maybe("Act type; null where erased.")
    act_vi = maybe("Vietnamese name.")
    act_en = maybe("English name.")
    agency = maybe("Agency of the author.")
    occurred_at = maybe("As signed.")
    late = fields.Boolean(metadata={"description": "Entered late, with a reason."})
    status = text("pending, effective, returned, erased, service or set_aside.", required=True)
    flags = fields.List(fields.String())
    erased_by = maybe("The act that erased the content.")
    payload = fields.Dict(
        allow_none=True, metadata={"description": "What was signed, parsed; null where erased."}
    )
    statements = fields.List(fields.Nested(StatementShown), required=True)


class ActsPage(Listing):
    """A page of a timeline, in the order in which authors signed."""

    acts = fields.List(fields.Nested(ActShown), required=True)


class RawRecord(Strict):
    """One record of an act, byte for byte."""

    index = number("Index of the record.")
    envelope = text("b64 of the bytes committed to; left out where erased.")
    entry = text("What the leaf commits to.", required=True)
    proof = fields.Nested(InclusionProof)


class RawAct(Answer):
    """The records of one act."""

    act_id = pattern(UUID, "The act.", required=True)
    records = fields.List(fields.Nested(RawRecord), required=True)
