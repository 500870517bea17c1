"""The problem document (RFC 9457) as the spec shows it; `problem.py` builds it."""

from __future__ import annotations

from marshmallow import fields

from api.http.schemas.base import StrictSchema, text
from api.http.schemas.enumerations import PROBLEM_CODE, RECORDED


class FaultSchema(StrictSchema):
    """One fault of a request."""

    pointer = text("JSON Pointer (RFC 6901) to the member at fault.", required=True)
    detail = text("What is wrong there.", required=True)


class ProblemSchema(StrictSchema):
    """A refusal: what happened, what was recorded, what to do next."""

    type = text("`/problems/<code>`, a page that explains it.", required=True)
    title = text("In the language of `Content-Language`.", required=True)
    status = fields.Integer(required=True, metadata={"description": "HTTP status."})
    detail = text("What exactly; left out where the title says it all.")
    code = PROBLEM_CODE.one("Stable machine code.", required=True)
    next = text("What to do next.", required=True)
    recorded = RECORDED.one("What the log holds of this request.", required=True)
    trace_id = text("As in `X-Request-Id`.", required=True)
    errors = fields.List(
        fields.Nested(FaultSchema),
        metadata={"description": "Every fault, where there are several."},
    )
    guard = text("The guard that refused, a code of the rulebook.")
    params = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        metadata={"description": "What the sentence of a guard is about, by name."},
    )
    head = fields.Dict(metadata={"description": "`stale`: where the next statement must stand."})
    since = fields.List(
        fields.Dict(), metadata={"description": "`stale`: what was recorded after `prev`."}
    )
    index = fields.Integer(metadata={"description": "`proof_late`: the index of the record."})
    cases = fields.List(
        fields.Dict(), metadata={"description": "`number_of_several`: the cases that have it."}
    )
