"""Statements and acts as they were signed: verdicts, the timeline, bytes (http.md §4)."""

from __future__ import annotations

from marshmallow import fields

from api.http.schemas.base import (
    AGENCY,
    BEGINNING,
    DAY,
    DIGEST,
    UUID,
    AnswerSchema,
    ListingSchema,
    PageSchema,
    StrictSchema,
    choice,
    maybe,
    maybe_number,
    number,
    part,
    pattern,
    several,
    text,
    texts,
    whole,
    yes_or_no,
)
from api.http.schemas.document import DocumentSchema
from api.http.schemas.enumerations import (
    ACT_STATUS,
    ACT_TYPE,
    CAPACITY,
    CASE_STATE,
    FLAG,
    KEY_CUSTODY,
    KEY_STATUS,
    LOG_CLOCK,
    STATEMENT_ROLE,
    VERDICT,
    VERIFICATION_OUTCOME,
)
from api.http.schemas.log import InclusionProofSchema
from projections.views.statistics.indicators import OF_ACTS


class WordsSchema(StrictSchema):
    """One sentence in both languages."""

    vi = text("Vietnamese.", required=True)
    en = text("English.", required=True)


class KeyShownSchema(StrictSchema):
    """One key with its history, as the registry has it."""

    kid = text("Thumbprint.", required=True)
    jwk = fields.Dict(required=True, metadata={"description": "Public JWK."})
    officer = maybe("uuid; null: a service key.")
    custody = KEY_CUSTODY.one("Where its private half is kept.", required=True)
    status = KEY_STATUS.one("At that moment.", required=True)
    valid_from = maybe("First instant; null: from record 0 on.")
    valid_to = maybe("First instant after; null: no end.")
    enrolled_index = number("Record that enrolled it.")
    revoked_index = maybe_number("Record that revoked it.")
    revoked_recorded_at = maybe("When the ledger took that record.")
    invalid_from = maybe("From when it is not to be trusted.")
    reason = maybe("Why it was revoked.")


class SignerShownSchema(StrictSchema):
    """Who signed, by post: the registry knows no names."""

    officer = text("uuid.", required=True)
    post = maybe("Post in which the officer signed.")
    post_vi = maybe("The post in Vietnamese.")
    capacity = CAPACITY.one(
        "As which; null where an act of form 1 does not say it of this signer.",
        null=True,
        required=True,
    )
    stands_in = yes_or_no("Whether instead of an officer whom the act names.")
    agency = maybe("Agency of that post.")
    agency_name = maybe("Its name on that day.")


class StatementShownSchema(StrictSchema):
    """One statement with its verdict."""

    index = number("Index of its record.")
    seq = number("Its position in the stream.")
    role = STATEMENT_ROLE.one("As what; null where erased.", required=True, null=True)
    officer = maybe("Who signed.")
    kid = maybe("With which key.")
    iat = maybe_number("When the signer says it signed: seconds of Unix.")
    recorded_at = text("When the ledger took it.", required=True)
    status = ACT_STATUS.one("Status of the act after it.", required=True)
    effect = yes_or_no("Whether it made the act effective.")
    state_after = CASE_STATE.one(
        "State of the case after it; null to who sees no more than acts.", required=True, null=True
    )
    flags = texts("Flags that it raised.")
    digest = maybe("Statement digest.")
    entry = text("What the leaf commits to.", required=True)
    verdict = VERDICT.one("formats.md §9.", required=True)
    outcome = VERIFICATION_OUTCOME.one("The verdict in four.", required=True)
    reason = fields.Nested(WordsSchema, required=True, metadata={"description": "Why."})
    guard = maybe("The guard that refuses it, where the rules do.")
    voided_by = maybe("RecordVoided that puts it out of the way, where it is set aside.")
    key = part(KeyShownSchema, "What the registry says of the key; null where erased or unknown.")
    signer = part(SignerShownSchema, "Who signed, by post; null where erased.")


class MirrorMarkSchema(StrictSchema):
    """That an act is of a lower log, from which it was taken in; indices are of that log."""

    log = text("Origin of the lower log.", required=True)
    level = text("Its level.", required=True)
    taken_in_at = text("When the newest statement of it came, by the clock here.", required=True)
    shown_by = pattern(UUID, "`act_id` of the grant here that shows it to you.", required=True)
    left_out = texts("Digests of files of it that did not come: too long, or nowhere below.")


class ActShownSchema(AnswerSchema):
    """An act with all its statements."""

    act_id = text("uuid.", required=True)
    stream = text("Its stream.", required=True)
    act = maybe("Act type; null where erased.")
    act_vi = maybe("Vietnamese name.")
    act_en = maybe("English name.")
    agency = maybe("Agency of the author.")
    occurred_at = maybe("As signed.")
    late = yes_or_no("Entered late, with a reason.")
    number = maybe("Its number in a register: signed by form 1, given by the ledger from form 2.")
    status = ACT_STATUS.one("Where it stands.", required=True)
    flags = texts("Flags that its statements raised.")
    erased_by = maybe("The act that erased the content.")
    payload = fields.Dict(
        required=True,
        allow_none=True,
        metadata={"description": "What was signed, parsed; null where erased."},
    )
    statements = several(StatementShownSchema, "In their order.")
    mirrored = fields.Nested(
        MirrorMarkSchema,
        metadata={
            "description": "The mark of an act that is of a lower log; left out for all others. Its"
            " flags are those of that log where the case is shown whole, but for what asks its"
            " other cases."
        },
    )


class PartOfCaseSchema(StrictSchema):
    """What of a case is shown to somebody who was sent some acts of it."""

    positions = number("Statements that the case has.")
    withheld = fields.List(
        fields.Integer(),
        required=True,
        metadata={"description": "Places (`seq`) that are not shown: no need to know."},
    )


class CaseActsQuerySchema(PageSchema):
    """Filters of a timeline; all given must hold."""

    agency = pattern(AGENCY, "Agency of the author, as the act names it.")
    act = ACT_TYPE.one("Of this type.")
    clock = LOG_CLOCK.one(
        "What the order goes by, oldest first: when authors signed (`recorded`, by default), or"
        " when it happened."
    )


class ActsPageSchema(ListingSchema):
    """A page of a timeline, in the order in which authors signed, or by when it happened."""

    acts = several(ActShownSchema, "In that order.")
    agencies = texts("Of the authors of all its acts: what `agency` may ask for.")
    types = texts("Of all its acts: what `act` may ask for.")
    statements = whole("How many the case has; left out where you see a part of it.")
    part = fields.Nested(
        PartOfCaseSchema,
        metadata={"description": "Left out where you see the whole case."},
    )
    documents = fields.List(
        fields.Nested(DocumentSchema),
        metadata={"description": "Above ordinary; left out where no document is named to you."},
    )


class RawRecordSchema(StrictSchema):
    """One record of an act, byte for byte."""

    index = number("Index of the record.")
    envelope = text("b64 of the bytes committed to; left out where erased.")
    entry = text("What the leaf commits to.", required=True)
    proof = fields.Nested(
        InclusionProofSchema,
        metadata={"description": "Left out where no checkpoint covers it yet."},
    )


class RawActSchema(AnswerSchema):
    """The records of one act."""

    act_id = pattern(UUID, "The act.", required=True)
    records = several(RawRecordSchema, "In the order of the log.")


class ActsQuerySchema(PageSchema):
    """Filters of the listing of acts; all given must hold. None is by a person."""

    agency = pattern(AGENCY, "Agency of the author, as the act names it.")
    act = ACT_TYPE.one("Of this type.")
    flag = FLAG.one(
        "Raised this flag when it took effect; its line, place and time are then of that statement."
    )
    id_ = pattern(
        BEGINNING,
        "Id begins so; at least six digits. Of every act that you see, of an agency's too.",
        name="id",
    )
    late = choice(("true",), "Entered late, and says why.")
    pending = choice(("true",), "Waits for signatures.")
    kid = pattern(DIGEST, "Has a statement signed with this key.")
    figure = choice(OF_ACTS, "Is counted by this figure of `/v1/statistics` when asked.")
    from_ = pattern(DAY, "On this day in Vietnam or later.", name="from")
    to = pattern(DAY, "On this day or earlier.")
    clock = LOG_CLOCK.one(
        "What `from`, `to` and the order go by, newest first; `recorded` by default."
    )


class ActLineShownSchema(StrictSchema):
    """One act."""

    act_id = pattern(UUID, "uuid of the act.", required=True)
    act = text("Act type.", required=True)
    act_vi = text("Vietnamese name.", required=True)
    act_en = text("English name.", required=True)
    stream = text("`case/<uuid>`; by `id` any.", required=True)
    case_number = maybe("Case number; null where you see acts of the case only.")
    register_no = maybe("Number in the intake register; likewise.")
    title = maybe("What it is about; likewise, or its registration says none.")
    seq = number("Place of the statement in the case: `acts/{place}`, `CASE#n`.")
    index = number(
        "Record of the statement: the first, or with `flag` the one at which it raised it."
    )
    agency = text("Agency of the author.", required=True)
    agency_label = text("Its name on the day of the act, and who carries on.", required=True)
    occurred_at = text("When it happened, as signed, in Vietnam's time.", required=True)
    precision = maybe("How exactly that is known: `day`, `hour`, `minute` or `second`.")
    recorded_at = text("When the ledger took the statement.", required=True)
    late = yes_or_no("Whether it says why it is entered late.")
    status = ACT_STATUS.one("Where it stands.", required=True)
    flags = texts("Flags it raised; which still show is said by the case file.")


class ActPageSchema(ListingSchema):
    """A page of acts."""

    acts = several(ActLineShownSchema, "Newest first, on the clock asked for.")
