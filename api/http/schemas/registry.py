"""The registry over time (http.md §4): agencies, officers, keys, instruments."""

from __future__ import annotations

from typing import Final

from marshmallow import fields

from api.http.schemas.base import (
    AS_OF,
    DIGEST,
    PAST,
    UUID,
    AnswerSchema,
    ListingSchema,
    PageSchema,
    ProjectedSchema,
    StrictSchema,
    choice,
    maybe,
    number,
    pattern,
    several,
    text,
    texts,
    yes_or_no,
)
from api.http.schemas.enumerations import (
    AGENCY_FUNCTION,
    KEY_CUSTODY,
    KEY_STATUS,
    OPENING_REVIEW,
    OPENING_RULE,
    STATEMENT_ROLE,
)
from api.http.schemas.statement import KeyShownSchema

EXAMPLE_KEY: Final = "oFD6N92m1aONyur9Wp12FFMtlmYnt3NqVA7_1lJKSDQ"
"""Of the officer whose requests the document shows."""


def _by_code(description: str) -> fields.Dict:
    return fields.Dict(required=True, metadata={"description": f"By code: {description}"})


class EditionSpanSchema(StrictSchema):
    """An edition of the rules that the log has had."""

    name = text("What people call it.", required=True)
    digest = pattern(DIGEST, "Of formats.md §9.", required=True)
    from_index = number("First record that stands under it.")


class CatalogueSchema(AnswerSchema):
    """What a form for any act is drawn from."""

    editions = several(EditionSpanSchema, "Each that the log has had, the one in force last.")
    edition = fields.Dict(
        required=True,
        metadata={"description": "Name and digest of the one in force, newest form of an act."},
    )
    acts = several(
        fields.Dict(),
        "Act types: names, who authors (`who`) and signs (`signer_roles`, or as a fact says in"
        " `signature_variants`; `signer_powers`), to whom, from which states, clocks, guards, and"
        " `facts`, a JSON Schema (2020-12) with `title` and `title_en` of each member and value.",
    )
    roles = _by_code("what `who` and `signer_powers` name.")
    addressees = _by_code("what `to` names.")
    groups = _by_code("groups of act types.")
    states = _by_code("states of a case.")
    sub_processes = _by_code("sub-processes with their states.")
    clocks = _by_code("clocks and limits.")
    guards = _by_code("conditions with the sentence that is told, `{}` filled in.")
    dispositions = _by_code("branches.")
    capacities = _by_code("in which one signs.")
    members = _by_code("members of an act.")


class RegistryQuerySchema(PageSchema):
    """A moment of the registry."""

    as_of = pattern(
        AS_OF,
        "An index, a time or a day: the registry as the log stood then, on that day; now by"
        " default.",
    )


class OfficerQuerySchema(RegistryQuerySchema):
    """Whose keys or posts."""

    officer = pattern(UUID, "uuid of an officer.")


class AgencyQuerySchema(RegistryQuerySchema):
    """Which agencies."""

    function = AGENCY_FUNCTION.one("Holds this function then.")


class OpeningsQuerySchema(RegistryQuerySchema):
    """Which of them."""

    rule = OPENING_RULE.one("By this rule.")
    running = fields.Boolean(
        truthy={"true"},
        falsy={"false"},
        metadata={"description": "Those that run at the moment, or those that do not."},
    )


class JwksQuerySchema(ProjectedSchema):
    """A moment of the key set."""

    as_of = pattern(AS_OF, "An index, a time or a day; now by default.")


def _recorded() -> fields.Integer:
    return fields.Integer(
        required=True,
        allow_none=True,
        metadata={"description": "Record that set it; null: shipped with the rulebook."},
    )


class NameShownSchema(StrictSchema):
    """A name and when it was used."""

    vi = text("Name.", required=True)
    abbr = maybe("Short form.")
    valid_from = maybe("First day.")
    valid_to = maybe("Last day.")


class AgencyLineSchema(StrictSchema):
    """One agency on a day."""

    agency = text("Agency id.", required=True)
    kind = text("Kind of body.", required=True)
    name = text("Name on the day.", required=True)
    label = text("Name then and who carries on.", required=True)
    names = several(NameShownSchema, "Every name it has had.")
    exists = yes_or_no("Whether it existed on the day.")
    territory = maybe("Territory it is competent for.")
    parent = maybe("Agency above it.")
    valid_from = maybe("First day it existed.")
    valid_to = maybe("Last day it existed.")
    functions = several(AGENCY_FUNCTION.one("One of them."), "Functions that it held on the day.")
    carried_on_by = maybe("Agency that carries on for one that is gone.")
    posts = texts("Posts it has.")
    certainty = maybe("How sure the source is.")
    fictitious = yes_or_no("Made up, for a rehearsal.")
    index = _recorded()


class AgenciesSchema(ListingSchema):
    """Agencies in the order of the registry."""

    agencies = several(AgencyLineSchema, "In that order.")


class PostLineSchema(StrictSchema):
    """A post and when it was held."""

    agency = text("Agency id.", required=True)
    agency_name = text("Its name on the day.", required=True)
    post = text("Post.", required=True)
    post_vi = text("The post in Vietnamese.", required=True)
    powers = texts("What the post may do, by code.")
    capacities = texts("How it may act (KT, TM, TUQ and so on).")
    valid_from = maybe("First day; null: from record 0 on.")
    valid_to = maybe("Last day; null: no end.")
    on_day = yes_or_no("Whether it was held on the day, and its agency was there.")
    index = _recorded()


class OfficerLineSchema(StrictSchema):
    """One officer: an id and posts, never a name."""

    officer = text("uuid.", required=True)
    posts = several(PostLineSchema, "Posts, also those of other days.")
    in_post = yes_or_no("Whether any post was held on the day.")
    keys = texts("kid of every key.")


class OfficersSchema(ListingSchema):
    """Officers in the order in which they became known."""

    officers = several(OfficerLineSchema, "In that order.")


class KeysSchema(ListingSchema):
    """Keys in the order of enrolment."""

    keys = several(KeyShownSchema, "In that order.")


class InstrumentLineSchema(StrictSchema):
    """One legal instrument."""

    instrument = text("Number and symbol.", required=True)
    title = maybe("Title.")
    kind = text("Kind of instrument.", required=True)
    in_force_from = maybe("First day.")
    in_force_to = maybe("Last day.")
    in_force = yes_or_no("On the day.")
    replaced_by = maybe("Instrument that replaced it.")
    certainty = maybe("How sure the source is.")
    index = _recorded()


class InstrumentsSchema(ListingSchema):
    """Legal instruments in the order of the registry."""

    instruments = several(InstrumentLineSchema, "In that order.")


class OpeningLineSchema(StrictSchema):
    """A grant, an order's reader or an emergency opening: who, of what, until when. No content."""

    act_id = text("The act; why stands there.", required=True)
    act = text("Its type.", required=True)
    act_vi = text("Vietnamese name.", required=True)
    act_en = text("English name.", required=True)
    rule = OPENING_RULE.one("By which rule it lets see.", required=True)
    stream = text("Where the act stands.", required=True)
    officer = text("uuid of who may.", required=True)
    scope = text("CASE, AGENCY, UNIT, or INSPECTION of an order.", required=True)
    may = text("READ, HANDLE or APPROVE.", required=True)
    cases = texts("Cases named.")
    agencies = texts("Agencies named, of an order.")
    period_from = maybe("First day on which the cases of these agencies came in.")
    period_to = maybe("Last day.")
    granted_by = texts("uuid of each signer.")
    since = text("From when on.", required=True)
    until = text("Until when.", required=True)
    revoked_at = maybe("When it was revoked.")
    running = yes_or_no("Whether it runs at the moment looked at.")
    review = OPENING_REVIEW.one(
        "Of an emergency opening; null for all others.", required=True, null=True
    )
    review_due = maybe("By when it has to be reviewed.")
    reviewed_at = maybe("When the ledger took its first review.")
    index = number("Record by which it took effect.")


class MonthOfOpeningsSchema(StrictSchema):
    """Emergency openings of one month."""

    month = text("Year and month.", required=True)
    opened = number("How many.")
    reviewed_in_time = number("How many of them were reviewed in time, by the ledger's time.")
    reviewed_late = number("How many were reviewed later.")
    not_reviewed = number("How many of them nobody has reviewed.")


class OpeningsSchema(ListingSchema):
    """Grants, orders and emergency openings in the order in which they took effect."""

    openings = several(OpeningLineSchema, "In that order.")
    by_month = several(
        MonthOfOpeningsSchema, "Emergency openings by month, newest first; of all, on every page."
    )
    of_cases = yes_or_no("Whether grants that stand in cases are among them: for auditors alone.")


class JwkShownSchema(StrictSchema):
    """A public key (RFC 7517) and, beside its members, its history; what is null is left out."""

    kid = text("Thumbprint.", required=True)
    kty = text("OKP, EC or AKP.", required=True)
    crv = text("Ed25519 or P-256.")
    x = text("base64url.")
    y = text("base64url; of P-256 only.")
    alg = text("ML-DSA-65; of AKP only.")
    pub = text("base64url; of AKP only.")
    use = choice(("sig",), "Signatures.", required=True)
    officer = text("uuid; left out of a service key.")
    custody = KEY_CUSTODY.one("Where its private half is kept.", required=True)
    status = KEY_STATUS.one("At that moment.", required=True)
    valid_from = text("First instant; left out: from record 0 on.")
    valid_to = text("First instant after; left out: no end.")
    enrolled_index = number("Record that enrolled it.")
    revoked_index = fields.Integer(metadata={"description": "Record that revoked it."})
    revoked_recorded_at = text("When the ledger took that record.")
    invalid_from = text("From when it is not to be trusted.")
    reason = text("Why it was revoked.")


class JwkSetSchema(AnswerSchema):
    """RFC 7517; each key carries its history beside the public members."""

    keys = several(JwkShownSchema, "In the order of enrolment.")


class AffectedQuerySchema(ProjectedSchema):
    """From when."""

    from_ = pattern(
        PAST,
        "Recorded at this time or later: a time, a `recorded_at`, or a day, which means its end in"
        " Vietnam. Left out: from when the revocation says that the key is not to be trusted; of a"
        " key that is not revoked, from when it was valid.",
        name="from",
    )


class TouchedStatementSchema(StrictSchema):
    """A statement that the key signed."""

    index = number("Record.")
    stream = text("Stream.", required=True)
    seq = number("Place in the stream.")
    act_id = text("uuid of the act.", required=True)
    act = text("Act type.", required=True)
    act_vi = text("Vietnamese name.", required=True)
    act_en = text("English name.", required=True)
    role = STATEMENT_ROLE.one("What it does to its act.", required=True)
    occurred_at = maybe("When the act happened, in Vietnam's time.")
    recorded_at = text("When the ledger took it.", required=True)
    effect = yes_or_no("Whether the act took effect with it.")


class TouchedCaseSchema(StrictSchema):
    """A case with statements of the key."""

    id = text("uuid of the case.", required=True)
    case_number = maybe("Case number; null where you see acts of the case only.")
    register_no = maybe("Number in the intake register; likewise.")
    title = maybe("What it is about; likewise, or its registration says none.")
    statements = number("How many of them are in it, of those you see.")
    effective = number("How many acts took effect with one of them.")


class AffectedSchema(AnswerSchema):
    """What a key touched, of what the caller sees."""

    kid = text("Thumbprint.", required=True)
    officer = maybe("Whose key it is: uuid; null of a service key.")
    from_ = fields.String(
        required=True, data_key="from", metadata={"description": "From when, in Vietnam's time."}
    )
    revoked = yes_or_no("Whether it is revoked: then these are disputed, else they would be.")
    invalid_from = maybe("From when it is not to be trusted, as the revocation says.")
    index = number("Of the log up to here.")
    cases = several(TouchedCaseSchema, "In the order of their first statement.")
    statements = several(TouchedStatementSchema, "In the order of the log, of every stream.")
