"""The log of reads (http.md §4)."""

from __future__ import annotations

from marshmallow import fields

from api.http.schemas.base import (
    AGENCY,
    UUID,
    AnswerSchema,
    StrictSchema,
    maybe,
    maybe_number,
    part,
    pattern,
    several,
    text,
    texts,
    whole,
    yes_or_no,
)
from api.http.schemas.enumerations import READ_KIND, READS_OF


class AccessLogQuerySchema(StrictSchema):
    """Which reads; no filter is by a person."""

    of = READS_OF.one("Whose. What the caller may see most of, by default.")
    case = pattern(UUID, "Of this case: uuid.")
    record = whole("That showed this record: its index in the log of acts.")
    order = pattern(UUID, "Under this order, opening or permit: act_id.")
    agency = pattern(AGENCY, "By officers of this agency.")
    post = text("By whoever held this post; with `agency`.")
    limit = whole("Rows a page, at most 200.", low=1, high=200, default=50)
    cursor = text("`next` of the page before, with the same filters.")


class ReadPostSchema(StrictSchema):
    """A post that the reader held on the day."""

    agency = text("Agency.", required=True)
    post = text("Post.", required=True)


class ReadCopySchema(StrictSchema):
    """Which copy was handed out."""

    number = text("Its number, of those in the permit.", required=True)
    file = text("Digest of the file.", required=True)


class AccessRowSchema(StrictSchema):
    """One read."""

    index = maybe_number(
        "Place in the log of reads, for whom everybody's are told; null for everybody else, whom"
        " it would tell how much is read."
    )
    at = text("When it was noted.", required=True)
    readable = yes_or_no(
        "Whether the row opens and the service signed it; else nothing more is told of it, and"
        " `socai log audit` names it."
    )
    rule = maybe("Rule of access.md.")
    rule_vi = maybe("In Vietnamese.")
    rule_en = maybe("In English.")
    purpose = maybe("What for.")
    kind = READ_KIND.one("What was shown.", required=True, null=True)
    kind_vi = maybe("In Vietnamese.")
    kind_en = maybe("In English.")
    officer = maybe("Who read: uuid.")
    kid = maybe("The key they had signed in with.")
    posts = several(ReadPostSchema, "Posts they held on that day.")
    via = maybe("act_id of the order, opening or permit.")
    case = maybe("uuid of the case.")
    copy = part(ReadCopySchema, "Of a copy handed out: which.")
    records = several(
        fields.Integer(), "Indices of the records shown; empty where it was made of the whole."
    )


class ReadScopeSchema(StrictSchema):
    """Whose reads the caller is told of beside their own."""

    all = yes_or_no("Everybody's.")
    agencies = texts("Those of officers of these agencies.")


class AccessLogSchema(AnswerSchema):
    """Reads, newest first."""

    of = READS_OF.one("Whose they are.", required=True)
    scope = part(ReadScopeSchema)
    reads = several(AccessRowSchema, "Newest first; a page may be short and lead on all the same.")
    next = text("Cursor of the next page; left out on the last.")
