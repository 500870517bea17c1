"""Health answers (http.md §7)."""

from __future__ import annotations

from marshmallow import fields

from api.http.schemas.base import Answer, Strict, choice, text


class Live(Answer):
    """The process answers."""

    status = choice(("live",), "Always live.", required=True)


class Check(Strict):
    """One part and whether it is well."""

    name = choice(
        ("database", "sealer", "log", "projection", "custody", "set_aside", "disk", "clock"),
        "Part.",
        required=True,
    )
    ok = fields.Boolean(required=True, metadata={"description": "Whether it is well."})
    detail = text(
        "What was measured, in the language of `Content-Language`; names no case and no person.",
        required=True,
    )


class Ready(Answer):
    """All parts."""

    status = choice(("ready", "not_ready"), "Verdict.", required=True)
    checks = fields.List(fields.Nested(Check), required=True)
