"""Health answers (http.md §7)."""

from __future__ import annotations

from api.http.schemas.base import AnswerSchema, StrictSchema, choice, several, text, yes_or_no
from api.ops.readiness import PARTS


class LiveSchema(AnswerSchema):
    """The process answers."""

    status = choice(("live",), "Always live.", required=True)


class CheckSchema(StrictSchema):
    """One part and whether it is well."""

    name = choice(
        PARTS,
        "Part.",
        required=True,
    )
    ok = yes_or_no("Whether it is well.")
    detail = text(
        "What was measured, in the language of `Content-Language`; names no case and no person.",
        required=True,
    )


class ReadySchema(AnswerSchema):
    """All parts."""

    status = choice(("ready", "not_ready"), "Verdict.", required=True)
    checks = several(CheckSchema, "Every part.")
