"""Who takes part in a case (http.md §4)."""

from __future__ import annotations

from marshmallow import fields

from api.http.schemas.base import (
    AS_OF,
    AnswerSchema,
    ProjectedSchema,
    StrictSchema,
    maybe,
    number,
    pattern,
    text,
)
from api.http.schemas.enumerations import (
    EXCLUSION_GROUND,
    HOLDER_KIND,
    PARTICIPATION_END,
    PARTICIPATION_SCOPE,
)


class ParticipantsQuerySchema(ProjectedSchema):
    """A moment of the past, by what the ledger knew."""

    as_of = pattern(
        AS_OF,
        "An index, a time, a `recorded_at`, or a day, which means its end in Vietnam; now by"
        " default.",
    )


class ParticipationGroundSchema(StrictSchema):
    """One thing that lets take part."""

    scope = PARTICIPATION_SCOPE.one("How much it shows.", required=True)
    act_id = text("The act that gives it: uuid.", required=True)
    act = text("Its type.", required=True)
    act_vi = text("Vietnamese name.", required=True)
    act_en = text("English name.", required=True)
    named = text("Agency or officer as that act names it; its successor holds now.", required=True)
    acts = fields.List(
        fields.String(),
        required=True,
        metadata={"description": "Acts it shows, by id; empty where it shows the whole case."},
    )
    since = text("When it began, by the ledger's time.", required=True)
    until = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "When it is over; null: no end is known."},
    )
    end = PARTICIPATION_END.one("What ends it.", required=True)
    end_vi = text("What ends it, in Vietnamese.", required=True)
    end_en = text("What ends it, in English.", required=True)
    why_vi = text("Why it is so, in Vietnamese.", required=True)
    why_en = text("Why it is so, in English.", required=True)


class ParticipantSchema(StrictSchema):
    """Who takes and by what."""

    kind = HOLDER_KIND.one("Who holds.", required=True)
    scope = PARTICIPATION_SCOPE.one("How much of the case.", required=True)
    acts = number("How many acts of the case that is.")
    since = text("Since when, by the ledger's time.", required=True)
    until = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "Until when; null: no end is known."},
    )
    officer = maybe("Officer id; null where an agency holds.")
    power = maybe("Power of a post; null unless kind is power.")
    post = maybe("Post of the officer.")
    post_vi = maybe("That post in Vietnamese.")
    agency = maybe("Agency id, of the holder or of the officer's post.")
    agency_name = maybe("Its name on that day.")
    officers = number("How many officers reach it by their post.")
    grounds = fields.List(
        fields.Nested(ParticipationGroundSchema),
        required=True,
        metadata={
            "description": "What lets them; where one shows the whole case, those alone that do."
        },
    )


class ExcludedOfficerSchema(StrictSchema):
    """An officer shut out of the case, whatever else would let them see it."""

    officer = text("Officer id.", required=True)
    post = maybe("Post.")
    post_vi = maybe("The post in Vietnamese.")
    agency = maybe("Agency id.")
    agency_name = maybe("Its name on that day.")
    act_id = text("The act that shuts out: uuid.", required=True)
    ground = EXCLUSION_GROUND.one("Why.", required=True)
    by = text("Officer id of who decided.", required=True)
    by_agency = text("Agency of who decided.", required=True)
    since = maybe("Since when, by the ledger's time.")
    until = maybe("Until when; null: until the officer is let in again.")


class ParticipantsViewSchema(StrictSchema):
    """The moment looked at."""

    as_of = text("As it was asked for.", required=True)
    index = number("Newest record of the case by then.")
    at = text("The instant, where a time was asked for.")


class ParticipantsSchema(AnswerSchema):
    """Who takes part in a case at a moment: they see it, and nobody else."""

    id = text("uuid of the case.", required=True)
    participants = fields.List(fields.Nested(ParticipantSchema), required=True)
    excluded = fields.List(fields.Nested(ExcludedOfficerSchema), required=True)
    view = fields.Nested(
        ParticipantsViewSchema, metadata={"description": "Left out for the case as it is now."}
    )
