"""Statements, receipts and what the ledger says before one signs (http.md §3)."""

from __future__ import annotations

from typing import Final

from marshmallow import fields

from api.http.schemas.base import (
    AGENCY,
    DIGEST,
    MOMENT,
    UUID,
    AnswerSchema,
    StrictSchema,
    choice,
    pattern,
    several,
    text,
    texts,
    whole,
)
from api.http.schemas.enumerations import (
    CAPACITY,
    CASE_STATE,
    PROBLEM_CODE,
    SIGNER_ROLE,
    STATEMENT_ROLE,
)
from api.http.schemas.log import InclusionProofSchema
from api.http.schemas.problem import FaultSchema
from api.http.schemas.statement import WordsSchema

B64 = r"[A-Za-z0-9_-]{2,}"
EXAMPLE_ACT: Final = "2473dc3a-8a84-4e4d-9bd6-7b38e142a48b"
"""Of the statement that the document shows (`api/http/examples.json`): its addresses lead on."""


class StatementShape(StrictSchema):
    """A flattened JWS (formats.md §3)."""

    payload = pattern(B64, "base64url of the act's canonical bytes.", required=True)
    protected = pattern(B64, "base64url of the canonical header.", required=True)
    signature = pattern(B64, "base64url of the signature.", required=True)


class SignerShape(StrictSchema):
    """One who has yet to sign."""

    officer = text("uuid.", required=True)
    post = text("Post, not a name.", required=True)
    role = SIGNER_ROLE.one("Role in `signers`.", required=True)
    capacity = CAPACITY.one("As which; acts of form 1 say it of their author alone.")


class ReceiptSchema(AnswerSchema):
    """What a submitter keeps (formats.md §8)."""

    act_id = pattern(UUID, "The act.", required=True)
    stream = text("Its stream.", required=True)
    seq = whole("Position of this statement in the stream.", required=True, low=1)
    status = choice(
        ("effective", "pending", "returned"), "Where the act stands now.", required=True
    )
    waiting_for = several(SignerShape, "Who has yet to sign, in their order.")
    log = text("Origin.", required=True)
    index = whole("Leaf index.", required=True)
    entry = pattern(DIGEST, "What the leaf commits to.", required=True)
    recorded_at = pattern(MOMENT, "When the ledger took it.", required=True)
    number = text(
        "The number that the ledger gives what is entered in a register: of the case, of what came"
        " in, of the complaint. Left out for all else, and where the lists are far behind."
    )
    proof = fields.Nested(
        InclusionProofSchema, metadata={"description": "Left out in a 202: not yet proven."}
    )


class PrepareRequestSchema(StrictSchema):
    """Fields of an act to be; what is left out the ledger fills in where it can."""

    act = fields.Dict(required=True, metadata={"description": "Members of formats.md §2."})
    kid = pattern(DIGEST, "The key that will sign; the caller's own by default.")
    role = STATEMENT_ROLE.one("AUTHOR by default.")


class LeftOutSchema(StrictSchema):
    """A text whose characters that nobody sees are not in the payload."""

    pointer = text("JSON Pointer into the act.", required=True)
    vi = text("Which character stood where, in Vietnamese.", required=True)
    en = text("The same in English.", required=True)


class PreparedSchema(AnswerSchema):
    """Bytes for the client to show and to sign; nothing is stored."""

    payload = text("base64url.", required=True)
    protected = text("base64url.", required=True)
    signing_input = text("`protected.payload`, what the key signs.", required=True)
    shown = fields.Dict(
        required=True, metadata={"description": "The act as read back from the bytes."}
    )
    left_out = several(LeftOutSchema, "What was left out of the fields sent; mostly nothing.")


class CheckRequestSchema(StrictSchema):
    """Either a statement or the fields of an act."""

    statement = fields.Nested(StatementShape)
    act = fields.Dict(metadata={"description": "Members of formats.md §2."})


class WarningSchema(StrictSchema):
    """A part of a text that seems to name a person; what it says is not repeated."""

    pointer = text("JSON Pointer of the text.", required=True)
    start = whole("First character of it, from 0.", required=True, low=0)
    end = whole("Behind its last character.", required=True, low=1)
    code = text("What it looks like.", required=True, example="PERSONAL_NAME")
    vi = text("The same in Vietnamese.", required=True)
    en = text("The same in English.", required=True)


class CheckedSchema(AnswerSchema):
    """What the ledger would say."""

    ok = fields.Boolean(
        required=True, metadata={"description": "Whether the ledger would take it."}
    )
    guard = text("The guard that would refuse.")
    detail = text("What it would say.")
    code = PROBLEM_CODE.one("The problem code it would answer.")
    flags = texts("Flags that the act would raise.")
    errors = fields.List(
        fields.Nested(FaultSchema),
        metadata={"description": "Every fault, with where it stands; left out where `ok`."},
    )
    warnings = several(
        WarningSchema,
        "Where a person seems to be named: seal the identity and leave it out before signing.",
    )
    ahead = fields.Nested(
        WordsSchema,
        metadata={
            "description": "What comes of the act that its facts do not say, to be shown to whoever"
            " signs it; mostly left out."
        },
    )
    next_state = CASE_STATE.one("State the case would have.")
    status = choice(("effective", "pending"), "Where the act would stand.")


class HeadQuerySchema(StrictSchema):
    """What else is told of a stream."""

    acts = choice(("true",), "With the acts that the caller may begin there now.")


class OpenActSchema(StrictSchema):
    """An act that the caller may begin, as far as can be told before its facts are there."""

    act = text("Act type.", required=True)
    vi = text("Its name in Vietnamese.", required=True)
    en = text("Its name in English.", required=True)
    agency = pattern(AGENCY, "Of the post in which the caller may write it.", required=True)
    post = text("That post.", required=True)
    dispositions = texts("Branches that it may take from here; empty where it takes none.")


class StreamHeadSchema(AnswerSchema):
    """Where the next statement of a stream must stand."""

    seq = whole("Sequence number the next statement takes.", required=True, low=1)
    prev = pattern(DIGEST, "Digest of the last statement; left out at the start.")
    state = CASE_STATE.one("Main state of the case, where there is one.")
    set_aside = fields.List(
        fields.Integer(),
        metadata={
            "description": "Indices of records that RecordVoided must name before any other act is"
            " taken; left out where there are none."
        },
    )
    acts = fields.List(
        fields.Nested(OpenActSchema),
        metadata={
            "description": "With `acts=true`: what the caller may begin there now; left out for who"
            " sees a part of the case, and of every case above ordinary."
        },
    )
