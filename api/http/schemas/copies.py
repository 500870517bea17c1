"""Copies handed out by a permit, and the register of them (http.md §4)."""

from __future__ import annotations

from marshmallow import fields

from api.http.schemas.access_log import ReadPostSchema
from api.http.schemas.attachment import FILE_DIGEST
from api.http.schemas.base import (
    MOMENT,
    UUID,
    AnswerSchema,
    ProjectedSchema,
    StrictSchema,
    maybe,
    pattern,
    several,
    text,
    texts,
    whole,
    yes_or_no,
)
from api.http.schemas.enumerations import PERMIT_STANDING


class CopyRequestSchema(StrictSchema):
    """By which permit."""

    permit = pattern(UUID, "act_id of the ExportPermitted of this case.", required=True)


class PrintQuerySchema(ProjectedSchema):
    """By which permit."""

    permit = pattern(
        UUID, "act_id of the ExportPermitted of this case that names the caller.", required=True
    )


class PermitSchema(StrictSchema):
    """A permit of the case."""

    act_id = pattern(UUID, "The act.", required=True)
    purpose = text("What for.", required=True)
    officer = pattern(UUID, "Who may take copies.", required=True)
    agency = text("Of the post in which they may.", required=True)
    post = text("That post.", required=True)
    until = text("Its last instant.", required=True)
    standing = PERMIT_STANDING.one("How it stands now.", required=True)
    numbers = texts("Numbers of its copies, in the order in which they are given.")
    given = whole("How many of them have been handed out.", required=True)
    acts = texts("Acts whose files it names, by id; empty where it names none.")
    return_by = maybe("By when copies are to be given back or destroyed: a day.")


class CopySchema(StrictSchema):
    """A copy that was handed out."""

    permit = pattern(UUID, "By which permit.", required=True)
    at = pattern(MOMENT, "When.", required=True)
    readable = yes_or_no(
        "Whether its row opens and the service signed it; else nothing more is told of it, and"
        " `socai log audit` names it."
    )
    number = maybe("Its number.")
    file = fields.String(
        required=True,
        allow_none=True,
        metadata={
            "description": "Digest of the file or of the print.",
            "pattern": f"^{FILE_DIGEST}$",
        },
    )
    record = fields.Integer(
        required=True,
        allow_none=True,
        metadata={
            "description": "Index of the record that lists the file; null of a print of the whole"
            " case."
        },
    )
    officer = maybe("Who took it: uuid.")
    posts = several(ReadPostSchema, "Posts they held on that day.")


class CopiesSchema(AnswerSchema):
    """What may leave a case, and what has left it."""

    id = pattern(UUID, "The case.", required=True)
    permits = several(PermitSchema, "In the order in which they took effect.")
    copies = several(CopySchema, "In the order in which they were handed out.")
