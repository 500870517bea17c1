"""The verdict on one case or on several, with the proofs it rests on (http.md §4)."""

from __future__ import annotations

from marshmallow import fields, validate

from api.http.schemas.base import (
    AGENCY,
    DIGEST,
    UUID,
    UUIDS,
    AnswerSchema,
    ProjectedSchema,
    StrictSchema,
    maybe,
    maybe_number,
    number,
    part,
    pattern,
    several,
    text,
    texts,
    whole,
)
from api.http.schemas.enumerations import VERDICT, VERIFICATION_OUTCOME
from api.http.schemas.statement import (
    RawRecordSchema,
    SignerShownSchema,
    StatementShownSchema,
    WordsSchema,
)


class BulkQuerySchema(ProjectedSchema):
    """Several cases: by name, or all of a scope that the caller sees whole, page by page."""

    cases = pattern(UUIDS, "Up to 50 uuids with commas between; with nothing else.")
    agency = pattern(AGENCY, "All cases that this agency holds.")
    kid = pattern(DIGEST, "All cases in which this key signed, for whom access.md A28 names.")
    changed_since = pattern(
        r"(?:sign_off|0|[1-9][0-9]{0,15})",
        "All cases in which something was recorded behind this index; `sign_off`, with `agency`:"
        " behind the newest sign-off of all its cases.",
    )
    limit = whole("Most cases of a page of a scope.", low=1, high=50, default=20)
    cursor = fields.String(
        validate=validate.Length(1, 1024),
        metadata={"description": "`next` of the page before, with the same scope."},
    )


class PathShownSchema(StrictSchema):
    """An inclusion proof; with the `checkpoint` of the answer it is formats.md §6."""

    index = number("Leaf index.")
    size = number("Tree size of the checkpoint.")
    hashes = texts("Path, b64, sibling of the leaf first.")


class VerifiedStatementSchema(StatementShownSchema):
    """A statement of a case with its proof."""

    act_id = text("uuid.", required=True)
    act = maybe("Act type.")
    proof = fields.Nested(
        PathShownSchema, metadata={"description": "Left out where no checkpoint covers it yet."}
    )


class SignOffShownSchema(StrictSchema):
    """A supervisor's own sign-off, itself an act."""

    act_id = text("uuid.", required=True)
    index = number("Index of the record.")
    recorded_at = text("When the ledger took it.", required=True)
    officer = maybe("Who signed.")
    signer = part(SignerShownSchema, "The same by post; null where erased.")
    verdict = maybe("What was signed off.")
    checked_from = maybe_number("First index that was checked.")
    checked_to = maybe_number("Last index.")


class VerificationShownSchema(AnswerSchema):
    """The verdict on a case."""

    id = pattern(UUID, "uuid of the case.", required=True)
    outcome = VERIFICATION_OUTCOME.one(
        "The worst of its statements; NOT_CONCLUDED too while no checkpoint covers one.",
        required=True,
    )
    reason = fields.Nested(WordsSchema, required=True, metadata={"description": "Why."})
    counts = fields.Dict(
        keys=fields.String(),
        values=fields.Integer(),
        required=True,
        metadata={"description": "Statements by verdict."},
    )
    statements = several(VerifiedStatementSchema, "Every statement, in log order.")
    checkpoint = text("Signed note that the proofs lead to.")
    signed_off = several(SignOffShownSchema, "Sign-offs of supervisors, oldest first.")
    checked_by = text("Officer who asked.", required=True)


class RawCaseSchema(AnswerSchema):
    """Every record of a case, byte for byte."""

    id = pattern(UUID, "The case.", required=True)
    records = several(RawRecordSchema, "In the order of the log.")


class OpenStatementSchema(StrictSchema):
    """A statement that is not plainly valid."""

    index = number("Index of the record.")
    act_id = text("uuid.", required=True)
    verdict = VERDICT.one("formats.md §9.", required=True)
    outcome = VERIFICATION_OUTCOME.one("In four, with its proof.", required=True)
    reason = fields.Nested(WordsSchema, required=True, metadata={"description": "Why."})


class VerifiedCaseSchema(StrictSchema):
    """One case of a bulk verification."""

    id = pattern(UUID, "uuid of the case.", required=True)
    case_number = maybe("Its number; null where it has none.")
    register_no = maybe("Number in the intake register.")
    outcome = VERIFICATION_OUTCOME.one("Verdict.", required=True)
    reason = fields.Nested(WordsSchema, required=True, metadata={"description": "Why."})
    statements = number("Statements of the case.")
    counts = fields.Dict(
        keys=fields.String(),
        values=fields.Integer(),
        required=True,
        metadata={"description": "Statements by verdict."},
    )
    open = several(OpenStatementSchema, "Statements that are not plainly valid.")
    signed_off = several(SignOffShownSchema, "Sign-offs of supervisors, oldest first.")


class VerificationsSchema(AnswerSchema):
    """Verdicts on several cases."""

    cases = several(
        VerifiedCaseSchema, "Those that are there, in the order asked for; of a scope by id."
    )
    missing = texts("Asked for and not there, or not to be seen; of a scope none.")
    size = number("Records that the checkpoint covers; over all pages that of the first.")
    checkpoint = text("The newest signed note; left out while there is none.")
    changed_since = maybe_number("The index behind which something was recorded; null: not asked.")
    next = text("Cursor of the next page; left out on the last.")
