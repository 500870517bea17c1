"""The verdict on one case or on several, with the proofs it rests on (http.md §4)."""

from __future__ import annotations

from marshmallow import fields

from api.http.schemas.base import (
    UUID,
    UUIDS,
    Answer,
    Projected,
    Strict,
    choice,
    maybe,
    number,
    part,
    pattern,
    text,
)
from api.http.schemas.statement import OUTCOMES, VERDICTS, SignerShown, StatementShown, Words


class BulkQuery(Projected):
    """Several cases."""

    cases = pattern(UUIDS, "Up to 50 uuids with commas between.", required=True)


class PathShown(Strict):
    """An inclusion proof; with the `checkpoint` of the answer it is formats.md §6."""

    index = number("Leaf index.")
    size = number("Tree size of the checkpoint.")
    hashes = fields.List(fields.String(), required=True)


class VerifiedStatement(StatementShown):
    """A statement of a case with its proof."""

    act_id = text("uuid.", required=True)
    act = maybe("Act type.")
    proof = fields.Nested(
        PathShown, metadata={"description": "Left out where no checkpoint covers it yet."}
    )


class SignOffShown(Strict):
    """A supervisor's own sign-off, itself an act."""

    act_id = text("uuid.", required=True)
    index = number("Index of the record.")
    recorded_at = text("When the ledger took it.", required=True)
    officer = maybe("Who signed.")
    signer = part(SignerShown)
    verdict = maybe("What was signed off.")
    checked_from = fields.Integer(
        allow_none=True, metadata={"description": "First index that was checked."}
    )
    checked_to = fields.Integer(allow_none=True, metadata={"description": "Last index."})


class VerificationShown(Answer):
    """The verdict on a case."""

    id = pattern(UUID, "uuid of the case.", required=True)
    outcome = choice(
        OUTCOMES,
        "The worst of its statements; NOT_CONCLUDED too while no checkpoint covers one.",
        required=True,
    )
    reason = fields.Nested(Words, required=True)
    counts = fields.Dict(
        keys=fields.String(),
        values=fields.Integer(),
        required=True,
        metadata={"description": "Statements by verdict."},
    )
    statements = fields.List(fields.Nested(VerifiedStatement), required=True)
    checkpoint = text("Signed note that the proofs lead to.")
    signed_off = fields.List(fields.Nested(SignOffShown), required=True)
    checked_by = text("Officer who asked.", required=True)


class OpenStatement(Strict):
    """A statement that is not plainly valid."""

    index = number("Index of the record.")
    act_id = text("uuid.", required=True)
    verdict = choice(VERDICTS, "formats.md §9.", required=True)
    outcome = choice(OUTCOMES, "In four, with its proof.", required=True)
    reason = fields.Nested(Words, required=True)


class VerifiedCase(Strict):
    """One case of a bulk verification."""

    id = pattern(UUID, "uuid of the case.", required=True)
    outcome = choice(OUTCOMES, "Verdict.", required=True)
    reason = fields.Nested(Words, required=True)
    statements = number("Statements of the case.")
    counts = fields.Dict(
        keys=fields.String(),
        values=fields.Integer(),
        required=True,
        metadata={"description": "Statements by verdict."},
    )
    open = fields.List(
        fields.Nested(OpenStatement),
        required=True,
        metadata={"description": "Statements that are not plainly valid."},
    )
    signed_off = fields.List(fields.Nested(SignOffShown), required=True)


class Verifications(Answer):
    """Verdicts on several cases."""

    cases = fields.List(fields.Nested(VerifiedCase), required=True)
    missing = fields.List(
        fields.String(),
        required=True,
        metadata={"description": "Asked for and not there, or not to be seen."},
    )
