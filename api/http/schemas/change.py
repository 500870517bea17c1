"""What differs between two moments of a case, and why a field says what it says (http.md §4)."""

from __future__ import annotations

from marshmallow import fields

from api.http.schemas.base import (
    AS_OF,
    UUID,
    AnswerSchema,
    ProjectedSchema,
    StrictSchema,
    maybe,
    number,
    part,
    pattern,
    several,
    text,
    yes_or_no,
)
from api.http.schemas.enumerations import ACT_STATUS, LOG_CLOCK, STATEMENT_ROLE
from api.http.schemas.statement import SignerShownSchema


class DiffQuerySchema(ProjectedSchema):
    """Two moments."""

    from_ = pattern(AS_OF, "Index, time or day.", required=True, name="from")
    to = pattern(AS_OF, "Index, time or day; now by default.")
    clock = LOG_CLOCK.one("`recorded` by default.")


class FieldQuerySchema(ProjectedSchema):
    """The field as of a moment."""

    as_of = pattern(AS_OF, "Index, time or day; now by default.")


class ActSignerSchema(SignerShownSchema):
    """One who signed the act, and where."""

    index = number("Record of the signature.")
    role = STATEMENT_ROLE.one("As what.", required=True)


class ActTouchSchema(StrictSchema):
    """An act that changed a field, by the statement that brought the change about."""

    act_id = text("uuid.", required=True)
    act = maybe("Act type.")
    act_vi = maybe("Vietnamese name.")
    act_en = maybe("English name.")
    index = number("Record of the statement.")
    seq = number("Its position in the case.")
    role = STATEMENT_ROLE.one("As what; null where erased.", required=True, null=True)
    officer = maybe("Who signed.")
    signer = part(SignerShownSchema, "The same by post; null where erased.")
    signers = several(
        ActSignerSchema, "Everybody who had signed the act by then, the author first."
    )
    agency = maybe("Agency of the author.")
    status = ACT_STATUS.one("Status of the act after it.", required=True)
    late = yes_or_no("Entered late, with a reason.")
    occurred_at = maybe("As signed.")
    recorded_at = text("When the ledger took it.", required=True)


class ChangeShownSchema(StrictSchema):
    """One changed field."""

    pointer = text("JSON Pointer into the case file.", required=True)
    old = fields.Raw(
        required=True,
        allow_none=True,
        metadata={"description": "Value before; null: not there."},
    )
    new = fields.Raw(
        required=True, allow_none=True, metadata={"description": "Value after; null: gone."}
    )
    acts = several(ActTouchSchema, "Acts that changed it; empty where only time did.")


class DifferenceSchema(AnswerSchema):
    """What differs between two moments."""

    id = pattern(UUID, "uuid of the case.", required=True)
    clock = LOG_CLOCK.one("Which clock.", required=True)
    from_ = fields.Integer(
        required=True, data_key="from", metadata={"description": "Newest index (-1: before it)."}
    )
    to = number("Newest index of the later.")
    swapped = fields.Boolean(
        metadata={
            "description": "True where `from` was the later moment: told the other way round."
        }
    )
    changes = several(ChangeShownSchema, "By pointer.")


class FieldHistorySchema(AnswerSchema):
    """Why a field says what it says."""

    id = pattern(UUID, "uuid of the case.", required=True)
    pointer = text("JSON Pointer.", required=True)
    changes = several(
        ChangeShownSchema, "Oldest first; empty where no act that can be read has set it."
    )
