"""One act with all that a reader asks of it (http.md §4)."""

from __future__ import annotations

from marshmallow import fields

from api.http.schemas.base import UUID as UUID_FORM
from api.http.schemas.base import (
    StrictSchema,
    choice,
    maybe,
    maybe_number,
    number,
    part,
    pattern,
    several,
    text,
    yes_or_no,
)
from api.http.schemas.change import ChangeShownSchema
from api.http.schemas.statement import ActShownSchema, StatementShownSchema, WordsSchema
from api.http.schemas.verification import PathShownSchema


class GroundShownSchema(StrictSchema):
    """One legal ground."""

    instrument = text("Official number.", required=True)
    title = maybe("Title; null where the registry has no such instrument.")
    article = text("Article.", required=True)
    clause = maybe("Clause.")
    point = maybe("Point.")
    role = choice(("COMPETENCE", "SUBSTANCE", "PROCEDURE"), "A ground for what.", required=True)
    role_vi = text("The same in Vietnamese.", required=True)
    role_en = text("The same in English.", required=True)
    in_force = yes_or_no(
        "Whether it, or the provision where that has dates of its own, was in force on the day of"
        " the act."
    )
    valid_from = maybe("First day of the instrument; null: not known.")
    valid_to = maybe("Last day; null: open, or not known.")


class FactShownSchema(StrictSchema):
    """One fact, or one member of one."""

    pointer = text("JSON Pointer into `payload`.", required=True)
    labels = several(WordsSchema, "What it is called, outermost first.")
    vi = text("Its value as a person reads it, in Vietnamese.", required=True)
    en = text("The same in English.", required=True)
    at = maybe("Where it is a time: as signed; null for anything else.")
    case_number = maybe(
        "Where it is another case: its number, or that in the intake register; null where you do"
        " not see that case whole, and for anything else."
    )


class AddresseeShownSchema(StrictSchema):
    """One whom the act is addressed to."""

    agency = maybe("Agency id; null: an identity that is sealed.")
    vi = text("Its name on the day of the act, in Vietnamese.", required=True)
    en = text("The same in English, where it has one.", required=True)


class RelatedActSchema(StrictSchema):
    """An act that this one names, or that names it."""

    act_id = pattern(UUID_FORM, "The other act.", required=True)
    pointer = text("Where it is named: JSON Pointer into the act that names.", required=True)
    act = maybe("Its type; null where it is not in what you see of this case, and above ordinary.")
    act_vi = maybe("Vietnamese name.")
    act_en = maybe("English name.")
    index = maybe_number("Record of its first statement.")
    seq = maybe_number("Place of that in the case.")


class NeighbourSchema(StrictSchema):
    """The act before or after, in the order in which authors signed."""

    act_id = pattern(UUID_FORM, "The act.", required=True)
    seq = number("Place of its first statement in the case.")


class ProvenStatementSchema(StatementShownSchema):
    """A statement with its proof."""

    proof = fields.Nested(
        PathShownSchema,
        metadata={"description": "Left out where no checkpoint covers the record yet."},
    )


class ToldActSchema(ActShownSchema):
    """An act with all that a reader asks of it."""

    sentence = fields.Nested(
        WordsSchema,
        required=True,
        allow_none=True,
        metadata={"description": "Who did what, to whom; null where erased."},
    )
    addressees = several(AddresseeShownSchema, "In the order of `to`.")
    basis = several(GroundShownSchema, "Legal grounds, in their order.")
    facts = several(FactShownSchema, "Facts with their labels, in the catalogue's order.")
    changes = fields.List(
        fields.Nested(ChangeShownSchema),
        metadata={
            "description": "What it changed in the case file, by pointer; left out where it is no"
            " act of a case, where you don't see the whole case, and above ordinary."
        },
    )
    names = several(RelatedActSchema, "Acts that it names: corrects, refers to, by its facts.")
    named_by = several(
        RelatedActSchema, "Acts of its case that name it, of those you see; ordinary only."
    )
    before = part(NeighbourSchema, "The act of its case before it; null: none that you see.")
    after = part(NeighbourSchema, "The one after it; null: none that you see.")
    checkpoint = fields.String(
        metadata={"description": "Signed note that the proofs lead to; left out: none yet."}
    )
    statements = several(ProvenStatementSchema, "In their order, with proofs.")
