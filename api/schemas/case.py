"""Cases: the listing, the file, the timeline, the verification (api.md §4)."""

from __future__ import annotations

from typing import Any

from marshmallow import INCLUDE, Schema, fields, validate

from api.schemas.base import (
    OFFSET_TIME,
    UUID,
    Answer,
    Page,
    Projected,
    choice,
    pattern,
    text,
)

DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
AS_OF = rf"(0|[1-9][0-9]{{0,15}}|{OFFSET_TIME})"
OUTCOMES = ("OWN", "REDIRECTED", "CRIMINAL", "CONFLICT", "NO_VIOLATION", "INSUFFICIENT", "MERGED")
SORTS = ("opened_at", "-opened_at", "due", "last_act", "-last_act", "case_number")


class Shown(Schema):
    """A part of a view; a later edition of the rulebook may show more in it."""

    class Meta:
        """Only in answers."""

        unknown = INCLUDE


def maybe(description: str) -> fields.String:
    """A text, or null where the case has none yet."""
    return fields.String(allow_none=True, metadata={"description": description})


def part(shape: type[Schema], **more: Any) -> fields.Nested:  # noqa: ANN401  marshmallow's own options
    """A nested part that may be null."""
    return fields.Nested(shape, allow_none=True, **more)


class CasesQuery(Page):
    """Filters of the case list; all given must hold."""

    state = fields.String(
        validate=validate.Length(1, 64), metadata={"description": "Main state, e.g. `REFERRED`."}
    )
    agency = fields.String(
        validate=validate.Length(1, 63),
        metadata={"description": "Agency id that holds the case, as registered then or now."},
    )
    outcome = fields.String(
        validate=validate.Length(1, 64), metadata={"description": "Outcome of the case."}
    )
    act = fields.String(
        validate=validate.Length(1, 64), metadata={"description": "Has an act of this type."}
    )
    due_before = pattern(OFFSET_TIME, "Has a running clock due before this.")
    opened_from = pattern(DAY, "First act on this day or later.")
    opened_to = pattern(DAY, "First act on this day or earlier.")
    q = fields.String(
        validate=validate.Length(1, 200),
        metadata={"description": "Words; tone marks and đ/d make no difference. Ordinary only."},
    )
    sort = choice(SORTS, "Order; `-` turns it round.")


class AsOfQuery(Projected):
    """A moment of the past."""

    as_of = pattern(
        AS_OF, "An index, or a time like 2024-06-04T08:12:00+07:00: the file as it stood then."
    )
    clock = choice(
        ("recorded", "occurred"), "Which clock `as_of` is read on; `recorded` by default."
    )


class ActsQuery(Page):
    """A page of a timeline."""


class DiffQuery(Projected):
    """Two moments."""

    from_ = fields.String(
        required=True,
        data_key="from",
        validate=validate.Regexp(rf"^{AS_OF}\Z"),
        metadata={"description": "Index or time.", "pattern": f"^{AS_OF}$"},
    )
    to = pattern(AS_OF, "Index or time; now by default.")
    clock = choice(("recorded", "occurred"), "`recorded` by default.")


class AgencyShown(Shown):
    """An agency as the reader should name it."""

    agency = text("Agency id that carries the matter now.")
    name = text("Name on the day of the act.")
    label = text("Name then and, where it is gone, who carries on.")


class ActNamed(Shown):
    """An act as a line refers to it."""

    act_id = text("uuid.")
    act = text("Act type.")
    vi = text("Vietnamese name.")
    en = text("English name.")
    occurred_at = text("As signed.")
    agency = text("Agency id.")


class SubProcessShown(Shown):
    """A measure, a verification, a referral …"""

    name = text("Kind.")
    id = text("act_id of the act that opened it.")
    state = text("Where it stands.")
    open = fields.Boolean(metadata={"description": "Whether somebody has to act."})
    opened_by = part(ActNamed)


class ClockShown(Shown):
    """A deadline with its source."""

    code = text("Clock.")
    act_id = text("Act that started it.")
    due = maybe("When it is due; null: none is stated.")
    status = text("NONE_STATED, RUNNING, NEAR, DUE, OVERDUE, STOPPED or EXTENDED.")
    source = maybe("Article it comes from.")


class FlagShown(Shown):
    """A flag that shows."""

    code = text("Guard code.")
    act_id = text("The act it stands on.")
    vi = text("Vietnamese.")
    en = text("English.")


class CaseFile(Answer):
    """One case at one moment."""

    class Meta:
        """A later edition may show more."""

        unknown = INCLUDE

    id = pattern(UUID, "uuid of the case.", required=True)
    stream = text("`case/<uuid>`.", required=True)
    state = maybe("Main state.")
    state_vi = maybe("Vietnamese name of the state.")
    state_en = maybe("English name of the state.")
    outcome = maybe("How it ended.")
    case_number = maybe("Case number.")
    register_no = maybe("Number in the intake register.")
    opened_at = maybe("When the first act happened.")
    handler = part(AgencyShown)
    lead = part(AgencyShown)
    result = part(ActNamed)
    finding = part(ActNamed)
    open_sub_processes = fields.List(fields.Nested(SubProcessShown))
    sub_processes = fields.List(fields.Nested(SubProcessShown))
    pending = fields.List(fields.Nested(ActNamed))
    clocks = fields.List(fields.Nested(ClockShown))
    flags = fields.List(fields.Nested(FlagShown))
    assumptions = fields.List(fields.Dict())
    statements = fields.Integer(metadata={"description": "Statements in the stream."})
    acts = fields.Integer(metadata={"description": "Acts."})
    head = maybe("Digest of the last statement.")
