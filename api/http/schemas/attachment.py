"""Files of acts: what an upload answers, and a file's custody history (http.md §3, §4)."""

from __future__ import annotations

from typing import Final

from marshmallow import fields

from api.http.schemas.base import (
    DIGEST,
    MOMENT,
    UUID,
    AnswerSchema,
    StrictSchema,
    pattern,
    several,
    text,
    whole,
)
from api.http.schemas.enumerations import FILE_EVENT

FILE_DIGEST: Final = rf"sha-256:{DIGEST}"


class KeptFileSchema(AnswerSchema):
    """What an act may list now."""

    digest = pattern(FILE_DIGEST, "Of the bytes received (formats.md §2).", required=True)
    size = whole("Bytes.", required=True)
    media_type = text("As sent.", required=True)


class CustodyEventSchema(StrictSchema):
    """One thing that happened to a file."""

    event = FILE_EVENT.one("What happened.", required=True)
    at = pattern(MOMENT, "The ledger's time.", required=True)
    officer = pattern(UUID, "Who did it.", required=True)
    kid = pattern(DIGEST, "Key of the session; of the signature where ATTACHED.", required=True)
    act_id = pattern(UUID, "The act through which; left out where ADDED.")
    index = whole("Leaf index of the act's record, where ATTACHED.")
    anchored = fields.Boolean(
        metadata={
            "description": "Whether an anchor in the log covers it; left out where ATTACHED, which "
            "is a record itself."
        }
    )


class AnchorShownSchema(StrictSchema):
    """The newest anchor of custody in the log."""

    index = whole("Leaf index of its record.", required=True)
    at = pattern(MOMENT, "When the log took it.", required=True)


class CustodySchema(AnswerSchema):
    """The history of one file, as far as it concerns the stream of the act it was asked through."""

    act_id = pattern(UUID, "The act.", required=True)
    digest = pattern(FILE_DIGEST, "The file.", required=True)
    name = text("As the act says.", required=True)
    media_type = text("As the act says.", required=True)
    size = whole("Bytes.", required=True)
    events = several(CustodyEventSchema, "In order of time.")
    anchor = fields.Nested(
        AnchorShownSchema,
        metadata={"description": "What covers the events that are anchored; left out before any."},
    )
